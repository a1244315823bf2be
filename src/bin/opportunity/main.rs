//! The command-line program `opportunity`: feeds an engine, looks into its database, copies, moves and checks it,
//! describes what goes in and out, without Rust.

#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod apply;
mod args;
mod backup;
mod changes;
mod check;
mod completions;
mod csv_rows;
mod ending;
mod export;
mod failure;
mod get;
mod import;
mod input;
mod lines;
mod list;
mod man;
mod output;
mod progress;
mod reading;
mod requests;
mod schema;
mod statistics;
mod stats;
mod summary;
mod table;
mod visible;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Get(arguments) => get::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Changes(arguments) => changes::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    done.unwrap_or_else(Failure::report)
}
