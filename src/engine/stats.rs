//! How it is going, in numbers: what becomes of requests, how full groups are, how long things take.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::Engine;
use super::error::{BatchError, Error};
use super::histogram::{Distribution, Histogram};
use super::job::{Answer, BatchAnswer, Job};
use crate::domain::{Code, Outcome};

/// How it is going, in numbers, since the engine was opened. See [`Engine::stats`].
///
/// Times are in microseconds, and those of the system's monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stats {
    /// What became of requests.
    pub outcomes: OutcomeCounts,
    /// How many commands wait for the writer now.
    pub queued_commands: usize,
    /// How many bytes those hold.
    pub queued_bytes: usize,
    /// How many commands there were in each group that was committed; requests of a batch that were refused before are
    /// none. Few while there are many callers: the disk is faster than they are.
    pub group_commands: Distribution,
    /// How long each of those commits took, its sync included. A group that changes nothing, because all of its
    /// commands are refused or say what is there already, has nothing to sync, and counts with some microseconds.
    pub commit_micros: Distribution,
    /// How long callers waited: for each command that was queued, the time until its answer was given out, with
    /// the wait for room in the queue.
    pub answer_micros: Distribution,
}

/// What became of requests, each of which counts once: as what its caller is told.
///
/// In an all-or-nothing batch with refusals the other requests are aborted. A repeat under an
/// [`idempotency_key`](crate::Request::idempotency_key) counts as what it is answered. What
/// [`Engine::decode`] refuses counts once it is replied to: see [`Engine::reply_to`],
/// [`Engine::try_reply_to`] and [`Engine::reply_to_all`]. What [`Engine::try_submit`] hands back, [`Engine::check`] forecasts or
/// [`Engine::import`] brings does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OutcomeCounts {
    /// [`Outcome::Added`].
    pub added: u64,
    /// [`Outcome::Updated`].
    pub updated: u64,
    /// [`Outcome::Unchanged`].
    pub unchanged: u64,
    /// [`Error::Rejected`], by code.
    pub refused: RefusalCounts,
    /// [`Error::Aborted`].
    pub aborted: u64,
    /// [`Error::Unknown`].
    pub unknown: u64,
}

/// How many requests were refused, by code. Its serialised form is a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusalCounts([u64; Code::ALL.len()]);

impl RefusalCounts {
    /// With this code.
    #[must_use]
    pub const fn of(&self, code: Code) -> u64 {
        self.0[code as usize]
    }

    /// With whatever code.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Serialize for RefusalCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Code::ALL.map(|code| (code, self.of(code))))
    }
}

impl OutcomeCounts {
    /// How many requests were answered.
    #[must_use]
    pub fn total(&self) -> u64 {
        let done = self.added + self.updated + self.unchanged;
        done + self.refused.total() + self.aborted + self.unknown
    }

    /// Those of jobs that hold their answers.
    pub(super) fn of(jobs: &[Job]) -> Self {
        let mut counts = Self::default();
        jobs.iter().for_each(|job| job.count(&mut counts));
        counts
    }

    pub(super) fn count(&mut self, answer: &Answer) {
        match answer {
            Ok(outcome) => self.count_outcome(outcome),
            Err(error) => self.count_error(error),
        }
    }

    /// Counts each of the commands of an all-or-nothing batch.
    pub(super) fn count_all(&mut self, answer: &BatchAnswer, commands: usize) {
        match answer {
            Ok(outcomes) => outcomes.iter().for_each(|outcome| self.count_outcome(outcome)),
            Err(BatchError::Refused(refused)) => {
                refused.iter().for_each(|(_, rejection)| self.count_refusal(rejection.code()));
                self.aborted += (commands - refused.len()) as u64;
            }
            Err(BatchError::Aborted(_)) => self.aborted += commands as u64,
            Err(BatchError::Unknown(_)) => self.unknown += commands as u64,
        }
    }

