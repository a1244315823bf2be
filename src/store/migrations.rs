//! The schema of a database: created from `schema.sql`, upgraded step by step.

use rusqlite::{Connection, TransactionBehavior};

use super::checksum;

/// Marks a database as one of this engine's: "OPTY".
pub(super) const APPLICATION_ID: i64 = 0x4F50_5459;

/// Marks one that is a backup, as long as no engine has opened it: "OPTB". An engine has written no log
/// for such a file, so one beside it belongs to another.
pub(super) const BACKUP_ID: i64 = 0x4F50_5442;

/// The tables of a database, each with the schema version that brought it.
const TABLES: [(&str, i64); 6] = [
    ("opportunity", 1),
    ("opportunity_by_venue", 1),
    ("engine_state", 1),
    ("opportunity_change", 2),
    ("change_feed", 2),
    ("idempotency_key", 2),
];

/// What a new database gets.
const SCHEMA: &str = include_str!("../../schema.sql");

/// The schema version since which rows have checksums.
pub(super) const CHECKSUMS_SINCE: i64 = 3;

/// A step from one schema version to the next.
#[derive(Clone, Copy)]
struct Upgrade {
    sql: &'static str,
    /// What SQL cannot say.
    then: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

/// The step from each schema version to the next, the first from version 1. A step that was
/// released is never changed. Their result is what `schema.sql` says.
const UPGRADES: [Upgrade; 2] = [
    Upgrade { sql: include_str!("upgrades/to_2.sql"), then: None },
    Upgrade { sql: include_str!("upgrades/to_3.sql"), then: Some(add_checksums) },
];

fn add_checksums(connection: &Connection) -> rusqlite::Result<()> {
    let tables = ["opportunity", "opportunity_change", "idempotency_key"];
    tables.into_iter().try_for_each(|table| checksum::add_to_rows(connection, table))
}

/// The schema version that this code reads and writes.
pub(super) const SCHEMA_VERSION: i64 = version_after(&UPGRADES);

/// The schema version that upgrades lead to.
const fn version_after(upgrades: &[Upgrade]) -> i64 {
    1 + upgrades.len() as i64
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing yet.
    Nothing,
    /// A database of this engine's, at this schema version.
    Ours(i64),
    /// A backup that no engine has opened yet, at this schema version.
    Backup(i64),
    /// One that lacks some of its tables.
    Incomplete,
    /// Something else.
    Foreign,
}

/// What a database is marked with.
pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Looks at what a database holds, without changing it.
pub(super) fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let application_id = application_id(connection)?;
    let user_version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let is_empty: bool =
        connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    let marked = match application_id {
        APPLICATION_ID => Some(Contents::Ours(user_version)),
        BACKUP_ID => Some(Contents::Backup(user_version)),
        _ => None,
    };
    Ok(match marked {
        // Nobody here knows what a newer one consists of.
        Some(ours) if user_version > SCHEMA_VERSION => ours,
        Some(ours) if user_version >= 1 => match tables(connection)? {
            found if found.is_empty() => Contents::Foreign,
            found if has_all_of(user_version, &found) && fits(user_version, connection)? => ours,
            _ => Contents::Incomplete,
        },
        None if (application_id, user_version) == (0, 0) && is_empty => Contents::Nothing,
        _ => Contents::Foreign,
    })
}

/// The schema version of a database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))
}

/// Whether a database is of a schema version that has a table of ours.
pub(super) fn has(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let version = version(connection)?;
    Ok(TABLES.iter().any(|(name, since)| *name == table && *since <= version))
}

/// Which of our tables there are.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let mut rows = names.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str()?;
        found.extend(TABLES.iter().map(|(ours, _)| *ours).find(|ours| *ours == name));
    }
    Ok(found)
}

/// Whether every table of a schema version is among those that were found.
fn has_all_of(version: i64, found: &[&str]) -> bool {
    TABLES.iter().all(|(name, since)| *since > version || found.contains(name))
}

/// Whether there is nothing that came with a later version, and checksums if they came before: where the number was
/// damaged, what came with a version is not taken for absent.
pub(super) fn fits(version: i64, connection: &Connection) -> rusqlite::Result<bool> {
    let found = tables(connection)?;
    let is_later = |(name, since): &(&str, i64)| *since > version && found.contains(name);
    let has_checksums = checksum::are_there(connection)?;
    Ok(!TABLES.iter().any(is_later) && has_checksums == (version >= CHECKSUMS_SINCE))
}

