//! Draws what the benchmarks have measured.
//!
//! ```sh
//! cargo run --release -p plots -- [--throughput throughput.jsonl] [--peers peers.jsonl] [--out FOLDER]
//! ```
//!
//! Draws the pictures that there are lines for, into the current folder if not told otherwise.

use std::fs;
use std::path::PathBuf;

use crate::lines::{PeerLine, ThroughputLine};

mod curve;
mod growth;
mod line_chart;
mod lines;
mod ratios;
mod style;

/// Whatever fails ends the program.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let mut measured: Vec<ThroughputLine> = Vec::new();
    let mut compared: Vec<PeerLine> = Vec::new();
    let mut out = PathBuf::from(".");
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        let value = given.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--throughput" => measured.extend(lines::read(&value)?),
            "--peers" => compared.extend(lines::read(&value)?),
            "--out" => out = value.into(),
            _ => return Err(format!("there is no option {option}").into()),
        }
    }
    fs::create_dir_all(&out)?;
    ratios::draw(&compared, &out.join("ratios.svg"))?;
    curve::draw(&measured, &out.join("curve.svg"))?;
    growth::draw(&measured, &out.join("growth.svg"))
}
