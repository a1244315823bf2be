//! The lines that the benchmarks print.

use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Result;

/// A line of the crate's own benchmark. What a mode does not measure is missing.
#[derive(Debug, Deserialize)]
pub(crate) struct ThroughputLine {
    pub(crate) mode: String,
    /// In `growth`: the mode that was run on the table.
    pub(crate) of: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) callers: Option<u64>,
    pub(crate) engine_per_s: Option<f64>,
    pub(crate) baseline_per_s: Option<f64>,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) baseline_p50_us: Option<f64>,
    pub(crate) baseline_p99_us: Option<f64>,
}

/// A line of the comparison with other libraries.
#[derive(Debug, Deserialize)]
pub(crate) struct PeerLine {
    pub(crate) mode: String,
    pub(crate) peer: String,
    pub(crate) ratio: f64,
    pub(crate) ratio_min: f64,
    pub(crate) ratio_max: f64,
}

pub(crate) fn read<T: DeserializeOwned>(path: &str) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| {
        serde_json::from_str(line).map_err(|error| format!("{path}: {error} in {line}").into())
    });
    lines.collect()
}
