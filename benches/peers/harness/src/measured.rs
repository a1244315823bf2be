use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Arguments;

/// What one run of a peer came to: the line that it prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub peer: String,
    pub mode: String,
    pub round: usize,
    pub per_s: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Measured {
    pub(crate) fn new(
        peer: &str,
        arguments: &Arguments,
        requests: usize,
        elapsed: Duration,
        mut latencies: Vec<Duration>,
    ) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        let micros = |latency: Duration| (latency.as_secs_f64() * 1e7).round() / 10.0;
        Self {
            peer: peer.to_owned(),
            mode: arguments.mode.to_string(),
            round: arguments.round,
            per_s: (requests as f64 / elapsed.as_secs_f64()).round(),
            p50_us: micros(at(50)),
            p99_us: micros(at(99)),
        }
    }

    pub(crate) fn print(&self) -> crate::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}
