//! A panic at each step of the engine's threads, and at each call of the clock: nobody is left waiting,
//! every answer is true, and what comes later works or fails at once.

#![cfg(test)]

use std::collections::HashSet;
use std::future::Future;
use std::panic::resume_unwind;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Batch, BatchError, Engine, Error, Options, Ticket, Writes};
use crate::domain::{IdempotencyKey, OpportunityId, Outcome, Request, Timestamp, VenueId};
use crate::fault_points::{Plan, Point};
use crate::store::{Durability, OpenError, StoreErrorKind, Verification};

/// How long anything here may take: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many requests make a batch.
const BATCH: usize = 3;

/// How callers ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    Blocking,
    Awaiting,
    EachOnItsOwn,
    AllOrNothing,
}

impl Calls {
    const ALL: [Self; 4] = [Self::Blocking, Self::Awaiting, Self::EachOnItsOwn, Self::AllOrNothing];

    /// How many commands a caller brings, and how many of those succeed or fail by themselves.
    const fn commands_and_units(self) -> (usize, usize) {
        match self {
            Self::Blocking | Self::Awaiting => (1, 1),
            Self::EachOnItsOwn => (BATCH, BATCH),
            Self::AllOrNothing => (BATCH, 1),
        }
    }
}

/// What is kept beside the opportunities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    /// A history, and what was done under the keys that requests have.
    HistoryAndKeys,
}

impl Kept {
    const fn any_or_none(any: bool) -> Self {
        if any { Self::HistoryAndKeys } else { Self::Nothing }
    }

    /// Makes the database. An engine that turns a history on has something in its log at once, and so refuses the
    /// first command while the lock is held that is to keep it waiting.
    fn create(self, path: &Path) {
        if self == Self::HistoryAndKeys {
            let options = options().durability(Durability::Off).history(true);
            options.open(path).unwrap().close().unwrap();
        }
    }

    /// An add, under its name as the key.
    fn lead(self, name: &str) -> Request {
        match self {
            Self::Nothing => lead(name),
            Self::HistoryAndKeys => lead(name).idempotency_key(IdempotencyKey::new(name).unwrap()),
        }
    }
}

/// What is certain about a request, as far as its caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    Aborted,
    Unknown,
}

impl From<Result<Outcome, Error>> for Told {
    fn from(result: Result<Outcome, Error>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(Error::Aborted(_)) => Self::Aborted,
            Err(Error::Unknown(_)) => Self::Unknown,
            Err(Error::Rejected(rejection)) => panic!("{rejection}"),
        }
    }
}

/// The name of what was to be added, and what its caller was told.
type Answers = Vec<(String, Told)>;

/// What callers are told when a point panics, once or always, under a group of so many jobs and units;
/// and whether writes are taken afterwards. `None` if such a group does not come to that point.
fn expected(point: Point, always: bool, jobs: usize, units: usize) -> Option<(Told, Writes)> {
    // Of several each is tried again; one that is alone is to blame.
    let tried_again = if units == 1 || always { Told::Aborted } else { Told::Done };
    Some(match point {
        // No group gets there; and a small one is answered by the writer itself.
        Point::Start => return None,
        Point::Answering if jobs <= 2 => return None,
        // The thread is lost before they are begun, or when they have their answers.
        Point::Taken | Point::MakeRoom | Point::Answered => (Told::Aborted, Writes::Closed),
        Point::Unanswered | Point::Rest => (Told::Done, Writes::Closed),
        // The thread goes on.
        Point::Decided | Point::Written | Point::Saved => (tried_again, Writes::Accepted),
        // The index is left alone when they are tried again.
        Point::Indexed if units > 1 => (Told::Done, Writes::Accepted),
        Point::Begun | Point::Indexed => (Told::Aborted, Writes::Accepted),
        Point::Committing | Point::Committed | Point::Answering => {
            (Told::Unknown, Writes::Accepted)
        }
        Point::Bulk | Point::End => (Told::Done, Writes::Accepted),
        Point::Fence => (Told::Unknown, Writes::RefusedUntilReopened),
    })
}

