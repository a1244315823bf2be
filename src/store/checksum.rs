//! Checksums of rows. SQLite has sums of its log and none of its database: without one of ours a value that was
//! damaged, and keeps the rules all the same, would come back as another.

use std::sync::OnceLock;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement};

use super::migrations;
use crate::domain::Damage;

/// The column that holds the sum of the others: the last one that a statement names.
pub(super) const CHECKSUM: &str = Damage::CHECKSUM;

/// The columns of a table, but for the checksum of their values.
pub(super) struct Columns<const N: usize> {
    names: [&'static str; N],
    /// What stands for each of them in a sum.
    tags: [u64; N],
}

impl<const N: usize> Columns<N> {
    pub(super) const fn new(names: [&'static str; N]) -> Self {
        let mut tags = [0; N];
        let mut index = 0;
        while index < N {
            tags[index] = tag(names[index]);
            index += 1;
        }
        Self { names, tags }
    }

    pub(super) const fn names(&self) -> &[&'static str; N] {
        &self.names
    }

    /// What a statement selects to read rows: these columns in their order, and the checksum if there is one.
    pub(super) fn selected(&self, checksums: Checksums) -> String {
        let columns = self.names.join(", ");
        match checksums {
            Checksums::Present => format!("{columns}, {CHECKSUM}"),
            Checksums::Absent => columns,
        }
    }

    /// What an `INSERT INTO` goes on with: parameters have the position of their column, the checksum comes last.
    pub(super) fn insertion(&self, table: &str) -> String {
        let parameters: Vec<_> = (1..=N + 1).map(|position| format!("?{position}")).collect();
        let (columns, parameters) = (self.selected(Checksums::Present), parameters.join(", "));
        format!("{table} ({columns}) VALUES ({parameters})")
    }

    /// A sum to which the values of a row are added, in the order of the columns.
    pub(super) const fn sum(&self) -> RowSum<'_> {
        RowSum { tags: &self.tags, added: 0, sum: 0 }
    }

    /// Writes a row and its checksum, by a statement whose parameters have the position of their column.
    pub(super) fn write_row(
        &self,
        statement: &mut Statement<'_>,
        row: [ValueRef<'_>; N],
    ) -> rusqlite::Result<usize> {
        let mut sum = self.sum();
        for (position, value) in (1..).zip(row) {
            sum.add(value);
            statement.raw_bind_parameter(position, ToSqlOutput::Borrowed(value))?;
        }
        statement.raw_bind_parameter(N + 1, sum.checksum())?;
        statement.raw_execute()
    }

    /// Refuses a row, read as [`selected`](Self::selected), that is not as it was written.
    pub(super) fn check(&self, row: &Row<'_>) -> Result<(), Damage> {
        let mut sum = self.sum();
        for (position, name) in self.names.iter().enumerate() {
            sum.add(row.get_ref(position).map_err(|_| Damage::of(name))?);
        }
        sum.check(row)
    }
}

/// The sum of the values of a row, as far as they were added.
///
/// It is of the columns that have a value, each by its name and in any order: a column that is added to the table
/// later, and empty in the rows that are there, leaves their sums as they are.
pub(super) struct RowSum<'c> {
    tags: &'c [u64],
    added: usize,
    sum: u64,
}

impl RowSum<'_> {
    /// Adds the value of the next column.
    pub(super) fn add(&mut self, value: ValueRef<'_>) {
        debug_assert!(self.added < self.tags.len(), "a row has no more columns");
        let tag = self.tags.get(self.added).copied().unwrap_or_default();
        self.added += 1;
        self.sum = self.sum.wrapping_add(summand(tag, value));
    }

    /// What is stored of it: an integer that takes four bytes at most.
    pub(super) const fn checksum(&self) -> i64 {
        debug_assert!(self.added == self.tags.len(), "the values of some columns are missing");
        half_of(self.sum)
    }

    /// Refuses a row whose values, all of which were added, do not have the sum that stands beside them. A row
    /// that was read without one is of a database that has none.
    pub(super) fn check(&self, row: &Row<'_>) -> Result<(), Damage> {
        if row.as_ref().column_count() == self.tags.len() {
            return Ok(());
        }
        match row.get_ref(self.tags.len()) {
            Ok(ValueRef::Integer(stored)) if stored == self.checksum() => Ok(()),
            _ => Err(Damage::of(CHECKSUM)),
        }
    }
}

/// Gives every row of a table that has been there before checksums the one of what it holds.
pub(super) fn add_to_rows(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let all = connection.prepare(&format!("SELECT * FROM {table}"))?;
    let names: Vec<_> = all.column_names().filter(|name| *name != CHECKSUM).collect();
    let tags: Vec<_> = names.iter().map(|name| tag(name)).collect();
    let mut select =
        connection.prepare(&format!("SELECT {}, rowid FROM {table}", names.join(", ")))?;
    let mut update =
        connection.prepare(&format!("UPDATE {table} SET {CHECKSUM} = ?2 WHERE rowid = ?1"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let mut sum = RowSum { tags: &tags, added: 0, sum: 0 };
        for position in 0..tags.len() {
            sum.add(row.get_ref(position)?);
        }
        update.execute([row.get(tags.len())?, sum.checksum()])?;
    }
    Ok(())
}

/// Whether the rows of a database have checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    Present,
    /// They come with the upgrade; only who looks at a database without opening it meets such a one.
    Absent,
}

