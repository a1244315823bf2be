//! The checks themselves: that they complain of whatever they are there to see, and of nothing else.

use std::path::Path;

use opportunity_engine::{OpportunityId, VenueId};
use rusqlite::Connection;

use super::content::{Command, Row, Token};
use super::database::look;
use super::history::History;
use super::invariant::{Rows, complaints};
use super::process::Process;
use super::record::{Answer, Call, Line};
use super::support::by_hand;
use super::work::Job;

/// Something that a database must not show, and what the complaint of it says.
const WRONGS: [(&str, &str); 19] = [
    (
        "DELETE FROM opportunity WHERE id = (SELECT last_id FROM engine_state);
         UPDATE engine_state SET last_id = last_id - 1",
        "lost: ",
    ),
    (
        "UPDATE opportunity SET version = version - 1
         WHERE id = (SELECT id FROM opportunity WHERE version > 2 LIMIT 1)",
        "lost: ",
    ),
    ("UPDATE opportunity SET version = version + 1 WHERE id = 1", "were made by nobody"),
    ("UPDATE opportunity SET stage_id = stage_id + 1 WHERE id = 1", "stageId is not that of"),
    (
        "UPDATE opportunity SET industry_id = contact_id WHERE id = (
             SELECT id FROM opportunity WHERE industry_id NOT IN (contact_id, type_id) LIMIT 1)",
        "is not what",
    ),
    ("UPDATE opportunity SET venue_id = 1 + venue_id % 5 WHERE id = 1", "1 was added by"),
    (
        "CREATE TEMP TABLE double AS SELECT * FROM opportunity WHERE id = 1;
         UPDATE engine_state SET last_id = last_id + 1;
         UPDATE double SET id = (SELECT last_id FROM engine_state);
         INSERT INTO opportunity SELECT * FROM double",
        "was added twice",
    ),
    ("DELETE FROM opportunity WHERE id = 2", "the ids have a gap"),
    ("UPDATE engine_state SET last_id = last_id + 1", "the counter is"),
    ("INSERT INTO opportunity_by_venue VALUES (1, 1000000)", "entries of the index are of no row"),
    ("UPDATE engine_state SET indexed_id = 3, run_id = 3", "the list of venue"),
    (
        "PRAGMA ignore_check_constraints = 1;
         UPDATE opportunity SET confirmed_quote_status = -1 WHERE id = 1",
        "CHECK constraint failed",
    ),
    ("DELETE FROM opportunity_change WHERE sequence = 2", "the feed has a gap"),
    (
        "DELETE FROM opportunity_change WHERE sequence = (SELECT last_sequence FROM change_feed);
         UPDATE change_feed SET last_sequence = last_sequence - 1",
        "no record of",
    ),
    (
        "UPDATE opportunity_change SET version = version - 1 WHERE sequence = (
             SELECT sequence FROM opportunity_change WHERE version > 1 LIMIT 1)",
        "there are two records of",
    ),
    (
        "INSERT INTO opportunity_change SELECT last_sequence + 1, venue_id, opportunity_id, 1000, kind,
             changed_at, created_at, fields, 0 FROM opportunity_change, change_feed WHERE sequence = 1;
         UPDATE change_feed SET last_sequence = last_sequence + 1",
        "a record of",
    ),
    ("UPDATE idempotency_key SET opportunity_id = 1000000", "an idempotency key of venue"),
    ("UPDATE idempotency_key SET opportunity_id = 1", "was answered by"),
    ("DELETE FROM idempotency_key", "was answered by"),
];

#[test]
fn a_look_at_a_database_complains_of_whatever_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let job = Job { calls: 20, history: true, ..Job::new(path.clone(), 1, 0) };
    let record = Process::start(&job).finish();
    let look_at = |path: &Path| look(path, &Rows::new(), &record);
    look_at(&path).unwrap();

    let copy = folder.path().join("copy.db");
    for (wrong, expected) in WRONGS {
        std::fs::copy(&path, &copy).unwrap();
        by_hand::change(&Connection::open(&copy).unwrap(), wrong);
        let complaints = look_at(&copy).expect_err(wrong);
        let is_expected = complaints.iter().any(|complaint| complaint.contains(expected));
        assert!(is_expected, "{wrong}: {complaints:#?}");
    }
    std::fs::write(&copy, "no database").unwrap();
    assert!(look_at(&copy).unwrap_err()[0].contains("it cannot be opened"));
}

