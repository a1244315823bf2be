//! The index by venue: caught up in sorted runs, so that adds do not pay for it one by one.
//!
//! An index on `opportunity (venue_id)` dirties a page for nearly every add when adds are spread over
//! many venues. Nothing forces it to be current, as a venue never changes and ids only grow: what is not in it yet is
//! a short tail of the table. So adds are gathered into a run, which is sorted and then written slice by slice, each
//! within a group that is committed anyway. Neighbours of a slice share their pages.

use std::cmp::Ordering;

use rusqlite::{Connection, Statement};

use crate::domain::Damage;

/// How many opportunities make a run: the more, the fewer pages an entry costs, and the longer the
/// tail that a list has to look through. With 1,000 venues an entry costs a sixteenth of a page, and
/// adds to them 1.3 times as much as those to one (`throughput -- venues`); with half of it 1.6 times.
const RUN: i64 = 16_384;

/// How many entries a group writes at least, while there is a run. It writes two for each add, so
/// that a run is in the index before the next one is full.
const LEAST_SLICE: usize = 64;

/// A place in the index: the key of its table, in the order of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Entry {
    venue: i64,
    id: i64,
}

/// How far the index has come: what is stored of it beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Coverage {
    /// Every opportunity up to this id is in the index.
    indexed_id: i64,
    /// The last id of the run in progress; `indexed_id` if there is none.
    run_id: i64,
    /// The entry of the run that was written last; the default one is before all.
    written: Entry,
}

impl Coverage {
    /// The coverage of a table up to `last_id`, from [`Coverage::values`] that were stored; none is
    /// negative.
    pub(super) fn restore(values: [i64; 4], last_id: i64) -> Result<Self, Damage> {
        let [indexed_id, run_id, venue, id] = values;
        let written = Entry { venue, id };
        if !(indexed_id..=last_id).contains(&run_id) {
            return Err(Damage::of("run_id"));
        }
        let is_of_the_run = venue > 0 && id > indexed_id && id <= run_id;
        if written != Entry::default() && !is_of_the_run {
            return Err(Damage::of("run_entry_id"));
        }
        Ok(Self { indexed_id, run_id, written })
    }

    /// The columns `indexed_id`, `run_id`, `run_venue_id` and `run_entry_id`.
    pub(super) const fn values(self) -> [i64; 4] {
        [self.indexed_id, self.run_id, self.written.venue, self.written.id]
    }

    /// The id up to which every opportunity of a venue is in the index: for a venue that the run has
    /// passed, that is its end.
    pub(super) fn of_venue(self, venue: i64) -> i64 {
        match venue.cmp(&self.written.venue) {
            Ordering::Less => self.run_id,
            Ordering::Equal => self.written.id,
            Ordering::Greater => self.indexed_id,
        }
    }

    /// Whether the index has passed this id: an opportunity with it has to be in the index, whatever its
    /// venue, and nothing else will put it there.
    pub(super) const fn is_past(self, id: i64) -> bool {
        id <= self.indexed_id
    }

    /// With a run of all up to this id, if they are enough and there is no run already.
    fn with_run_up_to(self, last_id: i64) -> Self {
        let is_due = self.run_id == self.indexed_id && last_id - self.indexed_id >= RUN;
        if is_due { Self { run_id: last_id, ..self } } else { self }
    }

    const fn has_run(self) -> bool {
        self.run_id > self.indexed_id
    }
}

/// Writes the index.
pub(super) struct VenueIndex<'c> {
    read_run: Statement<'c>,
    insert: Statement<'c>,
    /// What is left of the run, the next entry last.
    rest: Vec<Entry>,
    /// What `rest` follows. If something else is stored, another process has written, and the rest is
    /// read anew.
    coverage: Option<Coverage>,
}

