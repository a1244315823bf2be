//! Every error, word for word, with its source.

use std::error::Error as StdError;
use std::io::ErrorKind;
use std::sync::Arc;

use crate::domain::{
    Conflict, CursorError, Field, InvalidValue, OpportunityId, Rejection, SystemField, Value,
    VenueId, Version, Violation, ViolationKind, Violations,
};
use crate::store::{
    BackupError, Findings, OpenError, Operation, Problem, StoreError, StoreErrorKind,
};
use crate::{BatchError, Error, ExportError, ImportError, ListError, Reply, TrySubmitError};

fn text(error: &dyn StdError) -> String {
    error.to_string()
}

/// The texts of the sources, from the nearest on.
fn sources(error: &dyn StdError) -> Vec<String> {
    std::iter::successors(error.source(), |&error| error.source()).map(text).collect()
}

fn busy() -> StoreError {
    StoreError::caused_by(Operation::Commit, StoreErrorKind::Busy, rusqlite::Error::InvalidQuery)
}

const BUSY: &str = "could not commit: another process holds the database; try again";

fn io() -> Arc<std::io::Error> {
    Arc::new(ErrorKind::PermissionDenied.into())
}

#[test]
fn values() {
    let texts: [(InvalidValue, &str); 10] = [
        (
            InvalidValue::Integer { min: 1 },
            "the value must be an integer from 1 to 9223372036854775807",
        ),
        (
            InvalidValue::Integer { min: 0 },
            "the value must be an integer from 0 to 9223372036854775807",
        ),
        (InvalidValue::Text, "the value must be text"),
        (InvalidValue::TextOrInteger, "the value must be text, or an integer without a sign"),
        (InvalidValue::Empty, "the value must not be empty"),
        (InvalidValue::Blank, "the value must hold something other than white space"),
        (InvalidValue::Nul, "the value must not contain the character U+0000"),
        (InvalidValue::LoneSurrogate, "the value must not contain a lone surrogate"),
        (
            InvalidValue::Date,
            "the value must be a date yyyy-mm-dd or a timestamp yyyy-mm-dd HH:mm:ss, optionally \
             followed by ' UTC', in the years 0001 to 9999",
        ),
        (
            InvalidValue::Timestamp,
            "the value must be a time like 2017-05-05T14:30:00.123Z (RFC 3339), no finer than a \
             millisecond, in the years 0001 to 9999",
        ),
    ];
    for (error, expected) in texts {
        assert_eq!(text(&error), expected);
        assert!(error.source().is_none());
    }
}

#[test]
fn violations() {
    let malformed =
        ViolationKind::MalformedJson { line: 2, column: 7, reason: "expected `:`".into() };
    for (violation, expected) in [
        (Violation::of_field(Field::SourceId, ViolationKind::Required), "'sourceId' is required"),
        (
            Violation::of_field(Field::Name, ViolationKind::Malformed(InvalidValue::Text)),
            "'name' must be text",
        ),
        (
            Violation::of_field(Field::Name, ViolationKind::NotClearable),
            "'name' may not be cleared",
        ),
        (
            Violation::of_field(Field::CompanyId, ViolationKind::LastOwner),
            "'companyId' may be cleared only if 'contactId' remains",
        ),
        (
            Violation::of_field(Field::ContactId, ViolationKind::LastOwner),
            "'contactId' may be cleared only if 'companyId' remains",
        ),
        (
            Violation::of_field(Field::VenueId, ViolationKind::Duplicate),
            "'venueId' is given more than once",
        ),
        (
            Violation::of_system_field(SystemField::Version, ViolationKind::Required),
            "'version' is required",
        ),
        (
            Violation::of_system_field(SystemField::ModifiedAt, ViolationKind::BeforeCreation),
            "'modifiedAt' must not be before 'createdAt'",
        ),
        (Violation::unknown_key("subtypeId".into()), "'subtypeId' is not a known field"),
        (Violation::unknown_key("a\n'b'".into()), "'a\\n\\'b\\'' is not a known field"),
        (
            Violation::unknown_key("ü".repeat(65).into()),
            "'üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü…' is not a known field",
        ),
        (unknown(Field::StageId, Value::Integer(69), None), "'stageId' 69 is unknown in venue 107"),
        (
            unknown(Field::StageReasonId, Value::Integer(7), Some(Field::StageId)),
            "'stageReasonId' 7 is unknown in venue 107 for its 'stageId'",
        ),
        (
            unknown(Field::ChannelId, Value::Text("a\n'b'".into()), None),
            "'channelId' 'a\\n\\'b\\'' is unknown in venue 107",
        ),
        (Violation::of_request(ViolationKind::NotAnObject), "the request must be one JSON object"),
        (
            Violation::of_request(malformed),
            "the request is not valid JSON at line 2, column 7: expected `:`",
        ),
        (
            Violation::of_request(ViolationKind::TooLarge { limit: 1_048_576 }),
            "the request must be at most 1048576 bytes",
        ),
        (
            Violation::of_request(ViolationKind::ExpectsVersion),
            "the request must not expect a version of what it adds",
        ),
    ] {
        assert_eq!(violation.to_string(), expected);
    }
}