/// A record without its last answers: as if the process had been killed before it told them.
fn without_answers(record: &[Line], last: usize) -> Vec<Line> {
    let is_answer = |line: &&Line| matches!(line, Line::Answered(_));
    let answers = record.iter().filter(is_answer).count();
    let mut left = answers - last;
    let is_told = |line: &&Line| {
        let is_left = !is_answer(line) || left > 0;
        left -= usize::from(is_answer(line) && is_left);
        is_left
    };
    record.iter().filter(is_told).cloned().collect()
}

#[test]
fn what_has_a_key_and_no_answer_is_carried_out_once_when_it_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let job = Job { calls: 20, history: true, ..Job::new(path.clone(), 1, 0) };
    let record = without_answers(&Process::start(&job).finish(), 20);
    let keyed = Token::new(2, 1);
    assert!(keyed.key().is_some());
    let never_carried_out = [&record[..], &[asked(&[add(keyed)])]].concat();

    let copy = folder.path().join("copy.db");
    let look_at = |record: &[Line], wrong: &str| {
        std::fs::copy(&path, &copy).unwrap();
        Connection::open(&copy).unwrap().execute_batch(wrong).unwrap();
        look(&copy, &Rows::new(), record)
    };
    let (before, after) = (look_at(&record, "").unwrap(), look_at(&never_carried_out, "").unwrap());
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(after.values().next_back(), Some(&Row::added_by(&add(keyed))));
    let complaints = look_at(&record, "DELETE FROM idempotency_key").unwrap_err();
    for expected in ["was added twice", "changed nothing"] {
        let is_made = complaints.iter().any(|complaint| complaint.contains(expected));
        assert!(is_made, "{expected}: {complaints:#?}");
    }
}

const ADDED: Token = Token::new(1, 1);

fn id(value: i64) -> OpportunityId {
    OpportunityId::new(value).unwrap()
}

fn add(token: Token) -> Command {
    Command { token, venue: VenueId::new(1).unwrap(), id: None }
}

fn update(token: Token) -> Command {
    Command { id: Some(id(1)), ..add(token) }
}

fn asked(commands: &[Command]) -> Line {
    Line::Asked(Call { all_or_nothing: commands.len() > 1, commands: commands.to_vec() })
}

fn done(token: Token, version: i64) -> Line {
    Line::Answered(vec![(token, Answer::Done { id: id(1), version })])
}

fn aborted(token: Token) -> Line {
    Line::Answered(vec![(token, Answer::Aborted("Io".to_owned()))])
}

fn unknown(token: Token) -> Line {
    Line::Answered(vec![(token, Answer::Unknown("Io".to_owned()))])
}

/// Opportunity 1 as it was found, at this version, last written by this command.
fn found(version: i64, written: Token) -> Rows {
    let mut row = Row { version, written, ..Row::added_by(&add(ADDED)) };
    row.lanes[written.lane()] = written;
    Rows::from([(id(1), row)])
}

/// What is said of opportunity 1, which was there before, when this was told since.
fn said(lines: &[Line], after: &Rows) -> String {
    complaints(&found(1, ADDED), &History::of(lines), after).join("\n")
}

#[test]
fn what_has_no_certain_answer_may_be_there_or_not() {
    let [first, second] = [Token::new(2, 1), Token::new(2, 2)];
    for ending in [vec![], vec![unknown(first)]] {
        let lines = [vec![asked(&[update(first)])], ending].concat();
        assert_eq!(said(&lines, &found(1, ADDED)), "");
        assert_eq!(said(&lines, &found(2, first)), "");
        assert!(said(&lines, &found(2, second)).contains("is not what"));
        assert!(said(&lines, &found(3, first)).contains("were made by nobody"));
    }
}

