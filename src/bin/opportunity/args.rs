//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use opportunity_engine::{Durability, OpportunityId, VenueId};

/// Adds and updates sales opportunities in a database file, and looks them up.
#[derive(Debug, Parser)]
#[command(version, after_help = STATUSES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STATUSES: &str = "\
Exit status:
  0  every request was answered; the backup was made; all was exported or imported; no damage was found;
     the schema was printed
  1  the store failed, or the output could not be written
  2  bad usage, or the input could not be read
  3  with --strict, a request was refused; for get, there is no such opportunity; for import, a line was
     refused, and nothing was imported
  4  for check, the database is damaged";

const EXAMPLES: &str = "\
Examples:
  opportunity apply requests.ndjson --db opportunities.db
  producer | opportunity apply - --db opportunities.db --replies replies.ndjson
  opportunity apply requests.ndjson --db opportunities.db --batch all --strict

A request is a JSON object on one line, of at most 1 MiB:
  {\"venueId\":107,\"name\":\"Lead\",\"contactId\":918,\"typeId\":18,\"sourceId\":25,\"stageId\":69}
  {\"id\":1,\"venueId\":107,\"name\":\"Updated Name\"}
Blank lines are skipped. A line that is not JSON is refused with code 24224, and the rest goes on.

In CSV the first row has the names of the fields, and each row after it is a request:
  id,venueId,name,contactId,typeId,sourceId,stageId
  ,107,Lead,918,18,25,69
An empty cell is an empty field: not given when adding, cleared when updating. Leave the column out to keep
what a field has. A row with more or fewer cells than the header, or of more than 1 MiB, ends the run with
status 2; with --batch each, the rows before it are carried out.";

const EXPORT_HELP: &str = "\
One JSON object a line, by id, with every field, the version and the times. It is of one moment; the database
may be in use meanwhile. If the export fails, what was written is not whole.

Example:
  opportunity export --db opportunities.db > opportunities.ndjson";

const IMPORT_HELP: &str = "\
Reads what export writes, and keeps ids, versions and times. All of it is imported, or nothing: the first line
that breaks a rule, or whose id is there already, is told with its number and all that is wrong with it.

While it runs, others that write to the database wait, and give up after some seconds.

Example:
  opportunity import opportunities.ndjson --db other.db";

const BACKUP_HELP: &str = concat!(
    "\
Nothing is overwritten; if the backup fails nothing is left of it.

To restore:

",
    include_str!("../../guide/restoring.md"),
    "
Example:
  opportunity backup --db opportunities.db backups/2017-05-05.db"
);

const CHECK_HELP: &str = "\
Prints whether the database is sound, then one line for each problem, at most 100.

Exit status:
  0  no damage was found
  1  it could not be checked
  2  bad usage
  4  it is damaged

Example:
  opportunity check --db opportunities.db --full";

const SCHEMA_HELP: &str = "\
The schemas are of JSON Schema, draft 2020-12; the document is of OpenAPI 3.1, and has those of request and
replies in it.

Examples:
  opportunity schema > openapi.json
  opportunity schema request > request.schema.json";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carries out requests, one JSON object a line or rows of CSV, and writes one reply a line, in order.
    #[command(after_help = EXAMPLES)]
    Apply(Apply),
    /// Prints an opportunity as JSON.
    #[command(after_help = "Example:\n  opportunity get 107 755 --db opportunities.db")]
    Get(Get),
    /// Copies a database or a backup, in use or not, to a new file, verifies the copy, and changes nothing else.
    #[command(after_help = BACKUP_HELP)]
    Backup(Backup),
    /// Writes every opportunity of a database or a backup, in use or not, as a line of JSON to standard output.
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Adds opportunities that were exported, as they are: all of them or none.
    #[command(after_help = IMPORT_HELP)]
    Import(Import),
    /// Looks for damage in a database or a backup, in use or not, and changes nothing.
    #[command(after_help = CHECK_HELP)]
    Check(Check),
    /// Prints what goes in and out, described for other programs: JSON Schema or OpenAPI.
    #[command(after_help = SCHEMA_HELP)]
    Schema(Schema),
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file with the requests; - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,

    /// The database; created if there is none.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Where the replies go; standard output if not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) replies: Option<PathBuf>,

    /// The format of the requests; csv if the name of the file ends with .csv, json if not.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArgument>,

    /// How the requests hang together.
    #[arg(long, value_enum, default_value = "each")]
    pub(crate) batch: BatchArgument,

    /// What an answered change survives.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) durability: DurabilityArgument,

    /// Exit with 3 if a request was refused.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The venue of the opportunity.
    pub(crate) venue: VenueId,

    /// The id of the opportunity.
    pub(crate) id: OpportunityId,

    /// The database; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the backup goes; there must be nothing yet.
    pub(crate) destination: PathBuf,

    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file with the opportunities; - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,

    /// The database; created if there is none.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,

    /// Check every opportunity by the rules, and the index, too.
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// What is described.
    #[arg(value_enum, default_value = "open-api")]
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

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArgument {
    /// One JSON object a line.
    Json,
    /// Rows below a header with the names of the fields.
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BatchArgument {
    /// Each request succeeds or fails for itself; the input is streamed.
    Each,
    /// One refusal, and nothing is changed; the decoded requests are gathered in memory first.
    All,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DurabilityArgument {
    /// A loss of power.
    Full,
    /// The end of the process; a loss of power may undo the last changes.
    Normal,
    /// The end of the process; a loss of power may damage the database.
    Off,
}

impl From<DurabilityArgument> for Durability {
    fn from(argument: DurabilityArgument) -> Self {
        match argument {
            DurabilityArgument::Full => Self::Full,
            DurabilityArgument::Normal => Self::Normal,
            DurabilityArgument::Off => Self::Off,
        }
    }
}
