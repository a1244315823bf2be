//! The arguments of `opportunity export`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
One JSON object a line, by id, with every field, the version and the times. It is of one moment; the database
may be in use meanwhile. If the export fails, what was written is not whole.

Example:
  opportunity export --db opportunities.db > opportunities.ndjson";

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}
