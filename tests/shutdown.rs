//! The end of an engine, while others use it: everybody gets a true answer, and everything that was
//! acknowledged is kept.

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use opportunity_engine::{
    Batch, Engine, Error, Outcome, StoreError, StoreErrorKind, TrySubmitError, Writes,
};
use rusqlite::Connection;
use support::{block_on, hold_write_lock, lead, runs, within};

/// How long anything here may take: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether an add was carried out; if not, the engine was closed before it was taken in.
fn is_done(result: Result<Outcome, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::Closed => false,
        Err(other) => panic!("{other}"),
    }
}

fn names(path: &Path) -> HashSet<String> {
    let connection = Connection::open(path).unwrap();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut select = connection.prepare("SELECT name FROM opportunity").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Waits until an engine takes no more requests.
fn wait_until_closed(engine: &Engine) {
    while !matches!(engine.try_submit(lead().name("probe")), Err(TrySubmitError::Failed(_))) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Caught a closed queue that takes in what it refuses, and one that tells nobody of the room it has.
#[test]
fn closing_with_a_full_queue_answers_those_inside_and_those_who_wait_for_room() {
    const CALLERS: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().queue(4, 1 << 20).busy_timeout(PATIENCE).open(&path).unwrap();
    let lock = hold_write_lock(&path);
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let engine = engine.clone();
            let name = format!("caller {number}");
            thread::spawn(move || {
                let request = lead().name(name.as_str());
                let done = match number % 3 {
                    0 => is_done(engine.add_or_update(request)),
                    1 => is_done(engine.submit(request).and_then(block_on)),
                    _ => {
                        let batch = engine.add_or_update_all([request], Batch::EachOnItsOwn);
                        is_done(batch.unwrap().remove(0))
                    }
                };
                (name, done)
            })
        })
        .collect();
    // The others wait for room, or will.
    while engine.health().queued < 4 {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(50));
    let closing = {
        let engine = engine.clone();
        thread::spawn(move || engine.close())
    };
    wait_until_closed(&engine);
    let (told, closed) = within(PATIENCE, move || {
        drop(lock);
        let told = callers.into_iter().map(|caller| caller.join().unwrap());
        (told.collect::<Vec<_>>(), closing.join().unwrap())
    });
    closed.unwrap();
    let done = told.iter().filter(|(_, done)| *done).map(|(name, _)| name.clone());
    let done: HashSet<String> = done.collect();
    assert!(done.len() >= 4 && done.len() < CALLERS, "{} are done", done.len());
    let mut kept = names(&path);
    kept.remove("probe");
    assert_eq!(kept, done);
}

/// Caught an engine whose second closer does not wait for the first.
#[test]
fn all_who_close_an_engine_wait_for_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().busy_timeout(PATIENCE).open(&path).unwrap();
    let lock = hold_write_lock(&path);
    let tickets: Vec<_> = (0..100).map(|_| engine.submit(lead()).unwrap()).collect();
    let closing: Vec<_> = (0..8)
        .map(|_| {
            let (engine, log) = (engine.clone(), folder.path().join("a.db-wal"));
            thread::spawn(move || (engine.close(), log.exists()))
        })
        .collect();
    wait_until_closed(&engine);
    thread::sleep(Duration::from_millis(50));
    assert!(!closing.iter().any(JoinHandle::is_finished), "the writer still waits");
    within(PATIENCE, move || {
        drop(lock);
        for closing in closing {
            let (closed, is_there) = closing.join().unwrap();
            closed.unwrap();
            assert!(!is_there, "the log is in the database by now");
        }
    });
    assert_eq!(engine.health().writes, Writes::Closed);
    assert!(tickets.into_iter().all(|ticket| ticket.wait().is_ok()));
}

/// Closes the engine where it is woken, and tells how that went.
struct Closes {
    engine: Mutex<Option<Engine>>,
    closed: Sender<Result<(), StoreError>>,
}

impl Wake for Closes {
    fn wake(self: Arc<Self>) {
        let engine = self.engine.lock().unwrap().take();
        engine.into_iter().for_each(|engine| self.closed.send(engine.close()).unwrap());
    }
}

/// Caught an engine in which the waker waits for the one who closes it already, and that for the waker.
#[test]
fn an_engine_may_be_closed_by_a_waker_while_another_closes_it() {
    // The writer answers small groups itself, and leaves large ones to another thread.
    for requests in [1, 5] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = Engine::options().busy_timeout(PATIENCE).open(&path).unwrap();
        let lock = hold_write_lock(&path);
        let mut tickets: Vec<_> = (0..requests).map(|_| engine.submit(lead()).unwrap()).collect();
        let (closed, closed_by_waker) = channel();
        let waker =
            Waker::from(Arc::new(Closes { engine: Mutex::new(Some(engine.clone())), closed }));
        assert!(Pin::new(&mut tickets[0]).poll(&mut Context::from_waker(&waker)).is_pending());
        let closing = {
            let engine = engine.clone();
            thread::spawn(move || engine.close())
        };
        wait_until_closed(&engine);
        thread::sleep(Duration::from_millis(20));
        drop(lock);
        closed_by_waker.recv_timeout(PATIENCE).expect("it is closed").unwrap();
        within(PATIENCE, move || {
            closing.join().unwrap().unwrap();
            assert!(tickets.into_iter().all(|ticket| block_on(ticket).is_ok()));
        });
    }
}

/// Caught a closed queue that takes in what it refuses, and commits that are left out.
#[test]
fn an_engine_that_is_closed_at_any_moment_keeps_what_it_acknowledged() {
    const CALLERS: usize = 8;
    let seeds = runs(40, 2_000);
    for seed in 0..seeds {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut random = fastrand::Rng::with_seed(seed as u64);
        // A short log is moved all the time.
        let cap = if random.bool() { 64 << 10 } else { 256 << 20 };
        let options = Engine::options().queue(random.usize(1..20), 1 << 20).log_cap_bytes(cap);
        let engine = options.open(&path).unwrap();
        let start = Arc::new(Barrier::new(CALLERS + 1));
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (engine, start) = (engine.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    let names = (0..).map(|round| format!("caller {number} round {round}"));
                    names
                        .take_while(|name| {
                            is_done(engine.add_or_update(lead().name(name.as_str())))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let pause = Duration::from_micros(random.u64(0..20_000));
        let acknowledged: HashSet<String> = within(PATIENCE, move || {
            start.wait();
            thread::sleep(pause);
            engine.close().unwrap();
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        });
        assert_eq!(names(&path), acknowledged, "seed {seed}");
    }
    println!("{seeds} engines closed at work; losses: 0");
}

/// Caught an engine that does not wait for its writer.
#[test]
fn an_engine_that_is_closed_while_a_checkpoint_runs_ends_with_everything_in_the_database() {
    const CAP: u64 = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let path = folder.path().join(format!("{round}.db"));
        let engine = Engine::options().log_cap_bytes(CAP).open(&path).unwrap();
        let mut written = HashSet::new();
        // The checkpoint begins as the log passes half of its cap, with megabytes to move.
        while engine.health().log_bytes < CAP / 2 {
            let name = format!("number {}", written.len());
            let request = lead().name(name.as_str()).description("x".repeat(256 << 10));
            engine.add_or_update(request).unwrap();
            written.insert(name);
        }
        within(PATIENCE, move || engine.close()).unwrap();
        assert!(!folder.path().join(format!("{round}.db-wal")).exists());
        assert_eq!(names(&path), written);
    }
}
