//! Imports, and changes that are pruned: each has a connection of its own beside the writer's.

use std::path::Path;

use fastrand::Rng;
use opportunity_engine::{
    Durability, Engine, ImportError, Request, Sequence, VenueId, Verification,
};

use super::history::{Event, History};
use super::recorder::{Call, Failure, Fault, Recording, note};
use super::{LOG_CAP_BYTES, NAME, workload};
use crate::support::runs;

/// Rows that are there before, of the venues before [`VENUE`], each with its record.
const PRELOADED: i64 = 20;

/// The venue that everything is imported into.
const VENUE: i64 = 9;

/// More than the log may hold.
const IMPORTED: i64 = 600;

/// The records up to this one are pruned.
const PRUNED: i64 = 10;

/// The venue of what is added after the import.
const LATER_VENUE: i64 = 10;

/// With their descriptions they fill the log twice, so that it starts over: what was imported has to be in the
/// database by then.
const LATER: i64 = 14;

/// The numbers under which it is noted what is done.
const IMPORT: i64 = 1;
const PRUNING: i64 = 2;
const ADD: i64 = 3;

/// With a cache so small that pages of an import go to the log before it is committed.
fn open(folder: &Path, durability: Durability) -> Engine {
    let options = Engine::options().durability(durability).log_cap_bytes(LOG_CAP_BYTES);
    options.history(true).cache_bytes(64 << 10).open(folder.join(NAME)).unwrap()
}

/// A folder with a database in it, closed.
fn database() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), Durability::Off);
    workload::preload(&engine, PRELOADED);
    engine.close().unwrap();
    folder
}

/// What is imported: made before anything is recorded.
fn lines() -> String {
    let source = Engine::in_memory().unwrap();
    source.add_or_update(lead_in(VENUE)).unwrap();
    let mut exported = Vec::new();
    source.export(&mut exported).unwrap();
    let line = String::from_utf8(exported).unwrap();
    let with_id = |id| line.replacen("\"id\":1,", &format!("\"id\":{id},"), 1);
    (1_001..=1_000 + IMPORTED).map(with_id).collect()
}

fn lead_in(venue: i64) -> Request {
    let venue = VenueId::new(venue).unwrap();
    Request::add(venue).name("n").contact_id(1).type_id(1).source_id(1).stage_id(1)
}

fn noted(number: i64) -> Event {
    Event::Done { number, id: 0, version: 0 }
}

fn times_noted(told: &[Event], number: i64) -> i64 {
    let is_it =
        |event: &&Event| matches!(event, Event::Done { number: done, .. } if *done == number);
    told.iter().filter(is_it).count() as i64
}

/// Prunes, imports, adds; notes what is told of each.
fn work(engine: &Engine, lines: &str) {
    if engine.prune_changes(Sequence::new(PRUNED).unwrap()).is_ok() {
        note(noted(PRUNING));
    }
    note(match engine.import(lines.as_bytes()) {
        Ok(_) => noted(IMPORT),
        Err(ImportError::Aborted(_)) => Event::Aborted { number: IMPORT },
        Err(ImportError::Unknown(_)) => Event::Unknown,
        Err(other) => panic!("{other:?}"),
    });
    let lead = lead_in(LATER_VENUE).description("d".repeat(3_000));
    for _ in 0..LATER {
        if engine.add_or_update(lead.clone()).is_ok() {
            note(noted(ADD));
        }
    }
}