impl Checksums {
    /// By the version and by the table itself, so that damage to one of them does not turn the checks off.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let is_new = migrations::version(connection)? >= migrations::CHECKSUMS_SINCE;
        Ok(if is_new || are_there(connection)? { Self::Present } else { Self::Absent })
    }
}

/// What is made once for databases with checksums, and once for those without: statements.
pub(super) struct PerChecksums<T> {
    make: fn(Checksums) -> T,
    present: OnceLock<T>,
    absent: OnceLock<T>,
}

impl<T> PerChecksums<T> {
    pub(super) const fn new(make: fn(Checksums) -> T) -> Self {
        Self { make, present: OnceLock::new(), absent: OnceLock::new() }
    }

    pub(super) fn with(&self, checksums: Checksums) -> &T {
        let made = match checksums {
            Checksums::Present => &self.present,
            Checksums::Absent => &self.absent,
        };
        made.get_or_init(|| (self.make)(checksums))
    }

    /// What a database takes.
    pub(super) fn of(&self, connection: &Connection) -> rusqlite::Result<&T> {
        Checksums::of(connection).map(|checksums| self.with(checksums))
    }
}

/// Whether opportunities have a column for them.
pub(super) fn are_there(connection: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT 1 FROM pragma_table_info('opportunity') WHERE name = ?1";
    connection.prepare_cached(select)?.exists([CHECKSUM])
}

// What is stored depends on all that follows: it is never changed.

/// What stands for a column.
const fn tag(name: &str) -> u64 {
    with_text(0, name.as_bytes())
}

/// What a column with a value adds to a sum.
fn summand(tag: u64, value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(integer) => mixed(mixed(tag, integer.cast_unsigned()), tag),
        ValueRef::Real(real) => mixed(mixed(tag, real.to_bits()), tag),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => with_text(tag, bytes),
    }
}

/// Half of the bits of a sum, which all of them have a part in.
const fn half_of(sum: u64) -> i64 {
    (mixed(sum, 0) as u32).cast_signed() as i64
}

/// A number, and one more text: its length, then eight bytes at a time.
const fn with_text(number: u64, text: &[u8]) -> u64 {
    let mut mix = mixed(number, text.len() as u64);
    let mut rest = text;
    while let Some((word, others)) = rest.split_first_chunk::<8>() {
        mix = mixed(mix, u64::from_le_bytes(*word));
        rest = others;
    }
    let mut last = [0; 8];
    let mut index = 0;
    while index < rest.len() {
        last[index] = rest[index];
        index += 1;
    }
    mixed(mix, u64::from_le_bytes(last))
}

/// A number, and one more word. Each can be told from the result and the other one, so that one word that is
/// another always changes a sum; that goes unnoticed where it does not change the half that is stored, in one case of 2³².
const fn mixed(number: u64, word: u64) -> u64 {
    let product = (number ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(values: [ValueRef<'_>; 3]) -> i64 {
        static COLUMNS: Columns<3> = Columns::new(["venue_id", "name", "description"]);
        let mut sum = COLUMNS.sum();
        values.into_iter().for_each(|value| sum.add(value));
        sum.checksum()
    }

    /// A database has these sums in it.
    #[test]
    fn the_checksum_of_given_values_stays() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let (integer, null) = (ValueRef::Integer, ValueRef::Null);
        for (values, expected) in [
            ([null, null, null], 0),
            ([integer(107), null, null], -1_622_370_990),
            ([integer(-1), null, null], 1_706_138_882),
            ([null, text(""), null], -874_869_539),
            ([null, text("12345678"), null], 1_508_529_591),
            ([integer(107), text("Lead By API"), text("Größe")], -1_180_005_808),
        ] {
            assert_eq!(checksum(values), expected, "{values:?}");
        }
    }

    /// Seen to fail for sums without tags, and without the length of a text.
    #[test]
    fn values_that_change_their_place_or_their_end_change_the_checksum() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let (integer, null) = (ValueRef::Integer, ValueRef::Null);
        let all = [
            [integer(1), null, null],
            [integer(2), null, null],
            [null, integer(1), null],
            [null, text("a"), null],
            [null, null, text("a")],
            [null, text("a"), text("b")],
            [null, text("b"), text("a")],
            [null, text("ab"), null],
            [null, text("ab\0"), null],
            [null, text("ab\0\0\0\0\0\0"), null],
            [null, text("ab\0\0\0\0\0\0\0"), null],
        ];
        let sums: std::collections::HashSet<_> = all.map(|row| checksum(row)).into();
        assert_eq!(sums.len(), all.len());
    }
}
