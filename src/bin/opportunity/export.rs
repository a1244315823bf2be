//! `opportunity export`: every opportunity as a line of JSON.

use std::process::ExitCode;

use opportunity_engine::Engine;

use crate::args::Export;
use crate::failure::{Failure, STORE_FAILED};

pub(crate) fn run(arguments: &Export) -> Result<ExitCode, Failure> {
    let count = Engine::export_file(&arguments.db, std::io::stdout())
        .map_err(|error| Failure::new(STORE_FAILED, "could not export the database", &error))?;
    eprintln!("exported {count}");
    Ok(ExitCode::SUCCESS)
}
