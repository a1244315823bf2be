use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::Result;

/// The modes of the crate's own benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A: one caller, one request at a time.
    OneCaller,
    /// B: 64 callers, one request at a time each.
    ManyCallers,
    /// C: 1,000 requests in flight.
    InFlight,
    /// D: batches of 1,000 from one caller.
    Batches,
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::OneCaller, Self::ManyCallers, Self::InFlight, Self::Batches];

    pub const fn name(self) -> &'static str {
        match self {
            Self::OneCaller => "A",
            Self::ManyCallers => "B",
            Self::InFlight => "C",
            Self::Batches => "D",
        }
    }
}

impl Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mode = Self::ALL.into_iter().find(|mode| mode.name() == name);
        mode.ok_or_else(|| format!("there is no mode {name}"))
    }
}

/// The command line of every peer: mode, seconds, round, folder.
#[derive(Debug)]
pub struct Arguments {
    pub mode: Mode,
    pub duration: Duration,
    pub round: usize,
    /// Empty, and on the file system that is measured.
    pub folder: PathBuf,
}

impl Arguments {
    pub fn parse() -> Result<Self> {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let [mode, seconds, round, folder] = given.as_slice() else {
            return Err("usage: MODE SECONDS ROUND FOLDER".into());
        };
        Ok(Self {
            mode: mode.parse()?,
            duration: Duration::try_from_secs_f64(seconds.parse()?)?,
            round: round.parse()?,
            folder: folder.into(),
        })
    }
}
