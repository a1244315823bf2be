//! Looking for damage: what is found and how it is told, and when an engine looks by itself.

mod support;

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use opportunity_engine::{
    BackupError, Batch, Durability, Engine, Findings, IdempotencyKey, OpenError, Operation,
    Problem, Reader, Request, StoreErrorKind, VenueId, Verification,
};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use support::{by_hand, id, lead, venue};

/// How many adds make a run of the index by venue.
const RUN: usize = 16_384;

fn open(path: &Path) -> Engine {
    Engine::options().durability(Durability::Off).open(path).unwrap()
}

/// A database with opportunities of several venues in it, closed; all of them are in the index.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("a.db");
    let engine = open(&path);
    let leads = (0..RUN as i64).map(|nth| lead_in(1 + nth % 7));
    engine.add_or_update_all(leads, Batch::AllOrNothing).unwrap();
    engine.close().unwrap();
    path
}

fn lead_in(venue: i64) -> Request {
    let venue = VenueId::new(venue).unwrap();
    Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69)
}

/// Changes a database by hand. Whether the log is moved into it tells whether the end is a clean one.
fn change(path: &Path, sql: &str, is_clean: bool) {
    let connection = Connection::open(path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !is_clean).unwrap();
    connection.execute_batch("PRAGMA ignore_check_constraints = on").unwrap();
    by_hand::change(&connection, sql);
    connection.close().unwrap();
}

/// Overwrites the beginning of a page that rows of a table are in.
fn tear(path: &Path, table: &str) {
    let connection = Connection::open(path).unwrap();
    let page: usize = connection
        .query_row(
            "SELECT max(pageno) FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'",
            [table],
            |row| row.get::<_, i64>(0),
        )
        .unwrap() as usize;
    connection.close().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[(page - 1) * 1_024..][..16].fill(0xA5);
    std::fs::write(path, bytes).unwrap();
}

fn verified(path: &Path, verification: Verification) -> Findings {
    Engine::verify_file(path, verification).unwrap()
}

/// The files in a folder, but for indexes of logs: they are no part of the data, and SQLite notes in them
/// who reads.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Each row: what was changed by hand, and what a full verification finds: exactly that. Fails without the
/// rows, the counters, or either side of the index: seen with each of them left out.
#[test]
fn a_full_verification_finds_what_the_rules_the_counters_and_the_index_tell() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let sound = std::fs::read(&path).unwrap();
    let last_id = RUN as i64;
    let (id, venue) = (8, 1 + 7);
    for (sql, problems) in [
        (
            "UPDATE opportunity SET name = char(160) WHERE id = 8",
            vec![Problem::Value { id, column: "name" }],
        ),
        (
            "UPDATE opportunity SET description = CAST(x'ff' AS TEXT) WHERE id IN (8, 9)",
            [8, 9].map(|id| Problem::Value { id, column: "description" }).to_vec(),
        ),
        ("DELETE FROM engine_state", vec![Problem::NoCounters]),
        (
            "UPDATE engine_state SET last_id = 5, indexed_id = 5, run_id = 5; \
             DELETE FROM opportunity_by_venue WHERE id > 5",
            vec![Problem::CounterBehind { last_id: 5, highest_id: last_id }],
        ),
        (
            "UPDATE engine_state SET run_id = last_id + 1, indexed_id = last_id + 1",
            vec![Problem::IndexAhead { reach: last_id + 1, last_id }],
        ),
        (
            "UPDATE engine_state SET run_entry_id = last_id + 1",
            vec![Problem::Counter { column: "run_entry_id" }],
        ),
        (
            "DELETE FROM opportunity_by_venue WHERE id = 8",
            vec![Problem::NotIndexed { venue: 1, id }],
        ),
        (
            "INSERT INTO opportunity_by_venue VALUES (8, 8)",
            vec![Problem::WronglyIndexed { venue, id }],
        ),
        ("DELETE FROM opportunity WHERE id = 8", vec![Problem::WronglyIndexed { venue: 1, id }]),
        (
            "UPDATE opportunity SET venue_id = 8 WHERE id = 8",
            vec![Problem::NotIndexed { venue, id }, Problem::WronglyIndexed { venue: 1, id }],
        ),
        // In the index before its time: the next run would meet it there.
        (
            "UPDATE engine_state SET indexed_id = last_id - 1, run_id = last_id - 1",
            vec![Problem::WronglyIndexed { venue: 1 + (last_id - 1) % 7, id: last_id }],
        ),
    ] {
        std::fs::write(&path, &sound).unwrap();
        change(&path, sql, true);
        let findings = verified(&path, Verification::Full);
        assert_eq!(findings.problems, problems, "{sql}");
        assert!(!findings.is_sound());
        // By the same rules an engine that has it open finds the same.
        assert_eq!(open(&path).verify(Verification::Full).unwrap(), findings, "{sql}");
    }
    std::fs::write(&path, &sound).unwrap();
    change(&path, "DROP TABLE opportunity_by_venue", true);
    let findings = verified(&path, Verification::Full);
    assert_eq!(findings.problems, [Problem::Format("no such table: opportunity_by_venue".into())]);
}

