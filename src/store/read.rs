//! Reading: a pool of connections that see snapshots and never wait for the writer.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::backup::back_up;
use super::checksum::Checksums;
use super::connection::{Database, Settings, WriteConnection};
use super::done_once;
use super::error::{BackupError, OpenError, Operation, StoreError, StoreErrorKind};
use super::findings::{Findings, Verification};
use super::history;
use super::inventory::{self, Inventory};
use super::list::{self, Ahead, ListQuery, Listed};
use super::order::Order;
use super::plan::{Plan, Present};
use super::read_connection::ReadConnection;
use super::row::{self, SELECTS, Selects};
use super::scan::scan;
use super::sqlite_error::{damaged, failed};
use super::state::State;
use super::venue_index::{SELECT_INDEXED, SELECT_TAIL};
use super::verify::verify;
use crate::domain::{
    Change, Damage, Filter, Opportunity, OpportunityId, Outcome, Rejection, Sequence, Timestamp,
    VenueId,
};

/// How many connections are kept open while nobody reads.
const MAX_IDLE: usize = 8;

/// How many steps of SQLite's machine pass between two looks at the deadline; a read by id takes
/// fewer than a hundred, so it never pays for one.
const STEPS_PER_LOOK: i32 = 1_000;

/// Connections that read.
#[derive(Debug)]
pub(crate) struct ReadPool {
    database: Database,
    /// How a connection is made.
    connect: fn(&Database) -> Result<ReadConnection, OpenError>,
    deadline: Duration,
    /// `None` once it is closed.
    idle: Mutex<Option<Vec<Reader>>>,
}

impl ReadPool {
    /// A pool of readers that each have `deadline` for one read.
    pub(crate) const fn new(database: Database, deadline: Duration) -> Self {
        let idle = Mutex::new(Some(Vec::new()));
        Self { database, connect: Database::reader, deadline, idle }
    }

    /// A pool for a database that need not be opened, and that is left as it is: a backup, say. A read has no
    /// deadline.
    pub(crate) fn of_file(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        let database = Database::at(path, settings)?;
        let pool = Self { connect: Database::inspect_whole, ..Self::new(database, Duration::MAX) };
        // Now, so that what is no database is refused at once.
        let reader = Reader::new((pool.connect)(&pool.database)?);
        pool.put_back(reader.map_err(|error| pool.database.open_error(error))?);
        Ok(pool)
    }

    /// The opportunity with this id in this venue.
    pub(crate) fn get(
        &self,
        venue: VenueId,
        id: OpportunityId,
    ) -> Result<Option<Opportunity>, StoreError> {
        self.read(|reader| reader.get(venue, id))
    }

