//! `opportunity backup`: a verified copy of a database.

use std::process::ExitCode;

use opportunity_engine::{BackupError, Engine};

use crate::args::Backup;
use crate::failure::{BAD_USAGE, Failure, STORE_FAILED};

pub(crate) fn run(arguments: &Backup) -> Result<ExitCode, Failure> {
    let made = Engine::back_up_file(&arguments.db, &arguments.destination);
    made.map_err(|error| {
        let status = match error {
            BackupError::Exists { .. } | BackupError::OwnPath { .. } => BAD_USAGE,
            _ => STORE_FAILED,
        };
        Failure::new(status, "could not make the backup", &error)
    })?;
    Ok(ExitCode::SUCCESS)
}
