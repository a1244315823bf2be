//! What runs came to, and how the engine compares with the baseline.

use std::time::Duration;

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Measured {
    requests: usize,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    commits: Option<u64>,
    bytes_per_row: Option<f64>,
}

impl Measured {
    pub(crate) fn new(requests: usize, elapsed: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        Self {
            requests,
            per_second: requests as f64 / elapsed.as_secs_f64(),
            p50: at(50),
            p99: at(99),
            commits: None,
            bytes_per_row: None,
        }
    }

    pub(crate) const fn with_commits(mut self, commits: Option<u64>) -> Self {
        self.commits = commits;
        self
    }

    pub(crate) const fn with_bytes_per_row(mut self, bytes: f64) -> Self {
        self.bytes_per_row = Some(bytes);
        self
    }

    fn mean_group(&self) -> Option<f64> {
        Some(self.requests as f64 / self.commits? as f64)
    }
}

/// The least, the median and the most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` if there are no values.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        // Of an even number of values it lies between the two in the middle.
        let middle = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { min, median: f64::midpoint(middle.0, middle.1), max })
    }
}

/// The runs of one thing.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<Measured>);

impl Rounds {
    pub(crate) fn per_second(&self) -> Option<f64> {
        self.median(|round| Some(round.per_second))
    }

    pub(crate) fn p50_micros(&self) -> Option<f64> {
        self.median(|round| Some(round.p50.as_secs_f64() * 1e6))
    }

    pub(crate) fn p99_micros(&self) -> Option<f64> {
        self.median(|round| Some(round.p99.as_secs_f64() * 1e6))
    }

    pub(crate) fn commits(&self) -> Option<f64> {
        self.median(|round| Some(round.commits? as f64))
    }

    pub(crate) fn mean_group(&self) -> Option<f64> {
        self.median(Measured::mean_group)
    }

    pub(crate) fn bytes_per_row(&self) -> Option<f64> {
        self.median(|round| round.bytes_per_row)
    }

    fn median(&self, value: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        Some(Spread::of(self.0.iter().filter_map(value))?.median)
    }
}

/// Rounds of the engine, and those of what it is compared with, if it is.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) engine: Rounds,
    pub(crate) baseline: Rounds,
}

impl Comparison {
    pub(crate) fn add(&mut self, baseline: Option<Measured>, engine: Measured) {
        self.baseline.0.extend(baseline);
        self.engine.0.push(engine);
    }

    /// How many times as many requests the engine carries out, round by round.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        let rounds = self.engine.0.iter().zip(&self.baseline.0);
        Spread::of(rounds.map(|(engine, baseline)| engine.per_second / baseline.per_second))
    }
}
