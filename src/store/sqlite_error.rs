//! SQLite's error codes, read as kinds of failure.

use rusqlite::{ErrorCode, ffi};

use super::error::{Operation, StoreError, StoreErrorKind};
use crate::domain::Damage;

/// Turns an error of the driver into one of the store's; used as `map_err(failed(operation))`.
pub(super) fn failed(operation: Operation) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::caused_by(operation, kind(operation, &error), error)
}

/// Turns a row that breaks the rules, or is not what was written, into an error.
pub(super) fn damaged(operation: Operation) -> impl Fn(Damage) -> StoreError {
    move |damage| StoreError::caused_by(operation, StoreErrorKind::Damaged, damage)
}

pub(super) fn kind(operation: Operation, error: &rusqlite::Error) -> StoreErrorKind {
    use rusqlite::Error;
    match error {
        Error::SqliteFailure(failure, _) => kind_of_code(operation, failure),
        // The statements are right, so the schema is not: a column is gone.
        Error::SqlInputError { .. }
        // A value has a type that the schema does not allow, or the row of counters is gone.
        | Error::QueryReturnedNoRows
        | Error::InvalidColumnType(..)
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => StoreErrorKind::Damaged,
        _ => StoreErrorKind::Unexpected,
    }
}

pub(super) fn kind_of_code(operation: Operation, failure: &ffi::Error) -> StoreErrorKind {
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreErrorKind::Busy,
        ErrorCode::DiskFull => StoreErrorKind::Full,
        // The file ends before a page that it should have.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
            StoreErrorKind::Damaged
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => StoreErrorKind::Io,
        ErrorCode::OutOfMemory => StoreErrorKind::OutOfMemory,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreErrorKind::ReadOnly,
        // The rules were checked before, so a constraint that fails found something that they do
        // not allow in the file already: a counter that lags behind the rows, say. Likewise no row
        // that was written is too big.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::ConstraintViolation
        | ErrorCode::TooBig => StoreErrorKind::Damaged,
        // The statements are right, so the schema is not: a table is gone.
        ErrorCode::Unknown
            if matches!(
                operation,
                Operation::Open | Operation::Read | Operation::Apply | Operation::Verify
            ) =>
        {
            StoreErrorKind::Damaged
        }
        ErrorCode::OperationInterrupted => StoreErrorKind::DeadlineExceeded,
        _ => StoreErrorKind::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Seen to catch: a file that ends too early, told as an I/O error; whatever has no name, told as damage.
    #[test]
    fn what_sqlite_says_has_a_kind() {
        use StoreErrorKind::{
            Busy, Damaged, DeadlineExceeded, Full, Io, OutOfMemory, ReadOnly, Unexpected,
        };
        for (code, expected) in [
            (ffi::SQLITE_BUSY, Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, Busy),
            (ffi::SQLITE_LOCKED, Busy),
            (ffi::SQLITE_FULL, Full),
            (ffi::SQLITE_IOERR_WRITE, Io),
            (ffi::SQLITE_IOERR_FSYNC, Io),
            (ffi::SQLITE_IOERR_SHORT_READ, Damaged),
            (ffi::SQLITE_CANTOPEN, Io),
            (ffi::SQLITE_NOMEM, OutOfMemory),
            (ffi::SQLITE_READONLY, ReadOnly),
            (ffi::SQLITE_PERM, ReadOnly),
            (ffi::SQLITE_CORRUPT, Damaged),
            (ffi::SQLITE_NOTADB, Damaged),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Damaged),
            (ffi::SQLITE_TOOBIG, Damaged),
            (ffi::SQLITE_INTERRUPT, DeadlineExceeded),
            (ffi::SQLITE_MISUSE, Unexpected),
            (ffi::SQLITE_SCHEMA, Unexpected),
        ] {
            let failure = ffi::Error::new(code);
            assert_eq!(kind_of_code(Operation::Apply, &failure), expected, "{failure}");
        }
        // A table that is missing while there is one to be read or written; else it is not known what it means.
        let failure = ffi::Error::new(ffi::SQLITE_ERROR);
        assert_eq!(kind_of_code(Operation::Read, &failure), Damaged);
        assert_eq!(kind_of_code(Operation::Commit, &failure), Unexpected);
    }
}
