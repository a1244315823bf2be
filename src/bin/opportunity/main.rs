//! The command-line program `opportunity`: feeds an engine, looks into one, copies and checks its
//! database, without Rust.

#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod apply;
mod args;
mod backup;
mod check;
mod failure;
mod get;
mod lines;
mod progress;
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
        Command::Check(arguments) => check::run(&arguments),
    };
    done.unwrap_or_else(Failure::report)
}
