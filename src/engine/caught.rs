//! Panics as failures of the store.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::{Operation, StoreError, StoreErrorKind};

/// Runs what must not take its thread down with it: a panic is a failure like any other, of the
/// operation that is asked for then.
pub(super) fn caught<T>(
    operation: impl FnOnce() -> Operation,
    run: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(StoreError::new(operation(), StoreErrorKind::Panicked)))
}
