//! Backups: whole, of one moment, made while writes go on; and what is left when one fails.

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use opportunity_engine::{
    BackupError, Batch, Durability, Engine, ExportError, Findings, StoreErrorKind, Verification,
};
use support::{id, lead, venue};

/// A folder with a database of `count` opportunities in it, open.
fn database(count: usize) -> (tempfile::TempDir, PathBuf, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().durability(Durability::Off).open(&path).unwrap();
    fill(&engine, count);
    (folder, path, engine)
}

fn fill(engine: &Engine, count: usize) {
    let requests = (0..count).map(|nth| lead().description(format!("{nth} {}", "x".repeat(300))));
    engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap();
}

/// Opens a copy of a backup, as one restores it.
fn restore(backup: &Path) -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("restored.db");
    std::fs::copy(backup, &path).unwrap();
    let engine = Engine::options().create(false).durability(Durability::Off).open(&path).unwrap();
    (folder, engine)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The names of a folder that holds only the database, in use.
const IN_USE: [&str; 3] = ["a.db", "a.db-shm", "a.db-wal"];

/// Fails without what is in the log: seen with the file copied alone. And if the copy asks for a log of its
/// own: seen with its journal mode left as it comes.
#[test]
fn a_backup_is_one_file_that_opens_like_any_database_and_goes_on_alone() {
    let (folder, _, engine) = database(10);
    let backup = folder.path().join("backup.db");
    engine.backup_to(&backup).unwrap();
    let bytes = std::fs::read(&backup).unwrap();
    assert_eq!(bytes[18..20], [1, 1], "the file asks for no log");
    assert_eq!(&bytes[68..72], b"OPTB", "it is marked");

    let (_elsewhere, restored) = restore(&backup);
    assert_eq!(restored.ids(venue(), None, 100).unwrap(), (1..=10).map(id).collect::<Vec<_>>());
    for number in 1..=10 {
        let (stored, copied) = (engine.get(venue(), id(number)), restored.get(venue(), id(number)));
        assert_eq!(copied.unwrap(), stored.unwrap());
    }
    assert_eq!(restored.add_or_update(lead()).unwrap().id(), id(11));
    restored.close().unwrap();
    assert!(engine.get(venue(), id(11)).unwrap().is_none());
    engine.close().unwrap();
    assert_eq!(names(folder.path()), ["a.db", "backup.db"]);
    assert!(std::fs::read(&backup).unwrap() == bytes, "who opens a copy leaves the backup alone");
}

/// Seen to fail for a copy that an engine makes: it takes the mark off a backup, and takes over a log.
#[test]
fn to_back_up_or_export_a_file_changes_nothing_of_it() {
    let (folder, path, engine) = database(10);
    let backup = folder.path().join("backup.db");
    engine.backup_to(&backup).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let further = |name: &str| elsewhere.path().join(name);
    Engine::back_up_file(&path, further("of one in use.db")).unwrap();
    let mut exported = Vec::new();
    engine.export(&mut exported).unwrap();
    // As one leaves it that is killed.
    let killed = further("killed.db");
    let log = further("killed.db-wal");
    std::fs::copy(&path, &killed).unwrap();
    std::fs::copy(path.with_extension("db-wal"), &log).unwrap();
    engine.close().unwrap();

    let bytes = || [&backup, &killed, &log].map(|path| std::fs::read(path).unwrap());
    let before = bytes();
    Engine::back_up_file(&backup, further("of a backup.db")).unwrap();
    Engine::back_up_file(&killed, further("of one with a log.db")).unwrap();
    for path in [&backup, &killed] {
        let mut lines = Vec::new();
        assert_eq!(Engine::export_file(path, &mut lines).unwrap(), 10);
        assert_eq!(lines, exported);
    }
    assert!(bytes() == before);
    for name in ["of one in use.db", "of a backup.db", "of one with a log.db"] {
        assert_eq!(&std::fs::read(further(name)).unwrap()[68..72], b"OPTB", "{name} is marked");
        let findings = Engine::verify_file(further(name), Verification::Full).unwrap();
        assert_eq!(findings.to_string(), "sound: 10 opportunities", "{name}");
    }
    let missing = Engine::back_up_file(further("none.db"), further("of nothing.db"));
    assert!(matches!(missing, Err(BackupError::Store(_))), "{missing:?}");
    let missing = Engine::export_file(further("none.db"), Vec::new());
    assert!(matches!(missing, Err(ExportError::Store(_))), "{missing:?}");
    assert!(!further("none.db").exists() && !further("of nothing.db").exists());
}

