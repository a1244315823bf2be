//! `opportunity changes`: the change feed, a record a line.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use opportunity_engine::{Reader, Sequence};

use crate::args::Changes;
use crate::ending::Ending;
use crate::failure::{Failure, REFUSED, STORE_FAILED};
use crate::output::Output;
use crate::reading;

/// How many records are read at once.
const PAGE: usize = 1_000;

/// How long to wait before looking again. Nobody tells this process of what others commit; a look takes some
/// hundredths of a millisecond.
const PAUSE: Duration = Duration::from_millis(250);

/// Why there are no changes to print.
#[derive(Debug, thiserror::Error)]
enum NoChanges {
    #[error(
        "no history is kept in this database, nor was one before; 'opportunity apply --history on' begins one"
    )]
    Never,
    #[error("no history is kept in this database any more, so no change will follow")]
    NoLonger,
    #[error(
        "the last change is {last}, which comes before {after}: the database is an older one, in which the same \
         sequences tell of other changes; begin anew"
    )]
    Older { last: i64, after: Sequence },
}

pub(crate) fn run(arguments: &Changes) -> Result<ExitCode, Failure> {
    let ending = arguments.follow.then(Ending::listen).transpose().map_err(|error| {
        Failure::new(STORE_FAILED, "could not listen to the signals that end it", &error)
    })?;
    let reader = reading::open(&arguments.db)?;
    let last = reader.last_change().map_err(|error| reading::not_read(&error))?;
    refuse_older(last, arguments.after)?;

    let mut feed = Feed {
        reader,
        output: Output::new(),
        after: arguments.after,
        left: arguments.limit.unwrap_or(usize::MAX),
    };
    while feed.left > 0 && !ending.as_ref().is_some_and(Ending::is_told) {
        // In this order: what was recorded before the end of a history is printed.
        let goes_on = feed.reader.keeps_history().map_err(|error| reading::not_read(&error))?;
        if feed.print_page()? {
            continue;
        }
        match (&ending, goes_on) {
            (Some(_), true) => thread::sleep(PAUSE),
            (None, true) => break,
            (None, false) if feed.has_begun()? => {
                eprintln!("{}", NoChanges::NoLonger);
                break;
            }
            (_, false) => return Err(feed.ended()?),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_older(last: Option<Sequence>, after: Option<Sequence>) -> Result<(), Failure> {
    match after {
        Some(after) if last < Some(after) => {
            let last = last.map_or(0, Sequence::get);
            Err(nothing(&NoChanges::Older { last, after }))
        }
        _ => Ok(()),
    }
}

fn nothing(why: &NoChanges) -> Failure {
    Failure::new(REFUSED, "nothing to print", why)
}

/// Changes on their way from the database to the output.
struct Feed {
    reader: Reader,
    output: Output,
    /// The last one that was printed, or that after which to begin.
    after: Option<Sequence>,
    /// How many may still be printed.
    left: usize,
}

impl Feed {
    /// Prints what comes next, up to a page of it; `false` if there is nothing.
    fn print_page(&mut self) -> Result<bool, Failure> {
        let changes = self.reader.changes(self.after, self.left.min(PAGE));
        let changes = changes.map_err(|error| reading::not_read(&error))?;
        for change in &changes {
            self.output.json_line(change)?;
            self.after = Some(change.sequence);
        }
        self.output.flush()?;
        self.left -= changes.len();
        Ok(!changes.is_empty())
    }

    /// Whether a change was ever recorded.
    fn has_begun(&self) -> Result<bool, Failure> {
        let last = self.reader.last_change().map_err(|error| reading::not_read(&error))?;
        Ok(last.is_some())
    }

    /// Why nothing will follow.
    fn ended(&self) -> Result<Failure, Failure> {
        let why = if self.has_begun()? { NoChanges::NoLonger } else { NoChanges::Never };
        Ok(nothing(&why))
    }
}
