//! Power cuts, and disks that fail: what the engine writes and syncs is recorded together with what
//! its callers are told; then disks are made that may be left if the power fails at any moment, and
//! the engine is opened on each.
//!
//! A disk keeps what was synced. Of everything else it keeps, drops, reorders and tears what it likes,
//! and after a sync that failed nobody knows. The model is stricter than most file systems are.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "it takes the place of functions of the C library")]

#[path = "power_cut/failing_disk.rs"]
mod failing_disk;
#[path = "power_cut/history.rs"]
mod history;
#[path = "power_cut/invariant.rs"]
mod invariant;
#[path = "power_cut/moving.rs"]
mod moving;
#[path = "power_cut/recorder.rs"]
mod recorder;
#[path = "power_cut/reopening.rs"]
mod reopening;
#[path = "power_cut/restarted_log.rs"]
mod restarted_log;
mod support;
#[path = "power_cut/syscalls.rs"]
mod syscalls;
#[path = "power_cut/workload.rs"]
mod workload;

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Mutex;

use fastrand::Rng;
use opportunity_engine::{Durability, Engine, OpenError, Verification};
use tempfile::TempDir;

use history::{Event, History, Image};
use invariant::{Flaw, check};
use recorder::{Fault, Recording};
use support::runs;
use workload::{Asked, Ledger};

/// The name of the database in its folder.
const NAME: &str = "a.db";

/// Small, so that the log starts over many times.
const LOG_CAP_BYTES: u64 = 64 << 10;

/// A little less than a run of the index by venue.
const PRELOADED: i64 = 16_380;

fn open(folder: &Path, durability: Durability) -> Result<Engine, OpenError> {
    let options = Engine::options().durability(durability).log_cap_bytes(LOG_CAP_BYTES);
    options.history(true).cache_bytes(1 << 20).open(folder.join(NAME))
}

/// What happened to a database, and what was asked.
struct Story {
    seed: u64,
    /// How many rows there were before.
    preloaded: i64,
    history: History,
    asked: Vec<Asked>,
}

impl Story {
    fn told(seed: u64, preloaded: i64, recording: Recording, ledger: Ledger) -> Self {
        Self { seed, preloaded, history: recording.end(), asked: ledger.into_asked() }
    }

    /// A database that is made, written by several callers, closed, opened and written again.
    fn of_an_engine(durability: Durability, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        for life in [2 * seed, 2 * seed + 1] {
            let engine = open(folder.path(), durability).unwrap();
            workload::run(&engine, &ledger, life, 3, 6);
            engine.close().unwrap();
        }
        Self::told(seed, 0, recording, ledger)
    }

