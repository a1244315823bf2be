//! The work of a process: threads that add and update in every way there is, and tell what became of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use opportunity_engine::{
    Batch, BatchError, Durability, Engine, Error, OpportunityId, Options, Outcome, Ticket, VenueId,
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
    /// Whether it has a history kept from now on. If not, what the file says stays.
    pub(crate) history: bool,
    /// What it asks in place of random calls, as soon as it is told to go.
    pub(crate) script: Vec<Call>,
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
            history: false,
            script: Vec::new(),
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
        let options = Engine::options()
            .durability(durability)
            .busy_timeout(self.busy_timeout)
            .log_cap_bytes(self.log_cap_bytes)
            .cache_bytes(self.cache_bytes);
        if self.history { options.history(true) } else { options }
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
        let worker = |number| {
            let random = Rng::with_seed(self.seed * THREADS + number);
            Worker { engine: &engine, shared: &shared, random }
        };
        if self.script.is_empty() {
            thread::scope(|scope| {
                for number in 0..THREADS {
                    let mut worker = worker(number);
                    scope.spawn(move || (0..self.calls).for_each(|_| worker.call()));
                }
            });
        } else {
            wait_for(&go(&self.path));
            worker(0).follow(&self.script);
        }
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

/// The file that tells those who follow a script on a database that they may go.
pub(crate) fn go(path: &Path) -> PathBuf {
    path.with_extension("go")
}

fn wait_for(file: &Path) {
    let started = Instant::now();
    while !file.exists() {
        assert!(started.elapsed() < PATIENCE, "nobody says go");
        thread::yield_now();
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

    /// Submits some requests, each without waiting for those before it; twice if it has a key.
    fn one_by_one(&mut self, count: usize) {
        let submitted: Vec<_> = (0..count)
            .map(|_| {
                let command = self.command();
                Line::Asked(Call { all_or_nothing: false, commands: vec![command] }).tell();
                let times = if command.token.key().is_some() { 2 } else { 1 };
                let tickets: Vec<_> =
                    (0..times).map(|_| self.engine.submit(command.request())).collect();
                (command, tickets)
            })
            .collect();
        for (command, tickets) in submitted {
            let answers = tickets.into_iter().map(|ticket| answer(ticket.and_then(Ticket::wait)));
            // Both in one line: of one answer nobody could tell whether the other was still to come.
            self.tell(answers.map(|answer| (command, answer)).collect());
        }
    }

    /// Asks what others ask at the same time. It is known what that is, so only the answers are told.
    fn follow(&self, script: &[Call]) {
        for call in script {
            let batch = if call.all_or_nothing { Batch::AllOrNothing } else { Batch::EachOnItsOwn };
            self.ask(&call.commands, batch);
        }
    }

    fn batch(&mut self, batch: Batch) {
        let count = if self.random.u32(0..10) == 0 { 150 } else { self.random.usize(2..12) };
        let commands: Vec<_> = (0..count).map(|_| self.command()).collect();
        let all_or_nothing = batch == Batch::AllOrNothing;
        Line::Asked(Call { all_or_nothing, commands: commands.clone() }).tell();
        self.ask(&commands, batch);
    }

    fn ask(&self, commands: &[Command], batch: Batch) {
        let requests = commands.iter().map(Command::request);
        let answers = match self.engine.add_or_update_all(requests, batch) {
            Ok(answers) => answers.into_iter().map(answer).collect(),
            Err(error) => vec![answer_to_all(&error); commands.len()],
        };
        assert_eq!(commands.len(), answers.len());
        self.tell(commands.iter().copied().zip(answers).collect());
    }

    fn tell(&self, answers: Vec<(Command, Answer)>) {
        let told = answers.iter().map(|(command, answer)| (command.token, answer.clone()));
        Line::Answered(told.collect()).tell();
        let mut known = self.shared.known();
        for (command, answer) in answers {
            if let (None, Answer::Done { id, .. }) = (command.id, answer) {
                let added = (id, command.venue);
                // The second answer to a command that was sent twice tells of the same.
                if known.last() != Some(&added) {
                    known.push(added);
                }
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

/// What is told of an answer.
pub(crate) fn answer(result: Result<Outcome, Error>) -> Answer {
    match result {
        Ok(Outcome::Added { id, version } | Outcome::Updated { id, version }) => {
            Answer::Done { id, version: version.get() }
        }
        Ok(Outcome::Unchanged { .. }) => Answer::Unchanged,
        Ok(other) => panic!("{other:?}"),
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
