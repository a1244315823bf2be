//! `opportunity schema`: what goes in and out, described.

use std::process::ExitCode;

use opportunity_engine::schema;

use crate::args::{Schema, SchemaArgument};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(arguments: &Schema) -> Result<ExitCode, Failure> {
    let described = match arguments.of {
        SchemaArgument::Request => schema::request(),
        SchemaArgument::Reply => schema::reply(),
        SchemaArgument::Opportunity => schema::opportunity(),
        SchemaArgument::Change => schema::change(),
        SchemaArgument::OpenApi => schema::open_api(),
    };
    let mut output = Output::new();
    output.line(format_args!("{described:#}"))?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
