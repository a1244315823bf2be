//! Databases as earlier versions of the engine wrote them, one for each version of the schema: they are
//! opened, brought up to date, and hold what they held.
//!
//! When the schema gets a new version, `cargo test --test old_databases -- --ignored` writes its database to
//! `tests/data`; commit it with the schema. A file that is there is never written again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use opportunity_engine::{
    Engine, Field, ManualClock, Opportunity, OpportunityId, Outcome, Request, Timestamp, VenueId,
};
use rusqlite::Connection;
use serde_json::{Value, json};

/// The path of the database that is kept of a schema version.
fn kept(version: i64) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    folder.join(format!("schema-{version}.db"))
}

/// The schema version that this engine writes.
fn current_version() -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    Engine::open(&path).unwrap().close().unwrap();
    version(&path)
}

/// The schema version that a file says it has; SQLite would leave a log beside a file that is kept.
fn version(path: &Path) -> i64 {
    let bytes = std::fs::read(path).unwrap();
    u32::from_be_bytes(bytes[60..64].try_into().unwrap()).into()
}

/// A text of several pages.
fn long_text() -> String {
    "Größe, 大きさ, размер, 📏. ".repeat(200)
}

/// What every kept database holds: opportunity after opportunity, in the form that it is serialised to.
/// Fields that are not named are `null`.
fn expected() -> Vec<Value> {
    let max = i64::MAX;
    vec![
        // No more than every add needs.
        json!({
            "id": 1, "venueId": 107, "name": "Lead By API", "typeId": 18, "stageId": 69, "sourceId": 25,
            "contactId": 918, "version": 1,
            "createdAt": "2017-05-05T14:30:00.123Z", "modifiedAt": "2017-05-05T14:30:00.123Z",
        }),
        // Everything, and changed twice.
        json!({
            "id": 2, "venueId": 107, "name": "Jahrestagung „Zukunft“ — 東京 🏯 e\u{301}", "typeId": 1,
            "stageId": 2, "sourceId": 3, "companyId": 4, "companyLeadContactId": 5, "contactId": 6,
            "qualityId": 7, "industryId": 8, "confirmedQuoteId": 9, "confirmedQuoteStatus": 10,
            "cancelledQuoteId": 11, "lostToCompetition": 12, "closedDate": "2017-05-05", "ownerUserId": 13,
            "stageReasonId": 14, "channelId": "fifteen", "description": long_text(), "version": 3,
            "createdAt": "2017-05-05T14:30:00.124Z", "modifiedAt": "2024-02-29T23:59:59.999Z",
        }),
        // The largest of everything.
        json!({
            "id": 3, "venueId": max, "name": "\u{10FFFF}", "typeId": max, "stageId": max, "sourceId": max,
            "companyId": max, "companyLeadContactId": max, "contactId": max, "qualityId": max,
            "industryId": max, "confirmedQuoteId": max, "confirmedQuoteStatus": max,
            "cancelledQuoteId": max, "lostToCompetition": max, "closedDate": "9999-12-31 23:59:59 UTC",
            "ownerUserId": max, "stageReasonId": max,
            "channelId": "123456789012345678901234567890", "description": "\u{10FFFF}", "version": 1,
            "createdAt": "9999-12-31T23:59:59.999Z", "modifiedAt": "9999-12-31T23:59:59.999Z",
        }),
        // The smallest.
        json!({
            "id": 4, "venueId": 1, "name": "x", "typeId": 1, "stageId": 1, "sourceId": 1, "companyId": 1,
            "companyLeadContactId": 1, "contactId": 1, "qualityId": 1, "industryId": 1,
            "confirmedQuoteId": 1, "confirmedQuoteStatus": 0, "cancelledQuoteId": 1,
            "lostToCompetition": 1, "closedDate": "0001-01-01", "ownerUserId": 1, "stageReasonId": 1,
            "channelId": "0", "description": " ", "version": 1,
            "createdAt": "0001-01-01T00:00:00.000Z", "modifiedAt": "0001-01-01T00:00:00.000Z",
        }),
        // Texts that mean something elsewhere.
        json!({
            "id": 5, "venueId": 107, "name": "'; DROP TABLE opportunity; --", "typeId": 18, "stageId": 69,
            "sourceId": 25, "companyId": 20, "companyLeadContactId": 21, "channelId": "007",
            "closedDate": "1969-12-31 23:59:59 UTC", "description": "\u{feff}\"a\"\t\\b\\\r\n\u{1}\u{7f}null",
            "version": 1,
            "createdAt": "1969-12-31T23:59:59.999Z", "modifiedAt": "1969-12-31T23:59:59.999Z",
        }),
        // It was changed, and its clock had been wrong.
        json!({
            "id": 6, "venueId": 107, "name": "the latest", "typeId": 18, "stageId": 70, "sourceId": 25,
            "contactId": 918, "version": 2,
            "createdAt": "2030-01-01T00:00:00.000Z", "modifiedAt": "2030-01-01T00:00:00.000Z",
        }),
    ]
}

