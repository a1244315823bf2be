//! `opportunity import`: opportunities from elsewhere, as they are.

use std::process::ExitCode;

use opportunity_engine::{Engine, ImportError};

use crate::args::Import;
use crate::failure::{BAD_USAGE, Failure, REFUSED, STORE_FAILED};
use crate::{input, progress};

pub(crate) fn run(arguments: &Import) -> Result<ExitCode, Failure> {
    let (input, len) = input::open(&arguments.input)?;
    let engine = Engine::open(&arguments.db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    let bar = progress::bar(len);
    let imported = engine.import(progress::watch(input, &bar));
    bar.finish_and_clear();
    let closed = engine.close();
    let count =
        imported.map_err(|error| Failure::new(status(&error), "could not import", &error))?;
    closed.map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;
    eprintln!("imported {count}");
    Ok(ExitCode::SUCCESS)
}

const fn status(error: &ImportError) -> u8 {
    match error {
        ImportError::Input { .. } => BAD_USAGE,
        ImportError::Aborted(_) | ImportError::Unknown(_) => STORE_FAILED,
        // What is wrong with a line.
        _ => REFUSED,
    }
}