/// A number in the header says which version a database is of: one that was damaged does not turn the checks of
/// rows off, nor what came with a version. Seen to fail for checks that go by the number alone.
#[test]
fn a_schema_version_that_does_not_fit_the_tables_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    engine.add_or_update(lead()).unwrap();
    engine.close().unwrap();
    let by_hand = Connection::open(&path).unwrap();
    by_hand.execute("UPDATE opportunity SET stage_id = 68", []).unwrap();
    by_hand.close().unwrap();
    for version in [1, 2] {
        change(&path, &format!("PRAGMA user_version = {version}"), true);
        let before = files(folder.path());
        let (of_version, of_row) =
            (Problem::Version { version }, Problem::Value { id: 1, column: "checksum" });
        let quick = verified(&path, Verification::Quick).problems;
        let full = verified(&path, Verification::Full).problems;
        assert_eq!((quick, full), (vec![of_version.clone()], vec![of_version, of_row]));
        let refused = [
            Engine::open(&path).map(drop).unwrap_err(),
            Reader::open(&path).map(drop).unwrap_err(),
        ];
        for error in refused {
            let OpenError::Store { source, .. } = error else { panic!("{error:?}") };
            assert_eq!(source.kind(), StoreErrorKind::Damaged);
        }
        let backup = Engine::back_up_file(&path, folder.path().join("backup.db"));
        assert!(matches!(backup, Err(BackupError::Damaged { .. })), "{backup:?}");
        assert!(files(folder.path()) == before, "something was written");
    }
    // Tables came with the second version.
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schema-2.db");
    std::fs::copy(old, &path).unwrap();
    change(&path, "PRAGMA user_version = 1", true);
    let problems = verified(&path, Verification::Quick).problems;
    assert_eq!(problems, [Problem::Version { version: 1 }]);
    assert!(Reader::open(&path).is_err());
}

/// The change feed and the idempotency keys likewise. Seen to fail without each of the checks.
#[test]
fn a_full_verification_finds_what_is_wrong_with_recorded_changes_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().durability(Durability::Off).history(true).open(&path).unwrap();
    let key = |key: &str| IdempotencyKey::new(key).unwrap();
    engine.add_or_update(lead().idempotency_key(key("one"))).unwrap();
    let update = Request::update(venue(), id(1)).name("Later");
    engine.add_or_update(update.idempotency_key(key("two"))).unwrap();
    engine.verify(Verification::Full).map(|findings| assert!(findings.is_sound())).unwrap();
    engine.close().unwrap();
    let sound = std::fs::read(&path).unwrap();
    let venue = venue().get();
    let of_a_change = |column| vec![Problem::Change { sequence: 2, column }];
    let of_a_key = |column| vec![Problem::Key { venue, column }];
    for (sql, problems) in [
        ("DELETE FROM change_feed", vec![Problem::NoChangeFeed]),
        (
            "UPDATE change_feed SET last_sequence = 1",
            vec![Problem::ChangeFeedBehind { last_sequence: 1, highest_sequence: 2 }],
        ),
        ("UPDATE opportunity_change SET fields = 'none' WHERE sequence = 2", of_a_change("fields")),
        (
            "UPDATE opportunity_change SET changed_at = 1 << 62 WHERE sequence = 2",
            of_a_change("changed_at"),
        ),
        (
            "UPDATE opportunity_change SET version = 3 WHERE sequence = 2",
            vec![Problem::ChangeOfNothing { sequence: 2, id: 1, version: 3 }],
        ),
        (
            "UPDATE opportunity_change SET venue_id = 108 WHERE sequence = 1",
            vec![Problem::ChangeOfNothing { sequence: 1, id: 1, version: 1 }],
        ),
        (
            "UPDATE idempotency_key SET key = printf('%.*c', 256, 'k') WHERE key = 'one'",
            of_a_key("key"),
        ),
        (
            "UPDATE idempotency_key SET request = CAST(x'ff' AS TEXT) WHERE key = 'one'",
            of_a_key("request"),
        ),
        (
            "UPDATE idempotency_key SET version = 3 WHERE key = 'two'",
            vec![Problem::KeyOfNothing { venue, id: 1, version: 3 }],
        ),
        (
            "UPDATE idempotency_key SET opportunity_id = 2 WHERE key = 'two'",
            vec![Problem::KeyOfNothing { venue, id: 2, version: 2 }],
        ),
        // What was pruned is not missed.
        ("DELETE FROM opportunity_change WHERE sequence = 1", vec![]),
    ] {
        std::fs::write(&path, &sound).unwrap();
        change(&path, sql, true);
        assert_eq!(verified(&path, Verification::Full).problems, problems, "{sql}");
    }
}