/// Checks what is left after what was told. The import is all there or not at all, with its records; those
/// that were pruned are gone; nothing else is.
fn check(folder: &Path, told: &[Event], place: &str) {
    let engine = open(folder, Durability::Off);
    let ids = |venue| engine.ids(VenueId::new(venue).unwrap(), None, usize::MAX).unwrap().len();
    let imported = ids(VENUE) as i64;
    assert!(imported == 0 || imported == IMPORTED, "{place}: {imported} are there");
    assert!(
        imported > 0 || times_noted(told, IMPORT) == 0,
        "{place}: the import was done and is lost"
    );
    let is_aborted = told.iter().any(|event| matches!(event, Event::Aborted { .. }));
    assert!(imported == 0 || !is_aborted, "{place}: the import was aborted and is there");
    assert_eq!((1..=3).map(ids).sum::<usize>() as i64, PRELOADED, "{place}");
    let later = ids(LATER_VENUE) as i64;
    assert!(later >= times_noted(told, ADD), "{place}: an add was done and is lost");

    let changes = engine.changes(None, usize::MAX).unwrap();
    let first = changes[0].sequence.get();
    assert!(first == 1 || first == PRUNED + 1, "{place}: the first record is {first}");
    assert!(first > PRUNED || times_noted(told, PRUNING) == 0, "{place}: what was pruned is back");
    let last = PRELOADED + imported + later;
    assert!(changes.iter().map(|change| change.sequence.get()).eq(first..=last), "{place}");

    workload::preload(&engine, 3);
    let found = engine.verify(Verification::Full).unwrap();
    assert!(found.is_sound(), "{place}: {:?}", found.problems);
    engine.close().unwrap();
}

/// Checks disks that a power cut may leave: every other one soon after it is told what became of the import.
fn check_images(history: &History, images: usize, place: &str) {
    let events = history.events().len();
    let is_told = |event: &Event| match event {
        Event::Done { number, .. } => *number == IMPORT,
        Event::Aborted { .. } | Event::Unknown => true,
        _ => false,
    };
    let told = history.events().iter().position(is_told).unwrap();
    for seed in 0..images as u64 {
        let mut rng = Rng::with_seed(seed);
        let cuts = if seed % 2 == 0 { told..=events.min(told + 10) } else { 0..=events };
        let cut = rng.usize(cuts);
        let folder = tempfile::tempdir().unwrap();
        history.image(cut, &mut rng).write_to(folder.path());
        let place = format!("{place}, seed {seed}, event {cut}");
        check(folder.path(), &history.events()[..cut], &place);
    }
}

/// Caught: a sequence that is not saved with the records.
#[test]
fn after_a_power_cut_an_import_is_there_as_a_whole_or_not_at_all() {
    let (folder, lines) = (database(), lines());
    let recording = Recording::of(folder.path());
    let engine = open(folder.path(), Durability::Full);
    work(&engine, &lines);
    engine.close().unwrap();
    let history = recording.end();
    assert_eq!(times_noted(history.events(), ADD), LATER);
    let images = runs(300, 10_000);
    check_images(&history, images, "no fault");
    println!("{images} images after a power cut while something is imported; losses: 0");
}

/// Each sync fails, and some of the writes, once or from then on. Caught: a failed commit told as aborted.
#[test]
fn an_import_on_a_failing_disk_is_told_truly() {
    let lines = lines();
    let (mut done, mut aborted, mut unknown) = (0, 0, 0);
    for (call, count, stride, images) in [
        (Call::Sync, 1, 1, runs(4, 50)),
        (Call::Sync, usize::MAX, 1, runs(4, 50)),
        (Call::Write, 1, runs(397, 20), 1),
        (Call::Write, usize::MAX, runs(397, 20), 1),
    ] {
        for first in (0..).step_by(stride) {
            let folder = database();
            let recording = Recording::of(folder.path());
            let engine = open(folder.path(), Durability::Full);
            recording.fail([Fault { call, first, count, failure: Failure::Error(libc::EIO) }]);
            work(&engine, &lines);
            drop(engine.close());
            let calls = recording.calls();
            recording.fail([]);
            let history = recording.end();
            for event in history.events() {
                match event {
                    Event::Done { number: IMPORT, .. } => done += 1,
                    Event::Aborted { .. } => aborted += 1,
                    Event::Unknown => unknown += 1,
                    _ => {}
                }
            }
            let place = format!("{call:?} {first} fails, {count} times");
            check(folder.path(), history.events(), &place);
            check_images(&history, images, &place);
            if calls <= first {
                break;
            }
        }
    }
    println!(
        "an import on a failing disk: {done} done, {aborted} aborted, {unknown} unknown; losses: 0"
    );
    assert!(done > 0 && aborted > 0 && unknown > 0, "{done} {aborted} {unknown}");
}
