//! The front door: a handle that any thread may hold, before the single writer.

mod answers;
mod batch;
mod caught;
mod change_feed;
mod checkpoints;
mod error;
mod export;
mod followers;
mod forecast;
mod group;
mod health;
mod histogram;
mod import;
mod job;
mod list;
mod manual_clock;
mod once;
mod options;
mod panics;
mod promise;
mod pruning;
mod queue;
mod reader;
mod references;
mod reply;
mod safekeeping;
mod scratch;
mod stats;
mod sync;
mod telemetry;
mod ticket;
mod unanswered;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

pub use batch::Batch;
pub use change_feed::NextChange;
pub use error::{BatchError, Error, TrySubmitError};
pub use export::ExportError;
pub use forecast::Forecast;
pub use health::{Health, Writes};
pub use histogram::Distribution;
pub use import::ImportError;
pub use list::{ListError, Listing, Opportunities, Page};
pub use manual_clock::ManualClock;
pub use options::Options;
pub use reader::Reader;
pub use reply::Reply;
pub use stats::{OutcomeCounts, RefusalCounts, Stats};
pub use ticket::{ReplyTicket, Ticket};

use crate::domain::{Opportunity, OpportunityId, Outcome, Rejection, Request, VenueId, decide};
use crate::references::References;
use crate::store::{
    Database, Once, OpenError, Operation, Order, ReadPool, StoreError, StoreErrorKind,
};
use crate::wire::Decoder;
use followers::Followers;
use health::Monitor;
use job::{Decided, Job};
use once::once;
use options::Clock;
use queue::Queue;
use scratch::ScratchFolder;
use stats::Statistics;
use writer::Writer;

