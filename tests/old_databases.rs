//! Databases as earlier versions of the engine wrote them, one for each version of the schema: they are
//! opened, brought up to date, and hold what they held.
//!
//! When the schema gets a new version, `cargo test --test old_databases -- --ignored write_the_database` has the
//! engine write its database to `tests/data`; commit it with the schema. A file that is there is never written again.

#[cfg(unix)]
#[path = "old_databases/half_way.rs"]
mod half_way;

use std::path::{Path, PathBuf};
use std::time::Duration;

use opportunity_engine::{
    Conflict, Engine, Error, Field, IdempotencyKey, ManualClock, Opportunity, OpportunityId,
    Outcome, Reader, Rejection, Request, StoreErrorKind, Timestamp, VenueId, Verification,
};
use rusqlite::Connection;
use serde_json::{Map, Value, json};

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

/// The changes that are recorded in the database that is kept of a version, in the form that they are
/// serialised to: the first version kept no history.
fn records(version: i64) -> Vec<Value> {
    let mut records = Vec::new();
    for row in expected().iter().filter(|_| version > 1) {
        for made in 1..=row["version"].as_i64().unwrap() {
            let fields =
                if made == 1 { all_fields(row) } else { json!({ "name": names(row, made) }) };
            records.push(json!({
                "sequence": records.len() + 1, "venueId": row["venueId"], "id": row["id"],
                "version": made, "kind": if made == 1 { "added" } else { "updated" },
                "changedAt": row[if made == 1 { "createdAt" } else { "modifiedAt" }],
                "createdAt": if made == 1 { row["createdAt"].clone() } else { Value::Null },
                "fields": fields,
            }));
        }
    }
    records
}

/// Each field that an opportunity was added with, from nothing to its value.
fn all_fields(row: &Value) -> Value {
    let details = Field::DETAILS.iter().map(|field| field.wire_name());
    let given = details.filter(|name| !row[*name].is_null());
    let mut fields: Map<_, _> =
        given.map(|name| (name.to_owned(), json!([null, row[name]]))).collect();
    fields["name"] = json!([null, name(row, 1)]);
    fields.into()
}

/// Its name before a version, and since.
fn names(row: &Value, version: i64) -> [String; 2] {
    [name(row, version - 1), name(row, version)]
}

/// The name that an opportunity had in a version.
fn name(row: &Value, version: i64) -> String {
    match row["version"].as_i64() {
        Some(last) if version == last => row["name"].as_str().unwrap().to_owned(),
        _ if version == 1 => "an earlier name".to_owned(),
        _ => "another".to_owned(),
    }
}

/// The key under which the last version of an opportunity was written.
fn key(row: &Value) -> IdempotencyKey {
    IdempotencyKey::new(format!("the key of {}", row["id"])).unwrap()
}

/// The request that wrote the last version.
fn last_request(row: &Value) -> Request {
    let request = match row["version"].as_i64().unwrap() {
        1 => serde_json::from_value(add_of(row)).unwrap(),
        version => {
            let venue = VenueId::new(row["venueId"].as_i64().unwrap()).unwrap();
            let id = OpportunityId::new(row["id"].as_i64().unwrap()).unwrap();
            Request::update(venue, id).name(name(row, version))
        }
    };
    request.idempotency_key(key(row))
}

/// The add that wrote the first version, as a client posts it.
fn add_of(row: &Value) -> Value {
    let mut add = row.clone();
    let fields = add.as_object_mut().unwrap();
    fields.retain(|key, _| Field::from_wire_name(key).is_some_and(|field| field != Field::Id));
    fields["name"] = name(row, 1).into();
    add
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
        let changes = engine.changes(None, 100).unwrap();
        assert_eq!(serde_json::to_value(&changes).unwrap(), Value::from(records(number)));
        engine.close().unwrap();
        assert_eq!(version(&path), current_version());
    }
}

