//! What SQLite itself allows: the statements of the workload and nothing else, on one thread.
//!
//! No request is decoded or checked, nobody waits for an answer, no index is kept and the time of
//! checkpoints is left out: the engine does all that besides, on other threads where it can. So its
//! share of this figure says how much is left to gain without another way to write rows.

use std::path::Path;
use std::time::{Duration, Instant};

use opportunity_engine::Engine;
use rusqlite::{Connection, Statement, params};
use serde_json::json;

use crate::arguments::{Arguments, BATCHES, MANY_CALLERS, Mode};
use crate::fresh::on_fresh_database;
use crate::measured::Spread;
use crate::report::{Report, rounded, spread};
use crate::runs::{BATCH, Limit};
use crate::workload::venue_of_preloaded;

/// The settings of the engine's connection that writes.
const SETTINGS: &str = "
    PRAGMA page_size = 1024; PRAGMA journal_mode = wal; PRAGMA synchronous = full;
    PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = 1;";

const COLUMNS: &str = "id, venue_id, version, created_at, modified_at, name, type_id, stage_id, source_id, \
                       contact_id, industry_id, closed_date, stage_reason_id, checksum";

/// How many commits there are between two checkpoints, for a thousand requests a commit.
const COMMITS_PER_CHECKPOINT: usize = 100;

/// How many requests a group of B has: about half of its callers.
const GROUP: usize = 36;

/// How many rows are added at once, before anything is measured.
const FILLED_AT_ONCE: i64 = 10_000;

pub(crate) fn floor(arguments: &Arguments, report: &Report) {
    beside_the_engine(arguments, report);
    while_the_table_grows(arguments, report);
}

/// Compares B with as many requests in a commit as its groups have, and D.
fn beside_the_engine(arguments: &Arguments, report: &Report) {
    for (mode, per_commit) in [(MANY_CALLERS, GROUP), (BATCHES, BATCH)] {
        let Mode::Requests(name, sending) = mode else { continue };
        let limit = Limit::of_time(arguments.duration());
        let rounds: Vec<(f64, f64)> = (0..arguments.rounds())
            .map(|round| {
                let floor = bare_per_second(arguments, arguments.rows(), per_commit);
                let engine = on_fresh_database::<Engine>(arguments, sending, limit, round);
                (floor, engine.per_second)
            })
            .collect();
        let of_rounds = |value: fn(&(f64, f64)) -> f64| {
            Spread::of(rounds.iter().map(value)).expect("there is a round")
        };
        let (bare, share) = (of_rounds(|&(floor, _)| floor), of_rounds(|(f, e)| e / f));
        report.other(
            "floor",
            &[
                ("of", json!(name)),
                ("per_commit", json!(per_commit)),
                ("bare_per_s", rounded(bare.median)),
                ("share", rounded(share.median)),
                ("share_min", rounded(share.min)),
                ("share_max", rounded(share.max)),
            ],
            &format!(
                "{:.0}/s are possible with {per_commit} in a commit; {name} reaches {} of it",
                bare.median,
                spread(share)
            ),
        );
    }
}

/// Measures the statements of B and D on tables of several sizes.
fn while_the_table_grows(arguments: &Arguments, report: &Report) {
    for rows in arguments.sizes() {
        for per_commit in [GROUP, BATCH] {
            let bare: Vec<f64> = (0..arguments.rounds())
                .map(|_| bare_per_second(arguments, rows, per_commit))
                .collect();
            let bare = Spread::of(bare.into_iter()).expect("there is a round").median;
            report.other(
                "floor",
                &[
                    ("rows", json!(rows)),
                    ("per_commit", json!(per_commit)),
                    ("bare_per_s", rounded(bare)),
                ],
                &format!("{bare:.0}/s are possible on {rows} rows with {per_commit} in a commit"),
            );
        }
    }
}

