//! What the engine tells `tracing`: groups, failures and what is slow, and nothing of any request.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "it takes the place of functions of the C library")]

#[path = "tracing/disk.rs"]
mod disk;
#[path = "tracing/listener.rs"]
mod listener;
mod support;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use disk::Trouble;
use listener::{Heard, Listening, Manners};
use opportunity_engine::{
    Batch, Code, Durability, Engine, Error, Field, IdempotencyKey, Mentions, OpenError, Options,
    Request, StoreErrorKind, Timestamp, Value, Writes,
};
use rusqlite::Connection;
use support::{hold_write_lock, id, lead, venue, within};
use tempfile::TempDir;

/// What requests hold in these tests, where it must not be heard of.
const SECRET: &str = "Ngata-Lindqvist";
const SECRET_ID: i64 = 918_273_645;

const SLOW: &str = "a commit was slow";

/// A database of its own, and what is heard of it.
struct Scene {
    listening: Listening,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { listening: Listening::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    fn open(&self, options: Options) -> Engine {
        options.busy_timeout(Duration::ZERO).open(self.path()).unwrap()
    }

    /// What was heard, in a line each: level and text; of no request is anything among it.
    fn heard(&self) -> Vec<String> {
        self.listening.heard().iter().map(line).collect()
    }

    /// The same without commits that were slow because the machine is busy.
    fn heard_at_ease(&self) -> Vec<String> {
        self.heard().into_iter().filter(|line| !line.contains(SLOW)).collect()
    }

    /// The same without the spans.
    fn events(&self) -> Vec<String> {
        self.heard_at_ease().into_iter().filter(|line| !line.starts_with("DEBUG")).collect()
    }
}

fn line(heard: &Heard) -> String {
    let line = format!("{} {}", heard.level, heard.text);
    assert_eq!(heard.target, "opportunity_engine", "{line}");
    assert!(!line.contains(SECRET) && !line.contains(&SECRET_ID.to_string()), "{line}");
    line
}

/// An add that holds what must not be heard of, in each field that takes it.
fn secret() -> Request {
    lead()
        .name(SECRET)
        .description(format!("{SECRET} '; DROP TABLE opportunity; -- \n\u{202e}\u{1}{{}}"))
        .channel_id(format!("{SECRET} %s ${{jndi:x}}"))
        .contact_id(SECRET_ID)
        .owner_user_id(SECRET_ID)
}

fn keyed(request: Request) -> Request {
    request.idempotency_key(IdempotencyKey::new(SECRET).unwrap())
}

/// Requests that are carried out, are refused for each reason there is, or cannot be decided.
fn send_all_kinds(engine: &Engine) {
    let mut results = vec![
        engine.add_or_update(secret()),
        engine.add_or_update(keyed(secret())),
        engine.add_or_update(keyed(secret().stage_id(70))),
        engine.add_or_update(secret().type_id(-SECRET_ID)),
        engine.add_or_update(Request::update(venue(), id(SECRET_ID)).name(SECRET)),
        engine.add_or_update(Request::update(venue(), id(1)).name(SECRET).description("")),
        engine.add_or_update(secret().source_id(26)),
        engine.add_or_update(secret().source_id(27)),
    ];
    let body = serde_json::to_string(&secret()).unwrap();
    let bodies = [
        body.clone(),
        format!("{body}{SECRET}"),
        format!("{{\"{SECRET}\":1,{}", &body[1..]),
        String::new(),
    ];
    results.extend(bodies.iter().map(|body| engine.add_or_update_json(body.as_bytes()).into()));
    for batch in [Batch::EachOnItsOwn, Batch::AllOrNothing] {
        let decoded = bodies.iter().map(|body| engine.decode(body.as_bytes()));
        results.extend(engine.reply_to_all(decoded, batch).into_iter().map(Into::into));
    }
    let refused =
        |code| results.iter().any(|it| matches!(it, Err(Error::Rejected(it)) if it.code() == code));
    assert!(refused(Code::Empty) && refused(Code::Invalid), "{results:?}");
}

/// Cannot tell of some sources, and says what it was asked.
fn references(
    mentions: &Mentions<'_>,
) -> Result<Vec<Field>, Box<dyn std::error::Error + Send + Sync>> {
    match mentions.id(Field::SourceId) {
        Some(Value::Integer(26)) => Err(SECRET.into()),
        Some(Value::Integer(27)) => panic!("{SECRET}"),
        _ => Ok(Vec::new()),
    }
}

/// Sends requests again and again to one that does not take them.
fn send_in_vain(engine: &Engine) -> StoreErrorKind {
    let mut kinds = (0..3).map(|_| match engine.add_or_update(secret()) {
        Err(Error::Aborted(error)) => error.kind(),
        other => panic!("{other:?}"),
    });
    let kind = kinds.next().unwrap();
    assert!(kinds.all(|it| it == kind));
    kind
}

/// Sends requests until the log is full of what cannot be moved.
fn fill_log(engine: &Engine) {
    while engine.add_or_update(lead()).is_ok() {}
    assert_eq!(send_in_vain(engine), StoreErrorKind::LogFull);
}

fn micros_of(line: &str) -> u64 {
    let (_, micros) = line.split_once(" commit_micros=").unwrap();
    micros.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_group_is_a_span_with_its_size_its_outcomes_and_the_time_of_its_commit() {
    let scene = Scene::new();
    let engine = scene.open(Engine::options());
    let added = engine.add_or_update(secret()).unwrap().id();
    let requests = [
        secret(),
        Request::update(venue(), added).name("x"),
        Request::update(venue(), added).name("x"),
        Request::update(venue(), id(9)),
    ];
    engine.add_or_update_all(requests.clone(), Batch::EachOnItsOwn).unwrap();
    engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap_err();
    engine.close().unwrap();

    let heard = scene.heard_at_ease();
    let (spans, micros): (Vec<_>, Vec<_>) = heard
        .iter()
        .filter(|line| line.contains("commit_micros"))
        .map(|line| (line.split(" commit_micros").next().unwrap(), micros_of(line)))
        .unzip();
    assert_eq!(
        spans,
        [
            "DEBUG group commands=1 added=1 updated=0 unchanged=0 refused=0 aborted=0 unknown=0",
            "DEBUG group commands=4 added=1 updated=1 unchanged=1 refused=1 aborted=0 unknown=0",
            "DEBUG group commands=4 added=0 updated=0 unchanged=0 refused=1 aborted=3 unknown=0",
        ]
    );
    assert!(micros[0] > 0 && micros[1] > 0, "{micros:?}");
    assert_eq!(heard[3..], ["DEBUG  message=writes are closed"]);
}

/// Seen to fail for an event of each request with its `Debug` form, and for events with the cause of a failure.
#[test]
fn whatever_is_asked_and_whatever_fails_nothing_of_any_request_is_heard() {
    let scene = Scene::new();
    let engine = scene.open(Engine::options().history(true).references(references));
    send_all_kinds(&engine);
    let lock = hold_write_lock(&scene.path());
    send_all_kinds(&engine);
    drop(lock);
    meddle(&scene.path());
    send_all_kinds(&engine);
    execute(&scene.path(), "DROP TRIGGER meddler");
    let trouble = Trouble::failing_syncs(1);
    send_all_kinds(&engine);
    drop(trouble);
    let trouble = Trouble::failing_syncs(u32::MAX);
    send_all_kinds(&engine);
    assert_eq!(engine.health().writes, Writes::RefusedUntilReopened);
    send_all_kinds(&engine);
    drop(trouble);
    engine.clone().close().unwrap();
    send_all_kinds(&engine);
    // Each of them is looked at.
    let heard = scene.heard();
    for part in ["DEBUG group", "another process holds", "a commit failed", "run again", "until"] {
        assert!(heard.iter().any(|line| line.contains(part)), "{part}: {heard:#?}");
    }
}

/// Has each change of an opportunity fail that says so; with a text that holds its name.
fn meddle(path: &Path) {
    let trigger = "CREATE TRIGGER meddler BEFORE INSERT ON opportunity WHEN NEW.description LIKE '%DROP TABLE%'
                   BEGIN SELECT raise(ABORT, 'Ngata-Lindqvist'); END";
    execute(path, trigger);
}

fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn an_opening_that_is_refused_is_told_with_its_reason() {
    let scene = Scene::new();
    std::fs::write(scene.path(), "something else, but long enough to be looked at").unwrap();
    let refused = Engine::open(scene.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
    assert_eq!(
        scene.heard(),
        [format!("ERROR  message=an engine could not be opened error={refused}")]
    );

    let folder = scene.folder.path().join("none");
    let refused = Engine::open(folder.join("a.db")).unwrap_err();
    let heard = scene.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].contains(&format!("error={refused} cause=")), "{heard:?}");

    for options in [Engine::options().queue(0, 0), Engine::options().max_request_bytes(0)] {
        let refused = options.in_memory().unwrap_err();
        let expected = format!("ERROR  message=an engine could not be opened error={refused}");
        assert_eq!(scene.heard(), [expected]);
    }
}

/// Seen to fail for commits of any length that are told, and for one of 120 ms that is not.
#[test]
fn a_commit_that_takes_long_is_told_and_a_usual_one_is_not() {
    let scene = Scene::new();
    let engine = scene.open(Engine::options());
    let is_told = || {
        engine.add_or_update(secret()).unwrap();
        // The span is closed before the answer is given.
        let heard = scene.heard();
        let took = |line: &String| micros_of(line);
        let span = heard.iter().find(|line| line.starts_with("DEBUG group")).map(took).unwrap();
        let event = heard.iter().find(|line| line.contains(SLOW));
        assert_eq!(event.is_some(), span >= 100_000, "{heard:?}");
        if let Some(event) = event {
            assert!(event.starts_with("WARN  message=a commit was slow commands=1 "), "{event}");
            assert_eq!(micros_of(event), span);
        }
        event.is_some()
    };
    assert!((0..100).any(|_| !is_told()), "a usual one is told");
    let trouble = Trouble::slow_syncs(Duration::from_millis(120));
    assert!(is_told());
    drop(trouble);
}

#[test]
fn a_group_that_fails_is_told_once_with_what_became_of_it() {
    let scene = Scene::new();
    let engine = scene.open(Engine::options());
    let lock = hold_write_lock(&scene.path());
    assert_eq!(send_in_vain(&engine), StoreErrorKind::Busy);
    drop(lock);
    let event = "WARN  message=a group failed error=could not start a transaction: another process holds the \
                 database; try again commands=1 aborted=1 unknown=0";
    assert_eq!(scene.events(), [event; 3]);

    meddle(&scene.path());
    let requests = [lead(), secret(), lead(), lead()];
    engine.add_or_update_all(requests, Batch::EachOnItsOwn).unwrap();
    let event = "WARN  message=a group failed, and was run again in parts error=could not apply the change: the \
                 database is damaged; restore a backup commands=4 aborted=1 unknown=0";
    assert_eq!(scene.events(), [event]);

    let engine = scene.open(Engine::options().clock(|| -> Timestamp { panic!("{SECRET}") }));
    assert_eq!(send_in_vain(&engine), StoreErrorKind::Panicked);
    let events = scene.events();
    assert!(events.len() == 3 && events[0].contains("a panic was caught"), "{events:?}");
}

/// Seen to fail for what is certain the wrong way round, and for the end of writes told with each group after it.
#[test]
fn a_commit_that_fails_is_told_with_what_is_certain_and_so_is_the_end_of_writes() {
    let scene = Scene::new();
    let engine = scene.open(Engine::options());
    let failed = "could not commit: the operating system reported an I/O error; check the disk, its quota and \
                  the limits of the process";
    let trouble = Trouble::failing_syncs(1);
    assert!(matches!(engine.add_or_update(secret()), Err(Error::Aborted(_))));
    drop(trouble);
    assert_eq!(
        scene.events(),
        [
            format!("WARN  message=a commit failed, and nothing of it is left error={failed}"),
            format!("WARN  message=a group failed error={failed} commands=1 aborted=1 unknown=0"),
        ]
    );

    let trouble = Trouble::failing_syncs(u32::MAX);
    assert!(matches!(engine.add_or_update(secret()), Err(Error::Unknown(_))));
    assert_eq!(send_in_vain(&engine), StoreErrorKind::WritesStopped);
    drop(trouble);
    assert_eq!(
        scene.events(),
        [
            format!(
                "ERROR  message=a commit failed, and nobody knows whether it will be there error={failed}"
            ),
            format!("WARN  message=a group failed error={failed} commands=1 aborted=0 unknown=1"),
            "ERROR  message=writes are refused until the engine is reopened".to_owned(),
        ]
    );
}

/// Seen to fail for an event of each checkpoint that fails, and for the last one's, which nobody tells whoever
/// drops an engine.
#[test]
fn checkpoints_that_fail_are_told_once_and_again_when_they_succeed() {
    let scene = Scene::new();
    // The log may not grow at all: each group is preceded by a checkpoint.
    let engine = scene.open(Engine::options().durability(Durability::Off).log_cap_bytes(0));
    engine.add_or_update(secret()).unwrap();
    let trouble = Trouble::failing_writes_to_database();
    fill_log(&engine);
    let failed = "WARN  message=a checkpoint failed error=could not move the write-ahead log into the database: \
                  the operating system reported an I/O error; check the disk, its quota and the limits of the \
                  process";
    let full = "WARN  message=writes are refused: the write-ahead log has reached its cap";
    assert_eq!(scene.events(), [failed, full]);
    drop(trouble);
    engine.add_or_update(secret()).unwrap();
    assert_eq!(
        scene.events(),
        ["INFO  message=checkpoints succeed again", "INFO  message=writes are accepted again"]
    );

    // A reader in the way is no failure.
    let reader = Connection::open(scene.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM opportunity").unwrap();
    fill_log(&engine);
    assert_eq!(scene.events(), [full]);
    drop(reader);
    engine.close().unwrap();

    let engine = scene.open(Engine::options());
    engine.add_or_update(secret()).unwrap();
    scene.events();
    let trouble = Trouble::failing_writes_to_database();
    drop(engine);
    drop(trouble);
    assert_eq!(scene.events(), [failed]);
}

/// Seen to fail for an engine that does not catch the panics of listeners, and for one that tells of writes
/// while it holds what tells its health.
#[test]
fn a_listener_that_panics_or_asks_harms_nobody() {
    within(Duration::from_secs(60), || {
        let scene = Scene::new();
        let engine = scene.open(Engine::options().durability(Durability::Off).log_cap_bytes(0));
        for manners in [Manners::Panics, Manners::Asks(engine.clone())] {
            scene.listening.behave(manners);
            // More than the writer answers itself.
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..10 {
                            engine.add_or_update(lead()).unwrap();
                        }
                    });
                }
            });
            let lock = hold_write_lock(&scene.path());
            // Not before the log has started over, and only then because of the lock.
            send_in_vain(&engine);
            drop(lock);
            let trouble = Trouble::failing_writes_to_database();
            fill_log(&engine);
            drop(trouble);
            engine.add_or_update(lead()).unwrap();
            assert!(Engine::open(scene.folder.path()).is_err());
        }
        scene.listening.behave(Manners::Panics);
        assert!(engine.stats().outcomes.added >= 162);
        engine.close().unwrap();
        scene.listening.behave(Manners::Quiet);
    });
}
