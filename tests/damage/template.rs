//! The databases that are damaged: their bytes, and what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use opportunity_engine::{
    Batch, Change, Durability, Engine, Field, IdempotencyKey, Opportunity, OpportunityId, Outcome,
    Patch, Request, Timestamp, Value, VenueId,
};
use rusqlite::Connection;

/// The venues, from small to the largest.
const VENUES: [i64; 5] = [1, 107, 30_000, 1 << 40, i64::MAX];

/// When everything is written, in milliseconds since 1970.
pub(crate) const NOW: i64 = 1_493_994_600_123;

/// How long the texts are, in characters: from some bytes of a page to some pages.
const LENGTHS: &[usize] = &[1, 5, 20, 20, 80, 300, 1_500];

/// A database, and its write-ahead log if it was not closed.
pub(crate) struct Template {
    pub(crate) database: Vec<u8>,
    pub(crate) log: Vec<u8>,
    /// The commits, oldest first: the first left what the database holds without the log, the last what
    /// is right.
    pub(crate) history: Vec<Commit>,
    /// The database as it was some commits before.
    pub(crate) earlier: Vec<u8>,
    /// How many of the opportunities are looked at.
    pub(crate) looks: usize,
    /// Whether a history is kept, and requests have keys.
    pub(crate) has_history: bool,
    /// Where the pages begin that are to be hit more often.
    pub(crate) targets: Vec<usize>,
}

impl Template {
    /// What is right.
    pub(crate) fn contents(&self) -> &Contents {
        &self.history.last().unwrap().contents
    }

    /// What is left of a log of which the first bytes alone are sound: `len` of them.
    pub(crate) fn contents_up_to(&self, len: usize) -> &Contents {
        let is_sound = |commit: &&Commit| commit.log_end <= len;
        &self.history.iter().rev().find(is_sound).unwrap().contents
    }
}

/// Writes a database, and a log beside it unless that is empty.
pub(crate) fn write(path: &Path, database: &[u8], log: &[u8]) {
    for suffix in ["", "-wal", "-shm"] {
        // Most of them are not there.
        let _is_missing = std::fs::remove_file(beside(path, suffix)).is_err();
    }
    std::fs::write(path, database).unwrap();
    if !log.is_empty() {
        std::fs::write(beside(path, "-wal"), log).unwrap();
    }
}

/// The path of a file that SQLite keeps beside a database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// A commit.
#[derive(Clone)]
pub(crate) struct Commit {
    /// What it left.
    pub(crate) contents: Contents,
    /// Where it ends in the log.
    log_end: usize,
}

/// What a database holds.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Contents {
    /// The opportunities by id.
    pub(crate) rows: BTreeMap<OpportunityId, Opportunity>,
    /// What was recorded of them.
    pub(crate) changes: Vec<Change>,
    /// What was sent under keys, and answered.
    pub(crate) done: Vec<(Request, Outcome)>,
}

impl Contents {
    pub(crate) fn get(&self, venue: VenueId, id: OpportunityId) -> Option<&Opportunity> {
        self.rows.get(&id).filter(|row| row.venue_id() == venue)
    }

    pub(crate) fn ids(&self, venue: VenueId) -> Vec<OpportunityId> {
        let of_venue = self.rows.values().filter(|row| row.venue_id() == venue);
        of_venue.map(Opportunity::id).collect()
    }

    pub(crate) fn last_id(&self) -> i64 {
        self.rows.keys().last().map_or(0, |id| id.get())
    }
}

pub(crate) fn venues() -> impl Iterator<Item = VenueId> {
    VENUES.into_iter().map(|id| VenueId::new(id).unwrap())
}

/// Fills a database, and keeps account.
struct Author {
    rng: Rng,
    path: PathBuf,
    lengths: &'static [usize],
    has_history: bool,
    contents: Contents,
}

impl Author {
    fn new(folder: &Path, lengths: &'static [usize]) -> Self {
        let path = folder.join("template.db");
        let (rng, contents) = (Rng::with_seed(11), Contents::default());
        Self { rng, path, lengths, has_history: true, contents }
    }

