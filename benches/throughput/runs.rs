//! One run: callers that send requests until they have sent enough or the time is up.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::Engine;
use tokio::runtime;

use crate::measured::Measured;
use crate::subject::{Subject, id_of};
use crate::workload::{Acknowledged, Caller, Rows};

/// How requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Each caller is a thread that waits for each answer.
    OneAtATime { callers: usize },
    /// 1,000 requests in flight, as each caller is a task, of a runtime with two workers. What
    /// blocks the thread that calls it has only two in flight: a worker that waits carries no other
    /// task, so two threads are what two workers are to it.
    InFlight,
    /// One caller that sends batches.
    Batches,
}

/// How many requests are in a batch.
pub(crate) const BATCH: usize = 1_000;

/// How many requests are in flight.
const TASKS: usize = 1_000;

/// How many threads carry them.
const WORKERS: usize = 2;

/// When a run ends: when so much time has passed or each caller has sent its part of the requests,
/// whichever is first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) duration: Duration,
    pub(crate) requests: usize,
}

impl Limit {
    pub(crate) const fn of_time(duration: Duration) -> Self {
        Self { duration, requests: usize::MAX }
    }
}

/// Runs once and brings `rows` up to date. No two runs on one database may have the same number.
pub(crate) fn run<S: Subject>(
    subject: &S,
    sending: Sending,
    rows: &mut Arc<Rows>,
    limit: Limit,
    number: usize,
) -> Measured {
    let callers = |count: usize| -> Vec<Running> {
        let seeds = (1..=count).map(|nth| (number * 1_024 + nth) as u64);
        let each = limit.requests.div_ceil(count);
        seeds.map(|seed| Running::new(Caller::new(seed, Arc::clone(rows)), each)).collect()
    };
    let commits = || subject.engine().map(|engine| engine.health().commits);
    let before = commits();
    let (ended, elapsed) = match (sending, subject.engine()) {
        (Sending::OneAtATime { callers: count }, _) => {
            on_threads(callers(count), limit.duration, |caller| caller.one_at_a_time(subject))
        }
        (Sending::InFlight, Some(engine)) => as_tasks(callers(TASKS), limit.duration, engine),
        (Sending::InFlight, None) => {
            on_threads(callers(WORKERS), limit.duration, |caller| caller.one_at_a_time(subject))
        }
        (Sending::Batches, _) => {
            on_threads(callers(1), limit.duration, |caller| caller.batches(subject))
        }
    };
    let made = commits().zip(before).map(|(after, before)| after - before);
    summary(ended, elapsed, rows).with_commits(made)
}

fn summary(ended: Vec<Running>, elapsed: Duration, rows: &mut Arc<Rows>) -> Measured {
    // A single caller makes its requests and notes its answers while nothing runs: that is the
    // harness's time. Among several the others' requests are carried out meanwhile.
    let elapsed = match ended.as_slice() {
        [only] => only.took.iter().sum(),
        _ => elapsed,
    };
    let mut latencies = Vec::new();
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    for running in ended {
        latencies.extend(running.took);
        acknowledged.push(running.caller.into_acknowledged());
    }
    let requests = acknowledged.iter().map(Acknowledged::count).sum();
    Arc::get_mut(rows).expect("no caller is left").apply(acknowledged.iter());
    Measured::new(requests, elapsed, latencies)
}

/// A caller, and how it is getting on.
struct Running {
    caller: Caller,
    until: Instant,
    /// How many more requests it may send.
    left: usize,
    /// How long each call took.
    took: Vec<Duration>,
}

impl Running {
    fn new(caller: Caller, requests: usize) -> Self {
        Self { caller, until: Instant::now(), left: requests, took: Vec::new() }
    }

    /// How many requests may be sent now, of those that are wanted.
    fn claim(&mut self, wanted: usize) -> usize {
        let claimed = if Instant::now() < self.until { wanted.min(self.left) } else { 0 };
        self.left -= claimed;
        claimed
    }

    fn one_at_a_time(&mut self, subject: &impl Subject) {
        while self.claim(1) == 1 {
            let (asked, body) = self.caller.next();
            let started = Instant::now();
            let id = subject.send(&body);
            self.took.push(started.elapsed());
            self.caller.note(asked, id);
        }
    }

    async fn one_at_a_time_awaited(&mut self, engine: &Engine) {
        while self.claim(1) == 1 {
            let (asked, body) = self.caller.next();
            let started = Instant::now();
            let reply = engine.submit_json(&body).await;
            self.took.push(started.elapsed());
            self.caller.note(asked, id_of(&reply));
        }
    }

    fn batches(&mut self, subject: &impl Subject) {
        loop {
            let size = self.claim(BATCH);
            if size == 0 {
                return;
            }
            let (asked, bodies): (Vec<_>, Vec<_>) = (0..size).map(|_| self.caller.next()).unzip();
            let started = Instant::now();
            let ids = subject.send_all(&bodies);
            self.took.push(started.elapsed());
            assert_eq!(ids.len(), size, "each request has an answer");
            for (asked, id) in asked.into_iter().zip(ids) {
                self.caller.note(asked, id);
            }
        }
    }
}

/// Gives each caller a thread. Tells how long it took until the last had ended.
fn on_threads(
    callers: Vec<Running>,
    duration: Duration,
    run: impl Fn(&mut Running) + Sync,
) -> (Vec<Running>, Duration) {
    let run = &run;
    let started = Instant::now();
    let ended = thread::scope(|scope| {
        let threads: Vec<_> = callers
            .into_iter()
            .map(|mut caller| {
                scope.spawn(move || {
                    caller.until = started + duration;
                    run(&mut caller);
                    caller
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no caller panics")).collect()
    });
    (ended, started.elapsed())
}

/// Makes a task of each caller.
fn as_tasks(
    callers: Vec<Running>,
    duration: Duration,
    engine: &Engine,
) -> (Vec<Running>, Duration) {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()
        .expect("there can be two more threads");
    let started = Instant::now();
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            let engine = engine.clone();
            caller.until = started + duration;
            runtime.spawn(async move {
                caller.one_at_a_time_awaited(&engine).await;
                caller
            })
        })
        .collect();
    let ended = runtime.block_on(async {
        let mut ended = Vec::with_capacity(tasks.len());
        for task in tasks {
            ended.push(task.await.expect("no caller panics"));
        }
        ended
    });
    (ended, started.elapsed())
}
