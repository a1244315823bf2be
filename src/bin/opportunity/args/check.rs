//! The arguments of `opportunity check`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
Prints whether the database is sound, then one line for each problem, at most 100.

Exit status:
  0  no damage was found
  1  it could not be checked
  2  bad usage
  4  it is damaged

Example:
  opportunity check --db opportunities.db --full";

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Check every opportunity by the rules, the counters, the index, recorded changes and idempotency keys, too.
    #[arg(long)]
    pub(crate) full: bool,
}
