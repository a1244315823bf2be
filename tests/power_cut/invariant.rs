//! What must hold of a database after whatever has happened to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::path::Path;

use opportunity_engine::{
    Durability, Engine, Error, Field, OpportunityId, Outcome, Rejection, Request, Value, VenueId,
    Verification, Version,
};

use super::history::{Event, Number};
use super::workload::{Asked, BATCH_VENUE, description};

/// How a database is not as it should be.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// Something that was acknowledged is not there.
    Lost(String),
    /// Anything else: it cannot be read, something is half there, or should not be there.
    Broken(String),
}

impl Flaw {
    /// Tells where it was found.
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Lost(what) => Self::Lost(format!("{place}: {what}")),
            Self::Broken(what) => Self::Broken(format!("{place}: {what}")),
        }
    }

    pub(crate) fn is_refused_as_foreign(&self) -> bool {
        matches!(self, Self::Broken(what) if what.contains("Foreign"))
    }
}

/// What a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    venue: i64,
    version: i64,
    /// The request that it is from.
    number: Number,
}

/// Checks that in the database at a path, which may not exist yet, apart from the rows that it had
/// before,
///
/// - everything is there that was acknowledged,
/// - nothing is there that was aborted,
/// - each row is from one request, each all-or-nothing batch there as a whole, and ids have no gaps,
/// - each version of a row has its change record, and no other record is there,
/// - a request that was sent under a key is not carried out again if it is there, and is if it is not,
/// - the engine goes on with it, and nothing is found wrong in the end, be it by SQLite or in what is kept beside
///   the rows.
pub(crate) fn check(
    path: &Path,
    preloaded: i64,
    asked: &[Asked],
    told: &[Event],
) -> Result<(), Flaw> {
    // The cut may have been before the story's engine turned the history on.
    let options = Engine::options().durability(Durability::Off).history(true);
    let engine = options.cache_bytes(1 << 20).open(path).map_err(broken)?;
    let ids = ids(&engine)?;
    let rows = rows(&engine, ids.range((preloaded + 1, 0)..))?;
    nothing_is_lost(&rows, asked, told)?;
    nothing_is_there_that_should_not_be(&rows, asked, told)?;
    batches_are_whole(&rows, asked)?;
    the_feed_agrees(&engine, &rows, preloaded)?;
    let last_id = ids.len() as i64;
    if !ids.iter().map(|&(id, _)| id).eq(1..=last_id) {
        return Err(Flaw::Broken(format!("ids have gaps: {ids:?}")));
    }
    let venue = VenueId::new(1).unwrap();
    let lead = Request::add(venue).name("n").contact_id(1).type_id(1).source_id(1).stage_id(1);
    let added = engine.add_or_update(lead).map_err(broken)?;
    if added.id().get() != last_id + 1 {
        return Err(Flaw::Broken(format!("{} was assigned after {last_id}", added.id())));
    }
    nothing_is_done_twice(&engine, &rows, asked, told)?;
    let found = engine.verify(Verification::Full).map_err(broken)?;
    engine.close().map_err(broken)?;
    if found.is_sound() { Ok(()) } else { Err(broken(found.problems)) }
}

fn broken(error: impl Debug) -> Flaw {
    Flaw::Broken(format!("{error:?}"))
}

/// Id and venue of every row, as the index by venue tells.
fn ids(engine: &Engine) -> Result<BTreeSet<(i64, i64)>, Flaw> {
    let mut all = BTreeSet::new();
    for venue in 1..=BATCH_VENUE {
        let ids = engine.ids(VenueId::new(venue).unwrap(), None, usize::MAX).map_err(broken)?;
        all.extend(ids.iter().map(|id| (id.get(), venue)));
    }
    Ok(all)
}

fn rows<'i>(
    engine: &Engine,
    ids: impl Iterator<Item = &'i (i64, i64)>,
) -> Result<BTreeMap<i64, Row>, Flaw> {
    ids.map(|&(id, venue)| Ok((id, row(engine, venue, id)?))).collect()
}

fn row(engine: &Engine, venue: i64, id: i64) -> Result<Row, Flaw> {
    let found = engine.get(VenueId::new(venue).unwrap(), OpportunityId::new(id).unwrap());
    let found = found.map_err(broken)?;
    let found = found.ok_or_else(|| Flaw::Broken(format!("{id} is listed and not there")))?;
    let number = found.type_id().get();
    let values = [Field::StageId, Field::SourceId, Field::ContactId].map(|it| found.value(it));
    let is_whole = values.iter().all(|value| *value == Some(Value::Integer(number)))
        && found.name().as_str() == number.to_string()
        && found.description().is_some_and(|text| text.as_str() == description(number));
    if !is_whole {
        return Err(Flaw::Broken(format!("half of it is from another request: {found:?}")));
    }
    Ok(Row { venue, version: found.version().get(), number })
}