/// Caught an engine that loses its jobs or their answers with the thread, that leaves the queue open then,
/// that takes a fence for proof after a panic in the commit, that starts a transaction before anything
/// guards it, that does not roll back, that does not try again, that catches no panic of a checkpoint
/// or a fence, one that does not count what gets lost, and those that write records of changes, or keys, with
/// the next group.
#[test]
fn a_panic_at_any_step_leaves_nobody_waiting_and_no_answer_untrue() {
    for point in Point::ALL {
        for calls in Calls::ALL {
            for callers in [1, 3, 64] {
                for always in [false, true] {
                    let units = callers * calls.commands_and_units().1;
                    let Some(expected) = expected(point, always, callers, units) else { continue };
                    let case = format!("{callers} {calls:?}, {point:?}, always: {always}");
                    let name = case.clone();
                    let is_even = matches!(calls, Calls::Blocking | Calls::AllOrNothing);
                    let kept = Kept::any_or_none(is_even ^ always ^ (callers == 3));
                    within(&case, move || {
                        panic_at(point, always, (calls, callers, kept), expected, &name);
                    });
                }
            }
        }
    }
}

fn panic_at(
    point: Point,
    always: bool,
    (calls, callers, kept): (Calls, usize, Kept),
    (told, writes): (Told, Writes),
    case: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    kept.create(&path);
    let plan = Plan::of_this_thread();
    // Only where a commit is synced does it matter what is said of one that failed.
    let is_commit = matches!(point, Point::Committing | Point::Committed | Point::Fence);
    let durability = if is_commit { Durability::Full } else { Durability::Off };
    let engine = options().durability(durability).open(&path).unwrap();

    let times = if always { u32::MAX } else { 1 };
    let arm = || {
        if point == Point::Fence {
            plan.panic_at(Point::Committing, times);
        }
        plan.panic_at(point, times);
    };
    let answers = answers_of_one_group(&engine, &path, (calls, callers, kept), arm);
    assert!(answers.iter().all(|(_, was)| *was == told), "{case}: {answers:?}");
    assert_counted(&engine, &answers, case);
    eventually(|| engine.health().writes == writes, case);

    // What closes an engine is one of the steps.
    let panicked = if point == Point::End { Vec::new() } else { plan.disarm() };
    assert!(point == Point::End || panicked.contains(&point), "{case}: never reached");
    let venue = VenueId::new(107).unwrap();
    assert!(engine.get(venue, OpportunityId::new(1).unwrap()).unwrap().is_some(), "{case}");
    // More than the writer answers itself.
    let later: Vec<_> = (0..3).map(|_| engine.submit(lead("later"))).collect();
    for later in later.into_iter().map(|submitted| submitted?.wait()) {
        match writes {
            Writes::Accepted => assert!(later.is_ok(), "{case}: {later:?}"),
            Writes::Closed => assert_eq!(aborted(&later), Some(StoreErrorKind::Closed), "{case}"),
            _ => assert_eq!(aborted(&later), Some(StoreErrorKind::WritesStopped), "{case}"),
        }
    }

    let (one, other) = (engine.clone().close(), engine.close());
    let is_lost = writes == Writes::Closed || point == Point::End;
    for closed in [one, other] {
        let kind = closed.err().map(|error| error.kind());
        assert_eq!(kind, is_lost.then_some(StoreErrorKind::Panicked), "{case}");
    }
    check(&path, &answers, case);
    check_what_is_kept(&path, &answers, kept, case);
}

#[test]
fn a_panic_before_an_engine_is_ready_fails_its_opening_and_not_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let plan = Plan::of_this_thread();
    plan.panic_at(Point::Start, 1);
    match options().open(&path) {
        Err(OpenError::Store { source, .. }) => assert_eq!(source.kind(), StoreErrorKind::Panicked),
        other => panic!("{other:?}"),
    }
    assert_eq!(plan.disarm(), [Point::Start]);
    options().open(&path).unwrap().add_or_update(lead("later")).unwrap();
}

/// The first attempts fail, so that a group is tried again in halves, each of which asks for the time.
/// Caught an engine that catches no panic while it applies, and one that does not roll back.
#[test]
fn a_clock_that_panics_at_any_call_aborts_only_what_it_was_asked_for() {
    const UNCOUNTED: u32 = u32::MAX / 2;
    for call in 1_u32.. {
        let case = format!("call {call}");
        let name = case.clone();
        let was_called = within(&case, move || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let kept = Kept::any_or_none(call % 2 == 0);
            kept.create(&path);
            let plan = Plan::of_this_thread();
            // Counted from when the callers are there.
            let calls = Arc::new(AtomicU32::new(UNCOUNTED));
            let clock = {
                let calls = Arc::clone(&calls);
                move || {
                    assert_ne!(calls.fetch_add(1, Ordering::SeqCst) + 1, call, "on purpose");
                    Timestamp::from_millis(0)
                }
            };
            let engine = options().clock(clock).open(&path).unwrap();
            let callers = (Calls::Blocking, 8, kept);
            let answers = answers_of_one_group(&engine, &path, callers, || {
                plan.panic_at(Point::Saved, 4);
                calls.store(0, Ordering::SeqCst);
            });
            let was_called = calls.swap(UNCOUNTED, Ordering::SeqCst) >= call;
            plan.disarm();
            assert_counted(&engine, &answers, &name);
            let aborted = answers.iter().filter(|(_, told)| *told == Told::Aborted).count();
            assert!(answers.iter().all(|(_, told)| *told != Told::Unknown), "{name}: {answers:?}");
            assert!(!was_called || aborted > 0, "{name}: {answers:?}");
            engine.add_or_update(lead("later")).unwrap();
            engine.close().unwrap();
            check(&path, &answers, &name);
            check_what_is_kept(&path, &answers, kept, &name);
            was_called
        });
        if !was_called {
            assert!(call > 4, "the group was not tried again");
            return;
        }
    }
}

