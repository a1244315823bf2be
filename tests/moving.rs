//! Export and import.

mod support;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opportunity_engine::strategies::{valid_add, valid_update};
use opportunity_engine::{
    Batch, ChannelId, Durability, Engine, Error, ExportError, Field, ImportError, OpportunityId,
    Request, StoreErrorKind, Subject, SystemField, Timestamp, VenueId, Verification, ViolationKind,
};
use proptest::prelude::*;
use rusqlite::Connection;
use support::{id, lead, venue, within};

const LINE: &str = r#"{"id":755,"venueId":107,"name":"Lead","typeId":18,"stageId":69,"sourceId":25,"companyId":null,"companyLeadContactId":null,"contactId":918,"qualityId":null,"industryId":null,"confirmedQuoteId":null,"confirmedQuoteStatus":0,"cancelledQuoteId":null,"lostToCompetition":null,"closedDate":"2017-05-05 14:30:00 UTC","ownerUserId":null,"stageReasonId":null,"channelId":"007","description":"a\nb","version":3,"createdAt":"2017-05-01T09:00:00.000Z","modifiedAt":"2017-05-05T14:30:00.123Z"}"#;

/// The line with another id and venue.
fn line(id: i64, venue: i64) -> String {
    LINE.replace("\"id\":755,\"venueId\":107", &format!("\"id\":{id},\"venueId\":{venue}"))
}

fn lines(ids: impl IntoIterator<Item = i64>, venue: i64) -> String {
    ids.into_iter().map(|id| line(id, venue) + "\n").collect()
}

fn export(engine: &Engine) -> String {
    let mut output = Vec::new();
    let count = engine.export(&mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert_eq!(text.lines().count() as u64, count);
    text
}

fn in_memory() -> Engine {
    Engine::in_memory().unwrap()
}

fn open(path: &Path) -> Engine {
    Engine::options().durability(Durability::Off).open(path).unwrap()
}

#[track_caller]
fn assert_sound(engine: &Engine) {
    let findings = engine.verify(Verification::Full).unwrap();
    assert!(findings.is_sound(), "{:?}", findings.problems);
}

fn ids(engine: &Engine, venue: i64) -> Vec<i64> {
    let venue = VenueId::new(venue).unwrap();
    let ids = engine.ids(venue, None, usize::MAX).unwrap();
    // A page at a time it is the same.
    let mut paged: Vec<OpportunityId> = Vec::new();
    loop {
        let page = engine.ids(venue, paged.last().copied(), 997).unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, ids);
    ids.into_iter().map(OpportunityId::get).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The export of an import is the same, byte for byte, whatever the order of its lines.
    #[test]
    fn the_export_of_an_import_is_the_export(
        adds in proptest::collection::vec(valid_add(), 1..12),
        updates in proptest::collection::vec(
            (1..=5_i64, 1..=12_i64).prop_flat_map(|(venue, of)| {
                valid_update(VenueId::new(venue).unwrap(), id(of))
            }),
            0..12,
        ),
        start in any::<i64>(),
    ) {
        let clock = move || Timestamp::from_millis(start);
        let original = Engine::options().clock(clock).in_memory().unwrap();
        original.add_or_update_all(adds.clone(), Batch::AllOrNothing).unwrap();
        original.add_or_update_all(updates, Batch::EachOnItsOwn).unwrap();
        let exported = export(&original);
        prop_assert_eq!(exported.lines().count(), adds.len());

        let copy = in_memory();
        prop_assert_eq!(copy.import(exported.as_bytes()).unwrap(), adds.len() as u64);
        prop_assert_eq!(&export(&copy), &exported);
        assert_sound(&copy);

        let reversed: Vec<&str> = exported.lines().rev().collect();
        let reversed = reversed.join("\r\n\r\n");
        let copy = in_memory();
        copy.import(reversed.as_bytes()).unwrap();
        prop_assert_eq!(&export(&copy), &exported);
        for venue in 1..=5 {
            prop_assert_eq!(ids(&copy, venue), ids(&original, venue));
        }
        assert_sound(&copy);
    }
}

#[test]
fn a_line_has_every_value_and_nothing_is_changed_on_the_way() {
    let engine = in_memory();
    assert_eq!(engine.import(LINE.as_bytes()).unwrap(), 1);
    assert_eq!(export(&engine), format!("{LINE}\n"));
    let imported = engine.get(venue(), id(755)).unwrap().unwrap();
    assert_eq!(imported.version().get(), 3);
    assert_eq!(imported.channel_id().map(ChannelId::as_str), Some("007"));
    assert_eq!(serde_json::to_string(&imported).unwrap(), LINE);

    let outcome = engine.add_or_update(Request::update(venue(), id(755)).name("New")).unwrap();
    assert_eq!(outcome.version().get(), 4);
}

#[test]
fn nothing_exports_as_nothing_and_imports_as_nothing() {
    let engine = in_memory();
    assert_eq!(export(&engine), "");
    assert_eq!(engine.import(&b"\n \r\n"[..]).unwrap(), 0);
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(1));
    assert_sound(&engine);
}

