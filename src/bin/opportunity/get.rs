//! `opportunity get`: one opportunity as JSON.

use std::process::ExitCode;

use opportunity_engine::Rejection;

use crate::args::Get;
use crate::failure::{Failure, REFUSED};
use crate::output::Output;
use crate::reading;

pub(crate) fn run(arguments: &Get) -> Result<ExitCode, Failure> {
    let &Get { venue, id, ref db } = arguments;
    let found = reading::open(db)?.get(venue, id).map_err(|error| reading::not_read(&error))?;
    let Some(opportunity) = found else {
        let rejection = Rejection::NotFound { venue, id };
        return Err(Failure::new(REFUSED, "nothing to print", &rejection));
    };
    let mut output = Output::new();
    output.json_line(&opportunity)?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