/// Caught an engine that catches no panic of a checkpoint.
#[test]
fn a_panic_while_the_bulk_of_the_log_is_moved_shows_in_health_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let plan = Plan::of_this_thread();
    plan.panic_at(Point::Bulk, 1);
    let engine = Engine::options().log_cap_bytes(1 << 20).open(&path).unwrap();
    let large = || lead("large").description("x".repeat(1 << 18));
    let kind = || engine.health().checkpoint_error.map(|error| error.kind());
    // Past half of the cap.
    for _ in 0..3 {
        engine.add_or_update(large()).unwrap();
    }
    eventually(|| kind() == Some(StoreErrorKind::Panicked), "the panic shows");
    assert_eq!(plan.disarm(), [Point::Bulk]);
    for _ in 0..20 {
        engine.add_or_update(large()).unwrap();
    }
    eventually(|| kind().is_none(), "checkpoints go on");
    engine.close().unwrap();
}

/// A log that may not grow at all: every group goes through every kind of checkpoint.
fn options() -> Options {
    Engine::options().log_cap_bytes(0).clock(|| Timestamp::from_millis(0))
}

fn lead(name: &str) -> Request {
    let venue = VenueId::new(107).unwrap();
    Request::add(venue).name(name).contact_id(918).type_id(18).source_id(25).stage_id(69)
}

