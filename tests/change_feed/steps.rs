//! Whatever is done, and whatever comes to nothing: the feed tells the table.

use std::path::Path;
use std::time::Duration;

use opportunity_engine::strategies::{valid_add_to, valid_update};
use opportunity_engine::{
    Batch, Change, Durability, Engine, ManualClock, Outcome, Request, Sequence, Timestamp, VenueId,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::Value;

use super::folding::{fold, table};
use super::support::{hold_write_lock, id};

/// Something that is done at a moment, and what is in its way.
#[derive(Debug, Clone)]
struct Step {
    now: Timestamp,
    trouble: Trouble,
    work: Work,
}

#[derive(Debug, Clone)]
enum Work {
    Requests(Vec<Request>, Batch),
    /// Opportunities of another engine, which was sent requests at these moments. Some of the ids that they get here
    /// may be taken; then nothing is imported.
    Import {
        sent: Vec<(Timestamp, Request)>,
        first_id: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Another process holds the database, so that no transaction begins.
    Locked,
    /// Some changes cannot be written. Their neighbours in the group are run again without them.
    SomeChanges,
    /// No transaction that has changed something can be committed.
    Commits,
}

impl Trouble {
    /// Has a connection of somebody else's bring it about, until it is ended.
    fn begin(self, path: &Path) -> Connection {
        let sql = match self {
            Self::None => "",
            Self::Locked => return hold_write_lock(path),
            Self::SomeChanges => {
                "CREATE TRIGGER trouble AFTER INSERT ON opportunity_change WHEN length(NEW.fields) % 2 = 0
                 BEGIN SELECT raise(ABORT, 'on purpose'); END"
            }
            // A reference to what is not there, which is looked at when everything else is done.
            Self::Commits => {
                "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                 CREATE TABLE child (parent_id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER trouble AFTER INSERT ON opportunity_change BEGIN INSERT INTO child VALUES (1); END"
            }
        };
        let other = Connection::open(path).unwrap();
        other.execute_batch(sql).unwrap();
        other
    }

    fn end(self, other: &Connection) {
        let sql = match self {
            Self::None => "",
            Self::Locked => "ROLLBACK",
            Self::SomeChanges => "DROP TRIGGER trouble",
            Self::Commits => "DROP TRIGGER trouble; DROP TABLE child; DROP TABLE parent",
        };
        other.execute_batch(sql).unwrap();
    }
}

impl Work {
    /// Tells how many changes were acknowledged.
    fn run(self, engine: &Engine) -> usize {
        match self {
            Self::Requests(requests, batch) => {
                let told = engine.add_or_update_all(requests, batch).unwrap_or_default();
                let is_change =
                    |it: &Outcome| matches!(it, Outcome::Added { .. } | Outcome::Updated { .. });
                told.into_iter().flatten().filter(is_change).count()
            }
            Self::Import { sent, first_id } => {
                let lines = exported(sent, first_id);
                engine.import(lines.as_bytes()).map_or(0, |count| count as usize)
            }
        }
    }
}

/// What an engine exports that was sent these requests, with other ids.
fn exported(sent: Vec<(Timestamp, Request)>, first_id: i64) -> String {
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let engine = Engine::options().clock(clock.source()).in_memory().unwrap();
    for (now, request) in sent {
        clock.set(now);
        // An update of what is not there is refused.
        drop(engine.add_or_update(request));
    }
    let mut lines = Vec::new();
    engine.export(&mut lines).unwrap();
    let moved = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["id"] = (record["id"].as_i64().unwrap() - 1 + first_id).into();
        format!("{record}\n")
    };
    String::from_utf8(lines).unwrap().lines().map(moved).collect()
}

fn venues() -> [VenueId; 2] {
    [1, 2].map(|number| VenueId::new(number).unwrap())
}

/// Adds and updates of a few opportunities in two venues; some are refused, some change nothing.
fn request() -> impl Strategy<Value = Request> {
    (0..2_usize, 1..8_i64).prop_flat_map(|(nth, number)| {
        let venue = venues()[nth];
        prop_oneof![
            2 => valid_add_to(venue).boxed(),
            2 => valid_update(venue, id(number)).boxed(),
            1 => Just(Request::update(venue, id(number)).name("the same")).boxed(),
        ]
    })
}

/// A clock that jumps, forward and back, and out of the years that there are.
fn moment() -> impl Strategy<Value = Timestamp> {
    let usual = 1_493_994_600_000..1_493_994_700_000_i64;
    let millis = prop_oneof![8 => usual, 1 => any::<i32>().prop_map(i64::from), 1 => any::<i64>()];
    millis.prop_map(Timestamp::from_millis)
}

fn step() -> impl Strategy<Value = Step> {
    let batch = prop_oneof![1 => Just(Batch::AllOrNothing), 3 => Just(Batch::EachOnItsOwn)];
    let requests = (vec(request(), 1..6), batch);
    let import = (vec((moment(), request()), 1..6), 1..12_i64);
    let work = prop_oneof![
        3 => requests.prop_map(|(requests, batch)| Work::Requests(requests, batch)),
        1 => import.prop_map(|(sent, first_id)| Work::Import { sent, first_id }),
    ];
    let trouble = prop_oneof![
        4 => Just(Trouble::None),
        1 => Just(Trouble::Locked),
        1 => Just(Trouble::SomeChanges),
        1 => Just(Trouble::Commits),
    ];
    (moment(), trouble, work).prop_map(|(now, trouble, work)| Step { now, trouble, work })
}

/// All changes, a few at a time.
fn paged(engine: &Engine) -> Vec<Change> {
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(|change: &Change| change.sequence);
        let page = engine.changes(after, 3).unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            return paged;
        }
        paged.extend(page);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Seen to fail for a sequence that goes on from where a group that failed has left it, for the time of a change
    /// that never goes back, and for an import that records only what has its first version.
    #[test]
    fn the_feed_from_its_beginning_gives_exactly_the_table(steps in vec(step(), 1..16)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let options = Engine::options().history(true).clock(clock.source());
        let options = options.durability(Durability::Off).busy_timeout(Duration::ZERO);
        let engine = options.open(&path).unwrap();
        let mut acknowledged = 0;
        for Step { now, trouble, work } in steps {
            clock.set(now);
            let other = trouble.begin(&path);
            let changes = work.run(&engine);
            trouble.end(&other);
            if matches!(trouble, Trouble::Locked | Trouble::Commits) {
                prop_assert_eq!(changes, 0);
            }
            acknowledged += changes;
            let last = engine.last_change().unwrap().map_or(0, Sequence::get);
            prop_assert_eq!(last, acknowledged as i64);
        }
        let changes = engine.changes(None, usize::MAX).unwrap();
        prop_assert!(changes.iter().map(|it| it.sequence.get()).eq(1..=acknowledged as i64));
        prop_assert_eq!(fold(&changes), table(&engine, &venues()));
        prop_assert_eq!(paged(&engine), changes);
    }
}