fn unknown(field: Field, id: Value<'static>, within: Option<Field>) -> Violation {
    let venue = VenueId::new(107).unwrap();
    Violation::of_field(field, ViolationKind::UnknownReference { venue, id, within })
}

fn invalid() -> Rejection {
    let required = |field| Violation::of_field(field, ViolationKind::Required);
    let violations = vec![required(Field::SourceId), required(Field::Name)];
    Rejection::Invalid(Violations::new(violations).unwrap())
}

fn not_found() -> Rejection {
    Rejection::NotFound { venue: VenueId::new(107).unwrap(), id: OpportunityId::new(755).unwrap() }
}

#[test]
fn rejections() {
    for (rejection, headline, expected) in [
        (Rejection::Empty, "the request is empty", "the request is empty"),
        (
            not_found(),
            "opportunity 755 does not exist in venue 107",
            "opportunity 755 does not exist in venue 107",
        ),
        (
            invalid(),
            "the opportunity details are invalid",
            "the opportunity details are invalid: 'name' is required; 'sourceId' is required",
        ),
        (
            Rejection::Conflict(Conflict::Version {
                id: OpportunityId::new(755).unwrap(),
                expected: Version::FIRST,
                current: Version::new(3).unwrap(),
            }),
            "opportunity 755 has version 3, not the expected 1",
            "opportunity 755 has version 3, not the expected 1",
        ),
        (
            Rejection::Conflict(Conflict::IdempotencyKey),
            "the idempotency key was used for another request",
            "the idempotency key was used for another request",
        ),
        (
            Rejection::Conflict(Conflict::Pair {
                id: OpportunityId::new(755).unwrap(),
                field: Field::StageId,
            }),
            "'stageId' of opportunity 755 was changed after the request was held against it; send it again, or \
             give both of the pair",
            "'stageId' of opportunity 755 was changed after the request was held against it; send it again, or \
             give both of the pair",
        ),
    ] {
        assert_eq!(text(&rejection), expected);
        assert_eq!(rejection.headline(), headline);
        assert!(rejection.source().is_none());
    }
}

const OPERATIONS: [(Operation, &str); 10] = [
    (Operation::Accept, "could not accept the request: "),
    (Operation::Open, "could not open the database: "),
    (Operation::Read, "could not read: "),
    (Operation::Begin, "could not start a transaction: "),
    (Operation::Apply, "could not apply the change: "),
    (Operation::Commit, "could not commit: "),
    (Operation::Checkpoint, "could not move the write-ahead log into the database: "),
    (Operation::Backup, "could not copy the database: "),
    (Operation::Verify, "could not verify the database: "),
    (Operation::Prune, "could not prune the change feed: "),
];