/// Keeps the writer from its work until as many callers wait as there are to be; then arms what is to
/// fail, lets the writer take all of them at once, and waits for what they are told.
fn answers_of_one_group(
    engine: &Engine,
    path: &Path,
    (calls, callers, kept): (Calls, usize, Kept),
    arm: impl FnOnce(),
) -> Answers {
    let gate = Arc::new(Gate::default());
    let waker = Waker::from(Arc::clone(&gate));
    // The lock keeps the writer from being faster than the poll.
    let lock = rusqlite::Connection::open(path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut plug = engine.submit(lead("plug")).unwrap();
    assert!(poll(&mut plug, &waker).is_none());
    drop(lock);
    eventually(|| gate.is_reached.load(Ordering::SeqCst), "the writer does not wait");
    let waiting: Vec<_> = (0..callers).map(|number| call(engine, calls, kept, number)).collect();
    let commands = callers * calls.commands_and_units().0;
    eventually(|| engine.health().queued == commands, "the callers are not queued");
    arm();
    gate.open();
    waiting.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
}

/// A caller of its own.
fn call(engine: &Engine, calls: Calls, kept: Kept, number: usize) -> JoinHandle<Answers> {
    let engine = engine.clone();
    let name = format!("caller {number}");
    let names: Vec<_> = (0..BATCH).map(|part| format!("{name} part {part}")).collect();
    let batch: Vec<_> = names.iter().map(|name| kept.lead(name)).collect();
    match calls {
        Calls::Blocking => thread::spawn(move || {
            let result = engine.add_or_update(kept.lead(&name));
            vec![(name, result.into())]
        }),
        Calls::Awaiting => {
            let mut ticket = engine.submit(kept.lead(&name)).unwrap();
            assert!(poll(&mut ticket, Waker::noop()).is_none());
            thread::spawn(move || vec![(name, block_on(ticket).into())])
        }
        Calls::EachOnItsOwn => thread::spawn(move || {
            let results = engine.add_or_update_all(batch, Batch::EachOnItsOwn).unwrap();
            names.into_iter().zip(results.into_iter().map(Told::from)).collect()
        }),
        Calls::AllOrNothing => thread::spawn(move || {
            let told = match engine.add_or_update_all(batch, Batch::AllOrNothing) {
                Ok(_) => Told::Done,
                Err(BatchError::Aborted(_)) => Told::Aborted,
                Err(BatchError::Unknown(_)) => Told::Unknown,
                Err(refused @ BatchError::Refused(_)) => panic!("{refused}"),
            };
            names.into_iter().map(|name| (name, told)).collect()
        }),
    }
}

/// Each counts as what its caller was told, and so does the one that was to keep the writer waiting.
fn assert_counted(engine: &Engine, answers: &Answers, case: &str) {
    let told = |told| answers.iter().filter(|(_, was)| *was == told).count() as u64;
    let counted = engine.stats().outcomes;
    assert_eq!(counted.added, 1 + told(Told::Done), "{case}");
    assert_eq!(counted.aborted, told(Told::Aborted), "{case}");
    assert_eq!(counted.unknown, told(Told::Unknown), "{case}");
    assert_eq!(counted.total(), 1 + answers.len() as u64, "{case}");
}

fn aborted(result: &Result<Outcome, Error>) -> Option<StoreErrorKind> {
    match result {
        Err(Error::Aborted(error)) => Some(error.kind()),
        _ => None,
    }
}

/// What is done is in the database, what is aborted is not, and the database is sound.
fn check(path: &Path, answers: &Answers, case: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok", "{case}");
    let counted = "SELECT last_id = (SELECT count(*) FROM opportunity) FROM engine_state";
    assert!(connection.query_row(counted, [], |row| row.get::<_, bool>(0)).unwrap(), "{case}");
    let mut names = connection.prepare("SELECT name FROM opportunity").unwrap();
    let names: HashSet<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for (name, told) in answers {
        match told {
            Told::Done => assert!(names.contains(name), "{case}: {name} is lost"),
            Told::Aborted => assert!(!names.contains(name), "{case}: {name} is there"),
            Told::Unknown => {}
        }
    }
    let parts = answers.chunks(BATCH).filter(|_| case.contains("AllOrNothing"));
    for batch in parts {
        let there = batch.iter().filter(|(name, _)| names.contains(name)).count();
        assert!(there == 0 || there == BATCH, "{case}: half of {batch:?} is there");
    }
}

/// Reopened, the database is sound, each opportunity has its record, and what is sent again under its key is
/// there once, whatever was told of it.
fn check_what_is_kept(path: &Path, answers: &Answers, kept: Kept, case: &str) {
    let engine = options().durability(Durability::Off).open(path).unwrap();
    let findings = engine.verify(Verification::Full).unwrap();
    assert!(findings.is_sound(), "{case}: {:?}", findings.problems);
    let changes = engine.changes(None, usize::MAX).unwrap();
    if kept == Kept::Nothing {
        return assert!(changes.is_empty(), "{case}");
    }
    let records = changes.iter().map(|change| (change.sequence.get(), change.id.get()));
    let expected = (1..=findings.opportunities as i64).map(|number| (number, number));
    assert!(records.eq(expected), "{case}: {changes:?}");
    let again = answers.iter().map(|(name, _)| kept.lead(name));
    let told = engine.add_or_update_all(again, Batch::EachOnItsOwn).unwrap();
    assert!(told.iter().all(Result::is_ok), "{case}: {told:?}");
    let connection = rusqlite::Connection::open(path).unwrap();
    let count = "SELECT count(*) FROM opportunity WHERE name = ?1";
    for (name, _) in answers {
        let count: i64 = connection.query_row(count, [name], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "{case}: {name}");
    }
}

/// A waker that keeps the thread that calls it until it is opened.
#[derive(Default)]
struct Gate {
    is_reached: AtomicBool,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.is_reached.store(true, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn poll(ticket: &mut Ticket, waker: &Waker) -> Option<Result<Outcome, Error>> {
    match Pin::new(ticket).poll(&mut Context::from_waker(waker)) {
        std::task::Poll::Ready(result) => Some(result),
        std::task::Poll::Pending => None,
    }
}

fn block_on(ticket: Ticket) -> Result<Outcome, Error> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut ticket = pin!(ticket);
    loop {
        match poll(&mut ticket, &waker) {
            Some(result) => return result,
            None => thread::park(),
        }
    }
}

fn eventually(is_true: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + PATIENCE / 2;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what}: still not");
        thread::sleep(Duration::from_micros(100));
    }
}

/// Runs a case on a thread of its own, and fails if it does not end.
fn within<T: Send + 'static>(case: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (report, done) = channel();
    let thread = thread::spawn(move || drop(report.send(run())));
    match done.recv_timeout(PATIENCE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("{case}: somebody is left waiting"),
    }
}
