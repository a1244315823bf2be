//! A filter as a statement, every value bound.

use rusqlite::types::{Null, ToSqlOutput, ValueRef};

use super::MAX_LINE_BYTES;
use super::row::stored;
use crate::domain::{Condition, Filter, Value};

/// A part of the opportunities of a venue: those that the index by venue has, or the tail of the table, which it
/// does not have yet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Those that the index has, after an id and up to another.
    Indexed { after: i64, end: i64 },
    /// Those after an id, past those in the index.
    Tail { after: i64 },
}

/// A statement and what is bound to it, in order. In it `i` is the index and `o` the table.
pub(super) struct ListStatement<'q> {
    pub(super) sql: String,
    pub(super) values: Vec<ToSqlOutput<'q>>,
}

impl<'q> ListStatement<'q> {
    /// Finds the ids, in order.
    pub(super) fn by_id(venue: i64, part: Part, filter: &'q Filter, limit: usize) -> Self {
        let id = match part {
            Part::Indexed { .. } => "i.id",
            Part::Tail { .. } => "o.id",
        };
        // Without conditions the index has all that it takes.
        let mut statement = Self::of(&format!("SELECT {id}"), venue, part, !filter.is_empty());
        statement.add_conditions(filter);
        statement.add(&format!(" ORDER BY {id} LIMIT ?"), [integer(limit)]);
        statement
    }

    /// Finds moments of the last change and ids, in that order.
    pub(super) fn by_last_change(
        venue: i64,
        part: Part,
        filter: &'q Filter,
        after: (i64, i64),
        limit: usize,
    ) -> Self {
        let mut statement = Self::of("SELECT o.modified_at, o.id", venue, part, true);
        statement.add_conditions(filter);
        statement.add(" AND (o.modified_at, o.id) > (?, ?)", [after.0.into(), after.1.into()]);
        statement.add(" ORDER BY o.modified_at, o.id LIMIT ?", [integer(limit)]);
        statement
    }

    /// Counts them.
    pub(super) fn count(venue: i64, part: Part, filter: &'q Filter) -> Self {
        let mut statement = Self::of("SELECT count(*)", venue, part, !filter.is_empty());
        statement.add_conditions(filter);
        statement
    }

    /// Finds the last id of the first `stretch` entries of a venue in the index, after an id and up to
    /// another; nothing if there are fewer.
    pub(super) fn end_of_stretch(venue: i64, after: i64, end: i64, stretch: i64) -> Self {
        let part = Part::Indexed { after, end };
        let mut statement = Self::of("SELECT i.id", venue, part, false);
        statement.add(" ORDER BY i.id LIMIT 1 OFFSET ?", [(stretch - 1).into()]);
        statement
    }

    /// Of a part of the rows of a venue; those of the index with the rows of the table, if they are needed.
    fn of(select: &str, venue: i64, part: Part, needs_table: bool) -> Self {
        let (from, values) = match part {
            // The order of the tables is part of the plan. The venue is compared again, because an index
            // can be damaged.
            Part::Indexed { after, end } if needs_table => (
                "opportunity_by_venue AS i CROSS JOIN opportunity AS o ON o.id = i.id \
                 WHERE i.venue_id = ? AND i.id > ? AND i.id <= ? AND o.venue_id = ?",
                vec![venue, after, end, venue],
            ),
            Part::Indexed { after, end } => (
                "opportunity_by_venue AS i WHERE i.venue_id = ? AND i.id > ? AND i.id <= ?",
                vec![venue, after, end],
            ),
            Part::Tail { after } => {
                ("opportunity AS o WHERE o.venue_id = ? AND o.id > ?", vec![venue, after])
            }
        };
        let values = values.into_iter().map(ToSqlOutput::from).collect();
        Self { sql: format!("{select} FROM {from}"), values }
    }

    fn add_conditions(&mut self, filter: &'q Filter) {
        for condition in filter.conditions() {
            self.add_condition(condition);
        }
    }

    fn add_condition(&mut self, condition: Condition<'q>) {
        match condition {
            Condition::Is(field, value) => {
                self.add(&format!(" AND o.{} = ?", field.column()), [wanted(value)]);
            }
            Condition::IsEmpty(field) => {
                self.add(&format!(" AND o.{} IS NULL", field.column()), []);
            }
            // SQLite's `lower` changes the letters of ASCII and no others.
            Condition::NameStartsWith(start) => {
                self.add(" AND instr(lower(o.name), ?) = 1", [text(start)]);
            }
            Condition::NameContains(part) => {
                self.add(" AND instr(lower(o.name), ?) > 0", [text(part)]);
            }
            Condition::ClosedBetween(start, end) => {
                let range = [start, end].map(ToSqlOutput::from);
                self.add(" AND o.closed_date BETWEEN ? AND ?", range);
            }
            Condition::ModifiedSince(moment) => {
                self.add(" AND o.modified_at >= ?", [moment.as_millis().into()]);
            }
        }
    }

