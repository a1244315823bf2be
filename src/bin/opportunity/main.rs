//! The command-line program `opportunity`: feeds an engine, looks into one, copies, moves and checks its
//! database, describes what goes in and out, without Rust.

#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod apply;
mod args;
mod backup;
mod check;
mod csv_rows;
mod export;
mod failure;
mod get;
mod import;
mod input;
mod lines;
mod progress;
mod requests;
mod schema;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Get(arguments) => get::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    };
    done.unwrap_or_else(Failure::report)
}
