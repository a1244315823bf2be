//! A private folder for a database that nobody keeps.

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::OpenError;

/// A folder of its own among the temporary files, removed when it is dropped.
#[derive(Debug)]
pub(super) struct ScratchFolder(PathBuf);

impl ScratchFolder {
    pub(super) fn new() -> Result<Self, OpenError> {
        loop {
            // Each hasher has keys of its own, so the name cannot be guessed.
            let name = format!("opportunity-engine-{:016x}", RandomState::new().hash_one(()));
            let path = std::env::temp_dir().join(name);
            match create_private_folder(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(OpenError::Path { path, source: Arc::new(source) }),
            }
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.0.join("opportunities.db")
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever tidies temporary files; nobody is here to tell.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Creates a folder that only its owner can enter, where the system knows owners.
fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
