//! Whether a large table is slower than a small one.

use std::sync::Arc;

use opportunity_engine::Engine;
use serde_json::json;
use tempfile::TempDir;

use crate::arguments::{Arguments, BATCHES, MANY_CALLERS, Mode};
use crate::baseline::Baseline;
use crate::database;
use crate::measured::{Comparison, Measured};
use crate::report::{Report, rounded};
use crate::runs::{BATCH, Limit, Sending, run};
use crate::subject::Subject;
use crate::workload::{Acknowledged, Asked, Rows, add, update, venue_of_preloaded};

/// The size to which others are compared.
const REFERENCE: i64 = 100_000;

/// The baseline grows no further, as filling it takes much longer than measuring.
const BASELINE_UP_TO: i64 = 1_000_000;

/// A run on a larger table sends no more than this part of the rows, half of which it adds: the table must not
/// have another size in the end.
const PART: i64 = 10;

/// How many requests a run on a smaller one sends at most, on a table of its own: enough for the log to start over.
/// It grows, which makes no difference as long as all of it is in the cache.
const ON_A_SMALL_TABLE: i64 = 200_000;

/// How many rows are added at once when the table grows.
const STEP: i64 = 10_000;

struct Point {
    mode: &'static str,
    rows: i64,
    compared: Comparison,
}

pub(crate) fn growth(arguments: &Arguments, report: &Report) {
    let (small, large): (Vec<_>, Vec<_>) = arguments.sizes().partition(|&size| size <= REFERENCE);
    let mut points = on_small_tables(arguments, &small);
    points.extend(on_large_tables(arguments, &large));
    for point in &points {
        let to_reference = point.to_reference(&points);
        let members = [
            ("of", json!(point.mode)),
            ("rows", json!(point.rows)),
            ("to_100k", rounded(to_reference)),
        ];
        let in_brackets = to_reference.map_or_else(String::new, |ratio| format!(" ({ratio:.2})"));
        let label = format!("growth {} {}{in_brackets}", point.mode, point.rows);
        report.comparison("growth", &members, &label, &point.compared);
    }
}

/// Each run has a table of its own, of the size that is wanted.
fn on_small_tables(arguments: &Arguments, sizes: &[i64]) -> Vec<Point> {
    let limit =
        Limit { requests: ON_A_SMALL_TABLE as usize, ..Limit::of_time(arguments.duration()) };
    let mut points = Vec::new();
    for &rows in sizes {
        for (mode, sending) in modes() {
            let mut compared = Comparison::default();
            for _ in 0..arguments.rounds() {
                let baseline = Growing::<Baseline>::new(arguments).run_alone(rows, sending, limit);
                let engine = Growing::<Engine>::new(arguments).run_alone(rows, sending, limit);
                compared.add(Some(baseline), engine);
            }
            points.push(Point { mode, rows, compared });
        }
    }
    points
}

/// One table grows from size to size.
fn on_large_tables(arguments: &Arguments, sizes: &[i64]) -> Vec<Point> {
    let mut engine = Growing::<Engine>::new(arguments);
    let mut baseline = Growing::<Baseline>::new(arguments);
    let mut points = Vec::new();
    for &rows in sizes {
        let mut baseline = (rows <= BASELINE_UP_TO).then_some(&mut baseline);
        engine.grow_to(rows);
        if let Some(baseline) = &mut baseline {
            baseline.grow_to(rows);
        }
        let limit =
            Limit { requests: (rows / PART) as usize, ..Limit::of_time(arguments.duration()) };
        for (mode, sending) in modes() {
            let mut compared = Comparison::default();
            for _ in 0..arguments.rounds() {
                let baseline = baseline.as_mut().map(|it| it.run(sending, limit));
                compared.add(baseline, engine.run(sending, limit));
            }
            points.push(Point { mode, rows, compared });
        }
        engine.check();
        if let Some(baseline) = baseline {
            baseline.check();
        }
    }
    points
}

fn modes() -> impl Iterator<Item = (&'static str, Sending)> {
    [MANY_CALLERS, BATCHES].into_iter().filter_map(|mode| match mode {
        Mode::Requests(name, sending) => Some((name, sending)),
        _ => None,
    })
}

impl Point {
    /// The engine's throughput, divided by that at the reference.
    fn to_reference(&self, all: &[Self]) -> Option<f64> {
        let mut of_mode = all.iter().filter(|point| point.mode == self.mode);
        let reference = of_mode.find(|point| point.rows == REFERENCE);
        Some(self.compared.engine.per_second()? / reference?.compared.engine.per_second()?)
    }
}

/// A database that grows from one size to the next.
struct Growing<S> {
    subject: S,
    folder: TempDir,
    rows: Arc<Rows>,
    runs: usize,
    /// How many updates settle it.
    settling: i64,
}

impl<S: Subject> Growing<S> {
    fn new(arguments: &Arguments) -> Self {
        let folder = arguments.empty_folder();
        let subject = S::open(folder.path());
        let (rows, settling) = (Arc::new(Rows::after_warm_up(0)), arguments.updates_to_settle());
        Self { subject, folder, rows, runs: 0, settling }
    }

    /// Adds what is missing; what runs have added is there already.
    fn grow_to(&mut self, size: i64) {
        while self.rows.last_id() < size {
            let next = self.rows.last_id() + 1;
            let venues = (next..=size.min(next + STEP - 1)).map(venue_of_preloaded);
            self.send_all(venues.map(|venue| (Asked::Add { venue }, add(venue))).collect());
        }
        self.settle();
    }

    /// Updates rows from all over the table.
    fn settle(&mut self) {
        let size = self.rows.last_id();
        for batch in 0..self.settling / BATCH as i64 {
            let nth = batch * BATCH as i64..(batch + 1) * BATCH as i64;
            // A prime spreads neighbours over the table.
            let ids = nth.map(|nth| 1 + nth * 7_919 % size);
            let request = |id| {
                let name = format_args!("Settled {size} {batch}");
                (Asked::Update { id }, update(id, self.rows.venue(id), name))
            };
            self.send_all(ids.map(request).collect());
        }
    }

    fn send_all(&mut self, requests: Vec<(Asked, Vec<u8>)>) {
        let (asked, bodies): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        let ids = self.subject.send_all(&bodies);
        let mut acknowledged = Acknowledged::default();
        for (asked, id) in asked.into_iter().zip(ids) {
            acknowledged.note(asked, id);
        }
        let rows = Arc::get_mut(&mut self.rows).expect("no caller is left");
        rows.apply([&acknowledged].into_iter());
    }

    fn run(&mut self, sending: Sending, limit: Limit) -> Measured {
        self.runs += 1;
        run(&self.subject, sending, &mut self.rows, limit, self.runs)
    }

    /// Grows, runs once and is done.
    fn run_alone(mut self, rows: i64, sending: Sending, limit: Limit) -> Measured {
        self.grow_to(rows);
        let measured = self.run(sending, limit);
        self.check();
        measured
    }

    fn check(&self) {
        let database = database::open(&S::database(self.folder.path()));
        database::stored(&database, |stored| self.rows.check(stored));
    }
}