fn nothing_is_lost(rows: &BTreeMap<i64, Row>, asked: &[Asked], told: &[Event]) -> Result<(), Flaw> {
    for event in told {
        let Event::Done { number, id, version } = event else { continue };
        let lost = |found| Err(Flaw::Lost(format!("{id} has {found:?}, but {event:?} was told")));
        match rows.get(id) {
            None => return lost(None),
            Some(row) if row.version < *version => return lost(Some(row)),
            Some(row) if row.version == *version && row.number != *number => {
                return Err(Flaw::Broken(format!("{id} is {row:?}, but {event:?} was told")));
            }
            Some(row) if row.venue != asked[*number as usize - 1].venue => {
                return Err(Flaw::Broken(format!("{id} is in another venue: {row:?}")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn nothing_is_there_that_should_not_be(
    rows: &BTreeMap<i64, Row>,
    asked: &[Asked],
    told: &[Event],
) -> Result<(), Flaw> {
    let aborted: BTreeSet<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::Aborted { number } => Some(number),
            _ => None,
        })
        .collect();
    for (id, row) in rows {
        if aborted.contains(&row.number) {
            return Err(Flaw::Broken(format!("{id} has {row:?}, which was aborted")));
        }
        let asked = usize::try_from(row.number - 1).ok().and_then(|nth| asked.get(nth));
        let is_asked = asked.is_some_and(|asked| match asked.target {
            Some(target) => target == *id && row.version > 1,
            None => row.version == 1,
        });
        if !is_asked {
            return Err(Flaw::Broken(format!("{id} has {row:?}, but {asked:?} was asked")));
        }
    }
    Ok(())
}

fn batches_are_whole(rows: &BTreeMap<i64, Row>, asked: &[Asked]) -> Result<(), Flaw> {
    let there: BTreeSet<_> = rows.values().map(|row| row.number).collect();
    let mut batches: HashMap<Number, Vec<Number>> = HashMap::new();
    // The first add of a batch is updated by a later one.
    for asked in asked.iter().filter(|asked| asked.batch.is_some_and(|first| asked.number != first))
    {
        batches.entry(asked.batch.unwrap()).or_default().push(asked.number);
    }
    for (batch, numbers) in batches {
        let found = numbers.iter().filter(|number| there.contains(number)).count();
        if found != 0 && found != numbers.len() {
            return Err(Flaw::Broken(format!("{found} of {numbers:?} of batch {batch} are there")));
        }
    }
    Ok(())
}

/// Rows that were there before may lack records: they may be older than the feed.
fn the_feed_agrees(engine: &Engine, rows: &BTreeMap<i64, Row>, preloaded: i64) -> Result<(), Flaw> {
    let changes = engine.changes(None, usize::MAX).map_err(broken)?;
    if !changes.iter().map(|change| change.sequence.get()).eq(1..=changes.len() as i64) {
        return Err(Flaw::Broken("the change feed has gaps".to_owned()));
    }
    let mut told: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.id.get() > preloaded) {
        let version = (change.venue.get(), change.version.get());
        told.entry(change.id.get()).or_default().push(version);
    }
    let expected: BTreeMap<_, Vec<_>> = rows
        .iter()
        .map(|(&id, row)| (id, (1..=row.version).map(|version| (row.venue, version)).collect()))
        .collect();
    if told == expected {
        Ok(())
    } else {
        Err(Flaw::Broken(format!("the change feed tells of {told:?}, there is {expected:?}")))
    }
}

/// How many requests are sent again, the last ones.
const SENT_AGAIN: usize = 8;

/// Whatever is answered is so: the feed has a record of that version with the values of that request.
///
/// Seen to fail for keys that are recorded in a transaction before that of the change: a request of which nobody was
/// told is answered, and was never carried out.
fn nothing_is_done_twice(
    engine: &Engine,
    rows: &BTreeMap<i64, Row>,
    asked: &[Asked],
    told: &[Event],
) -> Result<(), Flaw> {
    let done: HashMap<_, _> = told
        .iter()
        .filter_map(|event| match event {
            Event::Done { number, id, version } => Some((*number, (*id, *version))),
            _ => None,
        })
        .collect();
    let by_number: HashMap<_, _> =
        rows.iter().map(|(&id, row)| (row.number, (id, row.version))).collect();
    let again = asked.iter().filter(|asked| asked.has_key()).rev().take(SENT_AGAIN);
    let again: Vec<_> = again.map(|asked| (asked, engine.add_or_update(asked.request()))).collect();
    let recorded = numbers_in_the_feed(engine)?;
    for (asked, answer) in again {
        let before = done.get(&asked.number).or_else(|| by_number.get(&asked.number));
        let is_right = match (before, &answer) {
            (Some(&before), Ok(now)) => *now == outcome_of(asked, before),
            // What was not done before may be impossible now: its target may be lost.
            (None, Err(Error::Rejected(Rejection::NotFound { .. }))) => asked.target.is_some(),
            (None, Ok(now)) => {
                let version = (now.id().get(), now.version().get());
                *now == outcome_of(asked, version) && recorded.get(&version) == Some(&asked.number)
            }
            _ => false,
        };
        if !is_right {
            let what = format!("{asked:?} was {before:?} and is {answer:?} when sent again");
            return Err(Flaw::Broken(what));
        }
    }
    Ok(())
}

/// Every request changes something: each has a name of its own.
fn outcome_of(asked: &Asked, (id, version): (i64, i64)) -> Outcome {
    let (id, version) = (OpportunityId::new(id).unwrap(), Version::new(version).unwrap());
    match asked.target {
        None => Outcome::Added { id, version },
        Some(_) => Outcome::Updated { id, version },
    }
}

/// The request that made each version, by id and version.
fn numbers_in_the_feed(engine: &Engine) -> Result<HashMap<(i64, i64), Number>, Flaw> {
    let changes = engine.changes(None, usize::MAX).map_err(broken)?;
    let numbers = changes.iter().filter_map(|change| {
        let changed = change.fields.iter().find(|it| it.field == Field::TypeId)?;
        let Some(Value::Integer(number)) = changed.new else { return None };
        Some(((change.id.get(), change.version.get()), number))
    });
    Ok(numbers.collect())
}
