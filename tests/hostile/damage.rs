//! A database file with damage gives typed errors or well-formed answers, whatever is asked of it.

use std::sync::LazyLock;
use std::time::Duration;

use opportunity_engine::{
    Batch, Durability, Engine, Error, OpenError, Opportunity, OpportunityId, Outcome, Request,
    StoreError, StoreErrorKind, VenueId,
};

/// How many opportunities the file holds.
const ROWS: i64 = 150;

/// A database file before it is damaged: some pages of rows, a text that takes pages of its own.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().durability(Durability::Off).open(&path).unwrap();
    let leads = (1..=ROWS).map(|number| {
        let length = if number == 20 { 5_000 } else { 30 };
        lead(venue_of(number)).description("x".repeat(length))
    });
    engine.add_or_update_all(leads, Batch::AllOrNothing).unwrap();
    engine.close().unwrap();
    std::fs::read(path).unwrap()
});

fn venue_of(number: i64) -> VenueId {
    VenueId::new(107 + number % 2).unwrap()
}

fn id(number: i64) -> OpportunityId {
    OpportunityId::new(number).unwrap()
}

fn lead(venue: VenueId) -> Request {
    Request::add(venue).name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69)
}

/// The file with damage. The first two bytes of `damage` say how much is cut off; then each three say
/// where to put which byte.
fn damaged(damage: &[u8]) -> Vec<u8> {
    let (cut, edits) = damage.split_at(damage.len().min(2));
    let cut = cut.iter().fold(0, |cut, &byte| cut << 8 | usize::from(byte));
    let mut file = WHOLE.clone();
    for edit in edits.chunks_exact(3) {
        let place = usize::from(edit[0]) << 8 | usize::from(edit[1]);
        let place = place % file.len();
        file[place] = edit[2];
    }
    file.truncate(WHOLE.len() - cut % WHOLE.len());
    file
}

/// Panics if the engine does, or if an answer is not one that a sound database could give.
pub(crate) fn check(damage: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::fs::write(&path, damaged(damage)).unwrap();
    let options = Engine::options().durability(Durability::Off);
    let engine = match options.read_deadline(Duration::from_secs(1)).open(&path) {
        Ok(engine) => engine,
        Err(error) => return assert_is_a_refusal(&error),
    };
    for number in (1..=ROWS + 1).chain([i64::MAX]) {
        read(&engine, venue_of(number), id(number));
    }
    for number in [1, 2, 20, ROWS] {
        update(&engine, venue_of(number), id(number));
    }
    // A counter that was damaged gives high ids, which are ids all the same; and a page that was damaged
    // takes a row that cannot be found in it.
    let venue = venue_of(1);
    if let Some(added) = carried_out(engine.add_or_update(lead(venue))) {
        read(&engine, venue, added.id());
    }
    // What it lists may be wrong, as an entry of the index has no check; it must come to an end.
    unless_damaged(engine.ids(venue, None, 1_000));
    unless_damaged(engine.close());
}

/// Damage has a name, and what was hit may be the mark of the file, its version or a setting in it.
fn assert_is_a_refusal(error: &OpenError) {
    match error {
        OpenError::Store { source, .. } => assert_is_of_damage(source),
        OpenError::Foreign { .. }
        | OpenError::Newer { .. }
        | OpenError::Setting { name: "auto_vacuum", .. } => {}
        other => panic!("{other:?}"),
    }
}

fn assert_is_of_damage(error: &StoreError) {
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error:?}");
}

/// What was told; no error but that of damage will do.
fn unless_damaged<T>(result: Result<T, StoreError>) -> Option<T> {
    result.inspect_err(assert_is_of_damage).ok()
}

/// What is read of an opportunity is one that was asked for, and passes every check.
fn read(engine: &Engine, venue: VenueId, id: OpportunityId) -> Option<Opportunity> {
    let stored = unless_damaged(engine.get(venue, id)).flatten()?;
    assert_eq!((stored.venue_id(), stored.id()), (venue, id));
    assert!(stored.created_at() <= stored.modified_at());
    let json = serde_json::to_vec(&stored).unwrap();
    assert_eq!(serde_json::from_slice::<Opportunity>(&json).unwrap(), stored);
    Some(stored)
}

fn update(engine: &Engine, venue: VenueId, id: OpportunityId) {
    let before = read(engine, venue, id);
    let request = Request::update(venue, id).name("Updated Name");
    let Some(outcome) = carried_out(engine.add_or_update(request)) else { return };
    assert_eq!(outcome.id(), id);
    if let (Some(before), Some(after)) = (before, read(engine, venue, id)) {
        assert_eq!(after.name().as_str(), "Updated Name");
        assert!(after.version() >= before.version());
    }
}

/// The outcome, if it was carried out. That the database is damaged is what is expected here; a refusal of a sound
/// request is not, except that the opportunity may be gone.
fn carried_out(result: Result<Outcome, Error>) -> Option<Outcome> {
    match &result {
        Ok(_) => {}
        Err(Error::Rejected(rejection)) => {
            assert_eq!(rejection.code().status(), 404, "{rejection}");
        }
        Err(Error::Aborted(error) | Error::Unknown(error)) => assert_is_of_damage(error),
        Err(other) => panic!("{other:?}"),
    }
    result.ok()
}