/// The constraints of the table, and the format: what SQLite itself can tell. Fails without its check: seen
/// with what it tells thrown away.
#[test]
fn a_quick_verification_finds_broken_pages_types_and_constraints() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let sound = std::fs::read(&path).unwrap();
    for sql in [
        "UPDATE opportunity SET stage_id = 0 WHERE id = 9",
        "UPDATE opportunity SET contact_id = NULL WHERE id = 9",
        "UPDATE engine_state SET run_id = -1",
    ] {
        std::fs::write(&path, &sound).unwrap();
        change(&path, sql, true);
        let findings = verified(&path, Verification::Quick);
        assert_eq!(findings.opportunities, RUN as u64);
        assert!(
            findings.problems[0].to_string().contains("CHECK constraint failed"),
            "{findings:?}"
        );
    }
    for table in ["opportunity", "opportunity_by_venue"] {
        std::fs::write(&path, &sound).unwrap();
        tear(&path, table);
        for verification in [Verification::Quick, Verification::Full] {
            let findings = verified(&path, verification);
            let problem = &findings.problems[0];
            assert!(matches!(problem, Problem::Format(told) if told.contains("page")), "{problem}");
            assert!(findings.problems.iter().all(|it| !it.to_string().contains(['\n', '*'])));
        }
    }
    std::fs::write(&path, &sound).unwrap();
    assert!(verified(&path, Verification::Quick).is_sound());
}

/// Fails without the bound: seen.
#[test]
fn at_most_a_hundred_problems_are_told_and_all_rows_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    change(&path, "UPDATE opportunity SET name = char(160)", true);
    let findings = verified(&path, Verification::Full);
    assert_eq!(findings.problems.len(), Findings::MAX_PROBLEMS);
    assert_eq!(
        findings.to_string(),
        format!("damaged: 100 problems or more in {RUN} opportunities")
    );
}

/// Fails if a run is not reckoned with: seen with the entries of the run in progress taken for wrong.
#[test]
fn the_index_is_sound_at_every_step_of_a_run_while_writes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("a.db"));
    let mut serial = 0;
    let mut add = |count: usize| {
        let leads = (0..count).map(|_| {
            serial += 1;
            lead_in(1 + serial * 7_919 % 23)
        });
        engine.add_or_update_all(leads, Batch::AllOrNothing).unwrap();
        engine.verify(Verification::Full).unwrap()
    };
    assert!(add(RUN - 5).is_sound());
    for _ in 0..15 {
        let findings = add(1);
        assert!(findings.is_sound(), "{:?}", findings.problems);
    }
    // The rest of the run, and a part of the next.
    for _ in 0..6 {
        let findings = add(5_000);
        assert!(findings.is_sound(), "{:?}", findings.problems);
    }
}

