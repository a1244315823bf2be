//! The arguments of `opportunity stats`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
Everything is counted anew, with a look at each opportunity. Nothing of the database is changed.

Example:
  opportunity stats --db opportunities.db";

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
