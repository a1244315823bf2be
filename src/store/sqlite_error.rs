//! SQLite's error codes, read as kinds of failure.

use rusqlite::{ErrorCode, ffi};

use super::error::{Operation, StoreError, StoreErrorKind};
use crate::domain::Damage;

/// Turns an error of the driver into one of the store's; used as `map_err(failed(operation))`.
pub(super) fn failed(operation: Operation) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::caused_by(operation, kind(operation, &error), error)
}

/// Turns a row that breaks the rules into an error.
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