    fn add<const N: usize>(&mut self, sql: &str, values: [ToSqlOutput<'q>; N]) {
        self.sql += sql;
        self.values.extend(values);
    }
}

/// A value to compare with.
fn wanted<'q>(value: &'q Value<'static>) -> ToSqlOutput<'q> {
    match value {
        Value::Text(value) => text(value),
        value => ToSqlOutput::Borrowed(stored(value)),
    }
}

/// A text to compare with. SQLite would refuse one that is far longer than any that is stored: nothing equals it,
/// and nothing equals NULL.
fn text(text: &str) -> ToSqlOutput<'_> {
    if text.len() > MAX_LINE_BYTES {
        return Null.into();
    }
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn integer(limit: usize) -> ToSqlOutput<'static> {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, params_from_iter};

    use super::*;
    use crate::domain::{StageId, Timestamp};

    const INDEXED: Part = Part::Indexed { after: 10, end: 90 };
    const TAIL: Part = Part::Tail { after: 90 };

    fn plan(statement: &ListStatement<'_>) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../schema.sql")).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let mut explain = connection.prepare(&explain).unwrap();
        let values = params_from_iter(&statement.values);
        explain.query_map(values, |row| row.get(3)).unwrap().map(Result::unwrap).collect()
    }

    fn filter() -> Filter {
        let filter = Filter::new().stage_id(StageId::new(69).unwrap()).name_contains("api");
        filter.modified_since(Timestamp::from_millis(5)).closed_date(None)
    }

    const COVERED: &str = "SEARCH i USING PRIMARY KEY (venue_id=? AND id>? AND id<?)";
    const ROW: &str = "SEARCH o USING INTEGER PRIMARY KEY (rowid=?)";
    const END_OF_TABLE: &str = "SEARCH o USING INTEGER PRIMARY KEY (rowid>?)";

    /// Seen to fail for a page in the order of the table's ids, which are the same: SQLite sorts them.
    #[test]
    fn a_page_by_id_goes_along_the_index_from_where_it_begins_and_sorts_nothing() {
        let (none, some) = (Filter::new(), filter());
        assert_eq!(plan(&ListStatement::by_id(107, INDEXED, &none, 101)), [COVERED]);
        assert_eq!(plan(&ListStatement::by_id(107, INDEXED, &some, 101)), [COVERED, ROW]);
        assert_eq!(plan(&ListStatement::end_of_stretch(107, 10, 90, 1_024)), [COVERED]);
        for filter in [&none, &some] {
            assert_eq!(plan(&ListStatement::by_id(107, TAIL, filter, 101)), [END_OF_TABLE]);
        }
    }

    #[test]
    fn a_page_by_last_change_looks_at_the_rows_of_the_venue_and_sorts_them() {
        let sort = "USE TEMP B-TREE FOR ORDER BY";
        for filter in [&Filter::new(), &filter()] {
            let statement = |part| ListStatement::by_last_change(107, part, filter, (5, 10), 101);
            assert_eq!(plan(&statement(INDEXED)), [COVERED, ROW, sort]);
            assert_eq!(plan(&statement(TAIL)), [END_OF_TABLE, sort]);
        }
    }

    /// One that is much longer SQLite would refuse.
    #[test]
    fn a_text_that_is_longer_than_any_stored_one_is_not_given_to_sqlite() {
        let longest = "x".repeat(MAX_LINE_BYTES);
        assert_eq!(text(&longest), ToSqlOutput::Borrowed(ValueRef::Text(longest.as_bytes())));
        assert_eq!(text(&(longest + "x")), Null.into());
    }

    #[test]
    fn a_count_without_conditions_reads_the_index_alone() {
        assert_eq!(plan(&ListStatement::count(107, INDEXED, &Filter::new())), [COVERED]);
        assert_eq!(plan(&ListStatement::count(107, INDEXED, &filter())), [COVERED, ROW]);
        assert_eq!(plan(&ListStatement::count(107, TAIL, &filter())), [END_OF_TABLE]);
    }
}