/// Every kind, its text, and whether trying again can help.
pub(crate) const KINDS: [(StoreErrorKind, &str, bool); 16] = [
    (StoreErrorKind::Busy, "another process holds the database; try again", true),
    (StoreErrorKind::Full, "the disk or the database is full; free some space", false),
    (
        StoreErrorKind::Io,
        "the operating system reported an I/O error; check the disk, its quota and the limits of the \
         process",
        false,
    ),
    (StoreErrorKind::OutOfMemory, "memory ran out; try again under less load", true),
    (StoreErrorKind::ReadOnly, "the database may not be written; check the permissions", false),
    (StoreErrorKind::Damaged, "the database is damaged; restore a backup", false),
    (
        StoreErrorKind::LogFull,
        "the write-ahead log has reached its cap; end long reads and check the disk, then try again",
        true,
    ),
    (StoreErrorKind::QueueFull, "the queue is full; send the request again a little later", true),
    (
        StoreErrorKind::DeadlineExceeded,
        "the read took longer than its deadline; try again or read less",
        true,
    ),
    (StoreErrorKind::Exhausted, "there is no higher id, version or sequence", false),
    (
        StoreErrorKind::BatchRefused,
        "another request of its all-or-nothing batch was refused; correct that one and send the \
         batch again",
        false,
    ),
    (StoreErrorKind::NoReferences, "its references could not be looked up; try again", true),
    (
        StoreErrorKind::Panicked,
        "a panic was caught; this is a bug in the engine or in code given to it",
        false,
    ),
    (
        StoreErrorKind::WritesStopped,
        "an earlier commit or sync has an unknown outcome; close the engine and open it anew to write again",
        false,
    ),
    (StoreErrorKind::Closed, "the engine is closed; open it again", false),
    (
        StoreErrorKind::Unexpected,
        "SQLite reported an unexpected error; its source has the details",
        false,
    ),
];

#[test]
fn failures_of_the_store() {
    for (operation, expected) in OPERATIONS {
        let error = StoreError::new(operation, StoreErrorKind::Busy);
        assert_eq!(
            text(&error),
            format!("{expected}another process holds the database; try again")
        );
    }
    for (kind, expected, passing) in KINDS {
        assert_eq!(kind.to_string(), expected);
        assert_eq!(kind.is_passing(), passing, "{kind:?}");
        assert!(sources(&StoreError::new(Operation::Read, kind)).is_empty());
    }
    assert_eq!(sources(&busy()), ["Query is not read-only"]);
}

/// Whatever SQLite or the operating system said, a client reads the texts above and nothing else.
///
/// Seen to fail for a reply that tells the source too, or the `Debug` form of the error.
#[test]
fn no_failure_of_the_store_tells_a_client_what_lies_below() {
    for (operation, did) in OPERATIONS {
        for (kind, what, _) in KINDS {
            let cause = std::io::Error::other("/data/a.db: SELECT company_id FROM opportunity");
            let error = StoreError::caused_by(operation, kind, cause);
            for failure in [Error::Aborted(error.clone()), Error::Unknown(error)] {
                let (certain, status) = (failure.to_string(), failure.status());
                let reply = Reply::from(Err(failure)).to_json();
                let expected = format!(
                    "{{\"success\":false,\"id\":null,\"errorCode\":{status},\"specificCode\":null,\
                     \"message\":\"{certain}: {did}{what}\",\"additionalMessages\":[]}}"
                );
                assert_eq!(String::from_utf8(reply).unwrap(), expected);
            }
        }
    }
}

