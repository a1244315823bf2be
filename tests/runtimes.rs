//! Tickets and changes to come on the runtimes that services use. The engine knows none of them.

mod support;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use opportunity_engine::{Engine, Error, Outcome, Request, Sequence, Ticket};
use rusqlite::Connection;
use smol::future::yield_now;
use support::{eventually, hold_write_lock, id, lead, venue, within};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// In flight at the same time, all from one thread.
const REQUESTS: usize = 10_000;

/// Waits for the answer to one of many requests.
async fn add(engine: Engine) -> Outcome {
    let submitted: Result<Ticket, Error> = engine.submit(lead());
    submitted.unwrap().await.unwrap()
}

/// What all of these tasks give.
async fn all<T>(tasks: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await);
    }
    outputs
}

fn assert_each_has_its_own(outcomes: Vec<Outcome>) {
    assert!(outcomes.iter().all(|it| matches!(it, Outcome::Added { .. })));
    let mut ids: Vec<_> = outcomes.into_iter().map(|it| it.id().get()).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(1..=REQUESTS as i64));
}

fn on_tokio<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

fn on_smol<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(smol::LocalExecutor::new().run(future))
}

/// An engine whose writer waits for somebody else, who has the database locked.
struct Held {
    engine: Engine,
    lock: Connection,
    _folder: TempDir,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let options = Engine::options().queue(2 * REQUESTS, 64 << 20).busy_timeout(PATIENCE);
        let engine = options.open(&path).unwrap();
        let lock = hold_write_lock(&path);
        // The writer takes this one, and then nothing more until it has the lock. It will be refused.
        drop(engine.submit(Request::update(venue(), id(1)).name("n")).unwrap());
        eventually(|| engine.stats().queued_commands == 0);
        Self { engine, lock, _folder: folder }
    }

    /// Lets the other tasks of this thread run until all of their requests are in flight, and lets go of the database.
    async fn release(&self, answered: &Cell<usize>) {
        // Whoever has submitted its request awaits the ticket before the next task runs.
        while self.engine.stats().queued_commands < REQUESTS {
            yield_now().await;
        }
        assert_eq!(self.engine.stats().queued_commands, REQUESTS);
        assert_eq!((answered.get(), self.engine.stats().outcomes.total()), (0, 0));
        self.lock.execute_batch("ROLLBACK").unwrap();
    }
}

/// As [`add`], and counts when it has its answer.
async fn add_and_count(engine: Engine, answered: Rc<Cell<usize>>) -> Outcome {
    let outcome = add(engine).await;
    answered.set(answered.get() + 1);
    outcome
}

/// Seen to hang for tickets that forget the waker of every hundredth poll, for a queue that holds 9,999 at most, and for
/// a future that waits when it is polled.
#[test]
fn ten_thousand_requests_are_in_flight_on_one_thread_of_tokio() {
    within(PATIENCE, || {
        let (held, answered) = (Held::new(), Rc::new(Cell::new(0)));
        let outcomes = on_tokio(async {
            let add = || add_and_count(held.engine.clone(), Rc::clone(&answered));
            let tasks: Vec<_> = (0..REQUESTS).map(|_| tokio::task::spawn_local(add())).collect();
            held.release(&answered).await;
            all(tasks).await.into_iter().map(Result::unwrap).collect()
        });
        assert_each_has_its_own(outcomes);
    });
}

#[test]
fn ten_thousand_requests_are_in_flight_on_one_thread_of_smol() {
    within(PATIENCE, || {
        let (held, answered) = (Held::new(), Rc::new(Cell::new(0)));
        let executor = smol::LocalExecutor::new();
        let add = || add_and_count(held.engine.clone(), Rc::clone(&answered));
        let tasks: Vec<_> = (0..REQUESTS).map(|_| executor.spawn(add())).collect();
        let outcomes = smol::block_on(executor.run(async {
            held.release(&answered).await;
            all(tasks).await
        }));
        assert_each_has_its_own(outcomes);
    });
}

/// The thread has to wait for room again and again.
#[test]
fn ten_thousand_requests_of_one_thread_go_through_a_small_queue() {
    within(PATIENCE, || {
        let engine = || Engine::options().queue(64, 64 << 20).in_memory().unwrap();
        let on = engine();
        let outcomes = on_tokio(async {
            let tasks: Vec<_> =
                (0..REQUESTS).map(|_| tokio::task::spawn_local(add(on.clone()))).collect();
            all(tasks).await.into_iter().map(Result::unwrap).collect()
        });
        assert_each_has_its_own(outcomes);

        let (on, executor) = (engine(), smol::LocalExecutor::new());
        let tasks: Vec<_> = (0..REQUESTS).map(|_| executor.spawn(add(on.clone()))).collect();
        assert_each_has_its_own(smol::block_on(executor.run(all(tasks))));
    });
}

#[test]
fn tasks_of_several_threads_are_answered() {
    within(PATIENCE, || {
        let engine = Engine::in_memory().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let outcomes = runtime.block_on(async {
            let tasks: Vec<_> = (0..REQUESTS).map(|_| tokio::spawn(add(engine.clone()))).collect();
            all(tasks).await.into_iter().map(Result::unwrap).collect()
        });
        assert_each_has_its_own(outcomes);
    });
}

/// Who awaits an answer leaves the thread to the others. Seen to fail for a future that waits when it is polled.
#[test]
fn other_tasks_go_on_while_an_answer_is_awaited() {
    within(PATIENCE, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = Engine::open(&path).unwrap();
        let lock = hold_write_lock(&path);
        on_tokio(async {
            let is_done = Rc::new(Cell::new(false));
            let done = Rc::clone(&is_done);
            let adding = tokio::task::spawn_local(async move {
                let outcome = add(engine).await;
                done.set(true);
                outcome
            });
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            assert!(!is_done.get(), "it cannot be done: another process holds the database");
            drop(lock);
            assert_eq!(adding.await.unwrap().id(), id(1));
        });
    });
}

/// A service drops the future when its client hangs up.
#[test]
fn a_task_that_is_aborted_does_not_take_back_its_request() {
    within(PATIENCE, || {
        let engine = Engine::in_memory().unwrap();
        on_tokio(async {
            let aborted = tokio::task::spawn_local(add(engine.clone()));
            // It is polled once.
            tokio::task::yield_now().await;
            aborted.abort();
            drop(aborted.await);
            // In the order in which they were sent.
            assert_eq!(add(engine.clone()).await.id(), id(2));
        });
        assert!(engine.get(venue(), id(1)).unwrap().is_some());
    });
}

#[test]
fn changes_are_followed_on_both_runtimes() {
    async fn follow(engine: Engine) {
        let mut seen = None;
        while seen.map_or(0, Sequence::get) < 100 {
            engine.next_change(seen).await.unwrap();
            seen = engine.changes(seen, 7).unwrap().last().map(|change| change.sequence);
        }
    }
    within(PATIENCE, || {
        let engine = Engine::options().history(true).in_memory().unwrap();
        let writer = engine.clone();
        let writing = std::thread::spawn(move || {
            for _ in 0..100 {
                writer.add_or_update(lead()).unwrap();
            }
        });
        on_tokio(follow(engine.clone()));
        on_smol(follow(engine));
        writing.join().unwrap();
    });
}
