//! The arguments of `opportunity apply`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opportunity_engine::Durability;

pub(crate) const HELP: &str = "\
Examples:
  opportunity apply requests.ndjson --db opportunities.db
  producer | opportunity apply - --db opportunities.db --replies replies.ndjson
  opportunity apply requests.ndjson --db opportunities.db --batch all --strict
  opportunity apply requests.ndjson --db opportunities.db --history on --stats

A request is a JSON object on one line, of at most 1 MiB:
  {\"venueId\":107,\"name\":\"Lead\",\"contactId\":918,\"typeId\":18,\"sourceId\":25,\"stageId\":69}
  {\"id\":1,\"venueId\":107,\"name\":\"Updated Name\"}
Blank lines are skipped. A line that is not JSON is refused with code 24224, and the rest goes on.

In CSV the first row has the names of the fields, and each row after it is a request:
  id,venueId,name,contactId,typeId,sourceId,stageId
  ,107,Lead,918,18,25,69
An empty cell is an empty field: not given when adding, cleared when updating. Leave the column out to keep
what a field has. A row with more or fewer cells than the header, or of more than 1 MiB, ends the run with
status 2; with --batch each, the rows before it are carried out.

With --stats the engine tells what it counted: what it was asked and answered, how full the groups were that it
committed at once, and how long commits and answers took, in microseconds (half of them at most p50, 99 of 100 at
most p99).";

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file with the requests; - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,

    /// The database; created if there is none.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Where the replies go; standard output if not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) replies: Option<PathBuf>,

    /// The format of the requests; csv if the name of the file ends with .csv, json if not.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArgument>,

    /// How the requests hang together.
    #[arg(long, value_enum, default_value = "each")]
    pub(crate) batch: BatchArgument,

    /// What an answered change survives.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) durability: DurabilityArgument,

    /// Whether changes are recorded from now on, by whoever writes to the database; as it is if not given.
    #[arg(long, value_enum)]
    pub(crate) history: Option<HistoryArgument>,

    /// Exit with 3 if a request was refused.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print how the engine was going, on standard error, at the end.
    #[arg(long)]
    pub(crate) stats: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArgument {
    /// One JSON object a line.
    Json,
    /// Rows below a header with the names of the fields.
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BatchArgument {
    /// Each request succeeds or fails for itself; the input is streamed.
    Each,
    /// One refusal, and nothing is changed; the decoded requests are gathered in memory first.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryArgument {
    /// They are, for opportunity changes; that costs a quarter to a third of the throughput.
    On,
    /// They are not. Records that there are stay.
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DurabilityArgument {
    /// A loss of power.
    Full,
    /// The end of the process; a loss of power may undo the last changes.
    Normal,
    /// The end of the process; a loss of power may damage the database.
    Off,
}

impl From<HistoryArgument> for bool {
    fn from(argument: HistoryArgument) -> Self {
        argument == HistoryArgument::On
    }
}

impl From<DurabilityArgument> for Durability {
    fn from(argument: DurabilityArgument) -> Self {
        match argument {
            DurabilityArgument::Full => Self::Full,
            DurabilityArgument::Normal => Self::Normal,
            DurabilityArgument::Off => Self::Off,
        }
    }
}
