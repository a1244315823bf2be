//! What it costs that adds are spread over venues: an index by venue touches a page for each.

use std::time::{Duration, Instant};

use opportunity_engine::Engine;
use serde_json::json;

use crate::arguments::Arguments;
use crate::database;
use crate::measured::Spread;
use crate::report::{Report, rounded, spread};
use crate::runs::BATCH;
use crate::subject::Subject;
use crate::workload::{Acknowledged, Asked, Rows, add, warm_up};

/// Each batch of the spread adds has one in each venue.
const VENUES: i64 = BATCH as i64;

pub(crate) fn venues(arguments: &Arguments, report: &Report) {
    let rounds: Vec<(f64, f64)> = (0..arguments.rounds())
        .map(|_| (adds_per_second(arguments, 1), adds_per_second(arguments, VENUES)))
        .collect();
    let of_rounds = |value: fn(&(f64, f64)) -> f64| {
        Spread::of(rounds.iter().map(value)).expect("there is a round")
    };
    let one_venue = of_rounds(|&(one, _)| one).median;
    let spread_over = of_rounds(|&(_, many)| many).median;
    let cost = of_rounds(|(one, many)| one / many);
    report.other(
        "venues",
        &[
            ("one_venue_per_s", rounded(one_venue)),
            ("spread_per_s", rounded(spread_over)),
            ("venues", json!(VENUES)),
            ("cost", rounded(cost.median)),
            ("cost_min", rounded(cost.min)),
            ("cost_max", rounded(cost.max)),
        ],
        &format!(
            "{one_venue:.0} adds/s to one venue, {spread_over:.0} over {VENUES}: each costs {} times as much",
            spread(cost)
        ),
    );
}

/// Batches of nothing but adds, over so many venues, on a fresh database.
fn adds_per_second(arguments: &Arguments, venues: i64) -> f64 {
    let folder = arguments.empty_folder();
    let engine = <Engine as Subject>::open(folder.path());
    for batch in warm_up(arguments.rows()) {
        engine.send_all(&batch);
    }
    let until = Instant::now() + arguments.duration();
    let mut took = Duration::ZERO;
    let mut acknowledged = Acknowledged::default();
    while Instant::now() < until {
        // A prime spreads neighbours over the venues.
        let batch: Vec<i64> = (0..VENUES).map(|nth| 1 + nth * 7_919 % venues).collect();
        let bodies: Vec<_> = batch.iter().map(|&venue| add(venue)).collect();
        let started = Instant::now();
        let ids = engine.send_all(&bodies);
        took += started.elapsed();
        for (venue, id) in batch.into_iter().zip(ids) {
            acknowledged.note(Asked::Add { venue }, id);
        }
    }
    Subject::close(engine);
    let mut rows = Rows::after_warm_up(arguments.rows());
    rows.apply([&acknowledged].into_iter());
    let database = database::open(&<Engine as Subject>::database(folder.path()));
    database::stored(&database, |stored| rows.check(stored));
    acknowledged.count() as f64 / took.as_secs_f64()
}