/// Seen to fail for a counter that is not raised, and for one that is set to the last imported id.
#[test]
fn ids_go_on_after_the_highest_one() {
    let engine = in_memory();
    engine.import(lines([7, 3], 107).as_bytes()).unwrap();
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(8));
    engine.import(lines([2, 5], 107).as_bytes()).unwrap();
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(9));
    assert_eq!(ids(&engine, 107), [2, 3, 5, 7, 8, 9]);
    assert_sound(&engine);

    engine.import(line(i64::MAX, 107).as_bytes()).unwrap();
    let Error::Aborted(error) = engine.add_or_update(lead()).unwrap_err() else { panic!() };
    assert_eq!(error.kind(), StoreErrorKind::Exhausted);
    assert_sound(&engine);
}

/// The columns of `engine_state` that say how far the index has come, and the last id.
fn coverage(path: &Path) -> (i64, i64, i64) {
    let select = "SELECT indexed_id, run_id, last_id FROM engine_state";
    let connection = Connection::open(path).unwrap();
    connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

fn add(engine: &Engine, venues: &[i64], count: usize) {
    let request = |nth: usize| {
        Request::add(VenueId::new(venues[nth % venues.len()]).unwrap())
            .name("Lead")
            .contact_id(918)
            .type_id(18)
            .source_id(25)
            .stage_id(69)
    };
    engine.add_or_update_all((0..count).map(request), Batch::AllOrNothing).unwrap();
}

/// Ids that the index has passed, that the run in progress has and has not come to, and of the tail.
///
/// Seen to fail for an import that does not write the entries of ids that the index has passed, and for one
/// that leaves out what the run in progress has not come to.
#[test]
fn the_index_by_venue_is_right_wherever_an_id_falls() {
    const RUN: usize = 16_384;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    let venues = [1, 2, 3];
    add(&engine, &venues, RUN); // begins and ends a run
    add(&engine, &venues, RUN - 1);
    add(&engine, &venues, 1); // begins another one, and writes 64 entries
    add(&engine, &venues, 1_000); // writes 2,000, all of venue 1
    add(&engine, &venues, 50);
    let (indexed, run, last) = coverage(&path);
    assert!(0 < indexed && indexed < run && run < last, "{indexed} {run} {last}");

    let holes = [5, indexed, indexed + 1, indexed + 2, indexed + 3, run - 2, run - 1, run, run + 7];
    let all = export(&engine);
    let connection = Connection::open(&path).unwrap();
    for hole in holes {
        connection.execute("DELETE FROM opportunity WHERE id = ?1", [hole]).unwrap();
        connection.execute("DELETE FROM opportunity_by_venue WHERE id = ?1", [hole]).unwrap();
    }
    drop(connection);
    assert_sound(&engine);
    let missing: String = all
        .lines()
        .filter(|line| holes.iter().any(|hole| line.starts_with(&format!("{{\"id\":{hole},"))))
        .map(|line| format!("{line}\n"))
        .collect();
    let beyond: Vec<i64> = (last + 1..=last + 100).step_by(3).collect();

    assert_eq!(engine.import((missing + &lines(beyond.clone(), 2)).as_bytes()).unwrap(), 9 + 34);
    let check = |more: usize| {
        assert_sound(&engine);
        let listed: usize = venues.iter().map(|venue| ids(&engine, *venue).len()).sum();
        assert_eq!(listed, 2 * RUN + 1_050 + 34 + more);
    };
    check(0);
    // The same engine goes on with runs of its own.
    for step in 1..=3 {
        add(&engine, &venues, RUN / 2 + 100);
        check(step * (RUN / 2 + 100));
    }
}

/// Seen to fail for an import that leaves the index to the runs to come.
#[test]
fn a_large_import_is_indexed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    add(&engine, &[1, 2], 10);
    let input: String = (11..=40_000).map(|id| line(id, 1 + id * 7_919 % 23) + "\n").collect();
    engine.import(input.as_bytes()).unwrap();
    assert_eq!(coverage(&path), (40_000, 40_000, 40_000));
    assert_sound(&engine);
    let listed: usize = (1..=23).map(|venue| ids(&engine, venue).len()).sum();
    assert_eq!(listed, 40_000);
}

