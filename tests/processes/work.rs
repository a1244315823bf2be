//! The work of a process: threads that add and update in every way there is, and tell what became of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use opportunity_engine::{
    Batch, BatchError, Durability, Engine, Error, OpportunityId, Options, Outcome, VenueId,
};
use serde::{Deserialize, Serialize};

use super::content::{Command, Token};
use super::record::{Answer, Call, Line, kind, kind_of_open_error};

/// The environment variable that holds the job of a process.
pub(crate) const JOB: &str = "OPPORTUNITY_JOB";

const THREADS: u64 = 3;

/// The venues whose opportunities are added and updated: 1, 2, 3 …
pub(crate) const VENUES: i64 = 5;

/// How many of the oldest opportunities get half of all updates, so that commands meet.
const SHARED: usize = 8;

/// How long a process goes on trying to open and to list what others keep busy, beyond the busy timeout.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) path: PathBuf,
    /// Its number: no two processes on one database have the same.
    pub(crate) process: u32,
    pub(crate) seed: u64,
    /// How many calls each of its threads makes before it closes the engine and ends.
    pub(crate) calls: usize,
    pub(crate) synced: Synced,
    pub(crate) busy_timeout: Duration,
    pub(crate) log_cap_bytes: u64,
    pub(crate) cache_bytes: usize,
}

/// The durability, by a name that can be told to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Synced {
    Full,
    Normal,
    Off,
}

impl Job {
    /// A job with the defaults of the engine.
    pub(crate) fn new(path: PathBuf, process: u32, seed: u64) -> Self {
        Self {
            path,
            process,
            seed,
            calls: 10,
            synced: Synced::Full,
            busy_timeout: Duration::from_secs(5),
            log_cap_bytes: 256 << 20,
            cache_bytes: 32 << 20,
        }
    }

    /// The job of this process, if it was given one.
    pub(crate) fn of_this_process() -> Option<Self> {
        let job = std::env::var(JOB).ok()?;
        Some(serde_json::from_str(&job).unwrap())
    }

    fn options(&self) -> Options {
        let durability = match self.synced {
            Synced::Full => Durability::Full,
            Synced::Normal => Durability::Normal,
            Synced::Off => Durability::Off,
        };
        Engine::options()
            .durability(durability)
            .busy_timeout(self.busy_timeout)
            .log_cap_bytes(self.log_cap_bytes)
            .cache_bytes(self.cache_bytes)
    }

    /// Does it, and tells of it.
    pub(crate) fn run(&self) {
        // The test harness has begun a line.
        println!();
        let engine = match patiently(|| self.options().open(&self.path), kind_of_open_error) {
            Ok(engine) => engine,
            Err(error) => return Line::NotOpened(kind_of_open_error(&error)).tell(),
        };
        Line::Opened.tell();
        let shared = Shared {
            known: Mutex::new(oldest(&engine)),
            process: self.process,
            serial: AtomicU32::new(0),
        };
        thread::scope(|scope| {
            for number in 0..THREADS {
                let random = Rng::with_seed(self.seed * THREADS + number);
                let mut worker = Worker { engine: &engine, shared: &shared, random };
                scope.spawn(move || (0..self.calls).for_each(|_| worker.call()));
            }
        });
        Line::Closing.tell();
        Line::Closed(engine.close().err().as_ref().map(kind)).tell();
    }
}

/// Tries again while others keep the database busy.
fn patiently<T, E>(
    attempt: impl Fn() -> Result<T, E>,
    kind: impl Fn(&E) -> String,
) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(error) if kind(&error) == "Busy" && started.elapsed() < PATIENCE => {}
            result => return result,
        }
    }
}

/// The oldest opportunities of each venue, the oldest first.
fn oldest(engine: &Engine) -> Vec<(OpportunityId, VenueId)> {
    let venues = (1..=VENUES).map(|number| VenueId::new(number).unwrap());
    let mut oldest: Vec<_> = venues
        .flat_map(|venue| {
            let ids = patiently(|| engine.ids(venue, None, 100), kind).unwrap();
            ids.into_iter().map(move |id| (id, venue))
        })
        .collect();
    oldest.sort_unstable();
    oldest
}