/// The first version knew no keys.
///
/// Seen to catch: keys with the longest lifetime, taken for expired.
#[test]
fn an_old_database_knows_what_was_done_under_keys() {
    for number in 2..=current_version() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(copy(number, folder.path())).unwrap();
        for row in expected() {
            let outcome = engine.add_or_update(last_request(&row)).unwrap();
            let told = (outcome.id().get(), outcome.version().get());
            assert_eq!(told, (row["id"].as_i64().unwrap(), row["version"].as_i64().unwrap()));
            let is_added = matches!(outcome, Outcome::Added { .. });
            assert_eq!(is_added, row["version"] == 1, "{outcome:?}");
            match engine.add_or_update(last_request(&row).name("of another request")) {
                Err(Error::Rejected(Rejection::Conflict(Conflict::IdempotencyKey))) => {}
                other => panic!("{other:?}"),
            }
        }
        for (expected, found) in opportunities(&engine) {
            assert_eq!(found, Some(expected), "version {number}");
        }
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

/// Who only looks at one, or makes a backup of it, leaves it as it is, and finds all that it holds. Seen to fail for a
/// reader that goes on without checksums after an engine has brought them.
#[test]
fn an_old_database_is_looked_at_as_it_is() {
    for number in 1..current_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = copy(number, folder.path());
        let reader = Reader::open(&path).unwrap();
        let rows = || expected().into_iter().map(|row| serde_json::from_value(row).unwrap());
        let all_are_there = || {
            rows()
                .all(|row: Opportunity| reader.get(row.venue_id(), row.id()).unwrap() == Some(row))
        };
        assert!(all_are_there(), "version {number}");
        let changes = serde_json::to_value(reader.changes(None, 100).unwrap()).unwrap();
        assert_eq!(changes, Value::from(records(number)));
        assert!(Engine::verify_file(&path, Verification::Full).unwrap().is_sound());
        let backup = folder.path().join("backup.db");
        Engine::back_up_file(&path, &backup).unwrap();
        assert!(Engine::verify_file(&backup, Verification::Full).unwrap().is_sound());
        assert_eq!((version(&path), version(&backup)), (number, number));

        Engine::open(&path).unwrap().close().unwrap();
        assert!(all_are_there(), "version {number}");
        let by_hand = Connection::open(&path).unwrap();
        by_hand.execute_batch("UPDATE opportunity SET stage_id = 68 WHERE id = 1").unwrap();
        let first = rows().next().unwrap();
        let told = reader.get(first.venue_id(), first.id()).unwrap_err();
        assert_eq!(told.kind(), StoreErrorKind::Damaged);
    }
}

// An upgrade has no way to tell what a row was; but it does not hide what breaks the rules, nor does a broken rule
// stop it.
#[test]
fn a_row_of_an_old_database_that_breaks_the_rules_is_told_of_after_the_upgrade() {
    for number in 1..current_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = copy(number, folder.path());
        let by_hand = "PRAGMA ignore_check_constraints = 1;
                       UPDATE opportunity SET name = char(160), contact_id = NULL WHERE id = 1";
        Connection::open(&path).unwrap().execute_batch(by_hand).unwrap();
        let engine = Engine::open(&path).unwrap();
        for row in expected() {
            let row: Opportunity = serde_json::from_value(row).unwrap();
            match (row.id().get(), engine.get(row.venue_id(), row.id())) {
                (1, Err(error)) => assert_eq!(error.kind(), StoreErrorKind::Damaged),
                (1, found) => panic!("{found:?}"),
                (_, found) => assert_eq!(found.unwrap(), Some(row)),
            }
        }
    }
}

/// What every table and index is made by, without comments and how it is laid out.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_schema ORDER BY type, name";
    let mut all = connection.prepare(sql).unwrap();
    let text = |row: &rusqlite::Row<'_>, at| row.get::<_, String>(at);
    let made = |row: &rusqlite::Row<'_>| {
        let sql = text(row, 3)?;
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
        Ok(format!("{} {} {}: {}", text(row, 0)?, text(row, 1)?, text(row, 2)?, words.join(" ")))
    };
    all.query_map([], made).unwrap().map(Result::unwrap).collect()
}

// Seen to catch: a column, a check and an index that are in `schema.sql` and in no migration.
#[test]
fn an_old_database_gets_the_schema_of_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.db");
    Engine::open(&new).unwrap().close().unwrap();
    assert!(schema(&new).iter().all(|made| !made.starts_with("table") || made.contains("STRICT")));
    for number in 1..=current_version() {
        let old = copy(number, folder.path());
        Engine::open(&old).unwrap().close().unwrap();
        assert_eq!(schema(&old), schema(&new), "version {number}");
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
    // Keys for ever.
    let options = Engine::options().history(true).key_lifetime(Duration::MAX).clock(clock.source());
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

/// Writes an opportunity, version by version: the last of them under a key.
fn write(engine: &Engine, row: &Value, versions: i64, modify: impl Fn()) {
    for version in 1..versions {
        if version == 1 {
            engine.add_or_update(serde_json::from_value(add_of(row)).unwrap()).unwrap();
            modify();
        } else {
            let venue = VenueId::new(row["venueId"].as_i64().unwrap()).unwrap();
            let id = OpportunityId::new(row["id"].as_i64().unwrap()).unwrap();
            engine.add_or_update(Request::update(venue, id).name(name(row, version))).unwrap();
        }
    }
    let outcome = engine.add_or_update(last_request(row)).unwrap();
    assert_eq!(Some(outcome.id().get()), row["id"].as_i64());
    assert_eq!(outcome.version().get(), versions);
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
