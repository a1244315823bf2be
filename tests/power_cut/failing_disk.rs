//! Each sync and each write fails once, or from then on: every caller is told the truth.

use std::time::Duration;

use opportunity_engine::{Durability, Engine, Error, StoreErrorKind, Writes};

use super::history::Event;
use super::recorder::{Call, Failure, Fault, Recording};
use super::workload::{self, Ledger};
use super::{LOG_CAP_BYTES, NAME, Story, open};
use crate::support::{lead, runs};

/// How often callers were told what.
#[derive(Debug, Default)]
struct Told {
    done: usize,
    aborted: usize,
    unknown: usize,
}

impl Told {
    fn count(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Done { .. } => self.done += 1,
                Event::Aborted { .. } => self.aborted += 1,
                Event::Unknown => self.unknown += 1,
                _ => {}
            }
        }
    }
}

/// Makes every call fail in turn, until there is none left to fail.
fn every_call(images: usize, faults_from: impl Fn(usize) -> Vec<Fault>) -> Told {
    let mut told = Told::default();
    for first in 0.. {
        let seed = first as u64;
        let work = |engine: &_, ledger: &_, _: &_| workload::run(engine, ledger, 2 * seed, 2, 3);
        let (story, calls) = Story::of_a_failing_disk(faults_from(first), seed, work);
        let flaws = story.flaws(images);
        assert!(flaws.is_empty(), "call {first}: {flaws:#?}");
        told.count(story.history.events());
        if calls <= first {
            assert!(first > 10, "hardly anything was called");
            println!("{first} calls fail in turn, {images} images after each; {told:?}; losses: 0");
            break;
        }
    }
    told
}

/// Caught: a failed commit told as aborted without a fence; an engine reopened on a log that the
/// system shows and the disk does not have; a folder that was not synced, which SQLite does not tell.
#[test]
fn a_sync_that_fails_is_settled_or_stops_writes() {
    // Once: the fence after it tells. Twice: the fence fails too.
    for (count, may_be_unknown) in [(1, false), (2, true), (usize::MAX, true)] {
        let fault = |first| Fault { call: Call::Sync, first, count, failure: EIO };
        let told = every_call(runs(10, 100), |first| vec![fault(first)]);
        assert!(told.done > 0 && told.aborted > 0, "{told:?}");
        assert_eq!(told.unknown > 0, may_be_unknown, "{count}: {told:?}");
    }
}

const EIO: Failure = Failure::Error(libc::EIO);
const ENOSPC: Failure = Failure::Error(libc::ENOSPC);
const EDQUOT: Failure = Failure::Error(libc::EDQUOT);

/// Caught: a commit whose failure is not looked at; a fence whose failure is not.
#[test]
fn a_write_that_fails_leaves_true_answers() {
    for failure in [EIO, ENOSPC, EDQUOT] {
        for count in [1, usize::MAX] {
            let fault = |first| Fault { call: Call::Write, first, count, failure };
            let told = every_call(runs(1, 10), |first| vec![fault(first)]);
            assert!(told.done > 0 && told.aborted > 0, "{told:?}");
            // If one write fails the fence goes through; else it fails as well.
            assert_eq!(told.unknown > 0, count > 1, "{told:?}");
        }
    }
}

/// Caught: a commit whose failure is not looked at.
#[test]
fn a_short_write_is_completed_or_fails() {
    let short = |first| Fault { call: Call::Write, first, count: 1, failure: Failure::Short };
    let told = every_call(runs(1, 10), |first| vec![short(first)]);
    assert_eq!((told.aborted, told.unknown), (0, 0), "the rest fits");
    let full = |first| Fault { call: Call::Write, first, count: 1, failure: ENOSPC };
    let told = every_call(runs(1, 10), |first| vec![short(first), full(first + 1)]);
    assert!(told.done > 0 && told.aborted > 0, "{told:?}");
    assert_eq!(told.unknown, 0, "the fence goes through");
}

/// The log may overshoot its cap by one group, in bytes.
const LARGEST_GROUP: u64 = 64 << 10;

