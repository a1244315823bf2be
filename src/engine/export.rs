//! Export: every opportunity, a line each.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use super::Engine;
use crate::store::StoreError;
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
    /// One line of JSON for each, by id: the object that an [`Opportunity`](crate::Opportunity) serialises
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
        let not_written = |source| ExportError::Output { source: Arc::new(source) };
        let mut output = BufWriter::with_capacity(64 << 10, output);
        let count = self
            .shared
            .readers
            .scan(|opportunity| write_record(&mut output, opportunity).map_err(not_written))?;
        output.flush().map_err(not_written)?;
        Ok(count)
    }
}
