//! SQLite's error codes, read as kinds of failure.

use rusqlite::ErrorCode;

use super::error::{Operation, StoreError, StoreErrorKind};
use crate::domain::Damage;

/// Turns an error of the driver into one of the store's; used as `map_err(failed(operation))`.
pub(super) fn failed(operation: Operation) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::caused_by(operation, kind(&error), error)
}

/// Turns a row that breaks the rules into an error.
pub(super) fn damaged(operation: Operation) -> impl Fn(Damage) -> StoreError {
    move |damage| StoreError::caused_by(operation, StoreErrorKind::Damaged, damage)
}

fn kind(error: &rusqlite::Error) -> StoreErrorKind {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
    };
    // The schema gives every column one type, and the state of the engine one row.
    if let QueryReturnedNoRows
    | InvalidColumnType(..)
    | IntegralValueOutOfRange(..)
    | FromSqlConversionFailure(..) = error
    {
        return StoreErrorKind::Damaged;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Busy,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreErrorKind::Io,
        Some(ErrorCode::OutOfMemory) => StoreErrorKind::OutOfMemory,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreErrorKind::ReadOnly,
        // The rules were checked before, so a constraint that fails found something that they do
        // not allow in the file already: a counter that lags behind the rows, say.
        Some(
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation,
        ) => StoreErrorKind::Damaged,
        Some(ErrorCode::OperationInterrupted) => StoreErrorKind::DeadlineExceeded,
        _ => StoreErrorKind::Unexpected,
    }
}
