//! Upgrades that end half-way: the process is killed, or a write fails. Whoever opens the database next finds
//! all that it held.

use std::io::{BufRead, BufReader};
use std::path::Path;
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

/// How far the upgrade has come, by the files that it has left: nothing was begun, or all of it is in the
/// database, or something is in the log.
fn is_in_the_log(path: &Path) -> bool {
    let log = format!("{}-wal", path.display());
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
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

// Seen to catch: a version that is written in a transaction after that of its step.
#[test]
fn an_upgrade_whose_writes_fail_leaves_the_database_as_it_was() {
    let (mut failed, mut went_through) = (0, 0);
    for old in old_versions() {
        for blocks in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = copy(old, folder.path());
            let mut shell = Command::new("sh");
            // Without the trap a write past the limit ends the process, with it the write fails.
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
            shell.arg(blocks.to_string()).arg(std::env::current_exe().unwrap());
            let told = opening(shell, &path).output().unwrap();
            assert!(told.status.success(), "{blocks} blocks: {told:?}");
            let told = String::from_utf8(told.stdout).unwrap();
            let case = format!("version {old}, {blocks} blocks: {told}");
            assert!(told.contains("opening"), "{case}");
            let has_failed = told.contains("failed: ");
            if has_failed {
                failed += 1;
                assert!(told.contains("Io"), "{case}");
                assert_eq!(version(&path), old, "{case}");
            }
            check(&path, old, &case);
            if !has_failed {
                went_through += 1;
                let bytes = std::fs::metadata(&path).unwrap().len();
                assert!(bytes <= blocks * BLOCK_BYTES, "{case}: there was no limit");
                break;
            }
        }
    }
    println!("{failed} upgrades failed, {went_through} went through");
    assert!(failed > 0, "no upgrade failed");
}