/// Where the refusal of an input is told, and that it has changed nothing.
#[track_caller]
fn refusal(engine: &Engine, input: &str) -> ImportError {
    let before = export(engine);
    let error = engine.import(input.as_bytes()).unwrap_err();
    assert_eq!(export(engine), before);
    assert_sound(engine);
    error
}

/// Seen to fail for an import that is committed up to the line, and for one that takes a record without all of
/// its keys.
#[test]
fn a_line_that_is_refused_is_told_and_nothing_is_imported() {
    let engine = in_memory();
    engine.import(lines([4], 107).as_bytes()).unwrap();
    for (bad, text) in [
        ("{\"id\":1", "line 4 is not valid JSON at column 7: EOF while parsing an object"),
        ("7", "line 4 is not one JSON object"),
        ("null", "line 4 is not one JSON object"),
        ("[]", "line 4 is not one JSON object"),
        ("\u{feff}{}", "line 4 is not valid JSON at column 1: a byte-order mark is not accepted"),
        (&*(line(1, 1) + " {}"), "line 4 is not valid JSON at column 478: trailing characters"),
        (&line(0, 1), "line 4 is invalid: 'id' must be an integer from 1 to 9223372036854775807"),
        (
            &LINE.replace("\"name\":\"Lead\",", "").replace("\"channelId\":\"007\",", ""),
            "line 4 is invalid: 'name' is required; 'channelId' is required",
        ),
        (
            &LINE.replace("\"Lead\"", "\" \"").replace(":18,", ":0,").replace(":69,", ":null,"),
            "line 4 is invalid: 'name' must hold something other than white space; 'typeId' must be an \
             integer from 1 to 9223372036854775807; 'stageId' is required",
        ),
        (
            &LINE.replace("918", "null").replace("\"version\":3", "\"version\":0"),
            "line 4 is invalid: 'contactId' is required; 'version' must be an integer from 1 to \
             9223372036854775807",
        ),
        (
            &LINE.replace(
                "\"version\":3",
                "\"version\":3,\"version\":3,\"name\":\"a\",\"subtypeId\":1",
            ),
            "line 4 is invalid: 'name' is given more than once; 'version' is given more than once; \
             'subtypeId' is not a known field",
        ),
        (
            &LINE.replace("\"createdAt\":\"2017-05-01T09:00:00.000Z\"", "\"createdAt\":0"),
            "line 4 is invalid: 'createdAt' must be a time like 2017-05-05T14:30:00.123Z (RFC 3339), no \
             finer than a millisecond, in the years 0001 to 9999",
        ),
        (
            &LINE.replace("2017-05-01T09", "2017-06-01T09").replace("107", "\"x\""),
            "line 4 is invalid: 'venueId' must be an integer from 1 to 9223372036854775807; 'modifiedAt' \
             must not be before 'createdAt'",
        ),
        (
            &LINE.split_once(",\"version\"").map(|(start, _)| format!("{start}}}")).unwrap(),
            "line 4 is invalid: 'version' is required; 'createdAt' is required; 'modifiedAt' is required",
        ),
    ] {
        let input = format!("{}\n\n{}\n{bad}\n{}\n", line(1, 1), line(2, 1), line(3, 1));
        let error = refusal(&engine, &input);
        assert_eq!(error.to_string(), format!("nothing was imported, because {text}"), "{bad}");
    }
    for taken in [4, 2] {
        let input = format!("{}\n{}\n{}\n", line(1, 1), line(2, 1), line(taken, 9));
        assert_eq!(
            refusal(&engine, &input).to_string(),
            format!(
                "nothing was imported, because of line 3: there is an opportunity {taken} already"
            )
        );
    }
    // The counter is as it was too.
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(5));
}

