//! Medians over the rounds, for people and for programs.

use std::time::Duration;

use crate::runs::Mode;

/// What one run came to.
pub(crate) struct Measured {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Measured {
    pub(crate) fn new(requests: usize, elapsed: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        Self { per_second: requests as f64 / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

pub(crate) struct Report {
    mode: Mode,
    baseline: Vec<Measured>,
    engine: Vec<Measured>,
}

impl Report {
    pub(crate) const fn new(mode: Mode) -> Self {
        Self { mode, baseline: Vec::new(), engine: Vec::new() }
    }

    pub(crate) fn add(&mut self, baseline: Measured, engine: Measured) {
        self.baseline.push(baseline);
        self.engine.push(engine);
    }

    pub(crate) fn print_header(rounds: usize) {
        println!(
            "durability FULL, half adds over 1,000 venues, half updates; medians of {rounds} rounds"
        );
        println!(
            "mode  engine/s  baseline/s  ratio (min – max)      p50 µs  p99 µs  baseline p99 µs"
        );
    }

    pub(crate) fn print(&self) {
        let (least, ratio, most) = self.ratio();
        println!(
            "{:4}  {:8.0}  {:10.0}  {ratio:5.2} ({least:5.2} – {most:5.2})  {:8.0}  {:6.0}  {:15.0}",
            self.mode.name(),
            per_second(&self.engine),
            per_second(&self.baseline),
            micros(&self.engine, |it| it.p50),
            micros(&self.engine, |it| it.p99),
            micros(&self.baseline, |it| it.p99),
        );
    }

    pub(crate) fn print_json(&self) {
        let (least, ratio, most) = self.ratio();
        let line = serde_json::json!({
            "mode": self.mode.name(),
            "engine_per_s": per_second(&self.engine).round(),
            "baseline_per_s": per_second(&self.baseline).round(),
            "ratio": ratio,
            "ratio_min": least,
            "ratio_max": most,
            "p50_us": micros(&self.engine, |it| it.p50),
            "p99_us": micros(&self.engine, |it| it.p99),
            "baseline_p99_us": micros(&self.baseline, |it| it.p99),
        });
        println!("{line}");
    }

    /// The least, the median and the largest ratio of the rounds.
    fn ratio(&self) -> (f64, f64, f64) {
        let rounds = self.engine.iter().zip(&self.baseline);
        let ratios =
            sorted(rounds.map(|(engine, baseline)| engine.per_second / baseline.per_second));
        (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1])
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values[values.len() / 2]
}

fn per_second(rounds: &[Measured]) -> f64 {
    median(rounds.iter().map(|round| round.per_second))
}

fn micros(rounds: &[Measured], latency: impl Fn(&Measured) -> Duration) -> f64 {
    median(rounds.iter().map(|round| latency(round).as_secs_f64() * 1e6))
}
