//! The file: its schema, how it is opened, what is refused, what is reported as damaged.

mod support;

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use opportunity_engine::{
    Batch, Clearing, Durability, Engine, Error, ExportError, Field, IdempotencyKey, OnAdd,
    OpenError, Problem, Request, StoreError, StoreErrorKind, VenueId, Verification,
};
use rusqlite::Connection;
use support::{id, lead, venue};

/// A database with one opportunity, closed.
fn database(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("a.db");
    let engine = Engine::open(&path).unwrap();
    engine.add_or_update(lead()).unwrap();
    engine.close().unwrap();
    path
}

/// Everything that a schema consists of.
fn schema(connection: &Connection) -> Vec<(String, String, Option<String>)> {
    let mut statement = connection
        .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_new_database_is_what_schema_sql_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Engine::open(&path).unwrap().close().unwrap();
    let migrated = Connection::open(&path).unwrap();

    let written = Connection::open_in_memory().unwrap();
    written.execute_batch(include_str!("../schema.sql")).unwrap();
    assert_eq!(schema(&migrated), schema(&written));
    assert_eq!(schema(&migrated).len(), 8, "six tables, two indexes, and nothing else");

    let one = |sql: &str| migrated.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(one("PRAGMA application_id"), 0x4F50_5459);
    assert_eq!(one("PRAGMA user_version"), 3);
    let state = |connection: &Connection| {
        let read = |row: &rusqlite::Row<'_>| (0..7).map(|column| row.get(column)).collect();
        let state: Vec<i64> = connection.query_row("SELECT * FROM engine_state", [], read).unwrap();
        state
    };
    assert_eq!(state(&migrated), state(&written));
}

#[test]
fn the_columns_follow_the_table_of_fields() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../schema.sql")).unwrap();
    let mut statement = connection
        .prepare("SELECT name, \"notnull\" FROM pragma_table_info('opportunity')")
        .unwrap();
    let columns: Vec<(String, bool)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let system = ["id", "venue_id", "version", "created_at", "modified_at"].map(String::from);
    let names: Vec<_> = columns.iter().map(|(name, _)| name.clone()).collect();
    let details = Field::DETAILS.iter().map(|field| field.column().to_owned());
    // A column that is added later comes after the checksum.
    let values: Vec<_> = names.iter().filter(|name| *name != "checksum").cloned().collect();
    assert_eq!(values.len() + 1, names.len());
    assert_eq!(values, system.into_iter().chain(details).collect::<Vec<_>>());
    for &field in Field::DETAILS {
        let required = columns.iter().find(|(name, _)| name == field.column()).unwrap().1;
        assert_eq!(required, field.on_add() == Some(OnAdd::Required), "{field}");
        assert_eq!(required, field.clearing() == Clearing::Never, "{field}");
    }
}

#[test]
fn every_column_of_the_schema_is_explained() {
    let schema = include_str!("../schema.sql");
    let mut explained = false;
    let mut columns = 0;
    for line in schema.lines().map(str::trim) {
        let is_column = line.contains(" INTEGER ") || line.contains(" TEXT ");
        if is_column && !line.starts_with("--") {
            assert!(explained, "no comment before {line}");
            columns += 1;
        }
        explained = line.starts_with("--");
    }
    // An opportunity, its entry in the index, the counters, a change, the feed, a key, and three checksums.
    assert_eq!(columns, 5 + Field::DETAILS.len() + 2 + 7 + 8 + 3 + 7 + 3);
}

#[test]
fn the_schema_refuses_by_itself_what_the_rules_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(database(folder.path())).unwrap();
    for assignment in [
        "venue_id = 0",
        "version = 0",
        "modified_at = created_at - 1",
        "name = ''",
        "name = '  '",
        "name = NULL",
        "type_id = 0",
        "stage_id = NULL",
        "source_id = -1",
        "contact_id = NULL",
        "company_id = 0",
        "confirmed_quote_status = -1",
        "closed_date = 'tomorrow'",
        "closed_date = -62135596801",
        "closed_date = 253402300800",
        "channel_id = ''",
        "description = ''",
        "quality_id = 'x'",
        "description = x'00'",
    ] {
        let result = connection.execute(&format!("UPDATE opportunity SET {assignment}"), []);
        assert!(result.is_err(), "{assignment}");
    }
    connection.execute("UPDATE opportunity SET confirmed_quote_status = 0", []).unwrap();
    assert!(
        connection.execute("INSERT INTO engine_state VALUES (2, 0, 0, 0, 0, 0, 0)", []).is_err()
    );
}

