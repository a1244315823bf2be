//! `opportunity check`: looks for damage.

use std::process::ExitCode;

use opportunity_engine::{Engine, Findings, OpenError, StoreErrorKind, Verification};

use crate::args::Check;
use crate::failure::{DAMAGED, Failure, STORE_FAILED};
use crate::output::Output;

pub(crate) fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let verification = if arguments.full { Verification::Full } else { Verification::Quick };
    let findings = Engine::verify_file(&arguments.db, verification).map_err(|error| {
        let status = if tells_of_damage(&error) { DAMAGED } else { STORE_FAILED };
        Failure::new(status, "could not check the database", &error)
    })?;
    print(&findings)?;
    Ok(if findings.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) })
}

/// Whether so much is damaged that the check did not even begin.
fn tells_of_damage(error: &OpenError) -> bool {
    matches!(error, OpenError::Store { source, .. } if source.kind() == StoreErrorKind::Damaged)
}

fn print(findings: &Findings) -> Result<(), Failure> {
    let mut output = Output::new();
    output.line(findings)?;
    findings.problems.iter().try_for_each(|problem| output.line(problem))?;
    output.flush()
}
