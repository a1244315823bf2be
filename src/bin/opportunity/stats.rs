//! `opportunity stats`: what is in a database, and how large it is.

use std::process::ExitCode;

use opportunity_engine::Inventory;

use crate::args::Stats;
use crate::failure::Failure;
use crate::output::Output;
use crate::reading;

pub(crate) fn run(arguments: &Stats) -> Result<ExitCode, Failure> {
    let inventory = reading::open(&arguments.db)?.inventory();
    let inventory = inventory.map_err(|error| reading::not_read(&error))?;
    let mut output = Output::new();
    if arguments.json {
        output.json_line(&inventory)?;
    } else {
        for (what, number) in told(&inventory) {
            output.line(format_args!("{what:<18}{number}"))?;
        }
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn told(inventory: &Inventory) -> [(&'static str, String); 11] {
    let Inventory { free_pages, page_bytes, .. } = inventory;
    let last_id = inventory.last_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    [
        ("opportunities", inventory.opportunities.to_string()),
        ("venues", inventory.venues.to_string()),
        ("highest id", last_id),
        ("history", if inventory.keeps_history { "kept" } else { "not kept" }.to_owned()),
        ("changes", changes(inventory)),
        ("idempotency keys", inventory.idempotency_keys.to_string()),
        ("file", format!("{} bytes", inventory.file_bytes)),
        ("log", format!("{} bytes", inventory.log_bytes)),
        ("free", format!("{free_pages} pages of {page_bytes} bytes")),
        ("schema version", inventory.schema_version.to_string()),
        ("SQLite", inventory.sqlite_version.to_owned()),
    ]
}

/// How many are recorded, and which.
fn changes(inventory: &Inventory) -> String {
    let &Inventory { changes, first_change, last_change, .. } = inventory;
    match (first_change, last_change) {
        (Some(first), Some(last)) => format!("{changes} ({first} to {last})"),
        (None, Some(last)) => format!("{changes} (pruned up to {last})"),
        (_, None) => changes.to_string(),
    }
}