fn goes_on_until_the_log_is_full(engine: &Engine, ledger: &Ledger) {
    for seed in 0..100 {
        workload::run(engine, ledger, seed, 2, 2);
        let health = engine.health();
        assert!(health.unfinished_checkpoints > 0, "{health:?}");
        let error = health.checkpoint_error.expect("it shows");
        assert_eq!(error.kind(), StoreErrorKind::Io);
        if health.writes == Writes::RefusedLogFull {
            let refused = engine.add_or_update(lead()).unwrap_err();
            assert!(
                matches!(&refused, Error::Aborted(error) if error.kind() == StoreErrorKind::LogFull),
                "{refused:?}"
            );
            return;
        }
    }
    panic!("the log is never full");
}

/// Caught: a cap that is not kept; a log that counts as empty although it could not start over; writes
/// that stay refused when it has.
#[test]
fn checkpoints_that_fail_show_and_the_log_keeps_its_cap() {
    let mut told = Told::default();
    for first in 0.. {
        let folder = tempfile::tempdir().unwrap();
        // Made beforehand, so that nothing but checkpoints writes to the database.
        open(folder.path(), Durability::Full).unwrap().close().unwrap();
        let recording = Recording::of(folder.path());
        let engine = open(folder.path(), Durability::Full).unwrap();
        let call = Call::WriteToDatabase;
        recording.fail([Fault { call, first, count: usize::MAX, failure: EIO }]);
        let ledger = Ledger::default();
        workload::run(&engine, &ledger, first as u64, 2, 20);
        let is_reached = recording.calls() > first;
        if is_reached {
            goes_on_until_the_log_is_full(&engine, &ledger);
        }
        let log = std::fs::metadata(folder.path().join(format!("{NAME}-wal"))).unwrap().len();
        assert!(log <= LOG_CAP_BYTES + LARGEST_GROUP, "{log} bytes at call {first}");
        recording.fail([]);
        workload::run(&engine, &ledger, 1_000 + first as u64, 1, 1);
        let health = engine.health();
        assert_eq!(health.writes, Writes::Accepted, "{health:?}");
        engine.close().unwrap();
        let story = Story::told(first as u64, 0, recording, ledger);
        story.check(&folder.path().join(NAME)).unwrap();
        let flaws = story.flaws(runs(2, 20));
        assert!(flaws.is_empty(), "call {first}: {flaws:#?}");
        told.count(story.history.events());
        if !is_reached {
            println!("{first} writes to the database fail in turn; {told:?}; losses: 0");
            break;
        }
    }
    assert!(told.done > 0 && told.aborted > 0, "{told:?}");
    assert_eq!(told.unknown, 0, "commits do not depend on checkpoints");
}

/// A log that is needed can be full, too. Caught: followers that are told only when a commit has failed.
#[test]
fn a_follower_is_told_when_a_checkpoint_that_failed_has_stopped_writes() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::of(folder.path());
    let engine = open(folder.path(), Durability::Full).unwrap();
    recording.fail([Fault { call: Call::SyncOfDatabase, first: 0, count: 1, failure: EIO }]);
    let ledger = Ledger::default();
    for seed in 0.. {
        workload::run(&engine, &ledger, seed, 2, 5);
        if engine.health().writes == Writes::RefusedUntilReopened {
            break;
        }
    }
    let last = engine.last_change().unwrap();
    let error = engine.next_change(last).wait_for(Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Closed);
}

/// The file is turned into one with a log, and given its tables: each has to be settled before the next.
/// Caught: a database that was taken for one with a log although that could not be written.
///
/// But for one case: SQLite takes no notice of a folder that could not be synced. If the journal is lost for that a file
/// of zeros may be left, in which nothing was acknowledged, and which is taken for somebody else's.
#[test]
fn a_sync_that_fails_while_the_database_is_made_leaves_nothing_in_the_way() {
    const FOLDER: usize = 1;
    for first in 0..3 {
        let fault = Fault { call: Call::Sync, first, count: 1, failure: EIO };
        let work = |engine: &_, ledger: &_, _: &_| workload::run(engine, ledger, 700, 2, 3);
        let (story, _) = Story::of_a_failing_disk(vec![fault], 700, work);
        let mut flaws = story.flaws_of_cuts(0..=60, runs(3, 100));
        flaws.retain(|flaw| first != FOLDER || !flaw.is_refused_as_foreign());
        assert!(flaws.is_empty(), "sync {first}: {flaws:#?}");
    }
}
