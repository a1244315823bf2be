//! The arguments of `opportunity schema`.

use clap::{Args, ValueEnum};

pub(crate) const HELP: &str = "\
The schemas are of JSON Schema, draft 2020-12; the document is of OpenAPI 3.1, and has those of request and
replies in it.

Examples:
  opportunity schema > openapi.json
  opportunity schema request > request.schema.json";

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// What is described.
    #[arg(value_enum, value_name = "WHAT", default_value = "open-api")]
    pub(crate) of: SchemaArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaArgument {
    /// The body of a request.
    Request,
    /// What a request is answered.
    Reply,
    /// An opportunity, as get and export write it.
    Opportunity,
    /// A record of the change feed.
    Change,
    /// The action over HTTP, with its requests and replies.
    OpenApi,
}
