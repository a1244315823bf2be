//! Memory runs out in SQLite: every allocation of every operation fails, alone, with some of those after
//! it, and with all of them. Whoever asked gets a true answer, neighbours are not harmed, and the engine
//! works on as soon as there is memory again.
//!
//! SQLite's allocator is replaced for the whole process, so this binary holds one test. The allocations of
//! Rust are no part of it: when one of those fails, the process ends, as it does in every Rust program,
//! and what is kept then is the matter of the tests that kill it.

#![allow(unsafe_code, reason = "SQLite's allocator is replaced through its C interface")]

#[path = "out_of_memory/allocator.rs"]
mod allocator;
#[path = "out_of_memory/around.rs"]
mod around;
#[path = "out_of_memory/book.rs"]
mod book;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allocator::Fault;
use book::{Book, Effect};
use opportunity_engine::{
    Batch, BatchError, Durability, Engine, Error, OpenError, Operation, OpportunityId, Options,
    Outcome, Request, StoreError, StoreErrorKind, Verification, Writes,
};
use support::{id, lead, runs, venue, within};

/// An engine, its file, and what is known to be in it.
struct World {
    folder: tempfile::TempDir,
    options: Options,
    engine: Option<Engine>,
    book: Book,
}

impl World {
    fn new(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { folder, options, engine: None, book: Book::default() };
        world.reopen();
        // Something to read and to update.
        world.go_on(&[]);
        world.go_on(&[]);
        world
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("a.db")
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn open(&self, path: &Path) -> Result<Engine, OpenError> {
        self.options.clone().open(path)
    }

    fn reopen(&mut self) {
        self.engine = None;
        self.engine = Some(self.open(&self.path()).unwrap());
    }

    /// Carries out requests with a fault and checks what they are told. Tells what the store was doing
    /// when it failed those that are not done.
    fn each(&mut self, effects: Vec<Effect>, fault: Fault, how: How) -> Vec<Operation> {
        let requests: Vec<_> = effects.iter().map(Effect::request).collect();
        let results = fault.during(|| how(self.engine(), requests));
        assert_eq!(results.len(), effects.len());
        let (mut failed, mut unknown) = (Vec::new(), Vec::new());
        for (effect, result) in effects.into_iter().zip(results) {
            match result {
                Ok(outcome) => self.book.note(effect, &outcome),
                Err(Error::Rejected(why)) => assert!(effect.is_refused(), "{effect:?}: {why}"),
                Err(Error::Aborted(why)) => {
                    self.expect_out_of_memory(&why);
                    failed.push(why.operation());
                }
                Err(Error::Unknown(why)) => {
                    unknown.push(effect);
                    failed.push(why.operation());
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        self.go_on(&unknown);
        failed
    }

    /// The same for an all-or-nothing batch.
    fn all(&mut self, effects: Vec<Effect>, fault: Fault) -> Option<Operation> {
        let requests: Vec<_> = effects.iter().map(Effect::request).collect();
        let result =
            fault.during(|| self.engine().add_or_update_all(requests, Batch::AllOrNothing));
        let mut unknown = Vec::new();
        let failed = match result {
            Ok(outcomes) => {
                for (effect, outcome) in effects.into_iter().zip(outcomes) {
                    self.book.note(effect, &outcome.unwrap());
                }
                None
            }
            Err(BatchError::Refused(refused)) => {
                let refused = refused.into_iter().map(|(index, _)| index);
                assert!(refused.eq((0..effects.len()).filter(|&at| effects[at].is_refused())));
                None
            }
            Err(BatchError::Aborted(why)) => {
                self.expect_out_of_memory(&why);
                Some(why.operation())
            }
            Err(BatchError::Unknown(why)) => {
                unknown = effects;
                Some(why.operation())
            }
            Err(other) => panic!("{other:?}"),
        };
        self.go_on(&unknown);
        failed
    }

    /// Checks what was read, if it was: a read is right, or it fails for lack of memory and nothing else.
    /// The next one, on the same connection, is right.
    fn has_read<T>(&mut self, result: Result<T, StoreError>, check: impl FnOnce(&Book, T)) -> bool {
        let is_done = result.is_ok();
        match result {
            Ok(found) => check(&self.book, found),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::OutOfMemory, "{error:?}"),
        }
        self.go_on(&[]);
        is_done
    }

    fn expect_out_of_memory(&self, error: &StoreError) {
        let is_expected = match error.kind() {
            StoreErrorKind::OutOfMemory => true,
            // The checkpoint that was to make room has failed.
            StoreErrorKind::LogFull => self.engine().health().log_cap_bytes == 0,
            _ => false,
        };
        assert!(is_expected, "{error:?}");
    }

    /// There is memory again: the engine takes writes, unless the outcome of some is unknown; then it
    /// does so when it is reopened. What is read is what was told.
    fn go_on(&mut self, unknown: &[Effect]) {
        let writes = self.engine().health().writes;
        if unknown.is_empty() {
            assert!(matches!(writes, Writes::Accepted | Writes::RefusedLogFull), "{writes:?}");
        } else {
            assert_eq!(writes, Writes::RefusedUntilReopened);
            self.reopen();
            self.book.settle(unknown, &self.path());
        }
        let probe = self.book.add(10);
        let outcome = self.engine().add_or_update(probe.request()).unwrap();
        self.book.note(probe, &outcome);
        self.book.check_newest(self.engine());
    }
}

/// How many allocations in a row fail; the last is more than anything needs.
const TIMES: [u64; 3] = [1, 10, 1_000_000];

/// Which allocations fail first, for each of these: every one, or every so manieth.
type Strides = [usize; TIMES.len()];

const EVERY: Strides = [1; TIMES.len()];

/// Every one in the long run. To open an engine takes some thousand allocations, and milliseconds.
fn sampled(strides: Strides) -> Strides {
    strides.map(|stride| runs(stride, 1))
}

/// Lets the allocations of an operation fail. It tells whether it was done.
fn sweep(
    world: &mut World,
    what: &str,
    strides: Strides,
    mut operation: impl FnMut(&mut World, Fault) -> bool,
) {
    for (times, stride) in TIMES.into_iter().zip(strides) {
        sweep_with(world, what, times, stride, &mut operation);
    }
}

/// Goes on until the operation needs no more allocations than are granted.
fn sweep_with(
    world: &mut World,
    what: &str,
    times: u64,
    stride: usize,
    mut operation: impl FnMut(&mut World, Fault) -> bool,
) {
    for first in (1..).step_by(stride) {
        allocator::failures();
        let is_done = operation(world, Fault { first, times });
        if allocator::failures() == 0 {
            assert!(is_done, "{what}: it fails with memory for everything");
            assert!(first > 1, "{what}: it allocates nothing");
            println!("{what}: one of {first} allocations fails, and {} after it", times - 1);
            break;
        }
    }
    world.book.check(&world.path(), what);
    let found = world.engine().verify(Verification::Full).unwrap();
    assert!(found.is_sound(), "{what}: {:?}", found.problems);
}

/// What does not fit into a page, nor into ten.
const OVERFLOWING: usize = 20_000;

/// How requests are sent.
type How = fn(&Engine, Vec<Request>) -> Vec<Result<Outcome, Error>>;

fn at_once(engine: &Engine, requests: Vec<Request>) -> Vec<Result<Outcome, Error>> {
    let tickets: Vec<_> = requests.into_iter().map(|request| engine.submit(request)).collect();
    tickets.into_iter().map(|ticket| ticket?.wait()).collect()
}

fn as_batch(engine: &Engine, requests: Vec<Request>) -> Vec<Result<Outcome, Error>> {
    engine.add_or_update_all(requests, Batch::EachOnItsOwn).unwrap()
}

/// Requests of every kind, some of them on the same opportunity.
fn mixed(book: &mut Book) -> Vec<Effect> {
    vec![
        book.add(10),
        book.update(1, OVERFLOWING),
        Effect::Refused,
        book.add(OVERFLOWING),
        book.update(1, 10),
    ]
}

/// What is said of a failed commit is settled only where commits are synced; all else is the same, and
/// faster, where they are not.
fn unsynced() -> Options {
    Engine::options().durability(Durability::Off)
}

fn writes() {
    let world = &mut World::new(Engine::options());
    sweep(world, "an add", EVERY, |world, fault| {
        let effect = world.book.add(10);
        world.each(vec![effect], fault, at_once).is_empty()
    });
    sweep(world, "an update of a row that overflows", EVERY, |world, fault| {
        let effect = world.book.update(1, OVERFLOWING);
        world.each(vec![effect], fault, at_once).is_empty()
    });
    sweep(world, "an update that changes nothing", EVERY, |world, fault| {
        let effect = world.book.same(1);
        world.each(vec![effect], fault, at_once).is_empty()
    });
    sweep(world, "several callers", EVERY, |world, fault| {
        let effects = mixed(&mut world.book);
        world.each(effects, fault, at_once).is_empty()
    });
    sweep(world, "a batch of each on its own", EVERY, |world, fault| {
        let effects = mixed(&mut world.book);
        let failed = world.each(effects, fault, as_batch);
        // When the commands are applied again, each has its allocation.
        assert!(fault.times > 1 || !failed.contains(&Operation::Apply), "{fault:?}");
        failed.is_empty()
    });
    sweep(world, "an all-or-nothing batch", EVERY, |world, fault| {
        let mut effects = mixed(&mut world.book);
        effects.retain(|effect| !effect.is_refused());
        world.all(effects, fault).is_none()
    });
    sweep(world, "an all-or-nothing batch that is refused", EVERY, |world, fault| {
        let effects = mixed(&mut world.book);
        world.all(effects, fault).is_none()
    });
}

fn reads() {
    let world = &mut World::new(unsynced());
    let overflowing = world.book.update(1, OVERFLOWING);
    world.each(vec![overflowing], Fault::NONE, at_once);
    for of in [1, 2, i64::MAX] {
        sweep(world, "get", EVERY, |world, fault| {
            let found = fault.during(|| world.engine().get(venue(), id(of)));
            world.has_read(found, |book, found| book.check_one(of, found.as_ref()))
        });
    }
    sweep(world, "ids", EVERY, |world, fault| {
        let ids = fault.during(|| world.engine().ids(venue(), None, usize::MAX));
        let values = |ids: Vec<_>| ids.into_iter().map(OpportunityId::get).collect::<Vec<_>>();
        world.has_read(ids, |book, ids| assert_eq!(values(ids), book.ids()))
    });
    // A connection is opened for it, as it is for the writer.
    sweep(world, "the first get", sampled([3, 21, 21]), |world, fault| {
        world.reopen();
        let found = fault.during(|| world.engine().get(venue(), id(1)));
        world.has_read(found, |book, found| book.check_one(1, found.as_ref()))
    });
}

fn opened(result: Result<Engine, OpenError>) -> Option<Engine> {
    match result {
        Ok(engine) => Some(engine),
        Err(OpenError::Store { source, .. }) => {
            assert_eq!(source.kind(), StoreErrorKind::OutOfMemory, "{source:?}");
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn openings() {
    let world = &mut World::new(unsynced());
    sweep(world, "close", EVERY, |world, fault| {
        let engine = world.engine.take().unwrap();
        let closed = fault.during(|| engine.close());
        world.reopen();
        world.has_read(closed, |_, ()| ())
    });
    sweep(world, "open", sampled([1, 21, 21]), |world, fault| {
        world.engine = None;
        let engine = opened(fault.during(|| world.open(&world.path())));
        let is_open = engine.is_some();
        drop(engine);
        world.reopen();
        world.go_on(&[]);
        is_open
    });
    sweep(world, "open what a crash left behind", sampled([21, 21, 21]), |world, fault| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        for suffix in ["", "-wal"] {
            let file = |folder: &Path| folder.join(format!("a.db{suffix}"));
            std::fs::copy(file(world.folder.path()), file(folder.path())).unwrap();
        }
        let engine = opened(fault.during(|| world.open(&path)));
        let is_open = engine.is_some();
        drop(engine);
        world.book.check_newest(&world.open(&path).unwrap());
        is_open
    });
    sweep(world, "create", sampled([49, 49, 49]), |world, fault| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = opened(fault.during(|| world.open(&path)));
        let is_open = engine.is_some();
        drop(engine);
        let engine = world.open(&path).unwrap();
        assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(1));
        is_open
    });
}

/// Every command waits for a checkpoint, which cuts the log.
fn checkpoints() {
    let mut world = World::new(unsynced().log_cap_bytes(0));
    sweep(&mut world, "an add that waits for a checkpoint", EVERY, |world, fault| {
        let effect = world.book.add(OVERFLOWING);
        world.each(vec![effect], fault, at_once).is_empty()
    });
}

/// The index of the log is kept in blocks of 4,096 pages. A commit that needs another one is a commit that
/// needs memory, as few others do: it is what the transaction asks for last.
fn large_commits() {
    const BYTES: usize = 450 << 10;
    let mut world = World::new(Engine::options());
    let adds: Vec<_> = (0..10).map(|_| world.book.add(BYTES)).collect();
    assert_eq!(world.all(adds, Fault::NONE), None);
    let rows = world.book.ids().into_iter().rev().take(10).collect::<Vec<_>>();
    let update_all = |world: &mut World, fault| {
        // With the log begin its blocks.
        world.reopen();
        let updates: Vec<_> = rows.iter().map(|&of| world.book.update(of, BYTES)).collect();
        world.all(updates, fault)
    };
    for times in TIMES {
        let failed = [0, 1, 2].map(|before_the_last| {
            // How many it takes is the same only after one that was done.
            let done = [(); 2].map(|()| update_all(&mut world, Fault::NONE));
            assert_eq!(done, [None, None]);
            let first = allocator::seen() - before_the_last;
            update_all(&mut world, Fault { first, times })
        });
        assert!(failed.contains(&Some(Operation::Commit)), "no commit needs memory: {failed:?}");
        world.book.check(&world.path(), "a large commit");
    }
}

/// After so many adds the index by venue is caught up, a slice with each group.
fn the_index() {
    for (times, stride) in TIMES.into_iter().zip(sampled([1, 5, 5])) {
        let mut world = World::new(unsynced());
        for adds in [16_300, 100] {
            let effects: Vec<_> = (0..adds).map(|_| world.book.add(1)).collect();
            assert_eq!(world.all(effects, Fault::NONE), None);
        }
        sweep_with(
            &mut world,
            "an add beside a slice of the index",
            times,
            stride,
            |world, fault| {
                let effect = world.book.add(10);
                world.each(vec![effect], fault, at_once).is_empty()
            },
        );
    }
}

/// Caught readers that are used again with a transaction that could not be ended, in which they never see
/// what was written since; writes, counters and commits whose failure is not noticed; groups that are not
/// rolled back, or not tried again; and writes that are taken after a failed fence.
#[test]
fn wherever_memory_runs_out_answers_are_true_and_the_engine_works_on() {
    allocator::install();
    let panics = Arc::new(AtomicUsize::new(0));
    let usual = std::panic::take_hook();
    std::panic::set_hook({
        let panics = Arc::clone(&panics);
        Box::new(move |panic| {
            panics.fetch_add(1, Ordering::SeqCst);
            usual(panic);
        })
    });
    let limit = Duration::from_secs(runs(300, 3_600) as u64);
    within(limit, || {
        large_commits();
        writes();
        reads();
        openings();
        checkpoints();
        the_index();
        around::keys();
        around::reads();
        around::copies();
        around::writes_beside_the_writer();
    });
    // Those that the engine would catch too.
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}