    fn open(&self) -> Engine {
        let clock = || Timestamp::from_millis(NOW);
        let options = Engine::options().durability(Durability::Off).history(self.has_history);
        options.clock(clock).open(&self.path).unwrap()
    }

    /// Opens the database, makes one commit and closes it.
    fn session(&mut self, adds: usize, updates: usize) {
        let engine = self.open();
        self.commit(&engine, adds, updates);
        engine.close().unwrap();
    }

    /// The files as they are.
    fn template(&self, earlier: Vec<u8>) -> Template {
        Template {
            database: self.bytes(""),
            log: Vec::new(),
            history: vec![self.commit_at(0)],
            earlier,
            looks: self.contents.rows.len(),
            has_history: self.has_history,
            targets: Vec::new(),
        }
    }

    fn commit_at(&self, log_end: usize) -> Commit {
        Commit { contents: self.contents.clone(), log_end }
    }

    /// Adds, and updates what is there, all in one commit.
    fn commit(&mut self, engine: &Engine, adds: usize, updates: usize) {
        let mut requests: Vec<_> = (0..adds).map(|_| self.add()).collect();
        requests.extend((0..updates).map(|_| self.update()));
        // Every third has a key.
        for request in requests.iter_mut().step_by(3).filter(|_| self.has_history) {
            let key = format!("key {}", self.rng.u64(..));
            let key = IdempotencyKey::new(key).unwrap();
            *request = request.clone().idempotency_key(key);
        }
        let outcomes = engine.add_or_update_all(requests.clone(), Batch::AllOrNothing).unwrap();
        for (request, outcome) in requests.into_iter().zip(outcomes) {
            let (venue, outcome) = (venue_of(&request), outcome.unwrap());
            let row = engine.get(venue, outcome.id()).unwrap().unwrap();
            self.contents.rows.insert(outcome.id(), row);
            if request.once_under().is_some() {
                self.contents.done.push((request, outcome));
            }
        }
        self.contents.changes = engine.changes(None, usize::MAX).unwrap();
    }

    fn add(&mut self) -> Request {
        let venue = VenueId::new(*self.rng.choice(&VENUES).unwrap()).unwrap();
        let name = self.text();
        let mut request = Request::add(venue)
            .name(name)
            .type_id(self.id())
            .stage_id(self.id())
            .source_id(self.id())
            .contact_id(self.id());
        if self.rng.bool() {
            request = request.company_id(self.id()).company_lead_contact_id(self.id());
        }
        if self.rng.bool() {
            request = request
                .quality_id(self.id())
                .confirmed_quote_status(i64::from(self.rng.u8(0..3)))
                .closed_date("2017-05-05 14:30:00")
                .channel_id(self.rng.u64(..));
        }
        if self.rng.bool() {
            request = request.description(self.text());
        }
        request
    }

    fn update(&mut self) -> Request {
        let rows: Vec<_> = self.contents.rows.values().collect();
        let row = *self.rng.choice(&rows).unwrap();
        let request = Request::update(row.venue_id(), row.id());
        match self.rng.u8(0..4) {
            0 => request.stage_id(self.id()),
            1 => request.name(self.text()),
            2 => request.description(self.text()),
            _ => request.description(Patch::Clear),
        }
    }

    /// An id that SQLite stores in one byte, or in up to eight.
    fn id(&mut self) -> i64 {
        1 + (self.rng.i64(0..i64::MAX) >> self.rng.u8(0..63))
    }

    fn text(&mut self) -> String {
        let len = *self.rng.choice(self.lengths).unwrap();
        std::iter::repeat_with(|| *self.rng.choice(&['a', 'e', 'Z', ' ', 'ü', '東', '.']).unwrap())
            .take(len)
            .chain(['.'])
            .collect()
    }

