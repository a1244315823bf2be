//! One caller, whether it is a thread or a task: what it asks next, and what became of it.

use std::time::{Duration, Instant};

use crate::workload::{self, Acknowledged, Asked};
use crate::{Arguments, BATCH, Measured, Result, Stored};

pub(crate) struct Caller {
    requests: workload::Caller,
    until: Instant,
    acknowledged: Acknowledged,
    latencies: Vec<Duration>,
}

impl Caller {
    /// The callers of a run; no two have the same requests.
    pub(crate) fn several(number: usize, arguments: &Arguments) -> Vec<Self> {
        let until = Instant::now() + arguments.duration;
        let seeds = (1..=number).map(|nth| (arguments.round * 1_000 + nth) as u64);
        seeds
            .map(|seed| Self {
                requests: workload::Caller::new(seed),
                until,
                acknowledged: Acknowledged::default(),
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
            self.acknowledged.note(asked, id);
            self.requests.acknowledge(asked, id);
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
        let mut acknowledged = Acknowledged::default();
        let mut latencies = Vec::new();
        for caller in self.callers {
            acknowledged = acknowledged.merge(caller.acknowledged);
            latencies.extend(caller.latencies);
        }
        acknowledged.check(stored);
        if latencies.is_empty() {
            return Err("nothing was answered".into());
        }
        Measured::new(peer, arguments, acknowledged.len(), self.elapsed, latencies).print()
    }
}
