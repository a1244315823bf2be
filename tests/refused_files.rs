//! What is no database of ours, or may not be used as one: refused with a clear error, and left as it was.

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use opportunity_engine::{Engine, OpenError, Options};
use rusqlite::Connection;
use support::{id, lead, venue};
use tempfile::TempDir;

/// A folder of its own, and paths in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        // As it is told in errors: with links followed.
        self.0.path().canonicalize().unwrap().join(name)
    }

    /// A database with one opportunity, closed.
    fn database(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let engine = Engine::open(&path).unwrap();
        engine.add_or_update(lead()).unwrap();
        engine.close().unwrap();
        path
    }

    /// A database that somebody made by this SQL, closed.
    fn made_by(&self, name: &str, sql: &str) -> PathBuf {
        let path = self.path(name);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.close().unwrap();
        path
    }

    /// A database of which this SQL is still in the log, as somebody who was killed leaves it. The index
    /// of the log is left too, or not.
    fn killed_after(&self, name: &str, made_by: &str, sql: &str, has_index: bool) -> PathBuf {
        let place = Self::new();
        let original = place.made_by("original.db", made_by);
        let connection = Connection::open(&original).unwrap();
        connection.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
        connection.execute_batch(sql).unwrap();
        let path = self.path(name);
        let suffixes = ["", "-wal", "-shm"];
        for suffix in &suffixes[..if has_index { 3 } else { 2 }] {
            std::fs::copy(beside(&original, suffix), beside(&path, suffix)).unwrap();
        }
        path
    }

    /// Everything in it, by name: the bytes of files.
    fn contents(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        let entries = std::fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let read = |entry: std::fs::DirEntry| {
            let is_file = entry.file_type().unwrap().is_file();
            let bytes = is_file.then(|| std::fs::read(entry.path()).unwrap());
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        };
        entries.map(read).collect()
    }

    /// Opening the path fails, with this text and those of its sources, and leaves everything as it was.
    #[track_caller]
    fn refuses(&self, options: Options, path: impl AsRef<Path>, expected: &str) {
        let path = path.as_ref();
        let before = self.contents();
        let error = options.open(path).expect_err("it was opened");
        assert_eq!(told(&error, path), expected);
        assert_same(&before, &self.contents());
    }
}

#[track_caller]
fn assert_same(
    before: &BTreeMap<String, Option<Vec<u8>>>,
    after: &BTreeMap<String, Option<Vec<u8>>>,
) {
    let names = |contents: &BTreeMap<String, _>| contents.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after), "something is left, or missing");
    for (name, bytes) in before {
        assert!(after[name] == *bytes, "{name} was written");
    }
}

/// The path of a file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The text of an error and those of its sources; `PATH` stands for the path, or what it leads to.
fn told(error: &OpenError, path: &Path) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let followed = path.canonicalize().unwrap_or_default();
    text.replace(&format!("{path:?}"), "PATH").replace(&format!("{followed:?}"), "PATH")
}

/// The text for a path of which the operating system says this.
fn unusable(error: &(impl std::fmt::Display + ?Sized)) -> String {
    format!("PATH cannot be used; check the path and its permissions: {error}")
}

/// What the operating system says of a path.
fn os_error(path: impl AsRef<Path>) -> std::io::Error {
    std::fs::metadata(path).unwrap_err()
}

fn any() -> Options {
    Engine::options()
}

fn existing() -> Options {
    Engine::options().create(false)
}

const FOREIGN: &str = "PATH is not an opportunity database, or its beginning is damaged; choose another path, \
                       or restore a backup";
const DAMAGED: &str = "PATH could not be opened: could not open the database: the database is damaged; \
                       restore a backup";
const REFUSED_SETTING: &str = "SQLite did not accept the setting auto_vacuum: it should be 0 and is 1; if the file \
                               was used elsewhere before, restore a backup, else link the SQLite of this crate";
const MISSING: &str = "PATH does not exist or is empty; check the path, or let an engine create it";
const LOG_ALONE: &str = "PATH does not exist or is empty, but its write-ahead log is there and may hold \
                         changes; restore the file, or remove the log";
const OURS: &str = "PRAGMA application_id = 0x4F505459; PRAGMA user_version = 1;";
const CANNOT_OPEN: &str = "Error code 14: unable to open database file";
const NEWER: &str =
    "PATH has schema version 99, and this engine knows versions up to 3; use a newer engine";

// Seen to catch: an engine that leaves a file of one byte to SQLite, which takes it for an empty one.
#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    for bytes in [
        "x".to_owned(),
        "dear diary, ".repeat(10),
        "dear diary, ".repeat(1_000),
        format!("SQLite format 4\0{}", "x".repeat(2_000)),
    ] {
        let path = place.path("notes.txt");
        std::fs::write(&path, bytes).unwrap();
        place.refuses(any(), &path, FOREIGN);
        place.refuses(existing(), &path, FOREIGN);
    }
}

