//! The arguments of `opportunity backup`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = concat!(
    "\
Nothing is overwritten; if the backup fails nothing is left of it.

To restore:

",
    include_str!("../../../guide/restoring.md"),
    "
Example:
  opportunity backup --db opportunities.db backups/2017-05-05.db"
);

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the backup goes; there must be nothing yet.
    pub(crate) destination: PathBuf,

    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}
