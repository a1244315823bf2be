//! Backups, and looking for damage.

use std::path::Path;

use super::Engine;
use crate::store::{
    BackupError, Findings, OpenError, StoreError, Verification, back_up_file, verify_file,
};

impl Engine {
    /// Copies the database, as of the last commit, to a new file, while reads and writes go on.
    ///
    /// The backup is one file that needs no other. It is copied under another name in the same folder
    /// (`opportunity-….partial`), verified in [`Full`](Verification::Full), synced, and only then given
    /// its name: what has the name is whole (where the file system has no hard links, a crash may leave an empty
    /// file). On Unix no more users may read it than the database. Nothing is ever overwritten. A process that is
    /// killed meanwhile leaves the partial file, which may be removed.
    ///
    /// The copy is one long read, without a deadline. It never waits for the writer, nor the writer for
    /// it. But as long as it lasts, the write-ahead log cannot start over: it grows by all that is
    /// written meanwhile, and at its cap ([`Options::log_cap_bytes`](crate::Options::log_cap_bytes))
    /// writes are refused as aborted until the copy is done. The verification, which takes longer than
    /// the copy, reads the copy alone and holds up nothing.
    ///
    /// # Restoring
    ///
    #[doc = include_str!("../guide/restoring.md")]
    ///
    /// If a log or journal was forgotten in the second step, the backup is refused with
    /// [`OpenError::StaleLog`], for with that of another database it would be damaged. That works
    /// until an engine has opened the backup; so open a copy.
    /// [`Engine::verify_file`] changes nothing.
    ///
    /// # Errors
    ///
    /// [`BackupError`] tells why not, for instance because there is something at the path, or because the
    /// database is damaged. Nothing is left of the attempt.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Request, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let added = engine.add_or_update(lead)?;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let backup = folder.path().join("backup.db");
    /// # let place = folder.path().join("opportunities.db");
    /// engine.backup_to(&backup)?;
    ///
    /// std::fs::copy(&backup, &place)?;
    /// let restored = Engine::open(&place)?;
    /// assert_eq!(restored.get(venue, added.id())?, engine.get(venue, added.id())?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<(), BackupError> {
        self.shared.readers.back_up(path.as_ref())
    }

    /// Copies a database as [`backup_to`](Engine::backup_to) does, without opening it as an engine does:
    /// nothing of it is changed. Good for backups too.
    ///
    /// Others may have the database open, but for what [`verify_file`](Engine::verify_file) says of files
    /// that may not be written.
    ///
    /// # Errors
    ///
    /// [`BackupError`], as for `backup_to`. If there is no such database, or it could not be read, that is a
    /// [`BackupError::Store`] whose source tells.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Verification};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let [backup, further] = ["backup.db", "further.db"].map(|name| folder.path().join(name));
    /// Engine::in_memory()?.backup_to(&backup)?;
    /// Engine::back_up_file(&backup, &further)?;
    /// assert!(Engine::verify_file(&further, Verification::Full)?.is_sound());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn back_up_file(
        database: impl AsRef<Path>,
        path: impl AsRef<Path>,
    ) -> Result<(), BackupError> {
        let settings = Self::options().create(false).database;
        back_up_file(database.as_ref(), settings, path.as_ref())
    }

    /// Looks for damage in the database, as of the last commit, while reads and writes go on.
    ///
    /// This is one long read, without a deadline and in constant memory. As long as it lasts, the
    /// write-ahead log grows as with [`backup_to`](Engine::backup_to).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be carried out. Damage is no error, but in the [`Findings`].
    ///
    /// ```
    /// use opportunity_engine::{Engine, Verification};
    ///
    /// let engine = Engine::in_memory()?;
    /// let findings = engine.verify(Verification::Full)?;
    /// assert!(findings.is_sound(), "{findings}: {:?}", findings.problems);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, verification: Verification) -> Result<Findings, StoreError> {
        self.shared.readers.verify(verification)
    }

    /// Looks for damage in a database without opening it as an engine does: nothing is created, upgraded
    /// or taken over from a log. Good for backups too.
    ///
    /// Others may have the database open. Where this process may write neither the file nor its folder,
    /// as on a read-only medium, that is not so: nobody may write to it meanwhile, and if there is a log
    /// beside it, copy both to a folder that can be written.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when there is no such database, or it could not be read. Damage is no error, but in
    /// the [`Findings`], unless so much is damaged that the file is not known for a database.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Verification};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let backup = folder.path().join("backup.db");
    /// Engine::in_memory()?.backup_to(&backup)?;
    /// let findings = Engine::verify_file(&backup, Verification::Full)?;
    /// assert_eq!(findings.to_string(), "sound: 0 opportunities");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_file(
        path: impl AsRef<Path>,
        verification: Verification,
    ) -> Result<Findings, OpenError> {
        let settings = Self::options().create(false).database;
        verify_file(path.as_ref(), settings, verification)
    }
}