/// Brings the database to [`SCHEMA_VERSION`], in one transaction; tells what it found there.
///
/// A database that is foreign, newer or incomplete is left alone, and so is a backup.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Contents> {
    migrate_by(&UPGRADES, connection)
}

fn migrate_by(upgrades: &[Upgrade], connection: &mut Connection) -> rusqlite::Result<Contents> {
    let newest = version_after(upgrades);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = contents(&transaction)?;
    match found {
        Contents::Nothing => {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Contents::Ours(version) if version < newest => {
            // Proof that it fits: 1 <= version < newest.
            let done = usize::try_from(version - 1).unwrap_or_default();
            for upgrade in upgrades.iter().skip(done) {
                transaction.execute_batch(upgrade.sql)?;
                if let Some(then) = upgrade.then {
                    then(&transaction)?;
                }
            }
        }
        Contents::Ours(_) | Contents::Backup(_) | Contents::Incomplete | Contents::Foreign => {
            // By itself it would be dropped, and whether that worked would be told to nobody.
            transaction.rollback()?;
            return Ok(found);
        }
    }
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.commit()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    /// Three steps that note in which order they were taken. Twice none of them succeeds, and the last two
    /// need the one before.
    const STEPS: [Upgrade; 3] = [
        step(concat!(
            include_str!("upgrades/to_2.sql"),
            "ALTER TABLE opportunity ADD COLUMN subtype_id INTEGER CHECK (subtype_id >= 1);
         CREATE TABLE taken (nth INTEGER PRIMARY KEY, step TEXT UNIQUE) STRICT;
         INSERT INTO taken (step) VALUES ('to 2');",
        )),
        step(
            "UPDATE opportunity SET subtype_id = id;
         ALTER TABLE opportunity ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE taken ADD COLUMN remark TEXT;
         INSERT INTO taken (step) VALUES ('to 3');",
        ),
        step(
            "UPDATE opportunity SET description = description || remark FROM taken WHERE false;
         ALTER TABLE taken RENAME COLUMN remark TO note;
         INSERT INTO taken (step, note) VALUES ('to 4', 'the last');",
        ),
    ];

    const fn step(sql: &'static str) -> Upgrade {
        Upgrade { sql, then: None }
    }

    const ROWS: i64 = 100;

    /// A database of this version, closed, with rows.
    fn database(folder: &Path, version: i64) -> PathBuf {
        let path = folder.join(format!("version-{version}.db"));
        let mut connection = open(&path);
        connection.execute_batch("PRAGMA page_size = 1024; PRAGMA journal_mode = wal").unwrap();
        assert_eq!(migrate_by(&[], &mut connection).unwrap(), Contents::Nothing);
        // What came later.
        let later = "
            ALTER TABLE opportunity DROP COLUMN checksum;
            DROP TABLE opportunity_change; DROP TABLE change_feed; DROP TABLE idempotency_key";
        connection.execute_batch(later).unwrap();
        let insert = "
            WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT ?1)
            INSERT INTO opportunity (id, venue_id, version, created_at, modified_at, name, type_id, stage_id,
                                     source_id, contact_id, description)
            SELECT id, 107, 1, 0, 0, 'n', 18, 69, 25, 918, printf('%.*c', 500, 'x') FROM n";
        connection.execute(insert, [ROWS]).unwrap();
        let done = usize::try_from(version - 1).unwrap();
        migrate_by(&STEPS[..done], &mut connection).unwrap();
        connection.close().unwrap();
        path
    }

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        // No test here cuts the power.
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        connection
    }

    /// The steps that were taken, in their order.
    fn taken(connection: &Connection) -> Vec<String> {
        let mut select = connection.prepare("SELECT step FROM taken ORDER BY nth").unwrap();
        let steps = select.query_map([], |row| row.get(0)).unwrap();
        steps.map(Result::unwrap).collect()
    }

    fn count(connection: &Connection, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM opportunity WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_tables_named_here_are_those_of_the_schema() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        assert_eq!(tables(&connection).unwrap().len(), TABLES.len());
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
        let all: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(all, TABLES.len() as i64);
    }

    // Seen to catch: steps taken from the first on, whatever the version; a version that stays as it was.
    #[test]
    fn every_version_takes_the_steps_after_it_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        for version in 1..=4 {
            let path = database(folder.path(), version);
            let mut connection = open(&path);
            assert_eq!(migrate_by(&STEPS, &mut connection).unwrap(), Contents::Ours(version));
            for _ in 0..2 {
                assert_eq!(contents(&connection).unwrap(), Contents::Ours(4));
                assert_eq!(taken(&connection), ["to 2", "to 3", "to 4"], "from {version}");
                assert_eq!(count(&connection, "subtype_id = id"), ROWS);
                assert_eq!(migrate_by(&STEPS, &mut connection).unwrap(), Contents::Ours(4));
            }
        }
    }

    #[test]
    fn a_newer_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), 4);
        let before = std::fs::read(&path).unwrap();
        let mut connection = open(&path);
        assert_eq!(migrate_by(&STEPS[..1], &mut connection).unwrap(), Contents::Ours(4));
        connection.close().unwrap();
        assert!(std::fs::read(&path).unwrap() == before);
    }

    // Seen to catch: steps that are committed one by one, or before what SQL cannot say.
    #[test]
    fn a_step_that_fails_half_way_leaves_the_database_as_it_was() {
        let in_its_sql = step(
            "UPDATE opportunity SET description = 'lost';
             INSERT INTO taken (step) VALUES ('to 4');
             SELECT no_such_column FROM taken;",
        );
        let after_its_sql =
            Upgrade { then: Some(|_| Err(rusqlite::Error::InvalidQuery)), ..STEPS[2] };
        for (version, failing) in
            (1..=3).flat_map(|version| [(version, in_its_sql), (version, after_its_sql)])
        {
            let folder = tempfile::tempdir().unwrap();
            let path = database(folder.path(), version);
            let before = std::fs::read(&path).unwrap();
            let steps = [STEPS[0], STEPS[1], failing];
            let mut connection = open(&path);
            migrate_by(&steps, &mut connection).unwrap_err();
            assert_eq!(contents(&connection).unwrap(), Contents::Ours(version));
            connection.close().unwrap();
            assert!(std::fs::read(&path).unwrap() == before, "from {version}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

            let mut connection = open(&path);
            assert_eq!(migrate_by(&STEPS, &mut connection).unwrap(), Contents::Ours(version));
            assert_eq!(taken(&connection), ["to 2", "to 3", "to 4"]);
        }
    }

    // Seen to catch: steps that are committed one by one, or before their version.
    #[test]
    fn a_migration_that_is_killed_at_any_moment_starts_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), 1);
        let mut connection = open(&path);
        // So that changes are in the log before they are committed.
        connection.execute_batch("PRAGMA cache_size = 5").unwrap();
        let moments = folder.path().join("moments");
        std::fs::create_dir(&moments).unwrap();
        let (original, copies) = (path.clone(), moments.clone());
        let mut moment = 0;
        let copy_files = move || {
            moment += 1;
            for suffix in ["", "-wal"] {
                let from = format!("{}{suffix}", original.display());
                std::fs::copy(from, copies.join(format!("{moment}{suffix}"))).unwrap();
            }
            false
        };
        connection.progress_handler(100, Some(copy_files)).unwrap();
        migrate_by(&STEPS, &mut connection).unwrap();

        let mut with_log = 0;
        let paths = (1..).map(|moment: u32| moments.join(moment.to_string()));
        let paths: Vec<_> = paths.take_while(|path| path.exists()).collect();
        for path in &paths {
            let log = format!("{}-wal", path.display());
            with_log += u32::from(std::fs::metadata(log).unwrap().len() > 0);
            let mut connection = open(path);
            assert_eq!(migrate_by(&STEPS, &mut connection).unwrap(), Contents::Ours(1), "{path:?}");
            assert_eq!(contents(&connection).unwrap(), Contents::Ours(4));
            assert_eq!(taken(&connection), ["to 2", "to 3", "to 4"], "{path:?}");
            assert_eq!(count(&connection, "subtype_id = id AND length(description) = 500"), ROWS);
        }
        assert!(with_log > 10, "{with_log} of {} moments had changes in the log", paths.len());
    }

    // Seen to catch: a version that is read before the database is locked.
    #[test]
    fn of_two_that_migrate_at_the_same_time_one_does_and_one_waits() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = database(folder.path(), 2);
            let start = Barrier::new(2);
            let migrate = || {
                let mut connection = open(&path);
                start.wait();
                migrate_by(&STEPS, &mut connection).unwrap()
            };
            let mut found = std::thread::scope(|scope| {
                [scope.spawn(migrate), scope.spawn(migrate)].map(|thread| thread.join().unwrap())
            });
            found.sort_by_key(|contents| matches!(contents, Contents::Ours(4)));
            assert_eq!(found, [Contents::Ours(2), Contents::Ours(4)]);
            assert_eq!(taken(&open(&path)), ["to 2", "to 3", "to 4"]);
        }
    }
}