#[test]
fn a_row_that_breaks_the_rules_is_reported_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    for (assignment, column) in [
        ("name = char(160)", "name"),
        ("name = 'a' || char(0)", "name"),
        ("description = CAST(x'ff' AS TEXT)", "description"),
        ("closed_date = 253402300800", "closed_date"),
        ("company_id = -1", "company_id"),
        ("version = 0", "version"),
        ("created_at = -9223372036854775807, modified_at = 0", "created_at"),
    ] {
        let path = database(folder.path());
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "PRAGMA ignore_check_constraints = 1; UPDATE opportunity SET {assignment}"
            ))
            .unwrap();
        let engine = Engine::open(&path).unwrap();
        let error = engine.get(venue(), id(1)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{assignment}");
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, format!("the stored value of {column} breaks the rules"));
        match engine.add_or_update(Request::update(venue(), id(1)).stage_id(70)) {
            Err(Error::Aborted(error)) => assert_eq!(error.kind(), StoreErrorKind::Damaged),
            other => panic!("{assignment}: {other:?}"),
        }
        engine.close().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}

/// What the cause of an error says of a row that is not what was written.
const NOT_WHAT_WAS_WRITTEN: &str =
    "the stored values do not have the checksum that was written with them";

fn assert_not_what_was_written(error: &StoreError, case: &str) {
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{case}");
    assert_eq!(error.source().unwrap().to_string(), NOT_WHAT_WAS_WRITTEN, "{case}");
}

/// The columns of a table, but for its checksum.
fn columns_of(connection: &Connection, table: &str) -> Vec<String> {
    let select = "SELECT name FROM pragma_table_info(?1) WHERE name <> 'checksum'";
    let mut select = connection.prepare(select).unwrap();
    select.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Statements that each give one column of a table another value that keeps the rules, where one does.
fn changes_of(connection: &Connection, table: &str) -> Vec<String> {
    let other = |column: &String| match column.as_str() {
        "created_at" | "expires_at" => format!("{column} - 1"),
        "kind" => "'updated'".to_owned(),
        "outcome" => "'unchanged'".to_owned(),
        "fields" => "replace(fields, '918', '919')".to_owned(),
        "name" | "channel_id" | "description" | "key" | "request" => {
            format!("ifnull({column}, '') || 'x'")
        }
        _ => format!("ifnull({column}, 0) + 1"),
    };
    let columns = columns_of(connection, table);
    columns.iter().map(|it| format!("UPDATE {table} SET {it} = {}", other(it))).collect()
}

/// Changes a copy of a database by hand, and opens it.
fn changed(sound: &[u8], path: &Path, change: &str) -> Engine {
    std::fs::write(path, sound).unwrap();
    let by_hand = Connection::open(path).unwrap();
    by_hand.execute_batch(&format!("PRAGMA ignore_check_constraints = 1; {change}")).unwrap();
    by_hand.close().unwrap();
    Engine::open(path).unwrap()
}

// Seen to catch: a sum that nobody checks, and one without `id`, without `modified_at`, or without a field.
#[test]
fn a_row_that_keeps_the_rules_and_is_not_what_was_written_is_reported_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let sound = std::fs::read(&path).unwrap();
    let mut changes = changes_of(&Connection::open(&path).unwrap(), "opportunity");
    assert_eq!(changes.len(), 5 + Field::DETAILS.len());
    let two = "UPDATE opportunity SET stage_id = source_id, source_id = stage_id";
    let sums = ["checksum - 1", "0"].map(|sum| format!("UPDATE opportunity SET checksum = {sum}"));
    changes.extend(sums.into_iter().chain([two.to_owned()]));
    for change in changes {
        let engine = changed(&sound, &path, &change);
        let of_venue = if change.contains("venue_id =") { 108 } else { venue().get() };
        let (of_venue, id) =
            (VenueId::new(of_venue).unwrap(), id(if change.contains("SET id =") { 2 } else { 1 }));
        assert_not_what_was_written(&engine.get(of_venue, id).unwrap_err(), &change);
        match engine.add_or_update(Request::update(of_venue, id).stage_id(70)) {
            Err(Error::Aborted(error)) => assert_not_what_was_written(&error, &change),
            other => panic!("{change}: {other:?}"),
        }
        match engine.export(std::io::sink()) {
            Err(ExportError::Store(error)) => assert_not_what_was_written(&error, &change),
            other => panic!("{change}: {other:?}"),
        }
        let problems = engine.verify(Verification::Full).unwrap().problems;
        let problem = Problem::Value { id: id.get(), column: "checksum" };
        assert!(problems.contains(&problem), "{change}: {problems:?}");
        engine.close().unwrap();
    }
}

