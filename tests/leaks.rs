//! What clients send is never taken for SQL, and what they are told says nothing of what lies below: no
//! path, no SQL, no name of a table or column, no text of SQLite's. Nothing that is logged for the sake of
//! debugging tells what opportunities hold, unless it is documented to.

mod support;

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use opportunity_engine::{
    Batch, Engine, Error, Field, Filter, Forecast, IdempotencyKey, OpportunityId, Options, Patch,
    Reply, Request, StoreError, StoreErrorKind, Timestamp, TrySubmitError, Value, VenueId,
};
use rusqlite::Connection;
use serde_json::{Map, json};
use support::{by_hand, id, lead, venue};

/// Texts that mean something to a database, or to those who put texts together.
const PAYLOADS: [&str; 20] = [
    "'; DROP TABLE opportunity; --",
    "x'); DELETE FROM engine_state; --",
    "x', 1, 1); INSERT INTO opportunity_by_venue VALUES (1, 1); --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "' UNION SELECT sql FROM sqlite_schema --",
    "x'; ATTACH DATABASE 'stolen.db' AS stolen; --",
    "x'; PRAGMA writable_schema = 1; --",
    "x'; VACUUM INTO 'stolen.db'; --",
    "' || load_extension('stolen') || '",
    "?1",
    ":name",
    "$1 @p1",
    "NULL",
    "x'53514c'",
    "`]\"'--/* \\",
    "%_[a-z]*?",
    "{\"$ne\": null}",
    "${jndi:x} {{7*7}} <script>alert(1)</script>",
    "\u{2019}\u{ff07}\u{202e}\u{1f4a3}\n\r\t;\u{1}\u{7f}",
];

/// The fields that take any text.
fn text_fields() -> Vec<Field> {
    let takes_text = |field: &&Field| {
        let json = Map::from_iter([(field.wire_name().to_owned(), json!("a text"))]);
        let request: Request = serde_json::from_value(json.into()).unwrap();
        matches!(request.patch(**field), Patch::Set(Value::Text(_)))
    };
    Field::ALL.iter().filter(takes_text).copied().collect()
}

/// A request with a text in a field: an add if no id is given.
fn saying(id: Option<OpportunityId>, field: Field, text: &str) -> Request {
    let request = id.map_or_else(lead, |id| Request::update(venue(), id));
    let mut json = serde_json::to_value(&request).unwrap();
    json[field.wire_name()] = text.into();
    serde_json::from_value(json).unwrap()
}

/// Every way to send a request.
const DOORS: [fn(&Engine, Request) -> Reply; 6] = [
    |engine, request| engine.add_or_update(request).into(),
    |engine, request| engine.add_or_update_json(&serde_json::to_vec(&request).unwrap()),
    |engine, request| in_batch(engine, Ok(request), Batch::EachOnItsOwn),
    |engine, request| in_batch(engine, Ok(request), Batch::AllOrNothing),
    |engine, request| in_batch(engine, decoded(engine, &request), Batch::EachOnItsOwn),
    |engine, request| in_batch(engine, decoded(engine, &request), Batch::AllOrNothing),
];

type Decoded = Result<Request, opportunity_engine::Rejection>;

fn decoded(engine: &Engine, request: &Request) -> Decoded {
    engine.decode(&serde_json::to_vec(request).unwrap())
}

fn in_batch(engine: &Engine, request: Decoded, batch: Batch) -> Reply {
    engine.reply_to_all([request], batch).remove(0)
}

/// Everything that a database consists of but the rows of opportunities, and how many of those there are.
fn structure(path: &Path) -> (Vec<String>, String, i64) {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT name || ': ' || ifnull(sql, '') FROM sqlite_schema ORDER BY name")
        .unwrap();
    let schema = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let rows = connection.query_row("SELECT count(*) FROM opportunity", [], |row| row.get(0));
    (schema, one("PRAGMA integrity_check"), rows.unwrap())
}

