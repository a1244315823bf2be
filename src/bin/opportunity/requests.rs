//! The requests of an input, whatever its format.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use opportunity_engine::{Decoder, Engine, Rejection, Request};

use crate::args::{Apply, FormatArgument};
use crate::csv_rows::CsvRows;
use crate::lines::Lines;
use crate::progress::Input;

/// Requests, one after the other.
pub(crate) enum Requests<'i> {
    Json(Lines<Input<'i>>),
    Csv(CsvRows<Input<'i>>),
}

impl<'i> Requests<'i> {
    /// Those of an input, in the format that the arguments name, or else that the name of the file tells.
    pub(crate) fn of(arguments: &Apply, input: Input<'i>) -> Self {
        match arguments.format.unwrap_or_else(|| format_of(&arguments.input)) {
            FormatArgument::Json => Self::Json(Lines::new(input, Decoder::DEFAULT_MAX_BYTES)),
            FormatArgument::Csv => Self::Csv(CsvRows::new(input, Decoder::DEFAULT_MAX_BYTES)),
        }
    }

    /// The next one, or why it is none.
    pub(crate) fn next(
        &mut self,
        engine: &Engine,
    ) -> io::Result<Option<Result<Request, Rejection>>> {
        Ok(match self {
            Self::Json(lines) => lines.next()?.map(|line| engine.decode(line)),
            Self::Csv(rows) => rows.next()?.map(Ok),
        })
    }
}

fn format_of(path: &Path) -> FormatArgument {
    let is_csv =
        path.extension().and_then(OsStr::to_str).is_some_and(|it| it.eq_ignore_ascii_case("csv"));
    if is_csv { FormatArgument::Csv } else { FormatArgument::Json }
}
