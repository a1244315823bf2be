//! Lists: a statement finds places in a list, and the opportunities there are then read one by one, like any
//! other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rusqlite::{CachedStatement, Connection, Row, params_from_iter};

use super::error::{Operation, StoreError};
use super::list_statement::{ListStatement, Part};
use super::row::{self, SELECTS};
use super::sqlite_error::{damaged, failed};
use super::state::State;
use crate::domain::{Damage, Filter, Opportunity, Position, VenueId};

/// How many entries of the index are looked at between two looks at the clock.
const STRETCH: i64 = 1_024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListQuery<'a> {
    pub(crate) venue: VenueId,
    pub(crate) filter: &'a Filter,
    /// Where to go on; it tells the order too.
    pub(crate) after: Position,
    /// How many there may be.
    pub(crate) limit: usize,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) opportunities: Vec<Opportunity>,
    /// Where the rest begins, if there is any.
    pub(crate) rest: Option<Position>,
}

/// Places that lie ahead of a list in the order of the last change: found together, because to find one takes a
/// look at every opportunity of the venue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ahead {
    /// In their order.
    pub(crate) positions: VecDeque<Position>,
    /// Where those begin that have not been looked for; `None` if there were none, and what was found has all
    /// been read on the same snapshot.
    pub(crate) rest: Option<Position>,
}

/// Reads a page, all on one snapshot. When `budget` is used up a page in the order of ids ends early.
pub(super) fn list(
    connection: &Connection,
    query: ListQuery<'_>,
    budget: Duration,
) -> Result<Listed, StoreError> {
    let started = Instant::now();
    let venue = VenueRows::open(connection, query.venue, query.filter)?;
    let found = venue.find(query, || started.elapsed() >= budget)?;
    let opportunities = venue.read_all(&found.positions)?;
    Ok(Listed { opportunities, rest: found.rest })
}

/// Reads a page in the order of the last change, and finds up to `stretch` places in all, of which those of the
/// page are the first.
pub(super) fn list_and_look_ahead(
    connection: &Connection,
    query: ListQuery<'_>,
    stretch: usize,
) -> Result<(Vec<Opportunity>, Ahead), StoreError> {
    let venue = VenueRows::open(connection, query.venue, query.filter)?;
    let found = venue.find(ListQuery { limit: stretch.max(query.limit), ..query }, || false)?;
    let mut positions = VecDeque::from(found.positions);
    let page: Vec<_> = positions.drain(..query.limit.min(positions.len())).collect();
    let opportunities = venue.read_all(&page)?;
    positions.shrink_to_fit();
    // What is read on a later snapshot may have moved to the end by then.
    let rest = positions.back().copied().or(found.rest);
    Ok((opportunities, Ahead { positions, rest }))
}

/// Reads the next of the places that were found before: at most as many as a page has. An opportunity that has
/// left its place is left out; it comes at its new one.
pub(super) fn list_ahead(
    connection: &Connection,
    query: ListQuery<'_>,
    ahead: &mut Ahead,
) -> Result<Vec<Opportunity>, StoreError> {
    let venue = VenueRows::open(connection, query.venue, query.filter)?;
    let mut select = venue.select()?;
    let mut opportunities = Vec::new();
    for _ in 0..query.limit {
        let Some(position) = ahead.positions.pop_front() else { break };
        // It was in the table itself: if it is gone, somebody has deleted it since.
        let Some(opportunity) = venue.read_one(&mut select, position)? else { continue };
        let present = Position::by_last_change(&opportunity);
        if present == position {
            opportunities.extend(Some(opportunity).filter(|it| query.filter.matches(it)));
        } else if present > position && ahead.rest.is_some_and(|rest| present <= rest) {
            // The clock was set back. Nobody will look for it there again.
            let place = ahead.positions.partition_point(|next| *next < present);
            ahead.positions.insert(place, present);
        }
    }
    Ok(opportunities)
}

/// Counts the opportunities of a venue that a filter takes up.
pub(super) fn count(
    connection: &Connection,
    venue: VenueId,
    filter: &Filter,
) -> Result<u64, StoreError> {
    let venue = VenueRows::open(connection, venue, filter)?;
    Ok(venue.count(venue.indexed(0))? + venue.count(venue.tail(0))?)
}

/// Places in a list, at most as many as were asked for.
struct Found {
    positions: Vec<Position>,
    rest: Option<Position>,
}

impl Found {
    /// Of what was found with one more than asked for, to learn whether there is a rest.
    fn up_to(limit: usize, mut positions: Vec<Position>) -> Self {
        let is_more = positions.len() > limit;
        positions.truncate(limit);
        let rest = positions.last().copied().filter(|_| is_more);
        Self { positions, rest }
    }
}

/// The opportunities of a venue that a filter takes up, at one moment.
struct VenueRows<'q> {
    snapshot: rusqlite::Transaction<'q>,
    venue: i64,
    filter: &'q Filter,
    /// The id up to which those of the venue are in the index.
    indexed_id: i64,
}

