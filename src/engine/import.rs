//! Import: opportunities from elsewhere, as they are.

use std::io::BufRead;
use std::sync::Arc;

use super::Engine;
use super::checkpoints::move_log;
use crate::domain::{OpportunityId, Violations};
use crate::json_error::JsonError;
use crate::store::{Effort, Import, MAX_LINE_BYTES, StoreError, Taken};
use crate::wire::{LineError, Lines, NotARecord, read_record};

/// Why nothing was imported.
///
/// Lines are counted from 1, blank ones too.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A line is an object, but breaks the rules.
    #[error("nothing was imported, because line {line} is invalid: {violations}")]
    Invalid {
        /// The line.
        line: u64,
        /// Every rule that it breaks; of keys that are not known, the first hundred, and how many
        /// [more](Violations::left_out) there are.
        violations: Violations,
    },
    /// A line is not JSON.
    #[error(
        "nothing was imported, because line {line} is not valid JSON at column {column}: {reason}"
    )]
    NotJson {
        /// The line.
        line: u64,
        /// The byte where it stops being JSON, from 1.
        column: usize,
        /// What is wrong there.
        reason: Box<str>,
    },
    /// A line is JSON, but not an object.
    #[error("nothing was imported, because line {line} is not one JSON object")]
    NotAnObject {
        /// The line.
        line: u64,
    },
    /// A line is longer than any opportunity that this engine could have exported.
    #[error("nothing was imported, because line {line} is longer than {limit} bytes")]
    TooLong {
        /// The line.
        line: u64,
        /// The most that is accepted, in bytes.
        limit: usize,
    },
    /// There is an opportunity with the id already, in whatever venue, or on a line before.
    #[error("nothing was imported, because of line {line}: there is an opportunity {id} already")]
    Taken {
        /// The line.
        line: u64,
        /// The id.
        id: OpportunityId,
    },
    /// The input could not be read to its end.
    #[error("nothing was imported, because line {line} could not be read")]
    Input {
        /// The line.
        line: u64,
        /// What the input said.
        source: Arc<std::io::Error>,
    },
    /// The store failed and certainly nothing was imported: it is safe to try again.
    #[error("aborted, nothing was imported")]
    Aborted(#[source] StoreError),
    /// The store failed and the import may or may not be there after a restart, all or none of it.
    #[error(
        "unknown, the import may or may not be kept, all or none of it; look before importing again"
    )]
    Unknown(#[source] StoreError),
}

impl Engine {
    /// Adds opportunities as they are, with their ids, versions and times; tells how many. All of them are
    /// there in the end, or none. It reads what [`export`](Engine::export) writes: one JSON object a line,
    /// with every key, in any order; blank lines are skipped.
    ///
    /// Each passes the checks that every stored opportunity has to meet. [`References`](crate::References)
    /// are not asked: what is imported was accepted elsewhere. An id must not be there yet; ids that are
    /// assigned later are higher than all that were imported. The list of a venue holds what was imported
    /// at once, in its order.
    ///
    /// Where a [history](crate::Options::history) is kept, each is recorded as added, with the times that it had.
    ///
    /// The import is one transaction on a connection of its own, in memory that does not grow with the input,
    /// but for a line: at most 18 times [`max_request_bytes`](crate::Options::max_request_bytes) and 4 KiB,
    /// and never more than 64 MiB. That is what the longest opportunity of an engine with these options can
    /// take. (Only one whose texts are megabytes of control characters may be longer.)
    ///
    /// While it runs, and as long as `input` makes it wait, nobody else can write: requests are queued, and
    /// aborted as [`Busy`](crate::StoreErrorKind::Busy) when they have waited for the
    /// [`busy_timeout`](crate::Options::busy_timeout). Reads go on, and see nothing of it before its end. The
    /// write-ahead log grows by all that is imported, whatever its cap; it is moved into the database when the
    /// import is done.
    ///
    /// # Errors
    ///
    /// [`ImportError`] tells the line and what is wrong with it, or how the store failed.
    ///
    /// ```
    /// use opportunity_engine::{Engine, OpportunityId, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let line = r#"{"id":755,"venueId":107,"name":"Lead","typeId":18,"stageId":69,"sourceId":25,
    ///     "companyId":null,"companyLeadContactId":null,"contactId":918,"qualityId":null,"industryId":null,
    ///     "confirmedQuoteId":null,"confirmedQuoteStatus":null,"cancelledQuoteId":null,
    ///     "lostToCompetition":null,"closedDate":"2017-05-05","ownerUserId":null,"stageReasonId":null,
    ///     "channelId":null,"description":null,"version":3,
    ///     "createdAt":"2017-05-01T09:00:00.000Z","modifiedAt":"2017-05-05T14:30:00.123Z"}"#;
    /// let line = line.replace('\n', "");
    /// engine.import(line.as_bytes())?;
    ///
    /// let imported = engine.get(VenueId::new(107)?, OpportunityId::new(755)?)?.unwrap();
    /// assert_eq!(imported.version().get(), 3);
    ///
    /// let error = engine.import(line.as_bytes()).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "nothing was imported, because of line 1: there is an opportunity 755 already"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(&self, input: impl BufRead) -> Result<u64, ImportError> {
        drop(self.committing().map_err(ImportError::Aborted)?);
        let connection = self.shared.readers.writer_apart().map_err(ImportError::Aborted)?;
        let mut import = Import::begin(&connection).map_err(ImportError::Aborted)?;
        let mut lines = Lines::new(input, self.longest_line());
        insert_all(&mut import, &mut lines)?;
        import.finish().map_err(ImportError::Aborted)?;
        let (count, last_change) = {
            // It may have taken long, and the engine may be closed by now.
            let _committing = self.committing().map_err(ImportError::Aborted)?;
            import.commit().map_err(ImportError::Unknown)?
        };
        self.shared.followers.announce(last_change);
        // The import is there. If the log cannot be moved now, the writer will do so.
        drop(move_log(&connection, Effort::Passive, &self.shared.monitor));
        Ok(count)
    }

    /// In bytes. An opportunity has three texts, each from a request of its own perhaps; escaped, a byte
    /// of them becomes six at most.
    fn longest_line(&self) -> usize {
        (18 * self.shared.decoder.largest() + 4_096).min(MAX_LINE_BYTES)
    }
}

fn insert_all(import: &mut Import<'_>, lines: &mut Lines<impl BufRead>) -> Result<(), ImportError> {
    loop {
        let opportunity = match lines.next() {
            Ok(None) => return Ok(()),
            Ok(Some(line)) => read_record(line),
            Err(error) => return Err(unreadable(error, lines)),
        };
        let line = lines.number();
        let opportunity = opportunity.map_err(|error| refused(error, line))?;
        let id = opportunity.id();
        let inserted = import.insert(opportunity).map_err(ImportError::Aborted)?;
        inserted.map_err(|Taken| ImportError::Taken { line, id })?;
    }
}

fn unreadable<R: BufRead>(error: LineError, lines: &Lines<R>) -> ImportError {
    let line = lines.number();
    match error {
        LineError::TooLong => ImportError::TooLong { line, limit: lines.max_bytes() },
        LineError::Input(source) => ImportError::Input { line, source: Arc::new(source) },
    }
}

fn refused(error: NotARecord, line: u64) -> ImportError {
    match error {
        NotARecord::NotJson(JsonError { column, reason, .. }) => {
            ImportError::NotJson { line, column, reason }
        }
        NotARecord::NotAnObject => ImportError::NotAnObject { line },
        NotARecord::Invalid(violations) => ImportError::Invalid { line, violations },
    }
}
