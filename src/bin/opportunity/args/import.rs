//! The arguments of `opportunity import`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
Reads what export writes, and keeps ids, versions and times. All of it is imported, or nothing: the first line
that breaks a rule, or whose id is there already, is told with its number and all that is wrong with it.

While it runs, others that write to the database wait, and give up after some seconds.

Example:
  opportunity import opportunities.ndjson --db other.db";

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file with the opportunities; - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,

    /// The database; created if there is none.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}