/// Pairs that are added all or nothing, by several threads, for as long as nobody says stop.
struct Pairs {
    stop: Arc<AtomicBool>,
    /// How many pairs each thread has got an answer for.
    acknowledged: Vec<Arc<AtomicUsize>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Pairs {
    fn start(engine: &Engine, threads: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged: Vec<_> = (0..threads).map(|_| Arc::default()).collect();
        let threads = acknowledged
            .iter()
            .enumerate()
            .map(|(number, count): (usize, &Arc<AtomicUsize>)| {
                let (engine, stop, count) = (engine.clone(), Arc::clone(&stop), Arc::clone(count));
                thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let name = pair(number, count.load(Ordering::SeqCst));
                        let pair = [lead().name(name.as_str()), lead().name(name.as_str())];
                        engine.add_or_update_all(pair, Batch::AllOrNothing).unwrap();
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        Self { stop, acknowledged, threads }
    }

    fn acknowledged(&self) -> Vec<usize> {
        self.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }

    fn stop(self) -> Vec<usize> {
        self.stop.store(true, Ordering::SeqCst);
        let acknowledged = self.acknowledged();
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        acknowledged
    }
}

fn pair(thread: usize, number: usize) -> String {
    format!("thread {thread} pair {number}")
}

/// Fails if the backup takes the lock of the writer: seen with one that does so while it copies.
#[test]
fn a_backup_neither_waits_for_a_writer_nor_locks_one_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let options = Engine::options().durability(Durability::Off).busy_timeout(Duration::ZERO);
    let engine = options.open(&path).unwrap();
    fill(&engine, 10);
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE opportunity SET name = 'to come'").unwrap();
    engine.backup_to(folder.path().join("b.db")).unwrap();
    writer.execute_batch("COMMIT").unwrap();
    let (_elsewhere, restored) = restore(&folder.path().join("b.db"));
    let copied = restored.get(venue(), id(10)).unwrap().unwrap();
    assert_eq!(copied.name().as_str(), "Lead By API");
}

/// Fails without what is in the log: seen with the file copied alone, and not verified. And if the copy
/// begins anew after each commit: seen with steps of 16 pages, which do not end, or are not of the moment
/// at which they began.
#[test]
fn a_backup_made_while_writes_go_on_is_of_one_moment() {
    let (folder, _, engine) = database(5_000);
    let pairs = Pairs::start(&engine, 3);
    for round in 0..3 {
        let backup = folder.path().join(format!("backup {round}.db"));
        let before = pairs.acknowledged();
        let (sender, receiver) = channel();
        let (copied, to) = (engine.clone(), backup.clone());
        thread::spawn(move || sender.send(copied.backup_to(to)));
        let made = receiver.recv_timeout(Duration::from_secs(60));
        made.expect("the copy does not end while others write").unwrap();

        let (_elsewhere, restored) = restore(&backup);
        let ids = restored.ids(venue(), None, usize::MAX).unwrap();
        assert!((1..).map(id).zip(&ids).all(|(expected, &id)| id == expected), "a gap");
        let mut halves = HashMap::new();
        for &id in &ids[5_000..] {
            let opportunity = restored.get(venue(), id).unwrap().unwrap();
            *halves.entry(opportunity.name().to_string()).or_insert(0) += 1;
        }
        assert!(halves.values().all(|&count| count == 2), "half a batch");
        for (thread, &count) in before.iter().enumerate() {
            assert!((0..count).all(|number| halves.contains_key(&pair(thread, number))), "lost");
        }
    }
    assert!(pairs.stop().iter().all(|&count| count > 0), "nothing was written");
}

/// Fails with the rights that files usually get: seen.
#[cfg(unix)]
#[test]
fn no_more_users_may_read_a_backup_than_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path, engine) = database(1);
    for (round, mode) in [0o600, 0o640].into_iter().enumerate() {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let backup = folder.path().join(format!("backup {round}.db"));
        engine.backup_to(&backup).unwrap();
        let got = std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777;
        assert_eq!(got & !mode, 0, "{got:o} for {mode:o}");
    }
}