    /// The ids of the opportunities of a venue, in order: at most `limit`, those after `after`.
    pub(crate) fn ids(
        &self,
        venue: VenueId,
        after: Option<OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, StoreError> {
        self.read(|reader| reader.ids(venue, after, limit))
    }

    /// What an order would do at this moment.
    pub(crate) fn plan(
        &self,
        order: &Order,
        at: Timestamp,
    ) -> Result<Result<Plan, Rejection>, StoreError> {
        self.read(|reader| reader.plan(order, at))
    }

    /// Whether something was carried out under the key of an order.
    pub(crate) fn is_repeat(&self, order: &Order, at: Timestamp) -> Result<bool, StoreError> {
        let recall = |reader: &Reader| done_once::recall(&reader.connection, order, at);
        self.read(recall).map(|recalled| recalled.is_some())
    }

    /// The recorded changes after a sequence, in order: at most `limit`.
    pub(crate) fn changes(
        &self,
        after: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.read(|reader| history::changes(&reader.connection, after, limit))
    }

    /// The last change that was recorded.
    pub(crate) fn last_change(&self) -> Result<Option<Sequence>, StoreError> {
        self.read(|reader| history::last_change(&reader.connection))
    }

    /// Whether there is a recorded change after a sequence.
    pub(crate) fn has_changes(&self, after: Option<Sequence>) -> Result<bool, StoreError> {
        self.read(|reader| history::has_changes(&reader.connection, after))
    }

    /// Whether what is changed is recorded.
    pub(crate) fn keeps_history(&self) -> Result<bool, StoreError> {
        self.read(|reader| history::is_kept(&reader.connection))
    }

    /// What is in the database, and how large it is.
    pub(crate) fn inventory(&self) -> Result<Inventory, StoreError> {
        self.read(|reader| inventory::take(&self.database, &reader.connection))
    }

    /// A connection that writes, for what the writer does not do. It leaves the log to the writer, or to whoever
    /// opens the database next.
    pub(crate) fn writer_apart(&self) -> Result<WriteConnection, StoreError> {
        let connection = self.open_database()?.writer()?;
        connection.keep_log_when_closed(true)?;
        Ok(connection)
    }

    /// A page of a list. In the order of ids it ends early when half of the deadline has passed.
    pub(crate) fn list(&self, query: ListQuery<'_>) -> Result<Listed, StoreError> {
        self.read(|reader| list::list(&reader.connection, query, self.deadline / 2))
    }

    /// A page of a list in the order of the last change, and a stretch of what comes after it.
    pub(crate) fn list_and_look_ahead(
        &self,
        query: ListQuery<'_>,
        stretch: usize,
    ) -> Result<(Vec<Opportunity>, Ahead), StoreError> {
        self.read(|reader| list::list_and_look_ahead(&reader.connection, query, stretch))
    }

    /// The next page of what was found ahead.
    pub(crate) fn list_ahead(
        &self,
        query: ListQuery<'_>,
        ahead: &mut Ahead,
    ) -> Result<Vec<Opportunity>, StoreError> {
        self.read(|reader| list::list_ahead(&reader.connection, query, ahead))
    }

    /// How many opportunities of a venue a filter takes up.
    pub(crate) fn count(&self, venue: VenueId, filter: &Filter) -> Result<u64, StoreError> {
        self.read(|reader| list::count(&reader.connection, venue, filter))
    }

    /// Copies the database, as it is at this moment, to a new file.
    pub(crate) fn back_up(&self, path: &Path) -> Result<(), BackupError> {
        let connection = self.connection_apart()?;
        back_up(&self.database, &connection, path)
    }

    /// Verifies the database as it is at this moment.
    pub(crate) fn verify(&self, verification: Verification) -> Result<Findings, StoreError> {
        let connection = self.connection_apart()?;
        verify(&connection, verification)
    }

    /// Hands every opportunity, as of this moment, to `visit`, by id; tells how many there were.
    pub(crate) fn scan<E: From<StoreError>>(
        &self,
        visit: impl FnMut(&Opportunity) -> Result<(), E>,
    ) -> Result<u64, E> {
        let connection = self.connection_apart()?;
        scan(&connection, visit)
    }

    /// Refuses further reads and closes the idle connections.
    pub(crate) fn close(&self) {
        *self.idle() = None;
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reader = self.take()?;
        reader.start(self.deadline);
        let result = read(&reader);
        // SQLite checks a page when it reads it from the file: one that it found damaged would not be
        // checked again as long as the connection has it in its cache.
        if result.is_ok() {
            self.put_back(reader);
        }
        result
    }

    /// A connection for a read that takes as long as it takes: it has no deadline. It is not kept, nor
    /// is the memory that it fills.
    fn connection_apart(&self) -> Result<ReadConnection, StoreError> {
        Ok((self.connect)(self.open_database()?)?)
    }

    /// The database, unless the pool is closed.
    fn open_database(&self) -> Result<&Database, StoreError> {
        if self.idle().is_some() { Ok(&self.database) } else { Err(closed()) }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Option<Vec<Reader>>> {
        // Nothing that can panic runs under the lock, and a list of connections is never half-made.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Reader, StoreError> {
        let idle = match self.idle().as_mut() {
            Some(readers) => readers.pop(),
            None => return Err(closed()),
        };
        idle.map_or_else(|| Reader::new((self.connect)(&self.database)?), Ok)
    }

    fn put_back(&self, reader: Reader) {
        // A transaction that could not be ended, for lack of memory, would show its old snapshot to
        // every later read.
        if reader.connection.is_autocommit()
            && let Some(readers) = self.idle().as_mut()
            && readers.len() < MAX_IDLE
        {
            readers.push(reader);
        }
    }
}

/// A connection that reads, and the moment at which SQLite gives up a read of its.
#[derive(Debug)]
struct Reader {
    connection: ReadConnection,
    /// The statements with checksums, once they are known to be there: a read by id takes not much longer than to look
    /// whether they are.
    selects: Option<&'static Selects>,
    opened: Instant,
    /// Nanoseconds after `opened`.
    deadline: Arc<AtomicU64>,
}

impl Reader {
    fn new(mut connection: ReadConnection) -> Result<Self, StoreError> {
        let opened = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&deadline);
        let is_late = move || nanos(opened.elapsed()) > limit.load(Ordering::Relaxed);
        connection
            .progress_handler(STEPS_PER_LOOK, Some(is_late))
            .map_err(failed(Operation::Open))?;
        let checksums = Checksums::of(&connection).map_err(failed(Operation::Open))?;
        let selects = (checksums == Checksums::Present).then(|| SELECTS.with(checksums));
        Ok(Self { connection, selects, opened, deadline })
    }

    fn start(&self, deadline: Duration) {
        let limit = self.opened.elapsed().saturating_add(deadline);
        self.deadline.store(nanos(limit), Ordering::Relaxed);
    }

    fn get(&self, venue: VenueId, id: OpportunityId) -> Result<Option<Opportunity>, StoreError> {
        let read = failed(Operation::Read);
        // An engine may have upgraded what had none.
        let selects = self.selects.map_or_else(|| SELECTS.of(&self.connection), Ok);
        let prepare = |selects: &Selects| self.connection.prepare_cached(&selects.one);
        let mut statement = selects.and_then(prepare).map_err(&read)?;
        let mut rows = statement.query([id.get(), venue.get()]).map_err(&read)?;
        match rows.next().map_err(&read)? {
            Some(row) => row::read(row).map(Some).map_err(damaged(Operation::Read)),
            None => Ok(None),
        }
    }

    fn plan(&self, order: &Order, at: Timestamp) -> Result<Result<Plan, Rejection>, StoreError> {
        // All on one snapshot: a double of the request may be carried out meanwhile.
        let _snapshot = self.connection.unchecked_transaction().map_err(failed(Operation::Read))?;
        Plan::of(order, &mut &*self, at)
    }

    fn ids(
        &self,
        venue: VenueId,
        after: Option<OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, StoreError> {
        let (venue, after) = (venue.get(), after.map_or(0, OpportunityId::get));
        let read = failed(Operation::Read);
        // All on one snapshot; most pages need the index alone.
        let transaction = self.connection.unchecked_transaction().map_err(&read)?;
        let mut page = Page { ids: Vec::new(), last: after, limit };
        page.read(&transaction, SELECT_INDEXED, venue, after)?;
        if page.missing() > 0 {
            let mut select = transaction.prepare_cached(State::SELECT).map_err(&read)?;
            let indexed = State::read(&mut select, Operation::Read)?.index.of_venue(venue);
            page.read(&transaction, SELECT_TAIL, venue, after.max(indexed))?;
        }
        Ok(page.ids)
    }
}

impl Present for &Reader {
    fn recall(
        &mut self,
        order: &Order,
        at: Timestamp,
    ) -> Result<Option<Result<Outcome, Rejection>>, StoreError> {
        done_once::recall(&self.connection, order, at)
    }

    fn last_id(&mut self) -> Result<i64, StoreError> {
        let select = self.connection.prepare_cached(State::SELECT);
        let mut select = select.map_err(failed(Operation::Read))?;
        Ok(State::read(&mut select, Operation::Read)?.last_id)
    }

    fn load(
        &mut self,
        venue: VenueId,
        id: OpportunityId,
    ) -> Result<Option<Opportunity>, StoreError> {
        self.get(venue, id)
    }
}

/// Some ids of a venue, in order.
struct Page {
    ids: Vec<OpportunityId>,
    /// The last of them, or the one that they come after.
    last: i64,
    limit: usize,
}

impl Page {
    const fn missing(&self) -> usize {
        self.limit - self.ids.len()
    }

    /// Adds what a statement finds for a venue after an id. An id out of turn is damage: SQLite goes
    /// by the order of its pages and does not compare it.
    fn read(
        &mut self,
        connection: &Connection,
        sql: &str,
        venue: i64,
        after: i64,
    ) -> Result<(), StoreError> {
        let read = failed(Operation::Read);
        let missing = i64::try_from(self.missing()).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(sql).map_err(&read)?;
        let mut rows = statement.query([venue, after, missing]).map_err(&read)?;
        while let Some(row) = rows.next().map_err(&read)? {
            let id = row.get(0).ok().filter(|id| *id > self.last);
            let id = id.and_then(|id| OpportunityId::new(id).ok());
            let id = id.ok_or(Damage::of("id")).map_err(damaged(Operation::Read))?;
            self.last = id.get();
            self.ids.push(id);
        }
        Ok(())
    }
}

const fn closed() -> StoreError {
    StoreError::new(Operation::Read, StoreErrorKind::Closed)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
