//! Export: every opportunity, a line each.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::Engine;
use crate::domain::Opportunity;
use crate::store::{StoreError, scan_file};
use crate::wire::write_record;

/// Why an export was given up. What was written by then is not whole.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The output could not be written.
    #[error("the export could not be written; look at the output, and export again")]
    Output {
        /// What the output said.
        source: Arc<std::io::Error>,
    },
    /// The store failed: a row is damaged, say.
    #[error("the export failed")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Writes every opportunity of every venue, as of the last commit, while reads and writes go on; tells
    /// how many there were.
    ///
    /// One line of JSON for each, by id: the object that an [`Opportunity`] serialises
    /// to, with all of its keys, the version and the times among them. [`import`](Engine::import) reads
    /// it. It is sent to `output` in pieces of 64 KiB and flushed at the end.
    ///
    /// The export is one long read of one moment, without a deadline and in constant memory. As long as it
    /// lasts, the write-ahead log grows as with [`backup_to`](Engine::backup_to).
    ///
    /// # Errors
    ///
    /// [`ExportError`] when the output could not be written, or the database not be read. What was
    /// written before that is of no use.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Request, Timestamp, VenueId};
    ///
    /// let engine = Engine::options().clock(|| Timestamp::from_millis(1_493_994_600_123)).in_memory()?;
    /// engine.add_or_update(
    ///     Request::add(VenueId::new(107)?)
    ///         .name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69),
    /// )?;
    ///
    /// let mut lines = Vec::new();
    /// assert_eq!(engine.export(&mut lines)?, 1);
    ///
    /// let copy = Engine::in_memory()?;
    /// assert_eq!(copy.import(&*lines)?, 1);
    /// let mut again = Vec::new();
    /// copy.export(&mut again)?;
    /// assert_eq!(again, lines);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export(&self, output: impl Write) -> Result<u64, ExportError> {
        let mut records = Records::to(output);
        let count = self.shared.readers.scan(|opportunity| records.write(opportunity))?;
        records.flush().map(|()| count)
    }

    /// Writes every opportunity of a database as [`export`](Engine::export) does, without opening it as an
    /// engine does: nothing of it is changed. Good for backups too.
    ///
    /// Others may have the database open, but for what [`verify_file`](Engine::verify_file) says of files
    /// that may not be written.
    ///
    /// # Errors
    ///
    /// [`ExportError`], as for `export`. If there is no such database, or it could not be read, that is an
    /// [`ExportError::Store`] whose source tells.
    ///
    /// ```
    /// use opportunity_engine::Engine;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let backup = folder.path().join("backup.db");
    /// Engine::in_memory()?.backup_to(&backup)?;
    /// let mut lines = Vec::new();
    /// assert_eq!(Engine::export_file(&backup, &mut lines)?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export_file(path: impl AsRef<Path>, output: impl Write) -> Result<u64, ExportError> {
        let settings = Self::options().create(false).database;
        let mut records = Records::to(output);
        let visit = |opportunity: &Opportunity| records.write(opportunity);
        let count = scan_file(path.as_ref(), settings, visit)?;
        records.flush().map(|()| count)
    }
}

/// Where the lines go.
struct Records<W: Write>(BufWriter<W>);

impl<W: Write> Records<W> {
    fn to(output: W) -> Self {
        Self(BufWriter::with_capacity(64 << 10, output))
    }

    fn write(&mut self, opportunity: &Opportunity) -> Result<(), ExportError> {
        write_record(&mut self.0, opportunity).map_err(not_written)
    }

    fn flush(mut self) -> Result<(), ExportError> {
        self.0.flush().map_err(not_written)
    }
}

fn not_written(source: std::io::Error) -> ExportError {
    ExportError::Output { source: Arc::new(source) }
}