/// What the two refusals of a taken path say.
fn refusal(result: Result<(), BackupError>) -> &'static str {
    match result {
        Err(BackupError::Exists { .. }) => "exists",
        Err(BackupError::OwnPath { .. }) => "own",
        Err(BackupError::Path { .. }) => "path",
        other => panic!("{other:?}"),
    }
}

/// Fails without the look at the path and beside it: seen, for a stale log would be taken for the backup's.
#[test]
fn what_is_there_is_never_overwritten() {
    let (folder, _, engine) = database(1);
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("notes"), "dear diary").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    for taken in ["notes", "folder"] {
        assert_eq!(refusal(engine.backup_to(path(taken))), "exists", "{taken}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        assert_eq!(refusal(engine.backup_to(path("link"))), "exists");
        assert!(!path("nowhere").exists());
    }
    // What SQLite would take for the log, or the journal, of the backup.
    for companion in ["b.db-wal", "b.db-shm", "b.db-journal"] {
        std::fs::write(path(companion), "old").unwrap();
        match engine.backup_to(path("b.db")) {
            Err(BackupError::Exists { path: told }) => {
                assert_eq!(told, path(companion).canonicalize().unwrap());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(path(companion)).unwrap(), "old");
        std::fs::remove_file(path(companion)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path("notes")).unwrap(), "dear diary");
    assert!(!path("b.db").exists());
    assert!(!names(folder.path()).iter().any(|name| name.ends_with(".partial")));
}

/// Fails with a look before the copy alone: seen with a plain renaming at the end.
#[test]
fn of_several_backups_to_one_path_one_is_made() {
    let (folder, _, engine) = database(500);
    for round in 0..10 {
        let backup = folder.path().join(format!("backup {round}.db"));
        let start = Barrier::new(4);
        let made: usize = thread::scope(|scope| {
            let attempt = || {
                start.wait();
                match engine.backup_to(&backup) {
                    Ok(()) => 1,
                    Err(BackupError::Exists { .. }) => 0,
                    other => panic!("{other:?}"),
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(made, 1);
        let findings = Engine::verify_file(&backup, Verification::Full).unwrap();
        assert_eq!(findings.to_string(), "sound: 500 opportunities");
    }
    assert_eq!(names(folder.path()).len(), IN_USE.len() + 10);
}

/// Fails if names alone are compared, or files alone: seen with each of them left out.
#[test]
fn the_database_itself_is_no_place_for_its_backup() {
    let (folder, path, engine) = database(1);
    let mut own = vec![path.clone(), folder.path().join("./a.db")];
    own.extend(
        ["-wal", "-shm", "-journal"].map(|suffix| folder.path().join(format!("a.db{suffix}"))),
    );
    #[cfg(unix)]
    {
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(folder.path(), &elsewhere).unwrap();
        own.extend([elsewhere.join("a.db"), elsewhere.join("a.db-journal")]);
        own.extend(["link", "hard link"].map(|name| folder.path().join(name)));
        std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
        std::fs::hard_link(&path, folder.path().join("hard link")).unwrap();
    }
    let before = names(folder.path());
    for path in own {
        assert_eq!(refusal(engine.backup_to(&path)), "own", "{}", path.display());
    }
    assert_eq!(names(folder.path()), before);
    engine.add_or_update(lead()).unwrap();
    engine.close().unwrap();
    let findings = Engine::verify_file(&path, Verification::Full).unwrap();
    assert_eq!(findings.to_string(), "sound: 2 opportunities");
}

#[test]
fn a_path_that_cannot_be_is_refused() {
    let (folder, _, engine) = database(1);
    for path in [
        folder.path().join("none/b.db"),
        folder.path().join("a.db/b.db"),
        folder.path().join("x".repeat(300)),
        PathBuf::new(),
        PathBuf::from("/"),
        PathBuf::from(".."),
    ] {
        assert_eq!(refusal(engine.backup_to(&path)), "path", "{}", path.display());
    }
    assert_eq!(names(folder.path()), IN_USE);
}

/// Fails without the verification: seen with it left out.
#[test]
fn a_backup_of_a_damaged_database_is_no_backup() {
    let (folder, path, engine) = database(100);
    engine.close().unwrap();
    // SQL would find nothing wrong with it; the rules do.
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    by_hand.execute("UPDATE opportunity SET name = char(160) WHERE id = 42", []).unwrap();
    by_hand.close().unwrap();
    let engine = Engine::open(&path).unwrap();
    match engine.backup_to(folder.path().join("b.db")) {
        Err(BackupError::Damaged { findings: Findings { opportunities, problems, .. } }) => {
            assert_eq!((opportunities, problems.len()), (100, 1));
            assert!(problems[0].to_string().starts_with("opportunity 42: "), "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(names(folder.path()), IN_USE);
}

/// The limit on the size of a file stands for a disk that fills up: the copy fails half-way. Fails if the
/// partial file is left: seen without its removal.
#[cfg(unix)]
#[test]
fn a_backup_that_does_not_fit_leaves_nothing_behind() {
    let (folder, path, engine) = database(2_000);
    engine.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let program = env!("CARGO_BIN_EXE_opportunity");
    // The signal is ignored, so that a write past the limit fails instead of ending the process. 128 blocks
    // of 512 or 1,024 bytes are more than opening a database takes, and less than it has.
    let limited = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    assert!(before.len() > 4 * 128 * 1_024);
    let output = Command::new("sh")
        .args(["-c", limited, program, "backup", "--db"])
        .arg(&path)
        .arg(folder.path().join("b.db"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("could not make the backup: the backup failed: could not copy"),
        "{told}"
    );
    assert_eq!(names(folder.path()), ["a.db"]);
    assert!(std::fs::read(&path).unwrap() == before);
}

/// Fails with a reader of the pool, which has a deadline: seen for the verification, which runs statements;
/// SQLite asks nobody while it copies pages.
#[test]
fn the_deadline_of_reads_is_not_for_long_ones() {
    let folder = tempfile::tempdir().unwrap();
    let options = Engine::options().durability(Durability::Off).read_deadline(Duration::ZERO);
    let engine = options.open(folder.path().join("a.db")).unwrap();
    fill(&engine, 5_000);
    let late = engine.ids(venue(), None, 5_000).unwrap_err();
    assert_eq!(late.kind(), StoreErrorKind::DeadlineExceeded);
    engine.backup_to(folder.path().join("b.db")).unwrap();
    for verification in [Verification::Quick, Verification::Full] {
        assert_eq!(engine.verify(verification).unwrap().to_string(), "sound: 5000 opportunities");
    }
}

/// Fails without the question: seen with the file copied although the engine is closed.
#[test]
fn a_closed_engine_makes_no_backup() {
    let (folder, _, engine) = database(1);
    let clone = engine.clone();
    engine.close().unwrap();
    match clone.backup_to(folder.path().join("b.db")) {
        Err(BackupError::Store(error)) => assert_eq!(error.kind(), StoreErrorKind::Closed),
        other => panic!("{other:?}"),
    }
    assert_eq!(clone.verify(Verification::Quick).unwrap_err().kind(), StoreErrorKind::Closed);
    assert_eq!(names(folder.path()), ["a.db"]);
}

#[test]
fn an_engine_that_refuses_writes_can_be_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let options = Engine::options().durability(Durability::Off).log_cap_bytes(0);
    let engine = options.open(folder.path().join("a.db")).unwrap();
    // A reader that holds the log in place, so that no checkpoint helps.
    let reader = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM opportunity").unwrap();
    engine.add_or_update(lead()).unwrap();
    assert!(engine.add_or_update(lead()).is_err());
    engine.backup_to(folder.path().join("b.db")).unwrap();
    let (_elsewhere, restored) = restore(&folder.path().join("b.db"));
    assert!(restored.get(venue(), id(1)).unwrap().is_some());
}
