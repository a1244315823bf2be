//! The filters of `opportunity list`: an option for each field, from the table of fields, and some more.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use opportunity_engine::{Clearing, ClosedDate, Field, Filter, InvalidValue, Timestamp};

/// What asks for opportunities without a value.
const NONE: &str = "none";

const NAME_STARTS_WITH: &str = "name-starts-with";
const NAME_CONTAINS: &str = "name-contains";
const CLOSED_FROM: &str = "closed-from";
const CLOSED_BEFORE: &str = "closed-before";
const MODIFIED_SINCE: &str = "modified-since";

/// Which opportunities are asked for.
#[derive(Debug)]
pub(crate) struct FilterArguments(pub(crate) Filter);

impl Args for FilterArguments {
    fn augment_args(command: Command) -> Command {
        let further = [
            option(NAME_STARTS_WITH, "TEXT")
                .help("Those with a name that begins with this; a to z match A to Z"),
            option(NAME_CONTAINS, "TEXT")
                .help("Those with a name that contains this; a to z match A to Z"),
            option(CLOSED_FROM, "DATE")
                .value_parser(str::parse::<ClosedDate>)
                .help("Those that were closed at this moment, UTC, or later"),
            option(CLOSED_BEFORE, "DATE")
                .value_parser(str::parse::<ClosedDate>)
                .help("Those that were closed before this moment, UTC"),
            option(MODIFIED_SINCE, "TIME")
                .value_parser(moment)
                .help("Those that were added or changed at this moment, UTC, or later"),
        ];
        command.args(Field::DETAILS.iter().copied().map(of_field)).args(further)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let text = |name: &str| matches.get_one::<String>(name);
        let date = |name: &str| matches.get_one::<ClosedDate>(name).copied();
        let mut filter = Filter::new();
        for &field in Field::DETAILS {
            if let Some(text) = text(field.wire_name()) {
                filter = with_value(filter, field, text)
                    .map_err(|error| Error::raw(ErrorKind::ValueValidation, error))?;
            }
        }
        if let Some(text) = text(NAME_STARTS_WITH) {
            filter = filter.name_starts_with(text);
        }
        if let Some(text) = text(NAME_CONTAINS) {
            filter = filter.name_contains(text);
        }
        filter = match (date(CLOSED_FROM), date(CLOSED_BEFORE)) {
            (None, None) => filter,
            (Some(start), None) => filter.closed_between(start..),
            (None, Some(end)) => filter.closed_between(..end),
            (Some(start), Some(end)) => filter.closed_between(start..end),
        };
        if let Some(&moment) = matches.get_one::<Timestamp>(MODIFIED_SINCE) {
            filter = filter.modified_since(moment);
        }
        Ok(Self(filter))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The option that asks for a value of a field. Its name in JSON is good for it too.
fn of_field(field: Field) -> Arg {
    let value = if field.is_reference() { "ID" } else { "VALUE" };
    let value = if may_be_empty(field) { format!("{value}|{NONE}") } else { value.to_owned() };
    let wire_name = field.wire_name();
    let name = field.column().replace('_', "-");
    let is_other = name != wire_name;
    headed(Arg::new(wire_name).long(name).value_name(value))
        .aliases(is_other.then_some(wire_name))
        .value_parser(move |text: &str| {
            with_value(Filter::new(), field, text).map(|_| text.to_owned())
        })
        .help(field.meaning().trim_end_matches('.'))
}

fn option(name: &'static str, value: &'static str) -> Arg {
    headed(Arg::new(name).long(name).value_name(value))
}

fn headed(arg: Arg) -> Arg {
    arg.help_heading("Filters")
}

fn with_value(filter: Filter, field: Field, text: &str) -> Result<Filter, InvalidValue> {
    let is_none = may_be_empty(field) && text == NONE;
    filter.text(field, if is_none { "" } else { text })
}

fn may_be_empty(field: Field) -> bool {
    field.clearing() != Clearing::Never
}

/// A moment as closing dates are written, or as the times of changes are.
fn moment(text: &str) -> Result<Timestamp, &'static str> {
    match text.parse::<ClosedDate>() {
        Ok(date) => Ok(Timestamp::from_millis(date.as_seconds() * 1_000)),
        Err(_) => Timestamp::try_from(text.to_owned())
            .map_err(|_| "it must be a date yyyy-mm-dd, or a time like 2017-05-05T14:30:00.123Z"),
    }
}
