//! Upgrades that end half-way: the process is killed, or a write fails. Whoever opens the database next finds
//! all that it held.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use opportunity_engine::{Engine, Verification};
use rusqlite::Connection;

use super::{copy, current_version, opportunities, records, version};

/// The environment variable that tells a process which database to open.
const PATH: &str = "OPPORTUNITY_OLD_DATABASE";

const BLOCK_BYTES: u64 = 512;

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn a_process_opens_an_old_database() {
    if let Some(path) = std::env::var_os(PATH) {
        println!("\nopening");
        match Engine::open(path) {
            Ok(engine) => engine.close().unwrap(),
            Err(error) => println!("\nfailed: {error:?}"),
        }
    }
}

/// This test binary, to be run as a process that opens a database.
fn opening(mut command: Command, path: &Path) -> Command {
    command.args([
        "--exact",
        "half_way::a_process_opens_an_old_database",
        "--ignored",
        "--nocapture",
    ]);
    command.env(PATH, path).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn this_binary() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// Opened by somebody whom nothing stops, it is of the current version, sound, and holds what it held.
fn check(path: &Path, old: i64, case: &str) {
    let engine = Engine::open(path).unwrap_or_else(|error| panic!("{case}: {error:?}"));
    for (expected, found) in opportunities(&engine) {
        assert_eq!(found, Some(expected), "{case}");
    }
    assert_eq!(engine.changes(None, 100).unwrap().len(), records(old).len(), "{case}");
    assert_eq!(engine.verify(Verification::Full).unwrap().problems, [], "{case}");
    engine.close().unwrap();
    assert_eq!(version(path), current_version(), "{case}");
    let connection = Connection::open(path).unwrap();
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok", "{case}");
}

fn old_versions() -> std::ops::Range<i64> {
    1..current_version()
}

fn log_of(path: &Path) -> PathBuf {
    format!("{}-wal", path.display()).into()
}

/// Whether an upgrade has been begun, and was not yet moved into the database.
fn is_in_the_log(path: &Path) -> bool {
    std::fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0)
}

// Seen to catch: a version that is written in a transaction after that of its step.
#[test]
fn an_upgrade_that_is_killed_at_any_moment_starts_again() {
    const KILLS: u64 = 60;
    let (mut before, mut in_the_log, mut after) = (0, 0, 0);
    for old in old_versions() {
        for seed in 0..KILLS {
            let folder = tempfile::tempdir().unwrap();
            let path = copy(old, folder.path());
            let mut child = opening(this_binary(), &path).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == "opening"));
            thread::sleep(Duration::from_micros(fastrand::Rng::with_seed(seed).u64(..12_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            match (is_in_the_log(&path), version(&path) == old) {
                (true, _) => in_the_log += 1,
                (false, true) => before += 1,
                (false, false) => after += 1,
            }
            check(&path, old, &format!("version {old}, seed {seed}"));
        }
    }
    println!(
        "{before} kills before, {in_the_log} with something in the log, {after} after an upgrade"
    );
    assert!(in_the_log > 0, "no upgrade was met");
}

/// A copy of an old database beside a log that is longer than any other file of it, so that a limit on the size of
/// files is met in the log first. Gives back how long the log is, in blocks.
fn with_a_long_log(old: i64, folder: &Path) -> (PathBuf, u64) {
    let made = tempfile::tempdir().unwrap();
    let source = copy(old, made.path());
    let connection = Connection::open(&source).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF").unwrap();
    for _ in 0..60 {
        connection.execute("UPDATE engine_state SET fences = fences + 1", []).unwrap();
    }
    let path = folder.join("old.db");
    std::fs::copy(&source, &path).unwrap();
    let bytes = std::fs::copy(log_of(&source), log_of(&path)).unwrap();
    (path, bytes / BLOCK_BYTES)
}

// Seen to catch: a version that is written in a transaction after that of its step.
#[test]
fn an_upgrade_whose_writes_fail_leaves_the_database_as_it_was() {
    for old in old_versions() {
        let mut failed = 0;
        for more in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (path, blocks) = with_a_long_log(old, folder.path());
            let mut shell = Command::new("sh");
            // Without the trap a write past the limit ends the process, with it the write fails.
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
            shell.arg((blocks + more).to_string()).arg(std::env::current_exe().unwrap());
            let told = opening(shell, &path).output().unwrap();
            let case = format!("version {old}, {more} blocks more: {told:?}");
            assert!(told.status.success(), "{case}");
            let told = String::from_utf8(told.stdout).unwrap();
            assert!(told.contains("opening"), "{case}");
            let has_failed = told.contains("failed: ");
            assert!(!has_failed || told.contains("kind: Io"), "{case}");
            check(&path, old, &case);
            if !has_failed {
                break;
            }
            failed += 1;
        }
        println!("version {old}: {failed} upgrades failed");
        assert!(failed > 10, "the log of version {old} had room after {failed}");
    }
}