/// Adds and updates opportunities, durably. Clones share one engine; any thread may use any clone.
///
/// Callers check their requests on their own threads and queue the resulting commands; one thread
/// applies what is queued in one transaction, commits once, and then answers everybody. Commands
/// are applied in the order in which they were queued.
///
/// When the last clone is dropped the engine carries out what is queued, moves the write-ahead log
/// into the database and stops; [`Engine::close`] does so and reports.
///
/// ```
/// use opportunity_engine::{Engine, Request, VenueId};
///
/// let engine = Engine::in_memory()?;
/// let venue = VenueId::new(107)?;
///
/// let added = engine.add_or_update(
///     Request::add(venue).name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69),
/// )?;
/// engine.add_or_update(Request::update(venue, added.id()).name("Updated Name"))?;
///
/// let current = engine.get(venue, added.id())?.unwrap();
/// assert_eq!(current.name().as_str(), "Updated Name");
/// assert_eq!(current.version().get(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Opens the database at a path with the default options; creates it if there is none. See
    /// [`Options::open`].
    ///
    /// # Errors
    ///
    /// [`OpenError`] tells why not; a file that holds something else is left as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(path)
    }

    /// Opens an empty database that is gone with the last handle. See [`Options::in_memory`].
    ///
    /// # Errors
    ///
    /// [`OpenError`], for instance when there is no folder for temporary files.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::options().in_memory()
    }

    /// The options of an engine, to be changed before it is opened.
    pub fn options() -> Options {
        Options::default()
    }

    /// Adds the opportunity if the request has no id, else updates it. Blocks until the change is
    /// durable.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] with every violation; [`Error::Aborted`] or [`Error::Unknown`] when the
    /// store failed.
    pub fn add_or_update(&self, request: Request) -> Result<Outcome, Error> {
        self.submit(request)?.wait()
    }

    /// Does the same for the JSON that a client posted. Every outcome is a reply.
    #[must_use]
    pub fn add_or_update_json(&self, body: &[u8]) -> Reply {
        self.submit_json(body).wait()
    }

    /// Queues a request, waiting for room in the queue.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] for what the request alone can tell; [`Error::Aborted`] when the engine
    /// is closed.
    pub fn submit(&self, request: Request) -> Result<Ticket, Error> {
        self.counted(self.prepare(request).and_then(|(job, ticket)| {
            self.shared.queue.push(job)?;
            Ok(ticket)
        }))
    }

    /// Queues a request if the queue has room, without waiting. Several callers that find the last
    /// room together all get it.
    ///
    /// # Errors
    ///
    /// [`TrySubmitError::Full`] hands the request back; [`TrySubmitError::Failed`] is what
    /// [`Engine::submit`] would say.
    pub fn try_submit(&self, request: Request) -> Result<Ticket, TrySubmitError> {
        self.submit_if_there_is_room(request).inspect_err(|error| {
            if let TrySubmitError::Failed(error) = error {
                self.count(error);
            }
        })
    }

    /// Queues the JSON that a client posted, waiting for room in the queue.
    pub fn submit_json(&self, body: &[u8]) -> ReplyTicket {
        self.reply_to(self.decode(body))
    }

    /// Queues a request that [`Engine::decode`] has read, waiting for room in the queue: for services that give the
    /// request a key or an expected version in between. Every outcome is a reply, also a refusal of the decoder.
    ///
    /// ```
    /// use opportunity_engine::{Engine, IdempotencyKey};
    ///
    /// let engine = Engine::in_memory()?;
    /// let body = br#"{"venueId":107,"name":"Lead","contactId":918,"typeId":18,"sourceId":25,"stageId":69}"#;
    /// let key = IdempotencyKey::new("5f2b2c7e")?;
    /// let request = engine.decode(body).map(|request| request.idempotency_key(key));
    /// assert_eq!(engine.reply_to(request).wait().to_json(), br#"{"success":true,"id":1}"#);
    ///
    /// assert_eq!(engine.reply_to(engine.decode(b"")).wait().status(), 400);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reply_to(&self, decoded: Result<Request, Rejection>) -> ReplyTicket {
        let decoded = self.counted(decoded.map_err(Error::from));
        decoded.and_then(|request| self.submit(request)).into()
    }

    /// Does the same if the queue has room, without waiting: for asynchronous services. A full queue is a reply too,
    /// with status 503.
    pub fn try_reply_to(&self, decoded: Result<Request, Rejection>) -> ReplyTicket {
        let queued = decoded
            .map_err(Error::from)
            .and_then(|request| Ok(self.submit_if_there_is_room(request)?));
        self.counted(queued).into()
    }

    /// Reads the JSON that a client posted with the options of this engine.
    ///
    /// # Errors
    ///
    /// See [`Decoder::decode`].
    pub fn decode(&self, body: &[u8]) -> Result<Request, Rejection> {
        self.shared.decoder.decode(body)
    }

    /// Adds or updates many opportunities. The results are in the order of the requests.
    ///
    /// Requests of one batch see what earlier ones of it did. A batch of
    /// [`EachOnItsOwn`](Batch::EachOnItsOwn) may be committed in several transactions, other
    /// callers' changes in between; one of [`AllOrNothing`](Batch::AllOrNothing) is one transaction.
    ///
    /// # Errors
    ///
    /// For [`AllOrNothing`](Batch::AllOrNothing) alone: [`BatchError::Refused`] tells which requests
    /// were refused and why, [`BatchError::Aborted`] and [`BatchError::Unknown`] that the store
    /// failed. The other kind of batch has an error for each request in its results.
    pub fn add_or_update_all(
        &self,
        requests: impl IntoIterator<Item = Request>,
        batch: Batch,
    ) -> Result<Vec<Result<Outcome, Error>>, BatchError> {
        self.run_batch(requests.into_iter().map(Ok), batch)
    }

    /// Does the same for requests that [`Engine::decode`] has read: the JSON way. Every outcome is
    /// a reply; in an all-or-nothing batch with refusals the other requests are answered as aborted,
    /// with status 424.
    pub fn reply_to_all(
        &self,
        requests: impl IntoIterator<Item = Result<Request, Rejection>>,
        batch: Batch,
    ) -> Vec<Reply> {
        let mut count = 0;
        let counted = requests.into_iter().inspect(|_| count += 1);
        let results = self.run_batch(counted, batch);
        results
            .unwrap_or_else(|error| error.for_each_of(count))
            .into_iter()
            .map(Reply::from)
            .collect()
    }

    /// The opportunity with this id in this venue, as of the last commit. Never waits for the
    /// writer; a caller who got an answer sees its change.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the stored row is damaged.
    pub fn get(
        &self,
        venue: VenueId,
        id: OpportunityId,
    ) -> Result<Option<Opportunity>, StoreError> {
        self.shared.readers.get(venue, id)
    }

    /// The ids of the opportunities of a venue, in order, as of the last commit: at most `limit`, those
    /// after `after`. Page through them with the last id of each page.
    ///
    /// It is served by an index, and, for the last page, by a look at the newest rows of the table that
    /// are not in the index yet: as a rule up to 25,000, some milliseconds; after a batch of more, that many.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the read takes longer than its deadline.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Request, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let first = engine.add_or_update(lead.clone())?.id();
    /// let second = engine.add_or_update(lead)?.id();
    ///
    /// assert_eq!(engine.ids(venue, None, 100)?, [first, second]);
    /// assert_eq!(engine.ids(venue, Some(first), 100)?, [second]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ids(
        &self,
        venue: VenueId,
        after: Option<OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, StoreError> {
        self.shared.readers.ids(venue, after, limit)
    }

    /// Whether the engine can go on, and what is in its way. [`Engine::stats`] tells how it is going.
    #[must_use]
    pub fn health(&self) -> Health {
        let state = self.shared.monitor.snapshot();
        Health {
            writes: state.writes,
            queued: self.shared.queue.waiting().0,
            log_bytes: state.log_bytes,
            log_cap_bytes: self.shared.log_cap_bytes,
            unfinished_checkpoints: state.unfinished_checkpoints,
            checkpoint_error: state.checkpoint_error,
            commits: state.commits,
        }
    }

    /// Closes the engine, for every clone: carries out what is queued, moves the write-ahead log
    /// into the database and stops. Later calls on clones are answered as aborted. A waker that calls it
    /// on a thread of the engine does not wait for that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when moving the log failed, or the writer was lost. Every acknowledged change is kept
    /// all the same; the log stays beside the database and is read when it is opened. If another process
    /// has the database open the log stays too, which is no error.
    pub fn close(self) -> Result<(), StoreError> {
        self.shared.stop()
    }

    fn start(
        path: &Path,
        options: Options,
        scratch: Option<ScratchFolder>,
    ) -> Result<Self, OpenError> {
        let (database, connection) = Database::open(path, options.database.clone())?;
        let monitor = Arc::new(Monitor::new());
        let queue = Arc::new(Queue::new(options.queue_commands, options.queue_bytes));
        let followers = Arc::new(Followers::default());
        let statistics = Arc::new(Statistics::new());
        let decoder = options.decoder();
        let (log_cap_bytes, read_deadline) = (options.log_cap_bytes, options.read_deadline);
        let references = options.references.clone();
        let clock = Arc::clone(&options.clock);
        let writer = writer::start(
            &database,
            connection,
            options,
            Arc::clone(&queue),
            Arc::clone(&monitor),
            Arc::clone(&followers),
            Arc::clone(&statistics),
        )?;
        Ok(Self {
            shared: Arc::new(Shared {
                decoder,
                references,
                queue,
                monitor,
                followers,
                statistics,
                clock,
                log_cap_bytes,
                committing: RwLock::default(),
                readers: ReadPool::new(database, read_deadline),
                writer,
                _scratch: scratch,
            }),
        })
    }

    /// Decides what a request asks for, on the thread of the caller. The inner `Err` is the request's
    /// own fault.
    fn decide(&self, request: Request) -> Result<Decided, StoreError> {
        let order = match self.decide_alone(request) {
            Ok(order) => order,
            Err(rejection) => return Ok(Err(rejection)),
        };
        match &self.shared.references {
            Some(references) => self.look_up(&**references, order),
            None => Ok(Ok(order)),
        }
    }

    /// What the request alone can tell.
    fn decide_alone(&self, request: Request) -> Decided {
        self.shared.decoder.check_size(request.text_bytes())?;
        let once = once(&request);
        Ok(Order { command: decide(request)?, once, beside: Vec::new() })
    }

    fn submit_if_there_is_room(&self, request: Request) -> Result<Ticket, TrySubmitError> {
        if !self.shared.queue.has_room() {
            return Err(TrySubmitError::Full(Box::new(request)));
        }
        let (job, ticket) = self.prepare(request)?;
        self.shared.queue.push_without_waiting(job).map_err(Error::from)?;
        Ok(ticket)
    }

    fn prepare(&self, request: Request) -> Result<(Job, Ticket), Error> {
        let texts = request.text_bytes();
        let decided = self.decide(request).map_err(Error::Aborted)?;
        let bytes = bytes_of(texts, &decided);
        let (job, waiter) = Job::one(decided?, bytes);
        Ok((job, Ticket::new(waiter)))
    }

    /// Lets somebody commit beside the writer, if the engine writes. Whoever stops it waits for that.
    fn committing(&self) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        let committing = self.shared.committing.read().unwrap_or_else(PoisonError::into_inner);
        let kind = match self.shared.monitor.snapshot().writes {
            Writes::RefusedUntilReopened => StoreErrorKind::WritesStopped,
            Writes::Closed => StoreErrorKind::Closed,
            Writes::Accepted | Writes::RefusedLogFull => return Ok(committing),
        };
        Err(StoreError::new(Operation::Begin, kind))
    }

    /// Counts what is answered on the thread of the caller, because it is not queued.
    fn counted<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.inspect_err(|error| self.count(error))
    }

    fn count(&self, error: &Error) {
        let mut counts = OutcomeCounts::default();
        counts.count_error(error);
        self.shared.statistics.note_outcomes(&counts);
    }
}

