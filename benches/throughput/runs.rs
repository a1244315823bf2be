//! The modes, run on the engine and on the baseline.

use std::collections::VecDeque;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::{Batch, Engine, Reply};
use rusqlite::Connection;

use crate::baseline::Baseline;
use crate::report::Measured;
use crate::workload::{Acknowledged, Asked, Caller, warm_up};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    OneCaller,
    ManyCallers,
    InFlight,
    Batches,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Quick,
    Full,
}

/// How many requests are in flight in that mode, on each of its threads.
const IN_FLIGHT: usize = 500;

/// How many requests are in a batch.
const BATCH: usize = 1_000;

impl Mode {
    pub(crate) const ALL: [Self; 4] =
        [Self::OneCaller, Self::ManyCallers, Self::InFlight, Self::Batches];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneCaller => "A",
            Self::ManyCallers => "B",
            Self::InFlight => "C",
            Self::Batches => "D",
        }
    }

    const fn threads(self) -> usize {
        match self {
            Self::OneCaller | Self::Batches => 1,
            Self::ManyCallers => 64,
            Self::InFlight => 2,
        }
    }

    /// How long a run takes.
    const fn duration(size: Size) -> Duration {
        match size {
            Size::Quick => Duration::from_millis(700),
            Size::Full => Duration::from_secs(4),
        }
    }
}

pub(crate) fn baseline(mode: Mode, size: Size, folder: &Path, round: usize) -> Measured {
    let baseline = Baseline::open(&folder.join("baseline.db"));
    for batch in warm_up() {
        baseline.add_or_update_all(&batch);
    }
    let (acknowledged, measured) = run(mode, size, round, |caller, until| match mode {
        Mode::Batches => batches(caller, until, |bodies| baseline.add_or_update_all(&bodies)),
        _ => one_at_a_time(caller, until, |body| baseline.add_or_update(&body)),
    });
    acknowledged.check(stored(&baseline.close()));
    measured
}

pub(crate) fn engine(mode: Mode, size: Size, folder: &Path, round: usize) -> Measured {
    let path = folder.join("engine.db");
    let engine = Engine::open(&path).expect("it can be created");
    for batch in warm_up() {
        send_all(&engine, &batch);
    }
    let (acknowledged, measured) = run(mode, size, round, |caller, until| match mode {
        Mode::Batches => batches(caller, until, |bodies| send_all(&engine, &bodies)),
        Mode::InFlight => in_flight(caller, until, &engine),
        _ => one_at_a_time(caller, until, |body| id_of(&engine.add_or_update_json(&body))),
    });
    engine.close().expect("it can be closed");
    acknowledged.check(stored(&Connection::open(&path).expect("it is there")));
    measured
}

/// Id, venue and version of every row.
fn stored(connection: &Connection) -> Vec<(i64, i64, i64)> {
    let mut statement = connection
        .prepare("SELECT id, venue_id, version FROM opportunity")
        .expect("there is a table");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("it can be read")
}

fn send_all(engine: &Engine, bodies: &[Vec<u8>]) -> Vec<i64> {
    let requests = bodies.iter().map(|body| engine.decode(body));
    engine.reply_to_all(requests, Batch::EachOnItsOwn).iter().map(id_of).collect()
}

fn id_of(reply: &Reply) -> i64 {
    reply.result().expect("no request breaks a rule").id().get()
}

/// What one thread has done: what was acknowledged, and how long each took.
type Done = (Acknowledged, Vec<Duration>);

/// Runs a caller on each thread of the mode until the time is up.
fn run(
    mode: Mode,
    size: Size,
    round: usize,
    caller: impl Fn(Caller, Instant) -> Done + Sync,
) -> (Acknowledged, Measured) {
    let started = Instant::now();
    let until = started + Mode::duration(size);
    let done: Vec<Done> = thread::scope(|scope| {
        let threads: Vec<_> = (0..mode.threads())
            .map(|number| {
                let (caller, seed) = (&caller, (round * 1_000 + number + 1) as u64);
                scope.spawn(move || caller(Caller::new(seed), until))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no caller panics")).collect()
    });
    let elapsed = started.elapsed();
    let mut acknowledged = Acknowledged::default();
    let mut latencies = Vec::new();
    for (of_thread, took) in done {
        acknowledged = acknowledged.merge(of_thread);
        latencies.extend(took);
    }
    let measured = Measured::new(acknowledged.len(), elapsed, latencies);
    (acknowledged, measured)
}

fn one_at_a_time(mut caller: Caller, until: Instant, send: impl Fn(Vec<u8>) -> i64) -> Done {
    let mut done = Done::default();
    while Instant::now() < until {
        let (asked, body) = caller.next();
        let started = Instant::now();
        let id = send(body);
        done.1.push(started.elapsed());
        done.0.note(asked, id);
        caller.acknowledge(asked, id);
    }
    done
}

fn in_flight(mut caller: Caller, until: Instant, engine: &Engine) -> Done {
    let mut done = Done::default();
    let mut tickets = VecDeque::with_capacity(IN_FLIGHT);
    loop {
        while tickets.len() < IN_FLIGHT && Instant::now() < until {
            let (asked, body) = caller.next();
            tickets.push_back((asked, Instant::now(), engine.submit_json(&body)));
        }
        let Some((asked, started, ticket)) = tickets.pop_front() else { return done };
        let id = id_of(&ticket.wait());
        done.1.push(started.elapsed());
        done.0.note(asked, id);
        caller.acknowledge(asked, id);
    }
}

fn batches(mut caller: Caller, until: Instant, send: impl Fn(Vec<Vec<u8>>) -> Vec<i64>) -> Done {
    let mut done = Done::default();
    while Instant::now() < until {
        let (asked, bodies): (Vec<Asked>, Vec<_>) = (0..BATCH).map(|_| caller.next()).unzip();
        let started = Instant::now();
        let ids = send(bodies);
        done.1.push(started.elapsed());
        for (asked, id) in asked.into_iter().zip(ids) {
            done.0.note(asked, id);
            caller.acknowledge(asked, id);
        }
    }
    done
}