#[test]
fn errors_of_a_request() {
    for (error, expected, nearest, status) in [
        (
            Error::Rejected(invalid()),
            "the opportunity details are invalid: 'name' is required; 'sourceId' is required",
            None,
            400,
        ),
        (Error::Rejected(not_found()), "opportunity 755 does not exist in venue 107", None, 404),
        (Error::Aborted(busy()), "aborted, nothing was changed", Some(BUSY), 503),
        (
            Error::Unknown(busy()),
            "unknown, the change may or may not be kept; look before sending it again",
            Some(BUSY),
            500,
        ),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(sources(&error).first().map(String::as_str), nearest);
        assert_eq!(error.status(), status);
    }
    let withdrawn = StoreError::new(Operation::Accept, StoreErrorKind::BatchRefused);
    assert_eq!(Error::Aborted(withdrawn).status(), 424);
}

#[test]
fn errors_of_a_batch() {
    let refused = |count| BatchError::Refused((0..count).map(|at| (at, not_found())).collect());
    for (error, expected, nearest) in [
        (
            refused(1),
            "nothing was changed, because 1 of the batch was refused: request 0: opportunity 755 does \
             not exist in venue 107",
            None,
        ),
        (
            refused(5),
            "nothing was changed, because 5 of the batch were refused: request 0: opportunity 755 does \
             not exist in venue 107; request 1: opportunity 755 does not exist in venue 107; request 2: \
             opportunity 755 does not exist in venue 107; and 2 more",
            None,
        ),
        (BatchError::Aborted(busy()), "aborted, nothing was changed", Some(BUSY)),
        (
            BatchError::Unknown(busy()),
            "unknown, the changes may or may not be kept, all or none of them; look before sending them \
             again",
            Some(BUSY),
        ),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(sources(&error).first().map(String::as_str), nearest);
    }
}

#[test]
fn errors_of_a_submission() {
    let full = TrySubmitError::Full(Box::default());
    assert_eq!(text(&full), "the queue is full; send the request again a little later");
    assert!(full.source().is_none());
    let failed = TrySubmitError::Failed(Error::Aborted(busy()));
    assert_eq!(text(&failed), "aborted, nothing was changed");
    assert_eq!(sources(&failed), [BUSY, "Query is not read-only"]);

    let queue_is_full = StoreError::new(Operation::Accept, StoreErrorKind::QueueFull).to_string();
    let full = Error::from(full);
    assert_eq!((text(&full).as_str(), full.status()), ("aborted, nothing was changed", 503));
    assert_eq!(sources(&full), [queue_is_full]);
    assert_eq!(sources(&Error::from(failed)), [BUSY, "Query is not read-only"]);
}

#[test]
fn errors_of_a_list() {
    for (error, expected) in [
        (
            CursorError::Malformed,
            "the text is not a cursor; send it exactly as it was given, or begin the list anew",
        ),
        (
            CursorError::OtherList,
            "the cursor belongs to another list; ask for the same venue, filter and order as before, or \
             begin the list anew",
        ),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(text(&ListError::Cursor(error)), expected);
        assert!(ListError::Cursor(error).source().is_none());
    }
    let late = StoreError::new(Operation::Read, StoreErrorKind::DeadlineExceeded);
    let error = ListError::Store(late);
    assert_eq!(text(&error), "the list could not be read");
    let cause = "could not read: the read took longer than its deadline; try again or read less";
    assert_eq!(sources(&error), [cause]);
}

