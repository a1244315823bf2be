//! What callers and the writer do with a queue. Whatever happens in whichever order: each command has
//! exactly one answer, its own; a caller's commands keep their order; no more are inside than there is
//! room for; and nobody sleeps for ever, which the model reports by itself.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::{Context, Waker};

use super::block_on;
use super::job::{Job, Name};
use super::promise::{Lost, Waiter};
use super::queue::{Closed, Queue};
use super::sync::Arc;
use super::sync::thread::{self, JoinHandle};

/// How much happens.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) callers: usize,
    /// How many commands each of them has.
    pub(super) jobs: usize,
    /// How many commands the queue holds.
    pub(super) room: usize,
}

pub(super) type Scenario = (&'static str, fn(Size));

pub(super) const SCENARIOS: [Scenario; 6] = [
    ("callers who wait are all answered", callers_who_wait_are_answered),
    ("callers who poll are all answered", callers_who_poll_are_answered),
    ("closing wakes those who wait for room", closing_wakes_those_who_wait_for_room),
    ("a lost writer leaves nobody waiting", a_lost_writer_leaves_nobody_waiting),
    ("tickets that are dropped harm nobody", tickets_that_are_dropped_harm_nobody),
    ("the writer has room for its own", the_writer_has_room_for_its_own),
];

fn queue(size: Size) -> Arc<Queue> {
    Arc::new(Queue::new(size.room, usize::MAX))
}

/// Takes and answers until the queue is closed and empty; gives back how many jobs that were.
fn write(queue: &Queue, room: usize) -> usize {
    let mut order = Order::default();
    let mut count = 0;
    while let Some(mut jobs) = queue.take(usize::MAX) {
        assert!(jobs.len() <= room, "more were inside than there is room for");
        jobs.append(&mut queue.take_more(room + 1, &jobs));
        count += jobs.len();
        for job in jobs {
            order.check(job.name);
            job.answer();
        }
    }
    count
}

/// Checks that the commands of a caller come in their order.
#[derive(Default)]
struct Order(HashMap<usize, usize>);

impl Order {
    fn check(&mut self, (caller, number): Name) {
        let before = self.0.insert(caller, number);
        assert!(before.is_none_or(|before| before < number), "{number} came after {before:?}");
    }
}

fn push(queue: &Queue, name: Name) -> Result<Waiter<Name>, Closed> {
    let (job, waiter) = Job::new(name);
    queue.push(job).map(|()| waiter)
}

fn must_push(queue: &Queue, name: Name) -> Waiter<Name> {
    push(queue, name).unwrap_or_else(|Closed| panic!("the queue is open"))
}

/// Starts callers of which each has a queue and a number.
fn start_callers<T: Send + 'static>(
    size: Size,
    queue: &Arc<Queue>,
    call: impl Fn(&Queue, usize) -> T + Clone + Send + 'static,
) -> Vec<JoinHandle<T>> {
    let start = |caller| {
        let (queue, call) = (Arc::clone(queue), call.clone());
        thread::spawn(move || call(&queue, caller))
    };
    (0..size.callers).map(start).collect()
}

fn start_writer(size: Size, queue: &Arc<Queue>) -> JoinHandle<usize> {
    let queue = Arc::clone(queue);
    thread::spawn(move || write(&queue, size.room))
}

fn join_all<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Caught a queue that rings for work before there is any, or for room or for its end not at all; one that
/// lets a caller in that was woken and finds no room; and a promise that rings nobody.
fn callers_who_wait_are_answered(size: Size) {
    let queue = queue(size);
    let writer = start_writer(size, &queue);
    join_all(start_callers(size, &queue, move |queue, caller| {
        for number in 0..size.jobs {
            let answer = must_push(queue, (caller, number)).wait();
            assert!(matches!(answer, Ok(name) if name == (caller, number)));
        }
    }));
    queue.close();
    assert_eq!(writer.join().unwrap(), size.callers * size.jobs);
}

