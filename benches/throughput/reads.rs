//! Reads by id beside a bare connection with a cached statement, on the same file, while a writer
//! leaves the engine no pause and while nobody writes.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::{Engine, OpportunityId, VenueId};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::arguments::Arguments;
use crate::database;
use crate::measured::{Comparison, Measured};
use crate::report::Report;
use crate::runs::{Limit, Sending, run};
use crate::subject::Subject;
use crate::workload::{Rows, venue_of_preloaded, warm_up};

/// How long one of the two reads before it is the other's turn: short, so that whatever else happens
/// happens to both.
const SLICE: Duration = Duration::from_millis(20);

/// How long the writer writes before the first read and after the last.
const MARGIN: Duration = Duration::from_millis(100);

pub(crate) fn read(arguments: &Arguments, report: &Report) {
    let folder = arguments.empty_folder();
    let path = <Engine as Subject>::database(folder.path());
    let engine = <Engine as Subject>::open(folder.path());
    let preloaded = arguments.rows_to_read();
    for batch in warm_up(preloaded) {
        engine.send_all(&batch);
    }
    let mut rows = Arc::new(Rows::after_warm_up(preloaded));
    let mut readers = Readers { engine: &engine, bare: Bare::open(&path), preloaded, drawn: 0 };
    let (mut idle, mut writing) = (Comparison::default(), Comparison::default());
    for round in 0..arguments.rounds() {
        let (bare, engines) = readers.take_turns(arguments.duration());
        idle.add(Some(bare), engines);
        let (bare, engines) =
            while_writing(&engine, &mut rows, arguments.duration(), round, |duration| {
                readers.take_turns(duration)
            });
        writing.add(Some(bare), engines);
    }
    drop(readers);
    Subject::close(engine);
    database::stored(&database::open(&path), |stored| rows.check(stored));
    report.comparison("read", &[("while", "writing".into())], "read writing", &writing);
    report.comparison("read", &[("while", "idle".into())], "read idle", &idle);
}

/// Reads while another thread sends batch after batch.
fn while_writing<T>(
    engine: &Engine,
    rows: &mut Arc<Rows>,
    duration: Duration,
    round: usize,
    read: impl FnOnce(Duration) -> T,
) -> T {
    thread::scope(|scope| {
        let limit = Limit::of_time(duration + 2 * MARGIN);
        let writer = scope.spawn(move || run(engine, Sending::Batches, rows, limit, round));
        thread::sleep(MARGIN);
        let result = read(duration);
        assert!(!writer.is_finished(), "the writer has stopped before the reads");
        writer.join().expect("no caller panics");
        result
    })
}

struct Readers<'a> {
    engine: &'a Engine,
    bare: Bare,
    preloaded: i64,
    drawn: i64,
}

impl Readers<'_> {
    /// Reads preloaded rows for so long, in turns. The bare connection's reads come first.
    fn take_turns(&mut self, duration: Duration) -> (Measured, Measured) {
        let until = Instant::now() + duration;
        let (mut bare, mut engines) = (Vec::new(), Vec::new());
        while Instant::now() < until {
            self.for_a_slice(&mut bare, |readers, id, venue| readers.bare.read(id, venue));
            self.for_a_slice(&mut engines, |readers, id, venue| get(readers.engine, id, venue));
        }
        (measured(bare), measured(engines))
    }

    fn for_a_slice(
        &mut self,
        took: &mut Vec<Duration>,
        read: impl Fn(&mut Self, i64, i64) -> Duration,
    ) {
        let until = Instant::now() + SLICE;
        while Instant::now() < until {
            // A prime goes all over the table, and in another order each time.
            self.drawn += 1;
            let id = 1 + (self.drawn * 7_919 + self.drawn / self.preloaded) % self.preloaded;
            took.push(read(self, id, venue_of_preloaded(id)));
        }
    }
}

/// Reads a row and tells how long that took; that it is the right one is asserted afterwards.
fn get(engine: &Engine, id: i64, venue: i64) -> Duration {
    let id = OpportunityId::new(id).expect("it is positive");
    let venue = VenueId::new(venue).expect("it is positive");
    let started = Instant::now();
    let found = engine.get(venue, id);
    let took = started.elapsed();
    let found = found.expect("it can be read").expect("it is there");
    assert_eq!((found.id(), found.venue_id()), (id, venue), "another opportunity");
    took
}

/// A connection and nothing else, as one would have it to read rows by id alone.
struct Bare {
    connection: Connection,
    /// The columns of the row that was read last.
    row: Vec<Value>,
}

impl Bare {
    fn open(path: &Path) -> Self {
        Self { connection: database::open(path), row: Vec::new() }
    }

    /// As [`get`].
    fn read(&mut self, id: i64, venue: i64) -> Duration {
        self.row.clear();
        let started = Instant::now();
        self.read_columns(id, venue).expect("it can be read");
        let took = started.elapsed();
        assert_eq!(self.row[..2], [id.into(), venue.into()], "another opportunity");
        took
    }

    fn read_columns(&mut self, id: i64, venue: i64) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM opportunity WHERE id = ?1 AND venue_id = ?2")?;
        let columns = statement.column_count();
        statement.query_row([id, venue], |row| {
            (0..columns).try_for_each(|column| {
                self.row.push(row.get(column)?);
                Ok(())
            })
        })
    }
}

fn measured(took: Vec<Duration>) -> Measured {
    Measured::new(took.len(), took.iter().sum(), took)
}
