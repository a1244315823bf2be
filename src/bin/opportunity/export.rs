//! `opportunity export`: every opportunity as a line of JSON.

use std::process::ExitCode;

use opportunity_engine::Engine;

use crate::args::Export;
use crate::failure::{Failure, STORE_FAILED};

pub(crate) fn run(arguments: &Export) -> Result<ExitCode, Failure> {
    let engine = Engine::options()
        .create(false)
        .open(&arguments.db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    let exported = engine.export(std::io::stdout());
    let closed = engine.close();
    let count = exported
        .map_err(|error| Failure::new(STORE_FAILED, "could not export the database", &error))?;
    closed.map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;
    eprintln!("exported {count}");
    Ok(ExitCode::SUCCESS)
}