/// The opportunities that are expected, and those that are there, with all fields.
fn opportunities(engine: &Engine) -> Vec<(Opportunity, Option<Opportunity>)> {
    let pair = |json: Value| {
        let expected: Opportunity = serde_json::from_value(json).unwrap();
        let found = engine.get(expected.venue_id(), expected.id()).unwrap();
        (expected, found)
    };
    expected().into_iter().map(pair).collect()
}

#[test]
fn every_column_has_a_value_somewhere_and_is_empty_somewhere_if_it_may_be() {
    for &field in Field::DETAILS {
        let has = |row: &Value| !row[field.wire_name()].is_null();
        assert!(expected().iter().any(has), "{field}");
        let is_required = expected()[0][field.wire_name()].is_string()
            || ["typeId", "stageId", "sourceId"].contains(&field.wire_name());
        assert!(is_required || !expected().iter().all(has), "{field}");
    }
}

#[test]
fn a_database_of_every_version_is_kept() {
    for number in 1..=current_version() {
        assert_eq!(version(&kept(number)), number, "{}", kept(number).display());
    }
}

/// A copy of the database that is kept of a version.
fn copy(number: i64, folder: &Path) -> PathBuf {
    let path = folder.join("old.db");
    std::fs::copy(kept(number), &path).unwrap();
    path
}

/// How many changes are recorded in the database that is kept of a version: the first kept no history.
fn records(version: i64) -> usize {
    let versions = |row: &Value| row["version"].as_u64().unwrap() as usize;
    if version == 1 { 0 } else { expected().iter().map(versions).sum() }
}

// Seen to catch: an upgrade that empties a column, and a list that starts after the run of the index.
#[test]
fn an_old_database_holds_what_it_held() {
    for number in 1..=current_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = copy(number, folder.path());
        let engine = Engine::open(&path).unwrap();
        for (expected, found) in opportunities(&engine) {
            assert_eq!(found, Some(expected), "version {number}");
        }
        let lists = [(107, vec![1, 2, 5, 6]), (i64::MAX, vec![3]), (1, vec![4]), (2, vec![])];
        for (venue, ids) in lists {
            let listed = engine.ids(VenueId::new(venue).unwrap(), None, 100).unwrap();
            let listed: Vec<_> = listed.into_iter().map(OpportunityId::get).collect();
            assert_eq!(listed, ids, "venue {venue}");
        }
        assert_eq!(engine.changes(None, 100).unwrap().len(), records(number));
        engine.close().unwrap();
        assert_eq!(version(&path), current_version());
    }
}

