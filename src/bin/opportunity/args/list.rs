//! The arguments of `opportunity list`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opportunity_engine::{ListOrder, VenueId};

use super::filter::FilterArguments;

pub(crate) const HELP: &str = "\
Examples:
  opportunity list 107 --db opportunities.db
  opportunity list 107 --db opportunities.db --stage-id 69 --owner-user-id none --name-contains lead
  opportunity list 107 --db opportunities.db --closed-from 2017-05-01 --closed-before 2017-06-01 --count
  opportunity list 107 --db opportunities.db --order last-change --json > opportunities.ndjson

Listed is what meets every filter. The word none asks for those without a value; a text that is 'none' cannot be
asked for.

The table is for people: what could disturb a terminal is shown as its code, like \\u{202e}, long names are cut,
and so are times. It makes room for what is on its first page, of 1000; what takes more room later makes its
line longer. JSON has everything, as get and export write it.

The database, or the backup, may be in use; nothing of it is changed.";

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The venue of the opportunities.
    pub(crate) venue: VenueId,

    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    #[command(flatten)]
    pub(crate) filter: FilterArguments,

    /// In which order they are listed.
    #[arg(long, value_enum, default_value = "id")]
    pub(crate) order: OrderArgument,

    /// How many are listed at most; all of them if not given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,

    /// Print one JSON object a line in place of a table.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print how many there are in place of them.
    #[arg(long, conflicts_with_all = ["json", "limit", "order"])]
    pub(crate) count: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OrderArgument {
    /// By id: as they were added.
    Id,
    /// By the moment of the last change, the latest at the end.
    LastChange,
}

impl From<OrderArgument> for ListOrder {
    fn from(argument: OrderArgument) -> Self {
        match argument {
            OrderArgument::Id => Self::Id,
            OrderArgument::LastChange => Self::LastChange,
        }
    }
}
