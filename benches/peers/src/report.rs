//! Medians over the rounds, for programs and for people.

use std::fmt::Write;

use peer_harness::{Measured, Mode};
use serde::Serialize;

use crate::costs::Costs;
use crate::options::Options;
use crate::peer::{BASELINE, PEERS};

/// A peer in a mode.
#[derive(Serialize)]
pub(crate) struct Comparison {
    mode: String,
    peer: String,
    per_s: f64,
    /// To the baseline of the same round.
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
    p50_us: f64,
    p99_us: f64,
    rounds: usize,
}

impl Comparison {
    /// Compares the peers of one mode; each round has the same ones, the baseline first.
    pub(crate) fn of_rounds(rounds: &[Vec<Measured>]) -> Vec<Self> {
        (0..rounds[0].len()).map(|nth| Self::of_peer(rounds, nth)).collect()
    }

    fn of_peer(rounds: &[Vec<Measured>], nth: usize) -> Self {
        assert!(rounds.iter().all(|round| round[0].peer == BASELINE), "the baseline is first");
        let median_of = |value: fn(&Measured) -> f64| {
            median(&sorted(rounds.iter().map(|round| value(&round[nth]))))
        };
        let ratios = sorted(rounds.iter().map(|round| round[nth].per_s / round[0].per_s));
        Self {
            mode: rounds[0][nth].mode.clone(),
            peer: rounds[0][nth].peer.clone(),
            per_s: median_of(|run| run.per_s),
            ratio: to_hundredths(median(&ratios)),
            ratio_min: to_hundredths(ratios[0]),
            ratio_max: to_hundredths(ratios[ratios.len() - 1]),
            p50_us: median_of(|run| run.p50_us),
            p99_us: median_of(|run| run.p99_us),
            rounds: rounds.len(),
        }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn to_hundredths(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

pub(crate) fn markdown(options: &Options, compared: &[Comparison], costs: &[Costs]) -> String {
    let mut text = format!(
        "Requests per second, divided by those of the baseline in the same round; the median of {} \
         rounds of {} s (least – most).\n\n",
        options.rounds, options.seconds
    );
    text += &ratios(compared);
    if !costs.is_empty() {
        text += "\nWhat each brings: the distinct crates of `cargo tree -e normal,build`, without \
                 the peer itself and the harness of this benchmark; a clean release build; the \
                 stripped program.\n\n";
        text += &brought(costs);
    }
    text
}

fn ratios(compared: &[Comparison]) -> String {
    let mut table = String::from("| peer |");
    for mode in Mode::ALL {
        table += &format!(" {mode} |");
    }
    table += "\n|---|---|---|---|---|\n";
    for peer in &PEERS {
        table += &format!("| {} |", peer.name);
        for mode in Mode::ALL {
            let found = compared.iter().find(|it| it.mode == mode.name() && it.peer == peer.name);
            table += &found.map_or(" – |".to_owned(), |it| {
                format!(" {:.2} ({:.2} – {:.2}) |", it.ratio, it.ratio_min, it.ratio_max)
            });
        }
        table.push('\n');
    }
    table
}

fn brought(costs: &[Costs]) -> String {
    let mut table =
        String::from("| peer | crates | build, s | program, KiB |\n|---|---|---|---|\n");
    for it in costs {
        let kibibytes = it.binary_bytes / 1024;
        writeln!(table, "| {} | {} | {} | {kibibytes} |", it.peer, it.crates, it.build_s)
            .expect("a string takes everything");
    }
    table
}
