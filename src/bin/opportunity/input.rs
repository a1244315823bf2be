//! The input of a run: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::{BAD_USAGE, Failure};

/// Opens the input and tells its size, if it has one.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let open = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok((file, metadata.is_file().then_some(metadata.len())))
    };
    let (file, len) = open().map_err(|error: io::Error| {
        Failure::new(BAD_USAGE, &format!("could not open {}", path.display()), &error)
    })?;
    Ok((Box::new(file), len))
}

pub(crate) fn not_read(error: &io::Error) -> Failure {
    Failure::new(BAD_USAGE, "could not read the input", error)
}