/// Seen to fail for an update whose name was written into its statement as a literal.
#[test]
fn sql_in_a_text_is_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::open(&path).unwrap();
    let others = VenueId::new(108).unwrap();
    let bystander = Request::add(others).name("Bystander").contact_id(1).type_id(1).source_id(1);
    let bystander = engine.add_or_update(bystander.stage_id(1)).unwrap().id();
    let before = (engine.get(others, bystander).unwrap(), structure(&path));

    let fields = text_fields();
    assert_eq!(fields, [Field::Name, Field::ChannelId, Field::Description]);
    let mut adds = 0;
    for (payload, field) in PAYLOADS.into_iter().flat_map(|it| fields.iter().map(move |f| (it, *f)))
    {
        for door in DOORS {
            let added = door(&engine, saying(None, field, payload)).result().unwrap().id();
            let read = engine.get(venue(), added).unwrap().unwrap();
            assert_eq!(read.value(field), Some(Value::Text(payload.into())), "{field}");
            let update = saying(Some(added), field, &format!("{payload}{payload}"));
            let told = door(&engine, update).to_json();
            assert_eq!(told, format!("{{\"success\":true,\"id\":{added}}}").into_bytes());
            let read = engine.get(venue(), added).unwrap().unwrap();
            let expected = Value::Text(payload.repeat(2).into());
            assert_eq!(read.value(field), Some(expected), "{field}");
            adds += 1;
        }
    }
    let after = structure(&path);
    assert_eq!(
        (engine.get(others, bystander).unwrap(), &after.0, &after.1),
        (before.0, &before.1.0, &before.1.1)
    );
    assert_eq!(after.2, 1 + adds);
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["a.db", "a.db-shm", "a.db-wal"]);
}

/// Seen to fail for a key that was written into its statement as a literal.
#[test]
fn sql_in_a_key_is_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::open(&path).unwrap();
    let before = structure(&path);
    for (number, payload) in (1..).zip(PAYLOADS) {
        let keyed = || lead().idempotency_key(IdempotencyKey::new(payload).unwrap());
        let added = engine.add_or_update(keyed()).unwrap();
        assert_eq!(added.id(), id(number), "{payload}");
        assert_eq!(engine.add_or_update(keyed()).unwrap(), added, "{payload}");
        assert_eq!(engine.check(keyed()).unwrap(), Forecast::Repeated(added), "{payload}");
        let another = engine.add_or_update(keyed().name("another"));
        assert_eq!(Reply::from(another).status(), 409, "{payload}");
    }
    let after = structure(&path);
    assert_eq!((&after.0, &after.1), (&before.0, &before.1));
    assert_eq!(after.2, PAYLOADS.len() as i64);
}

/// Seen to fail for a text that is put between the wildcards of `LIKE`.
#[test]
fn sql_in_a_filter_is_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::open(&path).unwrap();
    let names =
        PAYLOADS.into_iter().flat_map(|it| [it.to_owned(), format!("{it}."), format!(".{it}")]);
    let names: Vec<_> = names.chain(["Lead By API".to_owned()]).collect();
    for name in &names {
        engine.add_or_update(lead().name(name.as_str())).unwrap();
    }
    let before = structure(&path);
    let listed = |filter: Filter| -> Vec<String> {
        let listing = engine.list(venue(), filter);
        let rows: Vec<_> = listing.iter().map(Result::unwrap).collect();
        assert_eq!(listing.count().unwrap(), rows.len() as u64);
        rows.iter().map(|row| row.name().to_string()).collect()
    };
    let lower = |text: &str| text.to_ascii_lowercase();
    for payload in PAYLOADS.into_iter().chain(["%", "_", "l_ad", "L%I", "*", "lea?"]) {
        let contains = |name: &&String| lower(name).contains(&lower(payload));
        let expected: Vec<_> = names.iter().filter(contains).cloned().collect();
        assert_eq!(listed(Filter::new().name_contains(payload)), expected, "{payload}");
        let starts = |name: &&String| lower(name).starts_with(&lower(payload));
        let expected: Vec<_> = names.iter().filter(starts).cloned().collect();
        assert_eq!(listed(Filter::new().name_starts_with(payload)), expected, "{payload}");
    }
    assert_eq!(structure(&path), before);
}

