//! Looking at a database that others may be using.

use std::error::Error;
use std::path::Path;

use opportunity_engine::Reader;

use crate::failure::{Failure, STORE_FAILED};

/// Opens a database that has to exist, and changes nothing of it.
pub(crate) fn open(db: &Path) -> Result<Reader, Failure> {
    Reader::open(db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))
}

pub(crate) fn not_read(error: &dyn Error) -> Failure {
    Failure::new(STORE_FAILED, "could not read the database", error)
}