impl<'q> VenueRows<'q> {
    fn open(
        connection: &'q Connection,
        venue: VenueId,
        filter: &'q Filter,
    ) -> Result<Self, StoreError> {
        let read = failed(Operation::Read);
        let snapshot = connection.unchecked_transaction().map_err(&read)?;
        let venue = venue.get();
        let state = {
            let mut select = snapshot.prepare_cached(State::SELECT).map_err(&read)?;
            State::read(&mut select, Operation::Read)?
        };
        Ok(Self { snapshot, venue, filter, indexed_id: state.index.of_venue(venue) })
    }

    /// Those in the index after an id.
    const fn indexed(&self, after: i64) -> Part {
        Part::Indexed { after, end: self.indexed_id }
    }

    /// Those after an id that are not in the index.
    fn tail(&self, after: i64) -> Part {
        Part::Tail { after: after.max(self.indexed_id) }
    }

    /// Finds the places of a page.
    fn find(&self, query: ListQuery<'_>, is_late: impl Fn() -> bool) -> Result<Found, StoreError> {
        let found = match query.after {
            Position::Id(id) => self.by_id(id, query.limit, is_late)?,
            Position::LastChange { modified_at, id } => {
                self.by_last_change((modified_at, id), query.limit)?
            }
        };
        let is_after = found.positions.first().is_none_or(|first| *first > query.after);
        if !is_after || !found.positions.is_sorted_by(|one, next| one < next) {
            return Err(out_of_order());
        }
        Ok(found)
    }

    /// Looks through the index stretch by stretch, so that a filter that takes up little is no reason to
    /// run into the deadline with nothing to show: the list can go on where the page has ended.
    fn by_id(
        &self,
        after: i64,
        limit: usize,
        is_late: impl Fn() -> bool,
    ) -> Result<Found, StoreError> {
        let mut positions = Vec::new();
        let mut seen = after;
        while seen < self.indexed_id && positions.len() <= limit {
            let end = self.end_of_stretch(seen)?;
            let part = Part::Indexed { after: seen, end };
            positions.extend(self.find_by_id(part, limit + 1 - positions.len())?);
            seen = end;
            if is_late() && positions.len() <= limit {
                return Ok(Found { positions, rest: Some(Position::Id(seen)) });
            }
        }
        if positions.len() <= limit {
            positions.extend(self.find_by_id(self.tail(seen), limit + 1 - positions.len())?);
        }
        Ok(Found::up_to(limit, positions))
    }

    /// The id with which the next stretch of the index ends.
    fn end_of_stretch(&self, after: i64) -> Result<i64, StoreError> {
        if self.filter.is_empty() {
            // No entry is passed over, so the limit alone bounds the work.
            return Ok(self.indexed_id);
        }
        let statement = ListStatement::end_of_stretch(self.venue, after, self.indexed_id, STRETCH);
        let ends = self.run(&statement, |row| row.get(0))?;
        match ends.first() {
            // An index out of order: the list would never come to its end.
            Some(&end) if end <= after => Err(out_of_order()),
            Some(&end) => Ok(end),
            None => Ok(self.indexed_id),
        }
    }

    fn find_by_id(&self, part: Part, limit: usize) -> Result<Vec<Position>, StoreError> {
        let statement = ListStatement::by_id(self.venue, part, self.filter, limit);
        self.run(&statement, |row| row.get(0).map(Position::Id))
    }

    /// Looks at all of them, in the index and in the tail, each time.
    fn by_last_change(&self, after: (i64, i64), limit: usize) -> Result<Found, StoreError> {
        let mut positions = Vec::new();
        for part in [self.indexed(0), self.tail(0)] {
            let statement =
                ListStatement::by_last_change(self.venue, part, self.filter, after, limit + 1);
            positions.extend(self.run(&statement, |row| {
                Ok(Position::LastChange { modified_at: row.get(0)?, id: row.get(1)? })
            })?);
        }
        positions.sort_unstable();
        Ok(Found::up_to(limit, positions))
    }

    fn count(&self, part: Part) -> Result<u64, StoreError> {
        let statement = ListStatement::count(self.venue, part, self.filter);
        let counts: Vec<i64> = self.run(&statement, |row| row.get(0))?;
        Ok(counts.into_iter().map(i64::unsigned_abs).sum())
    }

    fn run<T>(
        &self,
        statement: &ListStatement<'_>,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || -> rusqlite::Result<Vec<T>> {
            let mut prepared = self.snapshot.prepare_cached(&statement.sql)?;
            prepared.query_map(params_from_iter(&statement.values), read)?.collect()
        };
        run().map_err(failed(Operation::Read))
    }

    fn read_all(&self, positions: &[Position]) -> Result<Vec<Opportunity>, StoreError> {
        // In one snapshot what was found is there, unless the index tells of what is not.
        let there = |it: Option<_>| it.ok_or(Damage::of("id")).map_err(damaged(Operation::Read));
        let mut select = self.select()?;
        let read_one = |&position| self.read_one(&mut select, position).and_then(there);
        positions.iter().map(read_one).collect()
    }

    fn select(&self) -> Result<CachedStatement<'_>, StoreError> {
        let select = || self.snapshot.prepare_cached(&SELECTS.of(&self.snapshot)?.one);
        select().map_err(failed(Operation::Read))
    }

    fn read_one(
        &self,
        select: &mut CachedStatement<'_>,
        position: Position,
    ) -> Result<Option<Opportunity>, StoreError> {
        let read = failed(Operation::Read);
        let mut rows = select.query([position.id(), self.venue]).map_err(&read)?;
        let row = rows.next().map_err(&read)?;
        row.map(row::read).transpose().map_err(damaged(Operation::Read))
    }
}

