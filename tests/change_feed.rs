//! The change feed: what it records, for how long, and how to wait for it.

#[path = "change_feed/folding.rs"]
mod folding;
#[path = "change_feed/steps.rs"]
mod steps;
mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use folding::{fold, table};
use opportunity_engine::{
    Batch, Change, ChangeKind, Durability, Engine, IdempotencyKey, NextChange, Request, Sequence,
    StoreErrorKind, Timestamp, Value, Verification,
};
use serde_json::json;
use support::{block_on, by_hand, hold_write_lock, id, lead, venue, within};

const PATIENCE: Duration = Duration::from_secs(60);

fn engine() -> Engine {
    Engine::options().history(true).in_memory().unwrap()
}

fn sequence(number: i64) -> Sequence {
    Sequence::new(number).unwrap()
}

fn sequences(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.sequence.get()).collect()
}

/// Seen to fail with rows of at most 64 MiB, which hold any opportunity.
#[test]
fn very_large_requests_are_recorded_and_carried_out_once() {
    let engine = Engine::options().history(true).max_request_bytes(16 << 20).in_memory().unwrap();
    engine.add_or_update(lead()).unwrap();
    // As JSON, each of these characters takes six bytes.
    let (old, new) = ("\u{1}".repeat(1 << 20), "\u{2}".repeat(11 << 20));
    engine.add_or_update(Request::update(venue(), id(1)).description(old.clone())).unwrap();
    let key = IdempotencyKey::new("one").unwrap();
    let update = Request::update(venue(), id(1)).description(new.clone()).idempotency_key(key);
    let done = engine.add_or_update(update.clone()).unwrap();
    assert_eq!(engine.add_or_update(update).unwrap(), done);
    let change = &engine.changes(Some(sequence(2)), 1).unwrap()[0].fields[0];
    assert!(
        change.old == Some(Value::Text(old.into())) && change.new == Some(Value::Text(new.into()))
    );
}

/// What is imported is told of like anything else, with the version and the time that it had, and who waits
/// is woken. Seen to fail for an import that does not record, does not save the sequence, or announces nothing.
#[test]
fn an_import_is_recorded() {
    let minutes = AtomicI64::new(0);
    let clock =
        move || Timestamp::from_millis(1_493_994_600_123 + 60_000 * minutes.fetch_add(1, SeqCst));
    let source = Engine::options().clock(clock).in_memory().unwrap();
    source.add_or_update_all(vec![lead(); 3], Batch::AllOrNothing).unwrap();
    source.add_or_update(Request::update(venue(), id(2)).quality_id(3)).unwrap();
    let mut lines = Vec::new();
    source.export(&mut lines).unwrap();

    let engine = engine();
    let moved = String::from_utf8(lines).unwrap().replace("\"id\":", "\"id\":10");
    engine.add_or_update(lead()).unwrap();
    let waiting = engine.next_change(Some(sequence(1)));
    engine.import(format!("{moved}{{}}").as_bytes()).unwrap_err();
    assert_eq!(sequences(&engine.changes(None, 100).unwrap()), [1], "it came to nothing");
    engine.import(moved.as_bytes()).unwrap();
    assert!(waiting.wait_for(PATIENCE).unwrap());
    engine.add_or_update(Request::update(venue(), id(102)).quality_id(4)).unwrap();

    let changes = engine.changes(None, 100).unwrap();
    assert_eq!(sequences(&changes), [1, 2, 3, 4, 5]);
    let told = |change: &Change| (change.id.get(), change.version.get(), change.kind);
    assert_eq!(told(&changes[2]), (102, 2, ChangeKind::Added));
    assert!(changes[2].created_at < Some(changes[2].changed_at));
    assert_eq!(fold(&changes), table(&engine, &[venue()]));
    assert!(engine.verify(Verification::Full).unwrap().is_sound());
}