#[test]
fn somebody_elses_database_is_refused_and_left_alone() {
    let place = Place::new();
    for sql in [
        "CREATE TABLE t (x)",
        "PRAGMA application_id = 7",
        "PRAGMA application_id = 7; CREATE TABLE opportunity (x)",
        "PRAGMA user_version = 3",
        "PRAGMA journal_mode = wal; CREATE TABLE t (x)",
        // The mark is ours, the rest is not.
        &format!("{OURS} CREATE TABLE t (x)"),
        OURS,
        &format!("PRAGMA journal_mode = wal; {OURS} CREATE TABLE t (x)"),
        // Our mark without a version.
        "PRAGMA application_id = 0x4F505459",
    ] {
        let path = place.made_by("theirs.db", sql);
        place.refuses(any(), &path, FOREIGN);
        place.refuses(existing(), &path, FOREIGN);
        std::fs::remove_file(&path).unwrap();
    }
}

// Seen to catch: a look that goes through the log at once, which leaves an index of it behind.
#[test]
fn somebody_elses_database_is_left_alone_with_its_log() {
    let theirs = "PRAGMA journal_mode = wal; CREATE TABLE t (x)";
    for has_index in [true, false] {
        let place = Place::new();
        let path = place.killed_after("theirs.db", theirs, "INSERT INTO t VALUES (1)", has_index);
        place.refuses(any(), &path, FOREIGN);
        let rows = Connection::open(&path).unwrap();
        let count = rows.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(count, Ok(1), "what is in the log is still there");
    }
}

/// Where all is in the log, SQLite has to look through it, and makes an index of it that it leaves.
#[test]
fn what_is_in_the_log_alone_is_looked_at_and_left_alone() {
    let ours = include_str!("../schema.sql");
    for (made_by, sql, expected) in [
        ("PRAGMA journal_mode = wal", "CREATE TABLE t (x)", FOREIGN),
        (&format!("PRAGMA journal_mode = wal; {OURS} {ours}"), "PRAGMA user_version = 99", NEWER),
    ] {
        let place = Place::new();
        let path = place.killed_after("theirs.db", made_by, sql, true);
        let files = || ["", "-wal"].map(|suffix| std::fs::read(beside(&path, suffix)).unwrap());
        let before = files();
        let error = any().open(&path).unwrap_err();
        assert_eq!(told(&error, &path), expected);
        assert!(before == files(), "something was written");
        assert_eq!(place.contents().len(), 3);
    }
}

#[test]
fn somebody_elses_database_is_left_alone_with_a_journal_to_be_rolled_back() {
    let place = Place::new();
    let original = place.made_by("original.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let connection = Connection::open(&original).unwrap();
    // With so small a cache changes are in the file before they are committed.
    let large = "PRAGMA cache_size = 2; BEGIN; UPDATE t SET x = 2;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO t SELECT randomblob(100) FROM n";
    connection.execute_batch(large).unwrap();
    let path = place.path("theirs.db");
    for suffix in ["", "-journal"] {
        std::fs::copy(beside(&original, suffix), beside(&path, suffix)).unwrap();
    }
    drop(connection);
    place.refuses(any(), &path, FOREIGN);
}

/// A mode that moves pages about is fixed in the header. What is set there counts, not what the engine asked for.
// Seen to catch: an engine that does not ask what became of its settings.
#[test]
fn a_database_that_cannot_be_set_up_is_refused_and_left_alone() {
    const FIRST_BYTE_OF_AUTO_VACUUM: u64 = 52;
    let place = Place::new();
    let path = place.database("a.db");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0, 0, 0, 1], FIRST_BYTE_OF_AUTO_VACUUM)
        .unwrap();
    place.refuses(any(), &path, REFUSED_SETTING);
}

// Seen to catch: an engine that goes by the mark of the file alone.
#[test]
fn a_database_that_lacks_a_table_is_damaged() {
    let place = Place::new();
    for table in ["opportunity", "opportunity_by_venue", "engine_state"] {
        let path = place.database("a.db");
        Connection::open(&path).unwrap().execute(&format!("DROP TABLE {table}"), []).unwrap();
        place.refuses(any(), &path, DAMAGED);
        std::fs::remove_file(&path).unwrap();
    }
}

// Seen to catch: an opening that fails before the writer has closed its connections.
#[test]
fn a_database_that_lacks_a_column_is_damaged_and_let_go_of_at_once() {
    let place = Place::new();
    for sql in [
        "ALTER TABLE opportunity RENAME COLUMN name TO title",
        "ALTER TABLE engine_state RENAME COLUMN run_id TO walk_id",
        "ALTER TABLE opportunity_by_venue RENAME TO kept; CREATE VIEW opportunity_by_venue AS
         SELECT * FROM kept",
    ] {
        let path = place.database("a.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        for _ in 0..20 {
            let before = place.contents();
            let error = any().open(&path).unwrap_err();
            let text = told(&error, &path);
            assert!(text.starts_with(DAMAGED), "{text}");
            assert_same(&before, &place.contents());
            assert_eq!(open_files_in(&place), 0);
        }
        std::fs::remove_file(&path).unwrap();
    }
}