    const fn count_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Added { .. } => self.added += 1,
            Outcome::Updated { .. } => self.updated += 1,
            Outcome::Unchanged { .. } => self.unchanged += 1,
        }
    }

    pub(super) const fn count_error(&mut self, error: &Error) {
        match error {
            Error::Rejected(rejection) => self.count_refusal(rejection.code()),
            Error::Aborted(_) => self.aborted += 1,
            Error::Unknown(_) => self.unknown += 1,
        }
    }

    const fn count_refusal(&mut self, code: Code) {
        self.refused.0[code as usize] += 1;
    }
}

impl Engine {
    /// How it is going, in numbers: what became of requests, how full groups are, how long commits and answers
    /// take. [`Engine::health`] tells whether it can go on.
    ///
    /// They are of this engine alone, not of others that have the database open, and begin anew when it is
    /// opened. They are always counted, for which the clock is read once for each request. Whoever has an answer
    /// finds it counted. While others go on, the numbers need not be of one moment.
    ///
    /// ```
    /// use opportunity_engine::{Code, Engine, Request, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let lead = Request::add(VenueId::new(107)?).name("Lead").contact_id(918).type_id(18).source_id(25);
    /// assert!(engine.add_or_update(lead.clone()).is_err());
    /// engine.add_or_update(lead.stage_id(69))?;
    ///
    /// let stats = engine.stats();
    /// assert_eq!(stats.outcomes.added, 1);
    /// assert_eq!(stats.outcomes.refused.of(Code::Invalid), 1);
    /// assert_eq!(stats.commit_micros.count, 1);
    /// assert!(stats.answer_micros.max >= stats.commit_micros.max);
    /// println!("{}", serde_json::to_string(&stats)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let statistics = &self.shared.statistics;
        let (queued_commands, queued_bytes) = self.shared.queue.waiting();
        Stats {
            outcomes: statistics.outcomes.counts(),
            queued_commands,
            queued_bytes,
            group_commands: statistics.group_commands.distribution(),
            commit_micros: statistics.commit_micros.distribution(),
            answer_micros: statistics.answer_micros.distribution(),
        }
    }
}

/// Where the threads of an engine count.
#[derive(Debug)]
pub(super) struct Statistics {
    outcomes: Counters,
    group_commands: Histogram,
    commit_micros: Histogram,
    answer_micros: Histogram,
}

impl Statistics {
    pub(super) fn new() -> Self {
        Self {
            outcomes: Counters::default(),
            group_commands: Histogram::new(),
            commit_micros: Histogram::new(),
            answer_micros: Histogram::new(),
        }
    }

    pub(super) fn note_commit(&self, commands: usize, took: Duration) {
        self.group_commands.record(commands as u64, 1);
        self.commit_micros.record(micros(took), 1);
    }

    /// Notes jobs that are about to be given their answers. The clock is read once for all of them.
    pub(super) fn note_answers(&self, jobs: &[Job]) {
        let now = Instant::now();
        for job in jobs {
            let waited = now.saturating_duration_since(job.submitted());
            self.answer_micros.record(micros(waited), job.len());
        }
        self.note_outcomes(&OutcomeCounts::of(jobs));
    }

    pub(super) fn note_outcomes(&self, counts: &OutcomeCounts) {
        self.outcomes.add(counts);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Outcomes as several threads count them.
#[derive(Debug, Default)]
struct Counters {
    added: AtomicU64,
    updated: AtomicU64,
    unchanged: AtomicU64,
    refused: [AtomicU64; Code::ALL.len()],
    aborted: AtomicU64,
    unknown: AtomicU64,
}

impl Counters {
    fn add(&self, counts: &OutcomeCounts) {
        let OutcomeCounts { added, updated, unchanged, refused, aborted, unknown } = *counts;
        let add = |counter: &AtomicU64, count: u64| {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        };
        add(&self.added, added);
        add(&self.updated, updated);
        add(&self.unchanged, unchanged);
        self.refused.iter().zip(refused.0).for_each(|(counter, count)| add(counter, count));
        add(&self.aborted, aborted);
        add(&self.unknown, unknown);
    }

    fn counts(&self) -> OutcomeCounts {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        OutcomeCounts {
            added: count(&self.added),
            updated: count(&self.updated),
            unchanged: count(&self.unchanged),
            refused: RefusalCounts(self.refused.each_ref().map(count)),
            aborted: count(&self.aborted),
            unknown: count(&self.unknown),
        }
    }
}