#[test]
fn a_change_has_a_form_for_whoever_is_told_of_it() {
    let clock = || Timestamp::from_millis(1_493_994_600_123);
    let engine = Engine::options().history(true).clock(clock).in_memory().unwrap();
    engine.add_or_update(lead().closed_date("2017-05-05").channel_id("7")).unwrap();
    engine.add_or_update(Request::update(venue(), id(1)).channel_id("").quality_id(3)).unwrap();
    let changes = serde_json::to_value(engine.changes(None, 10).unwrap()).unwrap();
    let time = "2017-05-05T14:30:00.123Z";
    let of = |sequence: i64, kind: &str, fields: serde_json::Value| {
        let created_at = (kind == "added").then_some(time);
        json!({
            "sequence": sequence, "venueId": 107, "id": 1, "version": sequence, "kind": kind,
            "changedAt": time, "createdAt": created_at, "fields": fields,
        })
    };
    let added = json!({
        "name": [null, "Lead By API"], "typeId": [null, 18], "stageId": [null, 69], "sourceId": [null, 25],
        "contactId": [null, 918], "closedDate": [null, "2017-05-05"], "channelId": [null, "7"],
    });
    let updated = json!({ "qualityId": [null, 3], "channelId": ["7", null] });
    assert_eq!(changes, json!([of(1, "added", added), of(2, "updated", updated)]));
}

/// The database remembers it, not the engine.
#[test]
fn whoever_writes_keeps_the_history_once_it_is_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let count = |engine: &Engine| engine.changes(None, 100).unwrap().len();
    let add = |engine: &Engine| engine.add_or_update(lead()).unwrap();

    let plain = Engine::open(&path).unwrap();
    add(&plain);
    assert_eq!(count(&plain), 0, "off by default");
    // Another engine turns it on while the first has the file open.
    let keeping = Engine::options().history(true).open(&path).unwrap();
    add(&plain);
    add(&keeping);
    add(&plain);
    assert_eq!((count(&plain), count(&keeping)), (3, 3));
    keeping.close().unwrap();
    plain.close().unwrap();

    let plain = Engine::open(&path).unwrap();
    add(&plain);
    assert_eq!(count(&plain), 4, "it stays on");
    plain.close().unwrap();
    let without = Engine::options().history(false).open(&path).unwrap();
    add(&without);
    assert_eq!(count(&without), 4);
    without.close().unwrap();
    let again = Engine::options().history(true).open(&path).unwrap();
    add(&again);
    let told = sequences(&again.changes(None, 100).unwrap());
    assert_eq!(told, [1, 2, 3, 4, 6], "5 is left out: there was a change without a record");
}

#[test]
fn what_is_aborted_leaves_no_record_and_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let options = Engine::options().history(true).busy_timeout(Duration::ZERO);
    let engine = options.durability(Durability::Off).open(&path).unwrap();
    for round in 1..=3 {
        engine.add_or_update(lead()).unwrap();
        let lock = hold_write_lock(&path);
        engine.add_or_update(lead()).unwrap_err();
        drop(lock);
        let refused = engine.add_or_update_all(
            [lead(), Request::update(venue(), id(999)).name("n")],
            Batch::AllOrNothing,
        );
        assert!(refused.is_err());
        assert!(sequences(&engine.changes(None, 100).unwrap()).into_iter().eq(1..=round));
    }
}

/// Seen to fail for a sequence that is taken from the last record that is there.
#[test]
fn pruned_changes_are_gone_and_the_count_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let open = || Engine::options().history(true).durability(Durability::Off).open(&path).unwrap();
    let engine = open();
    engine.add_or_update_all(vec![lead(); 2_500], Batch::EachOnItsOwn).unwrap();
    assert_eq!(engine.prune_changes(sequence(2_400)).unwrap(), 2_400);
    assert_eq!(engine.prune_changes(sequence(2_400)).unwrap(), 0);
    let first = engine.changes(None, 1).unwrap();
    assert_eq!(sequences(&first), [2_401]);
    assert_eq!(engine.prune_changes(sequence(i64::MAX)).unwrap(), 100);
    assert!(engine.changes(None, 100).unwrap().is_empty());
    engine.close().unwrap();
    let engine = open();
    engine.add_or_update(lead()).unwrap();
    assert_eq!(sequences(&engine.changes(None, 100).unwrap()), [2_501]);
    let found = engine.verify(Verification::Full).unwrap();
    assert!(found.is_sound(), "{found}");
}