/// How many files of a folder this process has open, where the system tells.
fn open_files_in(place: &Place) -> usize {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(place.path(""))).count()
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let place = Place::new();
    let path = place.database("a.db");
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    place.refuses(any(), &path, NEWER);
    // Whatever its tables are called.
    Connection::open(&path).unwrap().execute_batch("DROP TABLE opportunity_by_venue").unwrap();
    place.refuses(any(), &path, NEWER);
}

#[test]
fn a_missing_file_is_created_only_if_that_is_wanted() {
    let place = Place::new();
    let path = place.path("a.db");
    place.refuses(existing(), &path, MISSING);
    any().open(&path).unwrap().close().unwrap();
    existing().open(&path).unwrap().close().unwrap();
}

// Seen to catch: an engine that makes a new database of what was cut off to nothing.
#[test]
fn a_file_with_nothing_in_it_is_filled_only_if_that_is_wanted() {
    let place = Place::new();
    let path = place.path("a.db");
    std::fs::write(&path, b"").unwrap();
    place.refuses(existing(), &path, MISSING);
    any().open(&path).unwrap().add_or_update(lead()).unwrap();

    let path = place.made_by("b.db", "PRAGMA journal_mode = wal");
    any().open(&path).unwrap().add_or_update(lead()).unwrap();
}

// Seen to catch: an engine that leaves the log to SQLite, which removes it.
#[test]
fn a_log_without_its_database_is_left_alone() {
    let place = Place::new();
    let made_by = "PRAGMA journal_mode = wal";
    let path = place.killed_after("a.db", made_by, "PRAGMA user_version = 2", true);
    let database = std::fs::read(&path).unwrap();
    for remove in [
        |path: &Path| std::fs::write(path, b"").unwrap(),
        |path: &Path| std::fs::remove_file(path).unwrap(),
    ] {
        remove(&path);
        place.refuses(any(), &path, LOG_ALONE);
        place.refuses(existing(), &path, LOG_ALONE);
    }
    std::fs::write(&path, database).unwrap();
    let connection = Connection::open(&path).unwrap();
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    assert_eq!(version, Ok(2), "what is in the log is still there");
}

#[test]
fn a_folder_and_a_path_without_one_are_refused() {
    let place = Place::new();
    let folder = place.0.path();
    place.refuses(any(), folder, &unusable("is a directory"));
    place.refuses(existing(), folder, &unusable("is a directory"));
    let nowhere = place.path("none/a.db");
    place.refuses(any(), &nowhere, &unusable(&os_error(place.path("none"))));
    place.refuses(existing(), &nowhere, MISSING);
    std::fs::write(place.path("file"), b"x").unwrap();
    let in_file = place.path("file/a.db");
    place.refuses(any(), &in_file, &unusable(&os_error(&in_file)));
}

// Seen to catch: an engine that creates a file and then finds that its journal has no room for a name.
#[test]
fn a_path_that_is_no_path_is_refused() {
    let place = Place::new();
    place.refuses(any(), "", &unusable("cannot make an empty path absolute"));
    place.refuses(
        any(),
        place.path("a\0b.db"),
        &unusable("file name contained an unexpected NUL byte"),
    );
    // The second is short enough for a database, but too long for its journal.
    let too_long = unusable(&os_error(place.path(&"x".repeat(256))));
    place.refuses(any(), place.path(&"x".repeat(256)), &too_long);
    place.refuses(any(), place.path(&"x".repeat(250)), &too_long);
    Engine::open(place.path(&"x".repeat(247))).unwrap().add_or_update(lead()).unwrap();
    // Short enough for the system, too long for SQLite.
    let folder = place.path(&"a/".repeat(300));
    std::fs::create_dir_all(&folder).unwrap();
    place.refuses(any(), folder.join("a.db"), &unusable(CANNOT_OPEN));
}

#[test]
fn a_path_is_a_path_whatever_it_begins_with() {
    let place = Place::new();
    for name in ["file:a.db?mode=memory", ":memory:", "a b%20c.db", "ü.db", "?#&=.db"] {
        let path = place.path(name);
        let engine = Engine::open(&path).unwrap();
        engine.add_or_update(lead()).unwrap();
        engine.close().unwrap();
        assert_eq!(place.contents().into_keys().collect::<Vec<_>>(), [name]);
        assert!(existing().open(&path).unwrap().get(venue(), id(1)).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
    }
    // A relative one too: that is where a driver would read a URI.
    let relative = format!("file:relative-{}.db", std::process::id());
    let engine = Engine::open(&relative).unwrap();
    engine.close().unwrap();
    assert!(Path::new(&relative).exists());
    std::fs::remove_file(&relative).unwrap();
}

#[cfg(unix)]
#[path = "refused_files/unix.rs"]
mod unix;