#[test]
fn sql_in_a_field_that_takes_no_text_is_refused() {
    let engine = Engine::in_memory().unwrap();
    let added = engine.add_or_update(lead()).unwrap().id();
    let before = engine.get(venue(), added).unwrap();
    let text_fields = text_fields();
    for &field in Field::ALL.iter().filter(|field| !text_fields.contains(field)) {
        for payload in PAYLOADS.into_iter().chain(["1 OR 1=1", "1; DROP TABLE opportunity", "1--"])
        {
            let body = json!({"id": added, "venueId": 107, "name": "x"});
            let mut body = body.as_object().unwrap().clone();
            body.insert(field.wire_name().to_owned(), payload.into());
            let reply = engine.add_or_update_json(&serde_json::to_vec(&body).unwrap());
            assert_eq!(reply.status(), 400, "{field} {payload}");
        }
    }
    assert_eq!(engine.get(venue(), added).unwrap(), before);
}

/// What no reply may contain, for a database at this path: in lower case.
fn secrets(path: &Path) -> Vec<String> {
    let schema = Connection::open_in_memory().unwrap();
    schema.execute_batch(include_str!("../schema.sql")).unwrap();
    let names = "SELECT name FROM sqlite_schema UNION
                 SELECT columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns";
    let mut statement = schema.prepare(names).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
    // A plain word is one of the wire's too, or of every text's.
    let names = names.filter(|name: &String| name.contains('_'));
    let words = [
        "select ",
        "insert ",
        "update ",
        "begin",
        "pragma",
        "constraint",
        "sqlite_",
        "no such",
        "malformed",
    ];
    let path = [path, path.parent().unwrap()].map(|path| path.display().to_string());
    let file = ["a.db".to_owned()];
    names.chain(words.map(String::from)).chain(path).chain(file).collect()
}

/// What SQLite or the operating system said, from the nearest cause on; a cause of the engine's own has a
/// text as harmless as that of the failure.
fn causes(error: &StoreError) -> Vec<String> {
    let foreign = |cause: &&(dyn StdError + 'static)| !cause.is::<StoreError>();
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.filter(foreign).map(ToString::to_string).collect()
}

fn store_error(reply: &Reply) -> &StoreError {
    match reply.result() {
        Err(Error::Aborted(error) | Error::Unknown(error)) => error,
        other => panic!("the store did not fail: {other:?}"),
    }
}

fn assert_tells_nothing(text: &str, path: &Path, error: &StoreError) {
    let lower = text.to_lowercase();
    for secret in secrets(path).into_iter().chain(causes(error)) {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret:?} is in {text}");
    }
}

/// A database with one opportunity, at a path that is easily found.
struct Victim {
    folder: tempfile::TempDir,
}

impl Victim {
    fn new() -> Self {
        let victim =
            Self { folder: tempfile::Builder::new().prefix("secret-folder").tempdir().unwrap() };
        victim.open(Engine::options()).add_or_update(lead()).unwrap();
        victim
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("a.db")
    }

    fn open(&self, options: Options) -> Engine {
        options.busy_timeout(Duration::from_millis(20)).open(self.path()).unwrap()
    }