// Seen to catch: a sum of either that nobody checks.
#[test]
fn a_record_or_a_key_that_is_not_what_was_written_is_reported_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().history(true).key_lifetime(Duration::MAX).open(&path).unwrap();
    let keyed = || lead().idempotency_key(IdempotencyKey::new("one").unwrap());
    engine.add_or_update(keyed()).unwrap();
    engine.verify(Verification::Full).map(|findings| assert!(findings.is_sound())).unwrap();
    engine.close().unwrap();
    let sound = std::fs::read(&path).unwrap();
    let by_hand = Connection::open(&path).unwrap();
    let changes = ["opportunity_change", "idempotency_key"].map(|it| changes_of(&by_hand, it));
    by_hand.close().unwrap();
    assert_eq!(changes.each_ref().map(Vec::len), [8, 7]);

    for change in changes.iter().flatten() {
        let engine = changed(&sound, &path, change);
        let problems = engine.verify(Verification::Full).unwrap().problems;
        let is_told = |problem: &Problem| matches!(problem, Problem::Change { column, .. } | Problem::Key { column, .. } if *column == "checksum");
        assert!(problems.iter().any(is_told), "{change}: {problems:?}");
        if change.contains("opportunity_change") {
            assert_not_what_was_written(&engine.changes(None, 1).unwrap_err(), change);
        } else if !change.contains("SET venue_id") && !change.contains("SET key") {
            match engine.add_or_update(keyed()) {
                Err(Error::Aborted(error)) => assert_not_what_was_written(&error, change),
                other => panic!("{change}: {other:?}"),
            }
        }
        engine.close().unwrap();
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for options in [
        Engine::options().max_request_bytes(0),
        Engine::options().max_request_bytes((16 << 20) + 1),
        Engine::options().queue(0, 1),
        Engine::options().queue(1, 0),
    ] {
        assert!(matches!(options.clone().open(&path), Err(OpenError::Option { .. })));
        assert!(matches!(options.in_memory(), Err(OpenError::Option { .. })));
    }
    assert!(!path.exists());
}

#[test]
fn the_largest_texts_that_an_engine_accepts_are_stored_and_read() {
    let engine = Engine::options().max_request_bytes(16 << 20).in_memory().unwrap();
    let text = "x".repeat(16 << 20);
    let added = engine.add_or_update(lead()).unwrap();
    engine.add_or_update(Request::update(venue(), added.id()).name(text.as_str())).unwrap();
    engine.add_or_update(Request::update(venue(), added.id()).channel_id(text.as_str())).unwrap();
    engine.add_or_update(Request::update(venue(), added.id()).description(text.as_str())).unwrap();
    let stored = engine.get(venue(), added.id()).unwrap().unwrap();
    assert_eq!(stored.description().unwrap().as_str().len(), 16 << 20);
    assert_eq!(stored.version().get(), 4);
}

/// Seen to catch: an engine that answers before it commits where it need not sync, and then does not commit.
#[test]
fn every_durability_keeps_what_was_acknowledged_over_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let path = folder.path().join(format!("{durability:?}.db"));
        let engine = Engine::options().durability(durability).open(&path).unwrap();
        engine.add_or_update(lead()).unwrap();
        drop(engine);
        assert!(Engine::open(&path).unwrap().get(venue(), id(1)).unwrap().is_some());
    }
}

#[test]
fn in_memory_engines_are_private_and_leave_nothing_behind() {
    let (one, other) = (Engine::in_memory().unwrap(), Engine::in_memory().unwrap());
    one.add_or_update(lead()).unwrap();
    assert!(other.get(venue(), id(1)).unwrap().is_none());
    let folders = || {
        std::fs::read_dir(std::env::temp_dir())
            .unwrap()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("opportunity-engine-"))
            .map(|entry| entry.path())
            .collect::<Vec<_>>()
    };
    let before = folders();
    assert!(before.len() >= 2);
    drop((one, other));
    let after = folders();
    assert!(before.iter().filter(|folder| !after.contains(folder)).count() >= 2);
}

/// Fails without the second look, with locks: the last one to close moves the log into the file, and who
/// looks at it at this moment without them sees neither the old pages nor the new ones.
#[test]
fn a_file_that_others_are_changing_is_not_taken_for_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..150 {
                    let options = Engine::options().durability(Durability::Off);
                    let engine = options.open(path).unwrap_or_else(|error| {
                        panic!("thread {thread}, round {round}: {error}: {:?}", error.source());
                    });
                    let leads = (0..20).map(|_| lead());
                    engine.add_or_update_all(leads, Batch::AllOrNothing).unwrap();
                }
            });
        }
    });
    let engine = Engine::open(&path).unwrap();
    assert_eq!(engine.ids(venue(), None, usize::MAX).unwrap().len(), 4 * 150 * 20);
}

// Seen to catch: an end that closes the readers after the writer, which then leaves an empty log.
#[test]
fn a_clean_end_leaves_nothing_beside_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    for round in 0..50 {
        let engine = Engine::options().durability(Durability::Off).open(&path).unwrap();
        assert!(engine.get(venue(), id(1)).unwrap().is_some());
        if round % 2 == 0 {
            engine.close().unwrap();
        } else {
            drop(engine);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "round {round}");
    }
}
