//! Listing by venue: right at every moment of the catching up.

use std::collections::BTreeMap;
use std::path::Path;

use opportunity_engine::{
    Batch, Durability, Engine, OpportunityId, Request, StoreErrorKind, VenueId,
};
use rusqlite::Connection;

/// More than a few runs of the index.
const ADDS: usize = 60_000;

/// How many adds make a run.
const RUN: usize = 16_384;

fn open(path: &Path) -> Engine {
    Engine::options().durability(Durability::Off).open(path).unwrap()
}

fn venue(number: i64) -> VenueId {
    VenueId::new(number).unwrap()
}

fn lead_in(venue: VenueId) -> Request {
    Request::add(venue).name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69)
}

/// Adds to venues that a multiplier scatters, and notes the ids by venue.
struct Adder {
    serial: i64,
    venues: i64,
    expected: BTreeMap<i64, Vec<OpportunityId>>,
}

impl Adder {
    fn new(venues: i64) -> Self {
        Self { serial: 0, venues, expected: BTreeMap::new() }
    }

    fn add(&mut self, engine: &Engine, count: usize) {
        let numbers: Vec<i64> =
            (0..count as i64).map(|nth| 1 + (self.serial + nth) * 7_919 % self.venues).collect();
        self.serial += count as i64;
        let requests = numbers.iter().map(|&number| lead_in(venue(number)));
        let outcomes = engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap();
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            self.expected.entry(number).or_default().push(outcome.unwrap().id());
        }
    }

    fn check(&self, engine: &Engine) {
        self.expected.keys().for_each(|&number| self.check_one(engine, number));
    }

    fn check_one(&self, engine: &Engine, number: i64) {
        let listed = engine.ids(venue(number), None, usize::MAX).unwrap();
        assert_eq!(listed, self.expected[&number], "venue {number}");
    }
}

fn entries(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    let count = "SELECT count(*) FROM opportunity_by_venue";
    connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

#[test]
fn the_list_of_a_venue_is_right_at_every_step_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    let mut adder = Adder::new(23);
    // Short of a run; the small groups after it begin one, and write a slice each.
    adder.add(&engine, RUN - 100);
    let mut sizes = Vec::new();
    for step in 0..400 {
        adder.add(&engine, 1);
        adder.check_one(&engine, 1 + step % 23);
        sizes.push(entries(&path));
    }
    adder.check(&engine);
    sizes.dedup();
    assert!(sizes.len() > 100, "the index was seen in {} states", sizes.len());
}

#[test]
fn nearly_all_of_a_large_table_is_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    let mut adder = Adder::new(1_000);
    while adder.serial < ADDS as i64 {
        adder.add(&engine, 500);
    }
    adder.check(&engine);
    let tail = ADDS - entries(&path);
    assert!(tail < 2 * RUN, "{tail} are not in the index");
}

#[test]
fn a_list_comes_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("a.db"));
    let mut adder = Adder::new(3);
    (0..3).for_each(|_| adder.add(&engine, 7_000));
    let mut ids = Vec::new();
    loop {
        let page = engine.ids(venue(2), ids.last().copied(), 777).unwrap();
        assert!(page.len() <= 777);
        if page.is_empty() {
            break;
        }
        ids.extend(page);
    }
    assert_eq!(ids, adder.expected[&2]);
    assert_eq!(engine.ids(venue(4), None, 10).unwrap(), []);
    assert_eq!(engine.ids(venue(2), None, 0).unwrap(), []);
}

#[test]
fn engines_that_share_a_file_catch_up_together_and_a_new_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut adder = Adder::new(100);
    for _ in 0..3 {
        let engines = [open(&path), open(&path)];
        for turn in 0..60 {
            adder.add(&engines[turn % 2], if turn == 0 { RUN } else { 40 });
        }
        adder.check(&engines[0]);
        adder.check(&engines[1]);
    }
    assert!(entries(&path) > 2 * RUN, "{}", entries(&path));
}

#[test]
fn a_refused_batch_leaves_the_index_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    let mut adder = Adder::new(10);
    adder.add(&engine, RUN - 400);
    let missing = Request::update(venue(1), OpportunityId::new(1 << 40).unwrap()).name("n");
    let requests = (0..500).map(|_| lead_in(venue(1))).chain([missing]);
    engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap_err();
    assert_eq!(entries(&path), 0);
    adder.add(&engine, 500);
    assert!(entries(&path) > 0);
    adder.check(&engine);
}

// Seen to catch: ids that are taken in whatever order they come.
#[test]
fn a_list_out_of_order_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    Adder::new(1).add(&engine, 3);
    // An entry that no run has written: the table has it too, and others before it.
    let connection = Connection::open(&path).unwrap();
    connection.execute("INSERT INTO opportunity_by_venue VALUES (1, 2)", []).unwrap();
    let error = engine.ids(venue(1), None, 10).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the stored value of id breaks the rules");
}