/// Places out of turn are damage: SQLite goes by the order of its pages and does not compare.
fn out_of_order() -> StoreError {
    damaged(Operation::Read)(Damage::of("id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ListOrder, UserId};
    use crate::store::StoreErrorKind;

    const ROWS: i64 = 10_000;

    /// The ids up to which the index has everything: two stretches of our venue, and a bit.
    const INDEXED: i64 = 5_000;

    /// A database of opportunities of two venues in turn; every thousandth of our venue has an owner.
    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../schema.sql")).unwrap();
        let fill = format!(
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS})
             INSERT INTO opportunity (id, venue_id, version, created_at, modified_at, name, type_id,
                 stage_id, source_id, contact_id, owner_user_id)
             SELECT id, 107 + id % 2, 1, 0, {ROWS} - id, 'n', 1, 1, 1, 1, iif(id % 2000 = 0, 1, NULL)
             FROM n;
             INSERT INTO opportunity_by_venue
             SELECT venue_id, id FROM opportunity WHERE id <= {INDEXED};
             UPDATE engine_state SET last_id = {ROWS}, indexed_id = {INDEXED}, run_id = {INDEXED};"
        );
        // By hand rows get no checksums, so this is a database without.
        connection.execute_batch("ALTER TABLE opportunity DROP COLUMN checksum").unwrap();
        connection.execute_batch(&fill).unwrap();
        connection
    }

    fn page(
        connection: &Connection,
        filter: &Filter,
        after: Position,
        budget: Duration,
    ) -> Result<Listed, StoreError> {
        let venue = VenueId::new(107).unwrap();
        list(connection, ListQuery { venue, filter, after, limit: 3 }, budget)
    }

    fn owned() -> Filter {
        Filter::new().owner_user_id(UserId::new(1).unwrap())
    }

    /// The ids on each page of the owned ones.
    fn pages(budget: Duration) -> Vec<Vec<i64>> {
        let connection = database();
        let (mut pages, mut after) = (Vec::new(), Some(Position::start(ListOrder::Id)));
        while let Some(position) = after {
            let listed = page(&connection, &owned(), position, budget).unwrap();
            pages.push(listed.opportunities.iter().map(|it| it.id().get()).collect());
            after = listed.rest;
        }
        pages
    }

    /// Seen to fail for a short page whose rest begins after its last opportunity: that never ends.
    #[test]
    fn a_page_that_is_late_ends_after_a_stretch_and_the_next_one_goes_on_from_there() {
        let unhurried = Duration::MAX;
        assert_eq!(pages(unhurried), [vec![2_000, 4_000, 6_000], vec![8_000, 10_000]]);
        // The index has 2,500 of ours; the tail is read at once.
        let expected = [vec![2_000], vec![4_000], vec![], vec![6_000, 8_000, 10_000]];
        assert_eq!(pages(Duration::ZERO), expected);
    }

    fn kind_after(sql: &str, filter: &Filter, order: ListOrder) -> Option<StoreErrorKind> {
        let connection = database();
        connection.execute_batch(sql).unwrap();
        let listed = page(&connection, filter, Position::start(order), Duration::MAX);
        listed.err().map(|error| error.kind())
    }

    /// Seen to fail for rows that are left out when they are not there.
    #[test]
    fn an_index_that_tells_of_what_is_not_there_is_damage() {
        let damaged = Some(StoreErrorKind::Damaged);
        let missing = "DELETE FROM opportunity WHERE id = 2";
        assert_eq!(kind_after(missing, &Filter::new(), ListOrder::Id), damaged);
        let of_another = "INSERT INTO opportunity_by_venue VALUES (107, 1)";
        assert_eq!(kind_after(of_another, &Filter::new(), ListOrder::Id), damaged);
        // With the rows at hand the venue is compared there.
        assert_eq!(kind_after(of_another, &Filter::new(), ListOrder::LastChange), None);
        assert_eq!(kind_after(of_another, &owned(), ListOrder::Id), None);
    }

    #[test]
    fn a_count_is_of_the_index_and_the_tail() {
        let (connection, venue) = (database(), VenueId::new(107).unwrap());
        assert_eq!(count(&connection, venue, &Filter::new()).unwrap(), 5_000);
        assert_eq!(count(&connection, venue, &owned()).unwrap(), 5);
    }
}
