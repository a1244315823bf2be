//! The arguments of the program: a file for each command.

mod apply;
mod backup;
mod changes;
mod check;
mod completions;
mod export;
mod filter;
mod get;
mod import;
mod list;
mod man;
mod schema;
mod stats;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};

pub(crate) use apply::{Apply, BatchArgument, FormatArgument};
pub(crate) use backup::Backup;
pub(crate) use changes::Changes;
pub(crate) use check::Check;
pub(crate) use completions::Completions;
pub(crate) use export::Export;
pub(crate) use get::Get;
pub(crate) use import::Import;
pub(crate) use list::List;
pub(crate) use man::Man;
pub(crate) use schema::{Schema, SchemaArgument};
pub(crate) use stats::Stats;

/// What the program is called.
pub(crate) const PROGRAM: &str = "opportunity";

/// Adds and updates sales opportunities in a database file, and looks them up.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, after_help = HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const HELP: &str = "\
Examples:
  opportunity apply requests.ndjson --db opportunities.db
  opportunity list 107 --db opportunities.db --stage-id 69
  opportunity changes --db opportunities.db --follow
  opportunity backup backups/2017-05-05.db --db opportunities.db

Exit status:
  0  every request was answered; what was asked for was printed, exported or imported; the backup was made; no
     damage was found; who followed the changes has ended that
  1  the store failed, or the output could not be written
  2  bad usage, or the input could not be read
  3  with --strict, a request was refused; for get, there is no such opportunity; for import, a line was
     refused, and nothing was imported; for changes, no history was ever kept, or, with --follow, none is
     kept any more, or the database is older than the change after which to go on
  4  for check, the database is damaged";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carries out requests, one JSON object a line or rows of CSV, and writes one reply a line, in order.
    #[command(after_help = apply::HELP)]
    Apply(Apply),
    /// Prints an opportunity as JSON.
    #[command(after_help = get::HELP)]
    Get(Get),
    /// Lists the opportunities of a venue, all or some of them, as a table or as JSON.
    #[command(after_help = list::HELP)]
    List(List),
    /// Prints what was changed, one record of JSON a line, and what is being changed.
    #[command(after_help = changes::HELP)]
    Changes(Changes),
    /// Copies a database or a backup, in use or not, to a new file, verifies the copy, and changes nothing else.
    #[command(after_help = backup::HELP)]
    Backup(Backup),
    /// Writes every opportunity of a database or a backup, in use or not, as a line of JSON to standard output.
    #[command(after_help = export::HELP)]
    Export(Export),
    /// Adds opportunities that were exported, as they are: all of them or none.
    #[command(after_help = import::HELP)]
    Import(Import),
    /// Looks for damage in a database or a backup, in use or not, and changes nothing.
    #[command(after_help = check::HELP)]
    Check(Check),
    /// Tells what is in a database or a backup, in use or not, and how large it is.
    #[command(after_help = stats::HELP)]
    Stats(Stats),
    /// Prints what goes in and out, described for other programs: JSON Schema or OpenAPI.
    #[command(after_help = schema::HELP)]
    Schema(Schema),
    /// Prints what makes a shell complete the arguments of this program.
    #[command(after_help = completions::HELP)]
    Completions(Completions),
    /// Prints the page of this program for man, or writes those of all of its commands.
    #[command(after_help = man::HELP)]
    Man(Man),
}