    /// Somebody else at the same file.
    fn other(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// Does something to the file by hand, then opens it.
    fn after(&self, sql: &str) -> Engine {
        by_hand::change(&self.other(), sql);
        self.open(Engine::options())
    }
}

const UPDATE: &[u8] = br#"{"id":1,"venueId":107,"name":"Updated Name"}"#;
const ADD: &[u8] =
    br#"{"venueId":107,"name":"n","typeId":1,"sourceId":1,"stageId":1,"contactId":1}"#;

/// A failure that can be brought about from outside: its kind, and how an answer comes by it.
type Failure<Answer> = (StoreErrorKind, fn(&Victim) -> Answer);

const FAILURES: [Failure<Reply>; 13] = [
    (StoreErrorKind::Busy, |victim| {
        let engine = victim.open(Engine::options());
        let other = victim.other();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        engine.add_or_update_json(ADD)
    }),
    (StoreErrorKind::LogFull, |victim| {
        let engine = victim.open(Engine::options().log_cap_bytes(0));
        let other = victim.other();
        other.execute_batch("BEGIN; SELECT count(*) FROM opportunity").unwrap();
        engine.add_or_update(lead()).unwrap();
        engine.add_or_update_json(ADD)
    }),
    (StoreErrorKind::Damaged, |victim| {
        let sql = "PRAGMA ignore_check_constraints = 1; UPDATE opportunity SET closed_date = 253402300800";
        victim.after(sql).add_or_update_json(UPDATE)
    }),
    (StoreErrorKind::Damaged, |victim| {
        victim.after("UPDATE engine_state SET last_id = 0").add_or_update_json(ADD)
    }),
    (StoreErrorKind::Damaged, |victim| {
        victim.after("DELETE FROM engine_state").add_or_update_json(ADD)
    }),
    // A trigger of somebody's, with a text of its own.
    (StoreErrorKind::Damaged, |victim| {
        let sql = "CREATE TRIGGER meddler BEFORE UPDATE ON opportunity BEGIN
                   SELECT raise(ABORT, '/var/secret-folder/a.db: SELECT * FROM opportunity_by_venue'); END";
        victim.after(sql).add_or_update_json(UPDATE)
    }),
    (StoreErrorKind::Damaged, |victim| {
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'opportunity'";
        let root: u32 = victim.other().query_row(root, [], |row| row.get(0)).unwrap();
        let mut file = std::fs::read(victim.path()).unwrap();
        let end = root as usize * 1_024;
        file[end - 1_024..end].fill(0xa5);
        std::fs::write(victim.path(), file).unwrap();
        victim.open(Engine::options()).add_or_update_json(UPDATE)
    }),
    (StoreErrorKind::Damaged, |victim| {
        let engine = victim.open(Engine::options());
        victim.other().execute_batch("DROP TABLE opportunity").unwrap();
        engine.add_or_update_json(ADD)
    }),
    (StoreErrorKind::Exhausted, |victim| {
        let sql = "UPDATE engine_state SET last_id = 9223372036854775807";
        victim.after(sql).add_or_update_json(ADD)
    }),
    (StoreErrorKind::Exhausted, |victim| {
        let sql = "UPDATE opportunity SET version = 9223372036854775807";
        victim.after(sql).add_or_update_json(UPDATE)
    }),
    (StoreErrorKind::Panicked, |victim| {
        let clock =
            || -> Timestamp { panic!("/var/secret-folder/a.db: SELECT version FROM opportunity") };
        victim.open(Engine::options().clock(clock)).add_or_update_json(ADD)
    }),
    (StoreErrorKind::Closed, |victim| {
        let engine = victim.open(Engine::options());
        engine.clone().close().unwrap();
        engine.add_or_update_json(ADD)
    }),
    (StoreErrorKind::BatchRefused, |victim| {
        let engine = victim.open(Engine::options());
        let requests = [engine.decode(ADD), engine.decode(b"{")];
        engine.reply_to_all(requests, Batch::AllOrNothing).remove(0)
    }),
];

/// Seen to fail for a reply that also tells the source of the error.
#[test]
fn a_reply_to_a_failure_of_the_store_tells_nothing_of_what_lies_below() {
    for (expected, fail) in FAILURES {
        let victim = Victim::new();
        let reply = fail(&victim);
        let error = store_error(&reply);
        assert_eq!(error.kind(), expected, "{error:?}");
        assert!([424, 500, 503].contains(&reply.status()));
        let told = String::from_utf8(reply.to_json()).unwrap();
        assert_tells_nothing(&told, &victim.path(), error);
    }
}

/// Seen to fail for a text that also tells the source.
#[test]
fn the_text_of_a_failed_read_tells_nothing_of_what_lies_below() {
    let reads: [Failure<StoreError>; 4] = [
        (StoreErrorKind::Damaged, |victim| {
            let sql =
                "PRAGMA ignore_check_constraints = 1; UPDATE opportunity SET name = char(160)";
            victim.after(sql).get(venue(), id(1)).unwrap_err()
        }),
        (StoreErrorKind::Damaged, |victim| {
            let engine = victim.open(Engine::options());
            victim.other().execute_batch("DROP TABLE opportunity_by_venue").unwrap();
            engine.ids(venue(), None, 1).unwrap_err()
        }),
        (StoreErrorKind::DeadlineExceeded, |victim| {
            let engine = victim.open(Engine::options().read_deadline(Duration::ZERO));
            engine.add_or_update_all(vec![lead(); 2_000], Batch::AllOrNothing).unwrap();
            engine.ids(venue(), None, 2_000).unwrap_err()
        }),
        // The first read opens a connection, and there is nothing left to open.
        (StoreErrorKind::Io, |victim| {
            let engine = victim.open(Engine::options());
            std::fs::rename(victim.path(), victim.folder.path().join("b.db")).unwrap();
            engine.get(venue(), id(1)).unwrap_err()
        }),
    ];
    for (expected, read) in reads {
        let victim = Victim::new();
        let error = read(&victim);
        assert_eq!(error.kind(), expected, "{error:?}");
        assert_tells_nothing(&error.to_string(), &victim.path(), &error);
    }
}

/// What opportunities hold in these tests, where it must not be seen.
const PERSONAL: &str = "Ngata-Lindqvist";

/// A refusal names fields, never what they hold: it may be logged, or shown to somebody else.
///
/// Seen to fail for a message that quotes a value that is not well formed.
#[test]
fn a_refusal_repeats_no_value() {
    let engine = Engine::in_memory().unwrap();
    let body = lead().name(PERSONAL).description(PERSONAL).channel_id(PERSONAL);
    let body = serde_json::to_string(&body).unwrap();
    let replace = |field: Field, value: serde_json::Value| {
        let mut json: serde_json::Value = serde_json::from_str(&body).unwrap();
        json[field.wire_name()] = value;
        json.to_string().into_bytes()
    };
    let cut = (0..body.len()).map(|end| body.as_bytes()[..end].to_vec());
    let gap =
        (0..body.len()).map(|at| [&body.as_bytes()[..at], &body.as_bytes()[at + 1..]].concat());
    let wrong = Field::ALL.iter().flat_map(|&field| {
        let nested = json!({ "a": [PERSONAL] });
        let text = format!("{PERSONAL}\0");
        [nested, text.into(), json!(["x", PERSONAL])].map(|value| replace(field, value))
    });
    for body in cut.chain(gap).chain(wrong) {
        let reply = engine.add_or_update_json(&body);
        let told = String::from_utf8(reply.to_json()).unwrap();
        let is_refused = reply.result().is_err();
        assert!(!told.contains(PERSONAL), "{told}");
        assert!(!is_refused || !format!("{reply:?}").contains(PERSONAL), "{reply:?}");
    }
}

/// Engines, tickets and errors are logged without a second thought; so they hold nothing personal. Requests
/// and opportunities do, which the documentation of the crate says.
///
/// Seen to fail for the derived `Debug` of `TrySubmitError`.
#[test]
fn what_is_logged_in_passing_tells_nothing_personal() {
    let victim = Victim::new();
    let options = Engine::options().queue(1, 1);
    let mut shown = vec![format!("{options:?}")];
    let engine = victim.open(options);
    let personal = || lead().name(PERSONAL).description(PERSONAL);

    let lock = victim.other();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let full = loop {
        match engine.try_submit(personal()) {
            Ok(ticket) => shown.push(format!("{ticket:?}")),
            Err(full) => break full,
        }
    };
    shown.push(format!("{full:?} {full}"));
    assert!(matches!(full, TrySubmitError::Full(request) if *request == personal()));
    shown.push(format!("{engine:?}"));
    drop(lock);

    let body = serde_json::to_vec(&personal()).unwrap();
    shown.push(format!("{:?}", engine.submit_json(&body)));
    shown.push(format!("{:?}", engine.add_or_update(personal()).unwrap()));
    let refused =
        engine.add_or_update_all([personal().type_id(0)], Batch::AllOrNothing).unwrap_err();
    shown.push(format!("{refused:?} {refused}"));
    let meddle =
        "CREATE TRIGGER meddler BEFORE INSERT ON opportunity BEGIN SELECT raise(ABORT, 'no'); END";
    victim.other().execute_batch(meddle).unwrap();
    let failed = engine.add_or_update(personal()).unwrap_err();
    shown.push(format!("{failed:?} {failed}"));
    let damage =
        "PRAGMA ignore_check_constraints = 1; UPDATE opportunity SET type_id = 0 WHERE id = 2";
    victim.other().execute_batch(damage).unwrap();
    shown.push(format!("{:?}", engine.get(venue(), id(2)).unwrap_err()));
    for text in shown {
        assert!(!text.contains(PERSONAL), "{text}");
    }
}
