//! `opportunity backup`: a verified copy of a database.

use std::process::ExitCode;

use opportunity_engine::{BackupError, Engine};

use crate::args::Backup;
use crate::failure::{BAD_USAGE, Failure, STORE_FAILED};

pub(crate) fn run(arguments: &Backup) -> Result<ExitCode, Failure> {
    let engine = Engine::options()
        .create(false)
        .open(&arguments.db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    let made = engine.backup_to(&arguments.destination);
    let closed = engine.close();
    made.map_err(|error| {
        let status = match error {
            BackupError::Exists { .. } | BackupError::OwnPath { .. } => BAD_USAGE,
            _ => STORE_FAILED,
        };
        Failure::new(status, "could not make the backup", &error)
    })?;
    closed.map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;
    Ok(ExitCode::SUCCESS)
}
