//! One caller, whether it is a thread or a task: what it asks next, and what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::workload::{self, Acknowledged, Asked, PRELOADED, Rows};
use crate::{Arguments, BATCH, Measured, Result, Stored};

pub(crate) struct Caller {
    requests: workload::Caller,
    until: Instant,
    latencies: Vec<Duration>,
}

impl Caller {
    /// The callers of a run; no two have the same requests.
    pub(crate) fn several(number: usize, arguments: &Arguments) -> Vec<Self> {
        let until = Instant::now() + arguments.duration;
        let there = Arc::new(Rows::after_warm_up(PRELOADED));
        let seeds = (1..=number).map(|nth| (arguments.round * 1_000 + nth) as u64);
        seeds
            .map(|seed| Self {
                requests: workload::Caller::new(seed, Arc::clone(&there)),
                until,
                latencies: Vec::new(),
            })
            .collect()
    }

    /// The next request, until the time is up.
    pub(crate) fn next(&mut self) -> Option<(Asked, Vec<u8>)> {
        (Instant::now() < self.until).then(|| self.requests.next())
    }

    /// The next batch, until the time is up.
    pub(crate) fn next_batch(&mut self) -> Option<(Vec<Asked>, Vec<Vec<u8>>)> {
        (Instant::now() < self.until).then(|| (0..BATCH).map(|_| self.requests.next()).unzip())
    }

    /// Notes the answer to a request.
    pub(crate) fn answered(&mut self, asked: Asked, id: i64, started: Instant) {
        self.answered_all(&[asked], &[id], started);
    }

    /// Notes the answers to a batch.
    pub(crate) fn answered_all(&mut self, asked: &[Asked], ids: &[i64], started: Instant) {
        self.latencies.push(started.elapsed());
        assert_eq!(asked.len(), ids.len(), "each request has an answer");
        for (&asked, &id) in asked.iter().zip(ids) {
            self.requests.note(asked, id);
        }
    }
}

/// A run that has ended.
pub(crate) struct Run {
    callers: Vec<Caller>,
    elapsed: Duration,
}

impl Run {
    pub(crate) fn ended(callers: Vec<Caller>, started: Instant) -> Self {
        Self { callers, elapsed: started.elapsed() }
    }

    /// Compares what is stored with what was acknowledged, and prints the line.
    pub(crate) fn report(
        self,
        peer: &str,
        arguments: &Arguments,
        stored: Vec<Stored>,
    ) -> Result<()> {
        let mut latencies = Vec::new();
        let mut acknowledged: Vec<Acknowledged> = Vec::new();
        // Only with one caller does nothing run while it makes requests and notes answers.
        let mut elapsed = self.elapsed;
        if let [only] = self.callers.as_slice() {
            elapsed = only.latencies.iter().sum();
        }
        for caller in self.callers {
            latencies.extend(caller.latencies);
            acknowledged.push(caller.requests.into_acknowledged());
        }
        let mut rows = Rows::after_warm_up(PRELOADED);
        rows.apply(acknowledged.iter());
        rows.check(stored);
        if latencies.is_empty() {
            return Err("nothing was answered".into());
        }
        let requests = acknowledged.iter().map(Acknowledged::count).sum();
        Measured::new(peer, arguments, requests, elapsed, latencies).print()
    }
}
