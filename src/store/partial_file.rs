//! A file that gets its name only when it is whole, and never takes that of another.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::folder::sync_folder_of;
use super::look::{COMPANIONS, companion};

/// A file in progress, under a name of its own. It is removed when it is dropped, with whatever SQLite
/// has left beside it.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
}

impl PartialFile {
    /// Makes an empty one in a folder, which no more users may read than `model`.
    pub(super) fn new(folder: &Path, model: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        keep_private(&mut options, model)?;
        loop {
            // Each hasher has keys of its own, so the name cannot be guessed.
            let name = format!("opportunity-{:016x}.partial", RandomState::new().hash_one(()));
            let path = folder.join(name);
            match options.open(&path) {
                Ok(_) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name in the same folder, durably. Nobody may have it open.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        self.publish_by(path, |from, to| fs::hard_link(from, to))
    }

    fn publish_by(
        self,
        path: &Path,
        link: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        // SQLite has written it, but this writes back all that was written, whoever did so.
        File::options().write(true).open(&self.path)?.sync_all()?;
        // A second name is refused where there is a file, a plain renaming is not.
        match link(&self.path, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) => self.take_place(path)?,
            Ok(()) => {}
        }
        let named = fs::remove_file(&self.path).or_else(none_is_fine);
        named.and_then(|()| sync_folder_of(path)).inspect_err(|_| remove(path))
    }

    /// Does so on a file system without hard links: takes the name with an empty file, then puts this one
    /// in its place.
    fn take_place(&self, path: &Path) -> io::Result<()> {
        File::create_new(path)?;
        fs::rename(&self.path, path).inspect_err(|_| remove(path))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        remove(&self.path);
        COMPANIONS.iter().for_each(|suffix| remove(&companion(&self.path, suffix)));
    }
}

/// Removes a file on a way that is reporting another failure already.
fn remove(path: &Path) {
    drop(fs::remove_file(path));
}

fn none_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(unix)]
fn keep_private(options: &mut OpenOptions, model: &Path) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    // The owner has to write it, whatever the model says.
    options.mode(fs::metadata(model)?.permissions().mode() & 0o777 | 0o600);
    Ok(())
}

/// Elsewhere a file has the rights of its folder.
#[cfg(not(unix))]
fn keep_private(_options: &mut OpenOptions, _model: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a partial file in it that holds "new".
    fn partial() -> (tempfile::TempDir, PartialFile) {
        let folder = tempfile::tempdir().unwrap();
        let partial = PartialFile::new(folder.path(), folder.path()).unwrap();
        fs::write(partial.path(), "new").unwrap();
        (folder, partial)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn no_hard_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    #[test]
    fn it_gets_its_name_with_and_without_hard_links() {
        let (folder, partial) = partial();
        partial.publish(&folder.path().join("a")).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "new");

        let (folder, partial) = self::partial();
        partial.publish_by(&folder.path().join("a"), no_hard_links).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "new");
    }

    /// Seen to fail with a plain renaming in place of either way.
    #[test]
    fn it_takes_the_name_of_no_other_file() {
        for link in [|from: &Path, to: &Path| fs::hard_link(from, to), no_hard_links] {
            let (folder, partial) = partial();
            fs::write(folder.path().join("a"), "old").unwrap();
            let refused = partial.publish_by(&folder.path().join("a"), link).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
            assert_eq!(names(folder.path()), ["a"]);
            assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "old");
        }
    }

    #[test]
    fn dropped_it_is_gone_with_what_lies_beside_it() {
        let (folder, partial) = partial();
        COMPANIONS.iter().for_each(|suffix| {
            fs::write(companion(partial.path(), suffix), "x").unwrap();
        });
        assert_eq!(names(folder.path()).len(), 4);
        drop(partial);
        assert!(names(folder.path()).is_empty());
    }
}
