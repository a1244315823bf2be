//! What the database remembers beside the opportunities: one row of counters, checked whenever it is read.

use rusqlite::{Row, Statement};

use super::error::{Operation, StoreError};
use super::sqlite_error::{damaged, failed};
use super::venue_index::Coverage;
use crate::domain::Damage;

/// What `engine_state` says of the rows. Read anew in each transaction, because another process may
/// have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    /// The id that was assigned last.
    pub(super) last_id: i64,
    pub(super) index: Coverage,
}

impl State {
    pub(super) const SELECT: &str =
        "SELECT last_id, indexed_id, run_id, run_venue_id, run_entry_id FROM engine_state";

    pub(super) const UPDATE: &str = "
        UPDATE engine_state
        SET (last_id, indexed_id, run_id, run_venue_id, run_entry_id) = (?1, ?2, ?3, ?4, ?5)";

    /// Runs `SELECT`. Numbers that do not fit together are damage: from a counter that is wrong new
    /// opportunities would get wrong ids, and lists would have holes.
    pub(super) fn read(
        select: &mut Statement<'_>,
        operation: Operation,
    ) -> Result<Self, StoreError> {
        let mut rows = select.query([]).map_err(failed(operation))?;
        let state = match rows.next().map_err(failed(operation))? {
            Some(row) => Self::from_row(row),
            None => Err(Damage::of("singleton")),
        };
        state.map_err(damaged(operation))
    }

    /// Checks what `SELECT` has found.
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self, Damage> {
        let count = |position, column| match row.get(position) {
            Ok(count @ 0..) => Ok(count),
            _ => Err(Damage::of(column)),
        };
        let last_id = count(0, "last_id")?;
        let index = [
            count(1, "indexed_id")?,
            count(2, "run_id")?,
            count(3, "run_venue_id")?,
            count(4, "run_entry_id")?,
        ];
        Ok(Self { last_id, index: Coverage::restore(index, last_id)? })
    }

    /// The parameters of `UPDATE`.
    pub(super) const fn values(self) -> [i64; 5] {
        let [indexed_id, run_id, run_venue_id, run_entry_id] = self.index.values();
        [self.last_id, indexed_id, run_id, run_venue_id, run_entry_id]
    }
}
