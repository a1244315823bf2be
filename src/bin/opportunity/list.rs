//! `opportunity list`: opportunities of a venue, as a table or as JSON.

use std::process::ExitCode;

use opportunity_engine::{Listing, Opportunity};

use crate::args::List;
use crate::failure::Failure;
use crate::output::Output;
use crate::reading;
use crate::table::Table;

pub(crate) fn run(arguments: &List) -> Result<ExitCode, Failure> {
    let reader = reading::open(&arguments.db)?;
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let listing = reader
        .list(arguments.venue, arguments.filter.0.clone())
        .order(arguments.order.into())
        .page_size(limit.min(Listing::MAX_PAGE_SIZE));
    let mut output = Output::new();
    if arguments.count {
        output.line(listing.count().map_err(|error| reading::not_read(&error))?)?;
    } else {
        let opportunities = listing.iter().take(limit);
        let opportunities =
            opportunities.map(|read| read.map_err(|error| reading::not_read(&error)));
        if arguments.json {
            print_json(opportunities, &mut output)?;
        } else {
            print_table(opportunities, &mut output)?;
        }
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn print_json(
    mut opportunities: impl Iterator<Item = Result<Opportunity, Failure>>,
    output: &mut Output,
) -> Result<(), Failure> {
    opportunities.try_for_each(|opportunity| output.json_line(&opportunity?))
}

/// Prints a table with room for what is on the first page. So however long it gets, it takes memory for that page
/// alone, and begins at once.
fn print_table(
    mut opportunities: impl Iterator<Item = Result<Opportunity, Failure>>,
    output: &mut Output,
) -> Result<(), Failure> {
    let first: Vec<Opportunity> =
        opportunities.by_ref().take(Listing::MAX_PAGE_SIZE).collect::<Result<_, _>>()?;
    if first.is_empty() {
        eprintln!("no opportunities");
        return Ok(());
    }
    let mut rest = opportunities.peekable();
    let table = Table::that_begins_with(&first, rest.peek().is_some());
    output.line(table.header())?;
    first.iter().try_for_each(|opportunity| output.line(table.row(opportunity)))?;
    rest.try_for_each(|opportunity| output.line(table.row(&opportunity?)))
}
