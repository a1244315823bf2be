//! `opportunity completions`: what makes a shell complete arguments.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Arguments, Completions, PROGRAM};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(arguments: &Completions) -> Result<ExitCode, Failure> {
    // To memory first: where it cannot be written, the generator panics.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), PROGRAM, &mut script);
    let mut output = Output::new();
    output.bytes(&script)?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