/// Fails without the check when an engine is opened: seen with it left out; and if it moves the log into the
/// file: seen with a connection that writes. A clean end does not pay for the check, so the same damage is
/// met only by who reads it then: fails if the check is always made, seen.
#[test]
fn after_an_unclean_end_damage_is_found_when_the_engine_is_opened() {
    for is_clean in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        tear(&path, "opportunity");
        change(&path, "UPDATE engine_state SET fences = fences + 1", is_clean);
        let before = files(folder.path());
        let opened = Engine::open(&path);
        if is_clean {
            opened.unwrap().close().unwrap();
        } else {
            let error = opened.unwrap_err();
            assert!(files(folder.path()) == before, "what is left is not evidence any more");
            let OpenError::Store { source, .. } = error else { panic!("{error:?}") };
            assert_eq!(
                (source.operation(), source.kind()),
                (Operation::Open, StoreErrorKind::Damaged)
            );
            assert!(source.source().unwrap().to_string().contains("page"), "{source:?}");
        }
    }
}

/// Seen to catch: a log that is taken away before the database is opened.
#[test]
fn after_an_unclean_end_a_sound_database_is_opened_with_all_that_is_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    change(&path, "UPDATE opportunity SET name = 'late', version = 2 WHERE id = 1", false);
    let engine = Engine::open(&path).unwrap();
    let stored = engine.get(VenueId::new(1).unwrap(), id(1)).unwrap().unwrap();
    assert_eq!((stored.name().as_str(), stored.version().get()), ("late", 2));
}

/// Fails if a log is moved, or an empty one is left: seen with connections that write, or only read, in both
/// cases.
#[test]
fn a_file_is_verified_without_a_change_to_it_or_to_what_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let backup = folder.path().join("backup.db");
    let engine = open(&path);
    engine.backup_to(&backup).unwrap();
    engine.close().unwrap();
    let log = folder.path().join("log.db");
    std::fs::copy(&path, &log).unwrap();
    change(&log, "UPDATE opportunity SET name = 'late', version = 2 WHERE id = 1", false);

    let before = files(folder.path());
    assert_eq!(before.len(), 4, "two that are closed, and one with a log");
    for verification in [Verification::Quick, Verification::Full] {
        for path in [&path, &backup, &log] {
            let findings = verified(path, verification);
            assert_eq!(findings.to_string(), format!("sound: {RUN} opportunities"));
        }
    }
    assert!(files(folder.path()) == before);
}

#[test]
fn a_file_is_verified_while_an_engine_writes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    for count in 1..=20 {
        engine.add_or_update(lead()).unwrap();
        let findings = verified(&path, Verification::Full);
        assert!(findings.is_sound(), "{:?}", findings.problems);
        assert_eq!(findings.opportunities, count);
    }
    assert_eq!(engine.ids(venue(), None, 100).unwrap().len(), 20);
}

#[test]
fn a_file_that_is_no_database_is_not_verified_and_none_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let verify = |name: &str| Engine::verify_file(path(name), Verification::Quick);
    assert!(matches!(verify("missing.db"), Err(OpenError::Missing { .. })));
    assert!(matches!(verify("none/a.db"), Err(OpenError::Missing { .. })));
    assert!(matches!(verify("."), Err(OpenError::Path { .. })));
    std::fs::write(path("empty.db"), "").unwrap();
    std::fs::write(path("notes.txt"), "dear diary, ".repeat(1_000)).unwrap();
    Connection::open(path("theirs.db")).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    Connection::open(path("blank.db")).unwrap().execute_batch("PRAGMA journal_mode = wal").unwrap();
    let before = files(folder.path());
    assert!(matches!(verify("empty.db"), Err(OpenError::Missing { .. })));
    for name in ["notes.txt", "theirs.db", "blank.db"] {
        assert!(matches!(verify(name), Err(OpenError::Foreign { .. })), "{name}");
    }
    assert!(files(folder.path()) == before);
}

/// As on a read-only medium: nothing can be put beside the file. Run as another user, where this one may do
/// anything. Fails without the look that puts nothing there: seen with it left out.
#[cfg(unix)]
#[test]
fn a_database_in_a_folder_that_may_not_be_written_is_checked() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let program = folder.path().join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_opportunity"), &program).unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&path, 0o444);
    set(folder.path(), 0o555);
    let mut check = Command::new(&program);
    check.args(["check", "--full", "--db"]).arg(&path);
    if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
        check.uid(65_534).gid(65_534);
    }
    let output = check.output().unwrap();
    set(folder.path(), 0o755);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("sound: {RUN} opportunities\n"),
        "{output:?}"
    );
    assert_eq!(files(folder.path()).len(), 2, "the program and the database");
}