impl<'c> VenueIndex<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            read_run: connection
                .prepare("SELECT venue_id, id FROM opportunity WHERE id > ?1 AND id <= ?2")?,
            insert: connection.prepare(INSERT_ENTRY)?,
            rest: Vec::new(),
            coverage: None,
        })
    }

    /// Writes the next slice, in a transaction that has added `adds` opportunities, the last one with
    /// this id. The result is to be stored with it.
    pub(super) fn advance(
        &mut self,
        stored: Coverage,
        last_id: i64,
        adds: usize,
    ) -> rusqlite::Result<Coverage> {
        let mut coverage = stored.with_run_up_to(last_id);
        if !coverage.has_run() {
            return Ok(coverage);
        }
        // Until the slice is written, `rest` follows nothing that can be stored.
        if self.coverage.take() != Some(coverage) {
            self.read_rest(coverage)?;
        }
        let slice = LEAST_SLICE.max(2 * adds).min(self.rest.len());
        for entry in self.rest.drain(self.rest.len() - slice..).rev() {
            self.insert.execute([entry.venue, entry.id])?;
            coverage.written = entry;
        }
        if self.rest.is_empty() {
            coverage =
                Coverage { indexed_id: coverage.run_id, written: Entry::default(), ..coverage };
        }
        self.coverage = Some(coverage);
        Ok(coverage)
    }

    /// Says that what was written is rolled back. Another process may come to the same coverage with
    /// other rows.
    pub(super) fn forget(&mut self) {
        self.coverage = None;
    }

    fn read_rest(&mut self, coverage: Coverage) -> rusqlite::Result<()> {
        self.rest.clear();
        let mut rows = self.read_run.query([coverage.indexed_id, coverage.run_id])?;
        while let Some(row) = rows.next()? {
            let entry = Entry { venue: row.get(0)?, id: row.get(1)? };
            if entry > coverage.written {
                self.rest.push(entry);
            }
        }
        self.rest.sort_unstable_by(|one, other| other.cmp(one));
        Ok(())
    }
}

/// Writes an entry, venue ?1 and id ?2, if it is not there.
pub(super) const INSERT_ENTRY: &str = "INSERT OR IGNORE INTO opportunity_by_venue VALUES (?1, ?2)";

/// Writes all that the index lacks at once, a run in progress included: for what may be far more rows than
/// a list could look through, or a run could hold in memory. SQLite sorts them, on the disk if need be.
pub(super) fn complete(
    connection: &Connection,
    stored: Coverage,
    last_id: i64,
) -> rusqlite::Result<Coverage> {
    let insert = "INSERT OR IGNORE INTO opportunity_by_venue
                  SELECT venue_id, id FROM opportunity WHERE id > ?1 ORDER BY venue_id, id";
    connection.execute(insert, [stored.indexed_id])?;
    Ok(Coverage { indexed_id: last_id, run_id: last_id, written: Entry::default() })
}

/// Reads the ids of the opportunities of venue ?1 after id ?2 that are in the index: at most ?3.
pub(super) const SELECT_INDEXED: &str =
    "SELECT id FROM opportunity_by_venue WHERE venue_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

/// Reads those in the table: of its tail, which is not in the index.
pub(super) const SELECT_TAIL: &str =
    "SELECT id FROM opportunity WHERE venue_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

/// Whether an opportunity `o` is to be in the index by now; beside it `engine_state` has to be read.
const IS_DUE: &str = "(o.id <= indexed_id
    OR o.id <= run_id AND (o.venue_id, o.id) <= (run_venue_id, run_entry_id))";

/// Finds the opportunities that are due and not in the index, by venue and id: at most ?1.
pub(super) fn select_missing() -> String {
    format!(
        "SELECT o.venue_id, o.id FROM engine_state, opportunity AS o
         WHERE {IS_DUE} AND NOT EXISTS (
             SELECT 1 FROM opportunity_by_venue AS i WHERE i.venue_id = o.venue_id AND i.id = o.id)
         LIMIT ?1"
    )
}

/// Finds the entries of the index that are of no opportunity that is due, by venue and id: at most ?1.
pub(super) fn select_wrong() -> String {
    format!(
        "SELECT i.venue_id, i.id FROM opportunity_by_venue AS i
         WHERE NOT EXISTS (
             SELECT 1 FROM engine_state, opportunity AS o
             WHERE o.id = i.id AND o.venue_id = i.venue_id AND {IS_DUE})
         LIMIT ?1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sql: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../schema.sql")).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = explain.query_map([1, 0, 10], |row| row.get(3)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn a_list_searches_the_index_and_the_end_of_the_table() {
        let index = "SEARCH opportunity_by_venue USING PRIMARY KEY (venue_id=? AND id>?)";
        assert_eq!(plan(SELECT_INDEXED), [index]);
        let tail = plan(SELECT_TAIL);
        assert_eq!(tail[0], "SEARCH opportunity USING INTEGER PRIMARY KEY (rowid>?)");
        assert!(!tail.iter().any(|step| step.contains("TEMP B-TREE")), "{tail:?}");
    }
}