    /// A larger one, while its index by venue is caught up.
    fn of_a_large_table(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path(), Durability::Off).unwrap();
        workload::preload(&engine, PRELOADED);
        engine.close().unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        let engine = open(folder.path(), Durability::Full).unwrap();
        workload::run(&engine, &ledger, seed, 3, 40);
        engine.close().unwrap();
        Self::told(seed, PRELOADED, recording, ledger)
    }

    /// A backup that is opened for the first time, and written.
    fn of_a_restored_backup(seed: u64) -> Self {
        const ROWS: i64 = 10;
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::in_memory().unwrap();
        workload::preload(&engine, ROWS);
        engine.backup_to(folder.path().join(NAME)).unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        let engine = open(folder.path(), Durability::Full).unwrap();
        workload::run(&engine, &ledger, seed, 2, 3);
        engine.close().unwrap();
        Self::told(seed, ROWS, recording, ledger)
    }

    /// A database on a disk on which calls fail, until that is mended; also how many calls could
    /// have failed.
    fn of_a_failing_disk(
        faults: impl Into<Vec<Fault>>,
        seed: u64,
        work: impl FnOnce(&Engine, &Ledger, &Recording),
    ) -> (Self, usize) {
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        recording.fail(faults);
        // If it cannot be opened, nothing was promised; if it cannot be closed, the log keeps all.
        if let Ok(engine) = open(folder.path(), Durability::Full) {
            work(&engine, &ledger, &recording);
            drop(engine.close());
        }
        let calls = recording.calls();
        recording.fail([]);
        let engine = open(folder.path(), Durability::Full).unwrap();
        workload::run(&engine, &ledger, 2 * seed + 1, 2, 3);
        engine.close().unwrap();
        let story = Self::told(seed, 0, recording, ledger);
        // Without a power cut.
        story.check(&folder.path().join(NAME)).unwrap();
        (story, calls)
    }

    /// Opens the engine on what is there in the end.
    fn check(&self, path: &Path) -> Result<(), Flaw> {
        check(path, self.preloaded, &self.asked, self.history.events())
    }

    /// Opens the engine on disks that a power cut may leave; tells what is wrong with them.
    fn flaws(&self, images: usize) -> Vec<Flaw> {
        let next = Mutex::new(0..images as u64);
        let flaws = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(image) = { next.lock().unwrap().next() } {
                        let flaw = self.flaw_of(self.seed * 1_000_000 + image).err();
                        flaws.lock().unwrap().extend(flaw);
                    }
                });
            }
        });
        flaws.into_inner().unwrap()
    }

    fn flaw_of(&self, seed: u64) -> Result<(), Flaw> {
        let (cut, rng) = self.random_cut(seed);
        self.flaw_of_cut(cut, rng)
    }

    fn random_cut(&self, seed: u64) -> (usize, Rng) {
        let mut rng = Rng::with_seed(seed);
        (rng.usize(..=self.history.events().len()), rng)
    }

    /// The same for each cut up to the first answer, `images` times.
    fn early_flaws(&self, images: usize) -> Vec<Flaw> {
        let is_answer = |event: &Event| matches!(event, Event::Done { .. });
        let first_answer = self.history.events().iter().position(is_answer).unwrap();
        self.flaws_of_cuts(0..=first_answer, images)
    }

    /// The same for each of these cuts, `images` times.
    fn flaws_of_cuts(&self, cuts: RangeInclusive<usize>, images: usize) -> Vec<Flaw> {
        let seeds = || (0..images as u64).map(Rng::with_seed);
        cuts.flat_map(|cut| seeds().filter_map(move |rng| self.flaw_of_cut(cut, rng).err()))
            .collect()
    }

    fn disk_of_cut(&self, cut: usize, mut rng: Rng) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        self.history.image(cut, &mut rng).write_to(folder.path());
        folder
    }

    fn flaw_of_cut(&self, cut: usize, rng: Rng) -> Result<(), Flaw> {
        let folder = self.disk_of_cut(cut, rng);
        let told = &self.history.events()[..cut];
        let path = folder.path().join(NAME);
        check(&path, self.preloaded, &self.asked, told).map_err(|flaw| {
            let place =
                format!("seed {}, event {cut} of {}", self.seed, self.history.events().len());
            flaw.at(&place)
        })
    }
}

/// What the recorder misses no other test here can find.
#[test]
fn what_is_recorded_is_all_that_happens() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::of(folder.path());
    let engine = open(folder.path(), Durability::Full).unwrap();
    workload::run(&engine, &Ledger::default(), 0, 3, 6);
    engine.close().unwrap();
    let history = recording.end();
    // No call went past the recorder if a disk that keeps everything holds what is there.
    assert!(history.image_of_everything() == Image::read_from(folder.path()));
    let events = history.events();
    let count = |matches: fn(&Event) -> bool| events.iter().filter(|it| matches(it)).count();
    assert!(count(|it| matches!(it, Event::Synced(_))) > 10);
    assert!(count(|it| matches!(it, Event::FolderSynced)) > 0);
    assert!(count(|it| matches!(it, Event::Unlinked(_))) > 0);
    assert!(count(|it| matches!(it, Event::Done { .. })) > 10);
}

/// `without_a_sync_at_each_commit…` and `without_any_sync…` show that it does find losses.
#[test]
fn after_a_power_cut_everything_is_there_that_was_acknowledged() {
    const STORIES: usize = 8;
    let images = runs(4_000, 200_000) / STORIES;
    for seed in 0..STORIES {
        let story = Story::of_an_engine(Durability::Full, seed as u64);
        let flaws = story.flaws(images);
        assert!(flaws.is_empty(), "{flaws:#?}");
    }
    println!("{} images of a disk after a power cut; losses: 0", STORIES * images);
}