    /// Where the pages of a table begin.
    fn pages_of(&self, table: &str) -> Vec<usize> {
        let connection = Connection::open(&self.path).unwrap();
        let mut pages = connection.prepare("SELECT pgoffset FROM dbstat WHERE name = ?1").unwrap();
        let offsets = pages.query_map([table], |row| row.get::<_, i64>(0)).unwrap();
        offsets.map(|offset| usize::try_from(offset.unwrap()).unwrap()).collect()
    }

    fn bytes(&self, suffix: &str) -> Vec<u8> {
        std::fs::read(beside(&self.path, suffix)).unwrap()
    }

    /// Puts rows into the index by venue as a run of the engine does, only that its runs are larger:
    /// all up to `indexed`, and of a run that ends with `run` the first half.
    fn index(&self, indexed: usize, run: usize) {
        let rows: Vec<_> = self.contents.rows.values().take(run).collect();
        let mut in_run: Vec<_> =
            rows[indexed..].iter().map(|row| (row.venue_id(), row.id())).collect();
        in_run.sort_unstable();
        in_run.truncate(in_run.len() / 2);
        let (venue, entry) = *in_run.last().unwrap();
        in_run.extend(rows[..indexed].iter().map(|row| (row.venue_id(), row.id())));

        let connection = Connection::open(&self.path).unwrap();
        let insert = "INSERT OR IGNORE INTO opportunity_by_venue VALUES (?1, ?2)";
        for (venue, id) in in_run {
            connection.execute(insert, [venue.get(), id.get()]).unwrap();
        }
        let state = "UPDATE engine_state
            SET (indexed_id, run_id, run_venue_id, run_entry_id) = (?1, ?2, ?3, ?4)";
        let values = [indexed as i64, run as i64, venue.get(), entry.get()];
        connection.execute(state, values).unwrap();
        connection.close().unwrap();
    }
}

fn venue_of(request: &Request) -> VenueId {
    match request.patch(Field::VenueId) {
        Patch::Set(Value::Integer(id)) => VenueId::new(id).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A small database that was closed, with a part of it in the index.
pub(crate) fn closed(folder: &Path) -> Template {
    let mut author = Author::new(folder, LENGTHS);
    author.session(40, 0);
    author.index(12, 24);
    let earlier = author.bytes("");
    author.session(10, 30);
    author.index(24, 44);
    author.template(earlier)
}

/// A small database whose engine was killed: all but the first commit is in the log alone.
pub(crate) fn killed(folder: &Path) -> Template {
    let template = killed_after(folder, |_| ());
    assert_eq!(template.database, template.earlier, "the log was moved");
    template
}

/// The same, but it was killed when it had just moved the log into the database: all is in both.
pub(crate) fn killed_after_a_checkpoint(folder: &Path) -> Template {
    let template = killed_after(folder, |author| {
        let connection = Connection::open(&author.path).unwrap();
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
    });
    assert_ne!(template.database, template.earlier, "the log was not moved");
    template
}

fn killed_after(folder: &Path, act: impl FnOnce(&Author)) -> Template {
    let mut author = Author::new(folder, LENGTHS);
    author.session(24, 0);
    author.index(6, 16);
    let earlier = author.bytes("");
    let mut history = vec![author.commit_at(0)];
    let engine = author.open();
    for _ in 0..12 {
        author.commit(&engine, 1, 4);
        history.push(author.commit_at(author.bytes("-wal").len()));
    }
    act(&author);
    let log = author.bytes("-wal");
    let template = Template { log, history, looks: 20, ..author.template(earlier) };
    engine.close().unwrap();
    template
}

/// A database that was closed after the engine had put a whole run into the index.
pub(crate) fn large(folder: &Path) -> Template {
    // It is the index that is to be hit.
    let mut author = Author { has_history: false, ..Author::new(folder, &[1, 5]) };
    author.session(8_300, 0);
    let earlier = author.bytes("");
    author.session(8_300, 0);
    author.session(200, 40);
    let targets = author.pages_of("opportunity_by_venue");
    Template { looks: 100, targets, ..author.template(earlier) }
}
