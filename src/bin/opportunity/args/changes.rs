//! The arguments of `opportunity changes`.

use std::path::PathBuf;

use clap::Args;
use opportunity_engine::Sequence;

pub(crate) const HELP: &str = "\
Examples:
  opportunity changes --db opportunities.db
  opportunity changes --db opportunities.db --after 755 --limit 100
  opportunity changes --db opportunities.db --follow

A record tells the old and the new value of each field that was changed. There are records while a history is
kept: apply --history on begins one. To go on, give the sequence of the last record; one that is left out says
that those between were pruned, or that no history was kept for a while.

With --follow, which ends with ctrl-c or SIGTERM, it looks again four times a second, whoever makes the changes.
That whoever reads its output is gone is seen when there is a change to be written.

The database, or the backup, may be in use; nothing of it is changed.";

#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Print what comes after the change with this sequence; from the first one on if not given.
    #[arg(long, value_name = "SEQUENCE")]
    pub(crate) after: Option<Sequence>,

    /// How many are printed at most; all of them if not given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,

    /// Wait for further changes.
    #[arg(long)]
    pub(crate) follow: bool,
}