/// Caught: a look at a file beside a journal that has to be rolled back, which failed for ever.
#[test]
fn a_power_cut_while_the_database_is_made_leaves_nothing_in_the_way() {
    let story = Story::of_an_engine(Durability::Full, 400);
    let flaws = story.early_flaws(runs(20, 100));
    assert!(flaws.is_empty(), "{flaws:#?}");
}

/// Caught: the mark of a backup taken off in its log, which is then taken for that of another database.
#[test]
fn a_power_cut_while_a_restored_backup_is_opened_leaves_nothing_in_the_way() {
    let flaws = Story::of_a_restored_backup(500).early_flaws(runs(10, 100));
    assert!(flaws.is_empty(), "{flaws:#?}");
}

/// Caught: a copy that gets its name before it is synced; a folder that is not synced.
#[test]
fn after_a_power_cut_a_backup_is_there_as_a_whole_or_not_at_all() {
    const ROWS: i64 = 100;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), Durability::Full).unwrap();
    workload::preload(&engine, ROWS);
    let recording = Recording::of(folder.path());
    engine.backup_to(folder.path().join("backup.db")).unwrap();
    let history = recording.end();
    engine.close().unwrap();

    let events = history.events().len();
    let (mut there, mut missing) = (0, 0);
    // It is written, then synced, named, and its folder is synced: that is in the last events.
    let early = (0..events - 10).step_by(1 + events / runs(20, 100));
    for cut in early.chain(events - 10..=events) {
        for seed in 0..runs(20, 200) as u64 {
            let folder = tempfile::tempdir().unwrap();
            history.image(cut, &mut Rng::with_seed(seed)).write_to(folder.path());
            let backup = folder.path().join("backup.db");
            if backup.exists() {
                let found = Engine::verify_file(&backup, Verification::Full).unwrap();
                let expected = format!("sound: {ROWS} opportunities");
                assert_eq!(found.to_string(), expected, "seed {seed}, event {cut} of {events}");
                there += 1;
            } else {
                assert!(cut < events, "seed {seed}: it was made and is lost");
                missing += 1;
            }
        }
    }
    assert!(there > 5 && missing > 5, "{there} are there, {missing} are not");
    println!("{} images after a power cut while a backup is made; losses: 0", there + missing);
}

/// Caught: a slice of the index that is written with the group after the one that says so; a run that
/// goes on after the last id that was written, in place of the last entry.
#[test]
fn a_power_cut_while_the_index_is_caught_up_leaves_it_right() {
    let story = Story::of_a_large_table(300);
    let images = runs(200, 10_000);
    let flaws = story.flaws(images);
    assert!(flaws.is_empty(), "{flaws:#?}");
    // It is caught up to its end, too.
    for seed in 0..runs(8, 200) as u64 {
        let (cut, rng) = story.random_cut(seed);
        let folder = story.disk_of_cut(cut, rng);
        let engine = open(folder.path(), Durability::Off).unwrap();
        // Two entries for each add: a run and more.
        workload::preload(&engine, PRELOADED / 2 + 1_000);
        engine.close().unwrap();
        let found = Engine::verify_file(folder.path().join(NAME), Verification::Full).unwrap();
        assert!(found.is_sound(), "seed {seed}: {found}: {:?}", found.problems);
    }
    println!("{images} images after a power cut while the index is caught up; losses: 0");
}

/// The same checks must find losses where they are to be expected.
#[test]
fn without_a_sync_at_each_commit_changes_are_lost_but_nothing_is_damaged() {
    let mut losses = 0;
    for seed in 100..104 {
        for flaw in Story::of_an_engine(Durability::Normal, seed).flaws(runs(200, 2_000)) {
            assert!(matches!(flaw, Flaw::Lost(_)), "{flaw:?}");
            losses += 1;
        }
    }
    assert!(losses > 0);
    println!("without a sync at each commit: {losses} losses are found");
}

#[test]
fn without_any_sync_databases_are_damaged() {
    let flaws = Story::of_an_engine(Durability::Off, 200).flaws(200);
    let is_broken = |flaw: &&Flaw| matches!(flaw, Flaw::Broken(_));
    assert!(flaws.iter().filter(is_broken).count() > 0, "{flaws:#?}");
    assert!(flaws.len() > flaws.iter().filter(is_broken).count(), "{flaws:#?}");
}
