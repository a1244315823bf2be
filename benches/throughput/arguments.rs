//! The command line, and what it means for each part of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::runs::{Limit, Sending};
use crate::workload::PRELOADED;

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Requests(&'static str, Sending),
    Read,
    Venues,
    Growth,
    Curve,
    Memory,
    Options,
    Floor,
}

pub(crate) const ONE_CALLER: Mode = Mode::Requests("A", Sending::OneAtATime { callers: 1 });
pub(crate) const MANY_CALLERS: Mode = Mode::Requests("B", Sending::OneAtATime { callers: 64 });
pub(crate) const IN_FLIGHT: Mode = Mode::Requests("C", Sending::InFlight);
pub(crate) const BATCHES: Mode = Mode::Requests("D", Sending::Batches);

impl Mode {
    const ALL: [Self; 11] = [
        ONE_CALLER,
        MANY_CALLERS,
        IN_FLIGHT,
        BATCHES,
        Self::Read,
        Self::Venues,
        Self::Growth,
        Self::Curve,
        Self::Memory,
        Self::Options,
        Self::Floor,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Requests(name, _) => name,
            Self::Read => "read",
            Self::Venues => "venues",
            Self::Growth => "growth",
            Self::Curve => "curve",
            Self::Memory => "memory",
            Self::Options => "options",
            Self::Floor => "floor",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name))
    }
}

/// What is given on the command line.
pub(crate) struct Arguments {
    /// Everything small: to see that it works.
    quick: bool,
    rounds: Option<usize>,
    growth_to: Option<i64>,
    pub(crate) json: bool,
    /// The databases are made in it, so it says which file system is measured.
    folder: PathBuf,
    pub(crate) modes: Vec<Mode>,
}

impl Arguments {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self {
            quick: false,
            rounds: None,
            growth_to: None,
            json: false,
            folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
            modes: Vec::new(),
        };
        while let Some(argument) = given.next() {
            let mut value = || given.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            let mut number =
                || value().parse().unwrap_or_else(|_| panic!("{argument} needs a number"));
            match argument.as_str() {
                "--quick" => arguments.quick = true,
                "--json" => arguments.json = true,
                "--rounds" => arguments.rounds = Some(number()),
                "--growth-to" => arguments.growth_to = Some(number() as i64),
                "--dir" => arguments.folder = value().into(),
                "--bench" => {} // cargo's own
                mode => {
                    let mode = Mode::parse(mode).unwrap_or_else(|| panic!("what is {mode}?"));
                    arguments.modes.push(mode);
                }
            }
        }
        if arguments.modes.is_empty() {
            arguments.modes = Mode::ALL.to_vec();
        }
        assert!(arguments.rounds() > 0, "at least one round");
        arguments
    }

    /// An empty folder of the file system that is measured.
    pub(crate) fn empty_folder(&self) -> TempDir {
        tempfile::tempdir_in(&self.folder).expect("the folder can be written")
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// The rows that are there before a run.
    pub(crate) const fn rows(&self) -> i64 {
        if self.quick { 2_000 } else { PRELOADED }
    }

    /// How long a run takes.
    pub(crate) const fn duration(&self) -> Duration {
        Duration::from_millis(if self.quick { 250 } else { 4_000 })
    }

    /// The points of the curve.
    pub(crate) const fn callers_of_curve(&self) -> &'static [usize] {
        if self.quick { &[1, 16, 256] } else { &[1, 2, 4, 8, 16, 32, 64, 128, 256] }
    }

    /// How long a run takes in the curve, which has many.
    pub(crate) const fn limit_of_curve(&self) -> Limit {
        Limit::of_time(Duration::from_millis(if self.quick { 150 } else { 2_000 }))
    }

    /// The sizes of the table at which it is measured while it grows.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = i64> {
        let largest = self.growth_to.unwrap_or(if self.quick { 100_000 } else { 1_000_000 });
        (4..).map(|power| 10_i64.pow(power)).take_while(move |&size| size <= largest)
    }

    /// How many updates are sent before what is measured, on a table of any size: the log has then started over, and
    /// the caches are full of what updates leave.
    pub(crate) const fn updates_to_settle(&self) -> i64 {
        if self.quick { 1_000 } else { 80_000 }
    }

    /// The rows that are read.
    pub(crate) const fn rows_to_read(&self) -> i64 {
        if self.quick { 2_000 } else { 100_000 }
    }

    /// How many requests are streamed to see how much memory that takes.
    pub(crate) const fn requests_to_stream(&self) -> i64 {
        if self.quick { 200_000 } else { 10_000_000 }
    }
}