#[test]
fn of_keys_that_are_not_known_a_hundred_are_told_and_the_rest_are_counted() {
    let keys: Vec<_> = (100..1_350).map(|nth| format!("\"{nth}\":1")).collect();
    let line = format!("{{{},\"100\":1}}", keys.join(","));
    let error = Engine::in_memory().unwrap().import(line.as_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("; '199' is not a known field; and 1150 more that are not known fields")
    );
    let ImportError::Invalid { violations, .. } = error else { panic!("{error:?}") };
    let is_unknown = |it: &&opportunity_engine::Violation| *it.kind() == ViolationKind::UnknownKey;
    assert_eq!((violations.iter().filter(is_unknown).count(), violations.left_out()), (100, 1_150));
}

#[test]
fn violations_of_a_line_are_data_too() {
    let error = refusal(
        &in_memory(),
        &LINE.replace("\"version\":3", "\"version\":\"\"").replace("107", "0"),
    );
    let ImportError::Invalid { line: 1, violations } = error else { panic!("{error:?}") };
    assert_eq!(violations[0].field(), Some(Field::VenueId));
    assert_eq!(violations[1].subject(), &Subject::System(SystemField::Version));
    assert!(matches!(violations[1].kind(), ViolationKind::Malformed(_)));
}

#[test]
fn what_every_opportunity_has_is_taken_in_any_spelling_and_exported_in_one() {
    let engine = in_memory();
    let spelled = LINE
        .replace("\"id\":755", " \"id\" : \"0755\"")
        .replace("\"version\":3", "\"version\":\"3\"")
        .replace("\"qualityId\":null", "\"qualityId\":\"\"")
        .replace("09:00:00.000Z", "11:00:00+02:00");
    engine.import(spelled.as_bytes()).unwrap();
    assert_eq!(export(&engine), format!("{LINE}\n"));
}

#[test]
fn a_line_may_be_as_long_as_the_options_make_it_and_no_longer() {
    let engine = Engine::options().max_request_bytes(100).in_memory().unwrap();
    let limit = 18 * 100 + 4_096;
    let long = |bytes: usize| {
        let line = line(1, 107);
        line.replace("\"Lead\"", &format!("\"{}\"", "x".repeat(bytes - line.len() + 4)))
    };
    let error = refusal(&engine, &format!("\n{}", long(limit + 1)));
    assert_eq!(
        error.to_string(),
        format!("nothing was imported, because line 2 is longer than {limit} bytes")
    );
    engine.import(long(limit).as_bytes()).unwrap();

    // One that never ends is given up early.
    let mut endless = BufReader::new(io::repeat(b' ').take(1 << 40));
    let error = engine.import(&mut endless).unwrap_err();
    assert!(matches!(error, ImportError::TooLong { line: 1, .. }), "{error:?}");
}