/// A follower that has seen everything does not turn in circles because it was pruned. Seen to fail for a look
/// at the last sequence alone.
#[test]
fn what_was_pruned_is_no_change_to_come() {
    let engine = engine();
    engine.add_or_update_all(vec![lead(); 5], Batch::EachOnItsOwn).unwrap();
    engine.prune_changes(sequence(5)).unwrap();
    // Changes are announced after they are answered.
    thread::sleep(Duration::from_millis(50));
    assert!(!engine.next_change(None).wait_for(Duration::from_millis(50)).unwrap());
    engine.add_or_update(lead()).unwrap();
    engine.next_change(None).wait().unwrap();
    assert_eq!(sequences(&engine.changes(None, 10).unwrap()), [6]);
}

/// Seen to fail for an engine that is not told at its beginning how far the feed has come.
#[test]
fn what_was_pruned_before_the_engine_was_opened_is_not_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let open = |history| Engine::options().history(history).open(&path).unwrap();
    let first = open(true);
    first.add_or_update_all(vec![lead(); 5], Batch::EachOnItsOwn).unwrap();
    first.prune_changes(sequence(5)).unwrap();
    first.close().unwrap();
    // A sequence is left out where the history begins again.
    open(false).close().unwrap();
    let engine = open(true);
    let waiting = engine.next_change(None);
    let refused = Request::update(venue(), id(i64::MAX)).name("nobody's");
    engine.add_or_update(refused).unwrap_err();
    assert!(!waiting.wait_for(Duration::from_millis(100)).unwrap());
    let waiting = engine.next_change(None);
    engine.add_or_update(lead()).unwrap();
    assert!(waiting.wait_for(PATIENCE).unwrap());
    assert_eq!(sequences(&engine.changes(None, 10).unwrap()), [7]);
}

/// Seen to fail for the sequence of the last record that is there.
#[test]
fn who_begins_to_follow_asks_for_the_last_change_first() {
    let engine = engine();
    assert_eq!(engine.last_change().unwrap(), None);
    engine.add_or_update_all(vec![lead(); 5], Batch::EachOnItsOwn).unwrap();
    engine.prune_changes(sequence(5)).unwrap();
    let from = engine.last_change().unwrap();
    assert_eq!(from, Some(sequence(5)));
    engine.add_or_update(Request::update(venue(), id(3)).name("meanwhile")).unwrap();
    let read = table(&engine, &[venue()]);
    engine.add_or_update(Request::update(venue(), id(4)).name("later")).unwrap();
    let changes = engine.changes(from, 100).unwrap();
    let is_news = |change: &&Change| change.version > read[&change.id].version;
    let news = changes.iter().filter(is_news).map(|change| change.id.get());
    assert_eq!((sequences(&changes), news.collect::<Vec<_>>()), (vec![6, 7], vec![4]));
}

/// Memory stays in proportion, and whoever goes on with the last one misses nothing. Seen to fail without the
/// bound.
#[test]
fn a_page_of_large_changes_ends_early() {
    let engine = engine();
    let text = "x".repeat(1_000_000);
    let large = vec![lead().description(text); 40];
    engine.add_or_update_all(large, Batch::EachOnItsOwn).unwrap();
    let first = engine.changes(None, usize::MAX).unwrap();
    assert!(sequences(&first).into_iter().eq(1..=17));
    let second = engine.changes(Some(sequence(17)), usize::MAX).unwrap();
    assert!(sequences(&second).into_iter().eq(18..=34));
}