/// How much memory a request with this many bytes of texts keeps while it waits, in bytes: with a key, its
/// JSON form too, and the refusal that goes along, which may repeat its texts.
fn bytes_of(texts: usize, decided: &Decided) -> usize {
    let once = decided.as_ref().ok().and_then(|order| order.once.as_ref());
    let refusal = |once: &Once| once.otherwise.as_ref().map_or(0, |_| texts);
    size_of::<Order>() + texts + once.map_or(0, |once| once.request.len() + refusal(once))
}

/// What the clones of an engine share.
struct Shared {
    decoder: Decoder,
    references: Option<Arc<dyn References>>,
    queue: Arc<Queue>,
    monitor: Arc<Monitor>,
    followers: Arc<Followers>,
    statistics: Arc<Statistics>,
    clock: Clock,
    log_cap_bytes: u64,
    /// Held by those who commit beside the writer.
    committing: RwLock<()>,
    readers: ReadPool,
    writer: Writer,
    /// Dropped last, after the files in it are closed.
    _scratch: Option<ScratchFolder>,
}

impl Shared {
    fn stop(&self) -> Result<(), StoreError> {
        // Readers first: the writer, which ends with its queue, removes the log only if it is the last
        // that has the database open.
        self.readers.close();
        self.queue.close();
        let ended = self.writer.join();
        // Who has closed the engine may rely on that nothing is written any more.
        drop(self.committing.write());
        self.followers.close();
        ended
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Every acknowledged change is in the log already; `close` is for those who want to know
        // whether it could be moved.
        drop(self.stop());
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("health", &self.health()).finish_non_exhaustive()
    }
}
