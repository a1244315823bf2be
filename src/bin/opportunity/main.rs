//! The command-line program `opportunity`: feeds an engine, and looks into one, without Rust.

#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod apply;
mod args;
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
    };
    done.unwrap_or_else(Failure::report)
}