struct Shared {
    /// Opportunities that are there to be updated.
    known: Mutex<Vec<(OpportunityId, VenueId)>>,
    process: u32,
    serial: AtomicU32,
}

/// One thread.
struct Worker<'w> {
    engine: &'w Engine,
    shared: &'w Shared,
    random: Rng,
}

impl Worker<'_> {
    fn call(&mut self) {
        match self.random.u32(0..10) {
            0..4 => self.one_by_one(1),
            4..6 => self.one_by_one(7),
            6..8 => self.batch(Batch::EachOnItsOwn),
            _ => self.batch(Batch::AllOrNothing),
        }
    }

    /// Submits some requests, each without waiting for those before it.
    fn one_by_one(&mut self, count: usize) {
        let tickets: Vec<_> = (0..count)
            .map(|_| {
                let command = self.command();
                Line::Asked(Call { all_or_nothing: false, commands: vec![command] }).tell();
                (command, self.engine.submit(command.request()))
            })
            .collect();
        for (command, ticket) in tickets {
            let answer = answer(ticket.and_then(opportunity_engine::Ticket::wait));
            self.tell(&[command], vec![answer]);
        }
    }

    fn batch(&mut self, batch: Batch) {
        let count = if self.random.u32(0..10) == 0 { 150 } else { self.random.usize(2..12) };
        let commands: Vec<_> = (0..count).map(|_| self.command()).collect();
        let all_or_nothing = batch == Batch::AllOrNothing;
        Line::Asked(Call { all_or_nothing, commands: commands.clone() }).tell();
        let requests = commands.iter().map(Command::request);
        let answers = match self.engine.add_or_update_all(requests, batch) {
            Ok(answers) => answers.into_iter().map(answer).collect(),
            Err(error) => vec![answer_to_all(&error); count],
        };
        self.tell(&commands, answers);
    }

    fn tell(&self, commands: &[Command], answers: Vec<Answer>) {
        assert_eq!(commands.len(), answers.len());
        let tokens = commands.iter().map(|command| command.token);
        let told: Vec<_> = tokens.zip(answers).collect();
        Line::Answered(told.clone()).tell();
        for (command, (_, answer)) in commands.iter().zip(told) {
            if let (None, Answer::Done { id, .. }) = (command.id, answer) {
                self.shared.known().push((id, command.venue));
            }
        }
    }

    /// An add or an update; one in fifty is refused, with all of its batch.
    fn command(&mut self) -> Command {
        let serial = self.shared.serial.fetch_add(1, Ordering::Relaxed);
        let token = Token::new(self.shared.process, serial);
        if self.random.bool()
            && let Some((id, venue)) = self.target()
        {
            let is_refused = self.random.u32(0..50) == 0;
            let venue = if is_refused { VenueId::new(VENUES + 1).unwrap() } else { venue };
            return Command { token, venue, id: Some(id) };
        }
        let venue = VenueId::new(self.random.i64(1..=VENUES)).unwrap();
        Command { token, venue, id: None }
    }

    fn target(&mut self) -> Option<(OpportunityId, VenueId)> {
        let is_shared = self.random.bool();
        let known = self.shared.known();
        let end = if is_shared { known.len().min(SHARED) } else { known.len() };
        (end > 0).then(|| known[self.random.usize(..end)])
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Vec<(OpportunityId, VenueId)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(result: Result<Outcome, Error>) -> Answer {
    match result {
        Ok(Outcome::Added { id, version } | Outcome::Updated { id, version }) => {
            Answer::Done { id, version: version.get() }
        }
        Ok(other) => panic!("every command changes something: {other:?}"),
        Err(Error::Rejected(_)) => Answer::Refused,
        Err(Error::Aborted(error)) => Answer::Aborted(kind(&error)),
        Err(Error::Unknown(error)) => Answer::Unknown(kind(&error)),
        Err(other) => panic!("{other}"),
    }
}

fn answer_to_all(error: &BatchError) -> Answer {
    match error {
        BatchError::Refused(_) => Answer::Refused,
        BatchError::Aborted(error) => Answer::Aborted(kind(error)),
        BatchError::Unknown(error) => Answer::Unknown(kind(error)),
        other => panic!("{other}"),
    }
}
