//! Tickets as futures, and the wakers of their tasks: dropped at any moment, changed, panicking, calling
//! back into the engine.

mod support;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::{Engine, Error, TrySubmitError};
use rusqlite::Connection;
use support::{block_on, hold_write_lock, id, lead, venue, within};

/// How long anything here may take: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts how often it is rung.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.rings() == 0 {
            assert!(Instant::now() < deadline, "nobody is woken");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// An engine whose writer waits for a lock, so that tickets stay open until that is dropped.
struct Held {
    engine: Engine,
    lock: Connection,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn held() -> Held {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().busy_timeout(PATIENCE).open(&path).unwrap();
    let lock = hold_write_lock(&path);
    Held { engine, lock, path, _folder: folder }
}

fn poll<T: Future + Unpin>(ticket: &mut T, waker: &Waker) -> Poll<T::Output> {
    Pin::new(ticket).poll(&mut Context::from_waker(waker))
}

fn names(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT name FROM opportunity ORDER BY id").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Caught an engine that leaves out what nobody waits for.
#[test]
fn a_future_that_is_dropped_after_any_number_of_polls_is_carried_out() {
    let Held { engine, lock, path, _folder } = held();
    let mut bells = Vec::new();
    for polls in 0..5 {
        let mut ticket = engine.submit(lead().name(format!("{polls} polls"))).unwrap();
        for _ in 0..polls {
            let bell = Arc::new(Bell::default());
            assert!(poll(&mut ticket, &Waker::from(Arc::clone(&bell))).is_pending());
            bells.push((bell, polls));
        }
        drop(ticket);
    }
    // One more is dropped after its task was woken and before that asks for the answer.
    let mut woken = engine.submit(lead().name("woken")).unwrap();
    let bell = Arc::new(Bell::default());
    assert!(poll(&mut woken, &Waker::from(Arc::clone(&bell))).is_pending());
    drop(lock);
    bell.wait();
    drop(woken);
    assert!(engine.add_or_update(lead().name("last")).is_ok());
    engine.close().unwrap();
    assert_eq!(
        names(&path),
        ["0 polls", "1 polls", "2 polls", "3 polls", "4 polls", "woken", "last"]
    );
    assert_eq!(bell.rings(), 1);
    for polls in 1..5 {
        let rings = bells.iter().filter(|(_, of)| *of == polls).map(|(bell, _)| bell.rings());
        let expected = std::iter::repeat_n(0, polls - 1).chain([1]);
        assert!(rings.eq(expected), "only the last waker of {polls}");
    }
    assert!(bells.iter().all(|(bell, _)| Arc::strong_count(bell) == 1), "wakers are kept");
}

/// Caught a ticket that keeps the first waker.
#[test]
fn a_ticket_that_is_polled_with_changing_wakers_wakes_the_last() {
    let Held { engine, lock, .. } = held();
    let bells: [Arc<Bell>; 3] = std::array::from_fn(|_| Arc::default());
    let mut ticket = engine.submit(lead()).unwrap();
    for turn in [0, 1, 2, 0, 0, 1] {
        assert!(poll(&mut ticket, &Waker::from(Arc::clone(&bells[turn]))).is_pending());
    }
    drop(lock);
    bells[1].wait();
    assert_eq!(bells.each_ref().map(|bell| bell.rings()), [0, 1, 0]);
    match poll(&mut ticket, Waker::noop()) {
        Poll::Ready(Ok(outcome)) => assert_eq!(outcome.id(), id(1)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(poll(&mut ticket, Waker::noop()), Poll::Ready(Err(Error::Unknown(_)))));
}

#[test]
fn a_reply_that_is_polled_and_then_waited_for_comes_all_the_same() {
    let Held { engine, lock, .. } = held();
    let mut ticket = engine.submit_json(b"{\"venueId\":107,\"id\":1,\"name\":\"n\"}");
    assert!(poll(&mut ticket, Waker::noop()).is_pending());
    drop(lock);
    assert_eq!(ticket.wait().status(), 404);
    let mut refused = engine.submit_json(b"[]");
    assert!(
        matches!(poll(&mut refused, Waker::noop()), Poll::Ready(reply) if reply.status() == 400)
    );
    assert!(
        matches!(poll(&mut refused, Waker::noop()), Poll::Ready(reply) if reply.status() == 500)
    );
    assert_eq!(refused.wait().status(), 500);
}

struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("on purpose, when woken");
    }
}

struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("on purpose, when dropped");
    }
}

/// The writer answers small groups itself, and leaves large ones to another thread.
const GROUPS: [usize; 3] = [1, 2, 5];