/// Seen to fail for transactions without pauses.
#[test]
fn others_write_while_changes_are_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let options = Engine::options().history(true).durability(Durability::Off);
    let engine =
        options.busy_timeout(Duration::from_secs(1)).open(folder.path().join("a.db")).unwrap();
    const RECORDS: i64 = 60_000;
    engine.add_or_update_all(vec![lead(); RECORDS as usize], Batch::EachOnItsOwn).unwrap();
    thread::scope(|scope| {
        let pruning = scope.spawn(|| engine.prune_changes(sequence(RECORDS)).unwrap());
        let mut written = 0;
        while !pruning.is_finished() {
            engine.add_or_update(lead()).unwrap();
            written += 1;
        }
        assert!(written >= 15, "{written} were written meanwhile");
        assert_eq!(pruning.join().unwrap(), RECORDS as u64);
    });
}

/// Seen to catch: records deleted without a look at the log, and one that begins with the first slice of each call.
#[test]
fn the_log_keeps_its_cap_while_changes_are_pruned() {
    const CAP: u64 = 256 << 10;
    // What a hundred adds take, or the records that are deleted at once.
    const OVERSHOOT: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let options = Engine::options().durability(Durability::Off).history(true).log_cap_bytes(CAP);
    let options = options.busy_timeout(Duration::from_millis(50));
    let engine = options.open(folder.path().join("a.db")).unwrap();
    for _ in 0..500 {
        engine.add_or_update_all(vec![lead(); 100], Batch::EachOnItsOwn).unwrap();
    }
    let log_bytes = || std::fs::metadata(folder.path().join("a.db-wal")).unwrap().len();
    assert_eq!(engine.prune_changes(sequence(20_000)).unwrap(), 20_000);
    assert!(log_bytes() < CAP + OVERSHOOT, "{}", log_bytes());

    let reader = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM opportunity LIMIT 1").unwrap();
    for _ in 0..3 {
        let error = engine.prune_changes(sequence(50_000)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::LogFull);
    }
    let bytes = log_bytes();
    assert!(bytes < CAP + OVERSHOOT, "{bytes}");
    assert!(engine.health().log_bytes > CAP, "{:?}", engine.health());
    drop(reader);
    engine.prune_changes(sequence(50_000)).unwrap();
    assert!(engine.changes(None, 1).unwrap().is_empty());
    assert!(log_bytes() < CAP + OVERSHOOT, "{}", log_bytes());
}

#[test]
fn who_waits_is_told_when_there_is_a_change_after_the_one_it_knows() {
    let engine = engine();
    let soon = Duration::from_millis(50);
    assert!(!engine.next_change(None).wait_for(soon).unwrap());
    engine.add_or_update(lead()).unwrap();
    engine.next_change(None).wait().unwrap();
    assert!(!engine.next_change(Some(sequence(1))).wait_for(soon).unwrap());
    // It is of no use to be told of what changes nothing.
    engine.add_or_update(Request::update(venue(), id(1)).name("Lead By API")).unwrap();
    assert!(!engine.next_change(Some(sequence(1))).wait_for(soon).unwrap());
    let waiting = engine.next_change(Some(sequence(1)));
    engine.add_or_update(lead()).unwrap();
    within(PATIENCE, || block_on(waiting)).unwrap();
    let later = engine.next_change(Some(sequence(3)));
    engine.add_or_update(lead()).unwrap();
    assert!(!later.wait_for(soon).unwrap());
}

/// As another process would be: it has an engine of its own.
///
/// Seen to catch: how far the feed has come, kept in memory instead of being read after `BEGIN`.
#[test]
fn what_another_engine_changes_is_seen_and_not_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let open = || Engine::options().history(true).durability(Durability::Off).open(&path).unwrap();
    let (one, other) = (open(), open());
    one.add_or_update(lead()).unwrap();
    let waiting = one.next_change(Some(sequence(1)));
    other.add_or_update(lead()).unwrap();
    assert!(one.get(venue(), id(2)).unwrap().is_some());
    assert_eq!(sequences(&one.changes(Some(sequence(1)), 10).unwrap()), [2]);
    assert!(!waiting.wait_for(Duration::from_millis(50)).unwrap());
    // With the next change of its own it is told of both.
    let waiting = one.next_change(Some(sequence(1)));
    one.add_or_update(lead()).unwrap();
    within(PATIENCE, || waiting.wait()).unwrap();
    assert_eq!(sequences(&one.changes(Some(sequence(1)), 10).unwrap()), [2, 3]);
}