/// Half adds, half updates of random rows, so many in a commit, on a table that has so many rows before.
fn bare_per_second(arguments: &Arguments, rows: i64, per_commit: usize) -> f64 {
    let folder = arguments.empty_folder();
    let connection = create(&folder.path().join("floor.db")).expect("it can be created");
    let mut bare = Bare::new(&connection).expect("the statements are right");
    for filled in (0..rows).step_by(FILLED_AT_ONCE as usize) {
        bare.commit(0, filled, FILLED_AT_ONCE.min(rows - filled)).expect("it can be written");
        checkpoint(&connection);
    }
    let settling = arguments.updates_to_settle();
    for _ in 0..settling / BATCH as i64 {
        bare.commit(BATCH as i64, rows, 0).expect("it can be written");
    }
    checkpoint(&connection);
    let (mut last_id, mut took, mut commits) = (rows, Duration::ZERO, 0);
    while took < arguments.duration() {
        let half = per_commit as i64 / 2;
        let started = Instant::now();
        bare.commit(half, last_id, half).expect("it can be written");
        commits += 1;
        took += started.elapsed();
        last_id += half;
        if commits % (COMMITS_PER_CHECKPOINT * 1_000 / per_commit) == 0 {
            checkpoint(&connection);
        }
    }
    let stored: i64 = connection
        .query_row("SELECT sum(version) FROM opportunity", [], |row| row.get(0))
        .expect("it can be read");
    let made = (commits * per_commit) as i64;
    assert_eq!(stored, rows + settling + made, "a change is missing");
    (commits * per_commit) as f64 / took.as_secs_f64()
}

fn checkpoint(connection: &Connection) {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .expect("it can be moved");
}

fn create(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SETTINGS)?;
    connection.execute_batch(include_str!("../../schema.sql"))?;
    Ok(connection)
}

/// The statements, prepared once.
struct Bare<'c> {
    begin: Statement<'c>,
    select: Statement<'c>,
    insert: Statement<'c>,
    update: Statement<'c>,
    save_id: Statement<'c>,
    commit: Statement<'c>,
    random: u64,
}

impl<'c> Bare<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            select: connection.prepare("SELECT * FROM opportunity WHERE id = ?1")?,
            insert: connection.prepare(&format!(
                "INSERT INTO opportunity ({COLUMNS}) VALUES (?1, ?2, 1, ?3, ?3, ?4, 18, 69, 25, 918, 77, 1493942400, 127, 2017050514)"
            ))?,
            update: connection.prepare(
                "UPDATE opportunity SET version = ?2, modified_at = ?3, name = ?4, checksum = 1 + checksum WHERE id = ?1",
            )?,
            save_id: connection.prepare("UPDATE engine_state SET last_id = ?1")?,
            commit: connection.prepare("COMMIT")?,
            random: 0x9E37_79B9_7F4A_7C15,
        })
    }

    /// Updates so many of the rows up to `last_id`, and adds so many after it.
    fn commit(&mut self, updates: i64, last_id: i64, adds: i64) -> rusqlite::Result<()> {
        let now = 1_493_994_600_000_i64;
        self.begin.execute([])?;
        for _ in 0..updates {
            let id = 1 + self.draw() % last_id;
            let version = self.load(id)?;
            let name = format!("Updated Name {version:x} {id:x}");
            self.update.execute(params![id, version + 1, now + version, name])?;
        }
        for id in last_id + 1..=last_id + adds {
            self.insert.execute(params![id, venue_of_preloaded(id), now, "Lead By API"])?;
        }
        self.save_id.execute([last_id + adds])?;
        self.commit.execute([]).map(drop)
    }

    /// Reads every column, as whoever decides on the row must, and tells its version.
    fn load(&mut self, id: i64) -> rusqlite::Result<i64> {
        let mut rows = self.select.query([id])?;
        let row = rows.next()?.expect("the row is there");
        for column in 0..24 {
            std::hint::black_box(row.get_ref(column)?);
        }
        row.get(2)
    }

    fn draw(&mut self) -> i64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as i64
    }
}