/// The longest that an engine takes in by default comes out and in again. Seen to fail for a limit of 17 times the
/// size of a request.
#[test]
fn the_longest_opportunity_can_be_moved() {
    let engine = in_memory();
    let worst = "\u{1}".repeat(1 << 20);
    let added = engine.add_or_update(lead().name("x".repeat(1 << 20))).unwrap().id();
    engine.add_or_update(Request::update(venue(), added).description(&*worst)).unwrap();
    engine.add_or_update(Request::update(venue(), added).channel_id(&*worst)).unwrap();
    engine
        .add_or_update(Request::update(venue(), added).name(format!("x{}", &worst[1..])))
        .unwrap();
    let exported = export(&engine);
    assert!(exported.len() > 18 << 20, "{}", exported.len());
    let copy = in_memory();
    copy.import(exported.as_bytes()).unwrap();
    assert!(export(&copy) == exported);
}

/// An input that does something in its middle.
fn with_a_middle(start: String, middle: impl FnOnce() -> io::Result<()>) -> impl BufRead {
    struct Middle<F>(Option<F>);
    impl<F: FnOnce() -> io::Result<()>> Read for Middle<F> {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.take().map_or(Ok(()), |run| run()).map(|()| 0)
        }
    }
    BufReader::new(io::Cursor::new(start).chain(Middle(Some(middle))))
}

/// Seen to fail for a transaction that commits when it is dropped.
#[test]
fn an_import_that_is_interrupted_changes_nothing() {
    let engine = in_memory();
    engine.add_or_update(lead()).unwrap();
    let before = export(&engine);

    let torn = lines(2..=500, 1) + &LINE[..40];
    let error = engine.import(with_a_middle(torn, || Err(io::Error::other("torn")))).unwrap_err();
    assert_eq!(error.to_string(), "nothing was imported, because line 500 could not be read");
    assert!(matches!(error, ImportError::Input { source, .. } if source.to_string() == "torn"));
    assert_eq!(export(&engine), before);

    let input = with_a_middle(lines(2..=500, 1), || panic!("a bug of the caller's"));
    assert!(catch_unwind(AssertUnwindSafe(|| engine.import(input))).is_err());
    assert_eq!(export(&engine), before);

    assert_sound(&engine);
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(2));
    engine.import(lines(10..=20, 1).as_bytes()).unwrap();
}

#[test]
fn while_an_import_runs_readers_see_nothing_of_it_and_writers_wait() {
    within(Duration::from_secs(120), || {
        let engine = in_memory();
        engine.add_or_update(lead()).unwrap();
        let (at_work, is_at_work) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let input = with_a_middle(lines(2..=300, 107), move || {
                at_work.send(()).unwrap();
                may_go_on.recv().map_err(io::Error::other)
            });
            let import = scope.spawn(|| engine.import(input));
            is_at_work.recv().unwrap();
            assert_eq!(ids(&engine, 107), [1]);
            assert_eq!(export(&engine).lines().count(), 1);
            let tickets: Vec<_> = (0..10).map(|_| engine.submit(lead()).unwrap()).collect();
            go_on.send(()).unwrap();
            assert_eq!(import.join().unwrap().unwrap(), 299);
            let added: Vec<_> =
                tickets.into_iter().map(|it| it.wait().unwrap().id().get()).collect();
            assert_eq!(added, (301..=310).collect::<Vec<_>>());
        });
        assert_eq!(ids(&engine, 107), (1..=310).collect::<Vec<_>>());
        assert_sound(&engine);
    });
}

/// Seen to fail for an import that takes the write lock with its first line.
#[test]
fn who_waits_for_longer_than_the_busy_timeout_is_told_so() {
    let timeout = Duration::from_millis(50);
    let engine = Engine::options().busy_timeout(timeout).in_memory().unwrap();
    let other = engine.clone();
    let input = with_a_middle(line(7, 107), move || {
        let Err(Error::Aborted(error)) = other.add_or_update(lead()) else { panic!() };
        assert_eq!(error.kind(), StoreErrorKind::Busy);
        // Nor can two imports run at once.
        let Err(ImportError::Aborted(error)) = other.import(LINE.as_bytes()) else { panic!() };
        assert_eq!(error.kind(), StoreErrorKind::Busy);
        Ok(())
    });
    assert_eq!(engine.import(input).unwrap(), 1);
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(8));
    assert_sound(&engine);
}