/// Caught a writer that does not catch their panics.
#[test]
fn wakers_that_panic_harm_nobody() {
    for requests in GROUPS {
        let Held { engine, lock, path, _folder } = held();
        let mut tickets: Vec<_> = (0..requests).map(|_| engine.submit(lead()).unwrap()).collect();
        for (position, ticket) in tickets.iter_mut().enumerate() {
            let waker = match position % 2 {
                0 => Waker::from(Arc::new(PanicsWhenWoken)),
                _ => Waker::from(Arc::new(PanicsWhenDropped)),
            };
            assert!(poll(ticket, &waker).is_pending());
        }
        drop(lock);
        for ticket in tickets {
            // Not polled again: that would drop the waker here.
            assert!(within(PATIENCE, || ticket.wait()).is_ok());
        }
        assert!(within(PATIENCE, move || engine.add_or_update(lead())).is_ok());
        assert_eq!(names(&path).len(), requests + 1);
    }
}

/// Does something when it is woken, once, and then counts that.
struct Call {
    call: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    done: Bell,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let call = self.call.lock().unwrap().take();
        if let Some(call) = call {
            call();
        }
        self.done.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a waker does with the engine, which it may be the last to hold.
type Callback = fn(Engine);

const CALLBACKS: [(&str, Callback); 7] = [
    ("health", |engine| assert_eq!(engine.health().log_cap_bytes, 256 << 20)),
    ("get", |engine| assert!(engine.get(venue(), id(1)).unwrap().is_some())),
    ("submit", |engine| drop((0..10).map(|_| engine.submit(lead()).unwrap()).collect::<Vec<_>>())),
    ("try_submit", |engine| match engine.try_submit(lead()) {
        Ok(ticket) => drop(ticket),
        Err(full) => assert!(matches!(full, TrySubmitError::Full(_)), "{full}"),
    }),
    ("close", |engine| engine.close().unwrap()),
    ("drop", drop),
    ("clone and drop", |engine| drop(engine.clone())),
];

/// Caught a writer that waits for room which only it can make, and one that joins itself.
#[test]
fn a_waker_may_call_the_engine_on_a_thread_of_the_engine() {
    for (what, callback) in CALLBACKS {
        for requests in GROUPS {
            for holds_the_last_handle in [false, true] {
                within(PATIENCE, move || {
                    call_back(what, callback, requests, holds_the_last_handle);
                });
            }
        }
    }
}

fn call_back(what: &str, callback: Callback, requests: usize, holds_the_last_handle: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    // Soon full.
    let options = Engine::options().queue(requests, 1 << 20).busy_timeout(PATIENCE);
    let engine = options.open(&path).unwrap();
    // Those that are submitted before the lock is free form a group.
    let lock = hold_write_lock(&path);
    let mut ticket = engine.submit(lead()).unwrap();
    let others: Vec<_> = (1..requests).map(|_| engine.submit(lead()).unwrap()).collect();
    let waker = Arc::new(Call {
        call: Mutex::new(Some({
            let engine = engine.clone();
            Box::new(move || callback(engine))
        })),
        done: Bell::default(),
    });
    assert!(poll(&mut ticket, &Waker::from(Arc::clone(&waker))).is_pending());
    let engine = (!holds_the_last_handle).then_some(engine);
    drop(lock);
    waker.done.wait();
    assert_eq!(block_on(ticket).unwrap().id(), id(1), "{what}");
    for other in others {
        assert!(block_on(other).is_ok(), "{what}");
    }
    if let Some(engine) = engine {
        engine.close().unwrap();
    }
}

/// Caught a ticket that drops a waker while it is locked: the engine waits for its writer, and that for
/// the ticket.
#[test]
fn a_waker_that_is_replaced_may_hold_the_last_handle() {
    let Held { engine, lock, path, _folder } = held();
    let mut ticket = engine.submit(lead()).unwrap();
    let first = Waker::from(Arc::new(Call {
        call: Mutex::new(Some(Box::new(move || drop(engine)))),
        done: Bell::default(),
    }));
    assert!(poll(&mut ticket, &first).is_pending());
    drop(first);
    let releasing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(lock);
    });
    let outcome = within(PATIENCE, move || {
        let polled = poll(&mut ticket, Waker::noop());
        assert!(polled.is_pending(), "{polled:?}");
        block_on(ticket)
    });
    assert_eq!(outcome.unwrap().id(), id(1));
    releasing.join().unwrap();
    assert_eq!(names(&path).len(), 1);
}
