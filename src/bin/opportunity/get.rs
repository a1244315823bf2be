//! `opportunity get`: one opportunity as JSON.

use std::io::Write;
use std::process::ExitCode;

use opportunity_engine::{Engine, Rejection};

use crate::args::Get;
use crate::failure::{Failure, REFUSED, STORE_FAILED};

pub(crate) fn run(arguments: &Get) -> Result<ExitCode, Failure> {
    let &Get { venue, id, ref db } = arguments;
    let engine = Engine::options()
        .create(false)
        .open(db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    let found = engine
        .get(venue, id)
        .map_err(|error| Failure::new(STORE_FAILED, "could not look it up", &error))?;
    let Some(opportunity) = found else {
        let rejection = Rejection::NotFound { venue, id };
        return Err(Failure::new(REFUSED, "nothing to print", &rejection));
    };
    print(&opportunity)
        .map_err(|error| Failure::new(STORE_FAILED, "could not print it", &error))?;
    engine
        .close()
        .map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;
    Ok(ExitCode::SUCCESS)
}

fn print(opportunity: &opportunity_engine::Opportunity) -> std::io::Result<()> {
    let mut json = serde_json::to_vec(opportunity)?;
    json.push(b'\n');
    std::io::stdout().write_all(&json)
}