/// The log grows past its cap, and is moved at the end. Seen to fail for an import that leaves it to the next writer.
#[test]
fn after_a_large_import_the_log_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let options = Engine::options().durability(Durability::Off).log_cap_bytes(1 << 20);
    let engine = options.open(&path).unwrap();
    engine.import(lines(1..=40_000, 9).as_bytes()).unwrap();
    let log = folder.path().join("a.db-wal").metadata().unwrap().len();
    assert!(log > 2 << 20, "{log}");
    for _ in 0..10 {
        engine.add_or_update(lead()).unwrap();
        assert!(engine.health().log_bytes < 1 << 20, "{:?}", engine.health());
    }
    assert_sound(&engine);
}

/// Writers at work all the time: each import is there as a whole, and no add gets an id that is taken.
///
/// Seen to catch: counters that the writer keeps in memory instead of reading them after `BEGIN`.
#[test]
fn imports_and_adds_side_by_side_lose_nothing() {
    let engine = in_memory();
    let added: usize = thread::scope(|scope| {
        let add = || (0..200).filter(|_| engine.add_or_update(lead()).is_ok()).count();
        let adders: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
        for nth in 1..=10 {
            let start = nth * 1_000_000;
            engine.import(lines(start..start + 50, 9).as_bytes()).unwrap();
        }
        adders.into_iter().map(|adder| adder.join().unwrap()).sum()
    });
    assert_eq!(added, 800);
    assert_eq!(ids(&engine, 107).len(), 800);
    assert_eq!(ids(&engine, 9).len(), 500);
    assert_sound(&engine);
}

/// Adds to the engine whenever something is written to it.
struct Adding<'e>(&'e Engine, Vec<u8>);

impl Write for Adding<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.add_or_update(lead()).unwrap();
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Seen to catch: an export that reads a hundred at a time, each hundred of a moment of its own.
#[test]
fn an_export_is_of_one_moment() {
    let engine = in_memory();
    add(&engine, &[1, 2], 2_000);
    let before = export(&engine);
    let mut output = Adding(&engine, Vec::new());
    assert_eq!(engine.export(&mut output).unwrap(), 2_000);
    assert!(output.1 == before.as_bytes());
    assert!(ids(&engine, 107).len() > 5);
}

/// A row is written when it is its turn: memory does not grow with the database.
#[test]
fn an_export_is_streamed() {
    struct GivesUp(usize);
    impl Write for GivesUp {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(bytes.len() <= 64 << 10);
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            panic!("it is not written to its end")
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = open(&path);
    add(&engine, &[1, 2], 2_000);
    // Never come to: the output is given up before.
    let spoil = "UPDATE opportunity SET name = char(0) || 'x' WHERE id = 1999";
    Connection::open(&path).unwrap().execute(spoil, []).unwrap();
    let ExportError::Output { source } = engine.export(GivesUp(300_000)).unwrap_err() else {
        panic!()
    };
    assert_eq!(source.kind(), io::ErrorKind::BrokenPipe);
    let ExportError::Store(error) = engine.export(io::sink()).unwrap_err() else { panic!() };
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
}

#[test]
fn a_closed_engine_neither_exports_nor_imports() {
    let engine = in_memory();
    let clone = engine.clone();
    engine.close().unwrap();
    let ExportError::Store(error) = clone.export(io::sink()).unwrap_err() else { panic!() };
    assert_eq!(error.kind(), StoreErrorKind::Closed);
    let ImportError::Aborted(error) = clone.import(LINE.as_bytes()).unwrap_err() else { panic!() };
    assert_eq!(error.kind(), StoreErrorKind::Closed);
}

/// Seen to catch: an import that is rolled back and told as done.
#[test]
fn what_was_imported_is_there_when_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::open(&path).unwrap();
    engine.import(lines(5..=900, 107).as_bytes()).unwrap();
    engine.close().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a log is left");
    let engine = Engine::open(&path).unwrap();
    assert_eq!(ids(&engine, 107), (5..=900).collect::<Vec<_>>());
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(901));
}
