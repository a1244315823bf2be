//! `opportunity schema`: what goes in and out, described.

use std::io::Write;
use std::process::ExitCode;

use opportunity_engine::schema;
use serde_json::Value;

use crate::args::{Schema, SchemaArgument};
use crate::failure::{Failure, STORE_FAILED};

pub(crate) fn run(arguments: &Schema) -> Result<ExitCode, Failure> {
    let described = match arguments.of {
        SchemaArgument::Request => schema::request(),
        SchemaArgument::Reply => schema::reply(),
        SchemaArgument::Opportunity => schema::opportunity(),
        SchemaArgument::Change => schema::change(),
        SchemaArgument::OpenApi => schema::open_api(),
    };
    print(&described)
        .map_err(|error| Failure::new(STORE_FAILED, "could not print the schema", &error))?;
    Ok(ExitCode::SUCCESS)
}

fn print(described: &Value) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{described:#}")
}