/// Caught a waiter that keeps its first waker, one that looks for an answer and leaves its waker in two
/// steps, a promise that does not wake, and a queue that puts new jobs in front.
fn callers_who_poll_are_answered(size: Size) {
    let queue = queue(size);
    let writer = start_writer(size, &queue);
    join_all(start_callers(size, &queue, move |queue, caller| {
        // All in the queue before the first is asked for.
        let waiters: Vec<_> =
            (0..size.jobs).map(|number| must_push(queue, (caller, number))).collect();
        for (number, waiter) in waiters.into_iter().enumerate() {
            let answer = poll_with_changing_wakers(waiter);
            assert!(matches!(answer, Ok(name) if name == (caller, number)));
        }
    }));
    queue.close();
    assert_eq!(writer.join().unwrap(), size.callers * size.jobs);
}

/// Polls with a waker that wakes nobody, then with one that wakes this thread.
fn poll_with_changing_wakers(mut waiter: Waiter<Name>) -> Result<Name, Lost> {
    match waiter.poll(&Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => block_on(poll_fn(|context| waiter.poll(context))),
    }
}

/// Nobody takes anything out before they have come back. Caught a queue that tells them nothing when it is
/// closed, and one that takes in what it refuses.
fn closing_wakes_those_who_wait_for_room(size: Size) {
    let queue = queue(size);
    let callers = start_callers(size, &queue, move |queue, caller| {
        let pushed = (0..size.jobs).map(|number| push(queue, (caller, number)));
        pushed.filter_map(Result::ok).collect::<Vec<_>>()
    });
    queue.close();
    let inside: Vec<_> = join_all(callers).into_iter().flatten().collect();
    assert_eq!(write(&queue, size.room), inside.len());
    assert!(inside.into_iter().all(|waiter| waiter.wait().is_ok()), "who was let in is answered");
}

/// As the engine does: the jobs in hand are lost, those behind them are answered. Caught a promise that says
/// nothing when it is dropped.
fn a_lost_writer_leaves_nobody_waiting(size: Size) {
    let queue = queue(size);
    let writer = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let lost = queue.take(size.room).map_or(0, |jobs| jobs.len());
            queue.close();
            (lost, write(&queue, size.room))
        })
    };
    let callers = start_callers(size, &queue, move |queue, caller| {
        let (mut lost, mut answered) = (0, 0);
        for number in 0..size.jobs {
            match push(queue, (caller, number)).map(Waiter::wait) {
                Ok(Ok(name)) => {
                    assert_eq!(name, (caller, number));
                    answered += 1;
                }
                Ok(Err(Lost)) => lost += 1,
                Err(Closed) => {}
            }
        }
        (lost, answered)
    });
    let told = join_all(callers).into_iter();
    let told = told.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(told, writer.join().unwrap());
}

/// Before a poll and after one, on their own or as they are answered. Caught a queue that is closed and
/// keeps what it holds.
fn tickets_that_are_dropped_harm_nobody(size: Size) {
    let queue = queue(size);
    let writer = start_writer(size, &queue);
    join_all(start_callers(size, &queue, move |queue, caller| {
        for number in 0..size.jobs {
            let mut waiter = must_push(queue, (caller, number));
            if (caller + number).is_multiple_of(2) {
                let polled = waiter.poll(&Context::from_waker(Waker::noop()));
                assert!(!matches!(polled, std::task::Poll::Ready(Err(Lost))));
            }
        }
    }));
    queue.close();
    assert_eq!(writer.join().unwrap(), size.callers * size.jobs);
}

/// Wakers that are called by the writer come back to it with further commands, more than it has room
/// for. Caught a queue in which the writer waits for itself.
fn the_writer_has_room_for_its_own(size: Size) {
    let queue = queue(size);
    let writer = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let jobs = queue.take(size.room).unwrap_or_default();
            jobs.into_iter().for_each(Job::answer);
            let own: Vec<_> = (0..=size.room)
                .filter_map(|number| push(&queue, (usize::MAX, number)).ok())
                .collect();
            let mut count = 0;
            while let Some(jobs) = queue.take(usize::MAX) {
                count += jobs.len();
                jobs.into_iter().for_each(Job::answer);
            }
            assert!(own.into_iter().all(|waiter| waiter.wait().is_ok()));
            count
        })
    };
    join_all(start_callers(size, &queue, move |queue, caller| {
        for number in 0..size.jobs {
            assert!(must_push(queue, (caller, number)).wait().is_ok());
        }
    }));
    queue.close();
    assert!(writer.join().unwrap() >= size.callers * size.jobs - size.room);
}
