//! Builds the peers, runs them interleaved and compares them.
//!
//! ```sh
//! cargo run --release -- [--rounds N] [--seconds S] [--quick] [--costs] [--dir FOLDER] [--out FOLDER]
//! ```

use std::fs;
use std::io::Write;
use std::path::Path;

use peer_harness::{Mode, Result};
use serde::Serialize;

use crate::costs::Costs;
use crate::options::Options;
use crate::peer::{PEERS, Workshop};
use crate::report::Comparison;

mod costs;
mod options;
mod peer;
mod report;

fn main() -> Result<()> {
    let workshop = Workshop::new()?;
    let options = Options::parse(&workshop)?;
    for peer in &PEERS {
        eprintln!("building {}", peer.name);
        workshop.build(peer)?;
    }
    let mut compared = Vec::new();
    for mode in Mode::ALL {
        compared.extend(compare(&workshop, &options, mode)?);
    }
    let costs: Vec<Costs> = match options.costs {
        true => PEERS.iter().map(|peer| Costs::measure(&workshop, peer)).collect::<Result<_>>()?,
        false => Vec::new(),
    };
    let tables = report::markdown(&options, &compared, &costs);
    print!("{tables}");
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("peers.md"), tables)?;
        write_lines(&folder.join("peers.jsonl"), &compared)?;
        if options.costs {
            write_lines(&folder.join("costs.jsonl"), &costs)?;
        }
    }
    Ok(())
}

/// Runs one mode: in each round every peer once, so that whatever else the machine does hits all.
fn compare(workshop: &Workshop, options: &Options, mode: Mode) -> Result<Vec<Comparison>> {
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        eprintln!("mode {mode}, round {}", round + 1);
        let peers = PEERS.iter().filter(|peer| peer.supports(mode));
        let runs = peers.map(|peer| workshop.run(peer, mode, round, options));
        rounds.push(runs.collect::<Result<Vec<_>>>()?);
    }
    Ok(Comparison::of_rounds(&rounds))
}

fn write_lines(path: &Path, lines: &[impl Serialize]) -> Result<()> {
    let mut file = fs::File::create(path)?;
    for line in lines {
        writeln!(file, "{}", serde_json::to_string(line)?)?;
    }
    Ok(())
}