#[test]
fn errors_of_opening() {
    let path = || "data/a.db".into();
    for (error, expected, nearest) in [
        (
            OpenError::OldSqlite { found: "3.40.1".into(), required: "3.51.3" },
            "SQLite 3.40.1 is too old: link 3.51.3 or newer",
            None,
        ),
        (
            OpenError::Path { path: path(), source: io() },
            "\"data/a.db\" cannot be used; check the path and its permissions",
            Some("permission denied"),
        ),
        (
            OpenError::Missing { path: path() },
            "\"data/a.db\" does not exist or is empty; check the path, or let an engine create it",
            None,
        ),
        (
            OpenError::LogAlone { path: path() },
            "\"data/a.db\" does not exist or is empty, but its write-ahead log is there and may hold \
             changes; restore the file, or remove the log",
            None,
        ),
        (
            OpenError::Foreign { path: path() },
            "\"data/a.db\" is not an opportunity database, or its beginning is damaged; choose another \
             path, or restore a backup",
            None,
        ),
        (
            OpenError::Newer { path: path(), found: 9 },
            "\"data/a.db\" has schema version 9, and this engine knows versions up to 3; use a newer \
             engine",
            None,
        ),
        (
            OpenError::StaleLog { path: path() },
            "the log or journal beside \"data/a.db\" is of another database; remove the files with that name \
             and -wal, -shm or -journal at its end, and open it again",
            None,
        ),
        (
            OpenError::Setting {
                name: "journal_mode",
                wanted: "wal".into(),
                found: "memory".into(),
            },
            "SQLite did not accept the setting journal_mode: it should be wal and is memory; if the file was \
             used elsewhere before, restore a backup, else link the SQLite of this crate",
            None,
        ),
        (
            OpenError::Option { name: "queue", requirement: "at least 1 command and 1 byte" },
            "the option queue must be at least 1 command and 1 byte",
            None,
        ),
        (
            OpenError::Thread { source: io() },
            "no thread could be started; check the limits of the process",
            Some("permission denied"),
        ),
        (
            OpenError::Store { path: path(), source: busy() },
            "\"data/a.db\" could not be opened",
            Some(BUSY),
        ),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(sources(&error).first().map(String::as_str), nearest);
    }
}

#[test]
fn errors_of_an_export() {
    let error = ExportError::Output { source: io() };
    assert_eq!(
        text(&error),
        "the export could not be written; look at the output, and export again"
    );
    assert_eq!(sources(&error), ["permission denied"]);
    let error = ExportError::Store(busy());
    assert_eq!(text(&error), "the export failed");
    assert_eq!(sources(&error), [BUSY, "Query is not read-only"]);
}

#[test]
fn errors_of_an_import() {
    let required = Violation::of_system_field(SystemField::Version, ViolationKind::Required);
    for (error, expected, nearest) in [
        (
            ImportError::Invalid { line: 7, violations: required.into() },
            "nothing was imported, because line 7 is invalid: 'version' is required",
            None,
        ),
        (
            ImportError::NotJson { line: 7, column: 2, reason: "expected ident".into() },
            "nothing was imported, because line 7 is not valid JSON at column 2: expected ident",
            None,
        ),
        (
            ImportError::NotAnObject { line: 7 },
            "nothing was imported, because line 7 is not one JSON object",
            None,
        ),
        (
            ImportError::TooLong { line: 7, limit: 4_096 },
            "nothing was imported, because line 7 is longer than 4096 bytes",
            None,
        ),
        (
            ImportError::Taken { line: 7, id: OpportunityId::new(755).unwrap() },
            "nothing was imported, because of line 7: there is an opportunity 755 already",
            None,
        ),
        (
            ImportError::Input { line: 7, source: io() },
            "nothing was imported, because line 7 could not be read",
            Some("permission denied"),
        ),
        (ImportError::Aborted(busy()), "aborted, nothing was imported", Some(BUSY)),
        (
            ImportError::Unknown(busy()),
            "unknown, the import may or may not be kept, all or none of it; look before importing again",
            Some(BUSY),
        ),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(sources(&error).first().map(String::as_str), nearest);
    }
}