/// Seen to catch: a group in ten whose changes are announced to nobody.
#[test]
fn followers_miss_nothing_while_others_write() {
    const CHANGES: usize = 300;
    const FOLLOWERS: usize = 4;
    within(PATIENCE, || {
        let engine = engine();
        thread::scope(|scope| {
            let follow = |asynchronous: bool| {
                let engine = &engine;
                move || {
                    let mut seen = Vec::new();
                    while seen.len() < CHANGES {
                        let after = seen.last().copied().map(sequence);
                        let next = engine.next_change(after);
                        if asynchronous { block_on(next) } else { next.wait() }.unwrap();
                        let changes = engine.changes(after, 7).unwrap();
                        assert!(!changes.is_empty(), "told of nothing after {after:?}");
                        seen.extend(sequences(&changes));
                    }
                    assert!(seen.into_iter().eq(1..=CHANGES as i64));
                }
            };
            for number in 0..FOLLOWERS {
                scope.spawn(follow(number % 2 == 0));
            }
            for _ in 0..CHANGES {
                engine.add_or_update(lead()).unwrap();
            }
        });
    });
}

/// Seen to hang if the feed is looked at before it is noted who waits.
#[test]
fn a_change_at_the_moment_of_asking_is_not_missed() {
    within(PATIENCE, || {
        let engine = engine();
        for round in 0..1_000 {
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    engine.add_or_update(lead()).unwrap();
                });
                start.wait();
                thread::sleep(Duration::from_micros(fastrand::u64(0..200)));
                engine.next_change(Sequence::new(round).ok()).wait().unwrap();
            });
        }
    });
}

#[test]
fn an_engine_that_closes_leaves_nobody_waiting() {
    let engine = engine();
    let waiting = [engine.next_change(None), engine.next_change(None), engine.next_change(None)];
    let follower = engine.clone();
    engine.close().unwrap();
    let [first, second, third] = waiting;
    let after = follower.next_change(None);
    let told = within(PATIENCE, move || {
        let waits: Vec<fn(NextChange) -> _> =
            vec![NextChange::wait, |next| block_on(next), |next| next.wait_for(PATIENCE).map(drop)];
        let told = waits.into_iter().zip([first, second, third]).map(|(wait, next)| wait(next));
        told.chain([after.wait()]).collect::<Vec<_>>()
    });
    for told in told {
        assert_eq!(told.unwrap_err().kind(), StoreErrorKind::Closed);
    }
}

#[test]
fn a_record_that_breaks_the_rules_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().history(true).open(&path).unwrap();
    engine.add_or_update(lead()).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    let sound = "UPDATE opportunity_change SET fields = '{}', changed_at = 0, created_at = 0";
    for (column, value) in [
        ("fields", "'{'"),
        ("fields", "'{\"nothing\":[1,2]}'"),
        ("fields", "'{\"typeId\":[1,-2]}'"),
        ("fields", "'{\"typeId\":[1]}'"),
        ("changed_at", "9223372036854775807"),
        ("created_at", "-9223372036854775808"),
    ] {
        by_hand::change(&other, sound);
        assert!(engine.changes(None, 10).is_ok());
        let update = format!("UPDATE opportunity_change SET {column} = {value}");
        by_hand::change(&other, &update);
        let error = engine.changes(None, 10).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{update}");
    }
    other.execute("DELETE FROM change_feed", []).unwrap();
    match engine.add_or_update(lead()) {
        Err(opportunity_engine::Error::Aborted(error)) => {
            assert_eq!(error.kind(), StoreErrorKind::Damaged);
        }
        other => panic!("{other:?}"),
    }
}