#[test]
fn an_old_database_goes_on_where_it_was() {
    for number in 1..=current_version() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(copy(number, folder.path())).unwrap();
        let rows: Vec<_> = opportunities(&engine).into_iter().map(|(row, _)| row).collect();
        for row in &rows {
            let update = Request::update(row.venue_id(), row.id()).name("of today");
            let outcome = engine.add_or_update(update).unwrap();
            assert_eq!(outcome.version(), row.version().next());
            let found = engine.get(row.venue_id(), row.id()).unwrap().unwrap();
            assert_eq!(found.created_at(), row.created_at());
            assert!(found.modified_at() >= row.modified_at());
            let others = Field::ALL.iter().filter(|&&field| field != Field::Name);
            others.for_each(|&field| assert_eq!(found.value(field), row.value(field), "{field}"));
        }
        let add = Request::add(rows[0].venue_id());
        let add = add.name("n").contact_id(1).type_id(1).stage_id(1).source_id(1);
        assert_eq!(engine.add_or_update(add).unwrap().id().get(), 7);
    }
}

/// The columns of every table: type, whether it may be empty, place in the key.
fn columns(path: &Path) -> BTreeSet<(String, String, String, bool, i64)> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT t.name, c.name, c.type, c.\"notnull\", c.pk
               FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let mut columns = connection.prepare(sql).unwrap();
    let rows = columns
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

// Seen to catch: a column that is added to `schema.sql` without a migration.
#[test]
fn an_old_database_gets_the_schema_of_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.db");
    Engine::open(&new).unwrap().close().unwrap();
    for number in 1..=current_version() {
        let old = copy(number, folder.path());
        Engine::open(&old).unwrap().close().unwrap();
        assert_eq!(columns(&old), columns(&new), "version {number}");
    }
}

/// Writes the database of the current version, unless there is one.
#[test]
#[ignore = "it is run once for each version of the schema"]
fn write_the_database_of_this_version() {
    let path = kept(current_version());
    if path.exists() {
        println!("{} is kept as it is", path.display());
        return;
    }
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let options = Engine::options().history(true).clock(clock.source());
    let engine = options.open(&path).unwrap();
    for json in expected() {
        let row: Opportunity = serde_json::from_value(json.clone()).unwrap();
        clock.set(row.created_at());
        write(&engine, &json, row.version().get(), || {
            clock.set(row.modified_at());
        });
        assert_eq!(engine.get(row.venue_id(), row.id()).unwrap(), Some(row));
    }
    engine.close().unwrap();
    index_by_hand(&path);
}

/// Adds an opportunity, under another name and stage if it is to have further versions.
fn write(engine: &Engine, row: &Value, versions: i64, modify: impl Fn()) {
    let mut add = row.clone();
    let fields = add.as_object_mut().unwrap();
    fields.retain(|key, _| Field::from_wire_name(key).is_some_and(|field| field != Field::Id));
    if versions > 1 {
        fields["name"] = "an earlier name".into();
    }
    let reply = engine.add_or_update_json(&serde_json::to_vec(&add).unwrap());
    let added = *reply.result().unwrap();
    assert_eq!(Some(added.id().get()), row["id"].as_i64());
    modify();
    for version in 2..=versions {
        let name = if version == versions { row["name"].as_str().unwrap() } else { "another" };
        let venue = VenueId::new(row["venueId"].as_i64().unwrap()).unwrap();
        let update = Request::update(venue, added.id()).name(name);
        let outcome = engine.add_or_update(update).unwrap();
        assert!(matches!(outcome, Outcome::Updated { .. }), "{outcome:?}");
    }
}

/// Puts opportunities into the index by venue as the engine does with thousands: 1 and 2 are there, and of
/// a run of 3 to 5 the first.
fn index_by_hand(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "INSERT INTO opportunity_by_venue VALUES (107, 1), (107, 2), (1, 4);
             UPDATE engine_state
             SET (fences, indexed_id, run_id, run_venue_id, run_entry_id) = (1, 2, 5, 1, 4);",
        )
        .unwrap();
    connection.close().unwrap();
}