#[test]
fn problems_of_a_database() {
    for (problem, expected) in [
        (Problem::Format("Tree 4 page 9: unused".into()), "Tree 4 page 9: unused"),
        (
            Problem::Value { id: 755, column: "name" },
            "opportunity 755: the stored value of name breaks the rules",
        ),
        (
            Problem::Value { id: 755, column: "checksum" },
            "opportunity 755: the stored values do not have the checksum that was written with them",
        ),
        (
            Problem::Version { version: 2 },
            "the schema version is said to be 2, and the tables are of another",
        ),
        (Problem::NoCounters, "the row of counters is missing"),
        (
            Problem::Counter { column: "run_entry_id" },
            "the counter run_entry_id does not fit the others",
        ),
        (
            Problem::CounterBehind { last_id: 3, highest_id: 7 },
            "the last id is said to be 3, but there is opportunity 7",
        ),
        (
            Problem::IndexAhead { reach: 9, last_id: 7 },
            "the index by venue is said to reach opportunity 9, but the last id is 7",
        ),
        (
            Problem::NotIndexed { venue: 107, id: 755 },
            "the index by venue lacks opportunity 755 of venue 107",
        ),
        (
            Problem::WronglyIndexed { venue: 107, id: 755 },
            "the index by venue wrongly lists opportunity 755 in venue 107",
        ),
        (Problem::NoChangeFeed, "the row of the change feed is missing"),
        (
            Problem::ChangeFeedBehind { last_sequence: 3, highest_sequence: 7 },
            "the last change is said to be 3, but there is change 7",
        ),
        (
            Problem::Change { sequence: 7, column: "fields" },
            "change 7: the stored value of fields breaks the rules",
        ),
        (
            Problem::Change { sequence: 7, column: "checksum" },
            "change 7: the stored values do not have the checksum that was written with them",
        ),
        (
            Problem::ChangeOfNothing { sequence: 7, id: 755, version: 2 },
            "change 7 made version 2 of opportunity 755, which is not there",
        ),
        (
            Problem::Key { venue: 107, column: "request" },
            "an idempotency key of venue 107: the stored value of request breaks the rules",
        ),
        (
            Problem::Key { venue: 107, column: "checksum" },
            "an idempotency key of venue 107: the stored values do not have the checksum that was written \
             with them",
        ),
        (
            Problem::KeyOfNothing { venue: 107, id: 755, version: 2 },
            "an idempotency key of venue 107 tells of version 2 of opportunity 755, which is not there",
        ),
    ] {
        assert_eq!(text(&problem), expected);
        assert!(problem.source().is_none());
    }
}

/// What a verification of `opportunities` rows finds, with this many problems.
fn findings(opportunities: u64, problems: usize) -> Findings {
    Findings { opportunities, problems: vec![Problem::NoCounters; problems] }
}

#[test]
fn findings_in_a_line() {
    for (opportunities, problems, expected) in [
        (0, 0, "sound: 0 opportunities"),
        (1, 0, "sound: 1 opportunity"),
        (1, 1, "damaged: 1 problem in 1 opportunity"),
        (5, 2, "damaged: 2 problems in 5 opportunities"),
        (5, Findings::MAX_PROBLEMS, "damaged: 100 problems or more in 5 opportunities"),
    ] {
        assert_eq!(findings(opportunities, problems).to_string(), expected);
    }
}

#[test]
fn errors_of_a_backup() {
    let path = || "data/b.db".into();
    for (error, expected, nearest) in [
        (
            BackupError::Exists { path: path() },
            "\"data/b.db\" exists; choose another path for the backup",
            None,
        ),
        (
            BackupError::OwnPath { path: path() },
            "\"data/b.db\" belongs to the database itself; choose another path for the backup",
            None,
        ),
        (
            BackupError::Path { path: path(), source: io() },
            "no backup can be kept at \"data/b.db\"; check its folder, the permissions and the space",
            Some("permission denied"),
        ),
        (
            BackupError::Damaged { findings: findings(5, 2) },
            "the copy is damaged, and so may be the database; verify it: the row of counters is missing",
            None,
        ),
        (BackupError::Store(busy()), "the backup failed", Some(BUSY)),
    ] {
        assert_eq!(text(&error), expected);
        assert_eq!(sources(&error).first().map(String::as_str), nearest);
    }
}