#[test]
fn an_acknowledged_update_is_there_and_an_aborted_one_is_not() {
    let [first, second] = [Token::new(2, 1), Token::new(2, 2)];
    let is_done = [asked(&[update(first)]), done(first, 2)];
    assert_eq!(said(&is_done, &found(2, first)), "");
    assert!(said(&is_done, &found(1, ADDED)).contains("lost: "));
    let is_aborted = [asked(&[update(first)]), aborted(first)];
    assert_eq!(said(&is_aborted, &found(1, ADDED)), "");
    assert!(said(&is_aborted, &found(2, first)).contains("were made by nobody"));
    // Under another update, which was acknowledged.
    let both = [is_aborted.to_vec(), vec![asked(&[update(second)]), done(second, 3)]].concat();
    assert!(said(&both, &found(3, second)).contains("were made by nobody"));
}

#[test]
fn an_aborted_add_is_not_there() {
    let token = Token::new(2, 1);
    let lines = [asked(&[add(token)]), aborted(token)];
    let mut after = found(1, ADDED);
    assert_eq!(said(&lines, &after), "");
    after.insert(id(2), Row::added_by(&add(token)));
    assert!(said(&lines, &after).contains("2 was added by"));
}

#[test]
fn a_version_is_acknowledged_once() {
    let [first, second] = [Token::new(2, 1), Token::new(2, 2)];
    let lines =
        [asked(&[update(first)]), done(first, 2), asked(&[update(second)]), done(second, 2)];
    assert!(said(&lines, &found(2, second)).contains("both made version 2 of 1"));
}

#[test]
fn a_batch_without_an_answer_is_there_as_a_whole_or_not_at_all() {
    let [first, second, third] = [Token::new(2, 1), Token::new(2, 2), Token::new(2, 4)];
    let with = |rows: &Rows, number, token| {
        let mut rows = rows.clone();
        rows.insert(id(number), Row::added_by(&add(token)));
        rows
    };
    let lines = [asked(&[add(first), add(second), update(third)])];
    let (nothing, updated) = (found(1, ADDED), found(2, third));
    assert_eq!(said(&lines, &nothing), "");
    assert_eq!(said(&lines, &with(&with(&updated, 2, first), 3, second)), "");
    for part in [
        with(&updated, 2, first),
        with(&with(&nothing, 2, first), 3, second),
        with(&nothing, 2, second),
        updated,
    ] {
        assert!(said(&lines, &part).contains("of a batch there is a part"), "{part:?}");
    }
}

#[test]
fn two_answers_to_what_was_sent_under_a_key_are_the_same() {
    let keyed = Token::new(2, 1);
    assert!(keyed.key().is_some());
    let both = |one: Line, other: Line| [asked(&[update(keyed)]), one, other];
    let refused = || Line::Answered(vec![(keyed, Answer::Refused)]);
    assert_eq!(said(&both(done(keyed, 2), done(keyed, 2)), &found(2, keyed)), "");
    for (one, other) in
        [(done(keyed, 2), done(keyed, 3)), (done(keyed, 2), refused()), (refused(), done(keyed, 2))]
    {
        assert!(said(&both(one, other), &found(2, keyed)).contains("was answered by"));
    }
    // What is done is done, whatever became of the other attempt; else it may be there if one is unknown.
    for other in [aborted(keyed), unknown(keyed)] {
        for record in [both(done(keyed, 2), other.clone()), both(other, done(keyed, 2))] {
            assert_eq!(said(&record, &found(2, keyed)), "");
            assert!(said(&record, &found(1, ADDED)).contains("lost: "));
        }
    }
    for record in [both(unknown(keyed), aborted(keyed)), both(aborted(keyed), unknown(keyed))] {
        assert_eq!(said(&record, &found(2, keyed)), "");
        assert_eq!(said(&record, &found(1, ADDED)), "");
    }
    let without = Token::new(2, 2);
    let record = [asked(&[update(without)]), done(without, 2), done(without, 2)];
    assert!(said(&record, &found(2, without)).contains("was answered by"));
}

#[test]
fn an_answer_belongs_to_a_question() {
    let token = Token::new(2, 1);
    assert!(said(&[done(token, 2)], &found(1, ADDED)).contains("never asked for"));
    let twice = [asked(&[add(token)]), asked(&[add(token)])];
    assert!(said(&twice, &found(1, ADDED)).contains("asked for twice"));
}
