//! `opportunity list`.

use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use opportunity_engine::{Batch, Durability, Engine, Field, Request, Timestamp, Value, VenueId};
use serde_json::json;

use crate::LEAD;
use crate::place::{Place, lines, start, text};
use crate::support::{hold_write_lock, id, lead, venue};

const DB: [&str; 2] = ["--db", "a.db"];

/// Applies requests at one moment, in this process.
fn fill(place: &Place, requests: impl IntoIterator<Item = Request>) {
    let engine = place.engine(Engine::options().durability(Durability::Off));
    for request in requests {
        engine.add_or_update(request).unwrap();
    }
    engine.close().unwrap();
}

/// The arguments that list the venue.
fn list<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["list", "107"], &DB[..], arguments].concat()
}

/// The ids that are listed.
fn ids(place: &Place, arguments: &[&str]) -> Vec<i64> {
    let printed = place.print(&[&list(&["--json"]), arguments].concat());
    let id = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_i64();
    printed.lines().map(|line| id(line).unwrap()).collect()
}

#[test]
fn the_table_word_for_word() {
    let place = Place::new();
    let of_company = lead().name("東京オフィス移転プロジェクト 第二期 追加見積もり依頼の件");
    let of_company = of_company.company_id(4).company_lead_contact_id(5).stage_id(700);
    fill(
        &place,
        [
            lead(),
            of_company.closed_date("2017-05-05 14:30:00"),
            lead().name("a name with a few more characters than the table has room for"),
            Request::update(venue(), id(1)).name("Grüße"),
        ],
    );
    assert_eq!(
        place.print(&list(&[])),
        "\
id  name                             stageId  belongsTo    closedDate  version  modifiedAt
 1  Grüße                                 69  contact 918                    2  2017-05-05T14:30:00Z
 2  東京オフィス移転プロジェクト …       700  company 4    2017-05-05        1  2017-05-05T14:30:00Z
 3  a name with a few more charact…       69  contact 918                    1  2017-05-05T14:30:00Z
"
    );
    assert_eq!(
        place.print(&list(&["--stage-id", "69", "--limit", "1"])),
        "\
id  name   stageId  belongsTo    closedDate  version  modifiedAt
 1  Grüße       69  contact 918                    2  2017-05-05T14:30:00Z
"
    );
}

#[test]
fn an_empty_list_says_so_beside_the_output() {
    let place = Place::new();
    fill(&place, [lead()]);
    for arguments in [list(&["--stage-id", "70"]), [&["list", "108"], &DB[..]].concat()] {
        let output = place.run(&arguments, "");
        let told = (output.status.code(), text(&output.stdout), text(&output.stderr));
        assert_eq!(told, (Some(0), "", "no opportunities\n"));
        let output = place.run(&[&arguments[..], &["--json"]].concat(), "");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
        assert_eq!(place.print(&[&arguments[..], &["--count"]].concat()), "0\n");
    }
}

#[test]
fn json_is_what_export_writes() {
    let place = Place::new();
    let elsewhere = Request::add(VenueId::new(108).unwrap()).name("x").contact_id(1);
    let elsewhere = elsewhere.type_id(1).source_id(1).stage_id(1);
    fill(&place, [lead(), elsewhere, lead().name("\u{1b}[2J\u{202e}\n\"")]);
    let exported = place.export("a.db");
    let ours = exported.lines().filter(|line| line.contains(r#""venueId":107,"#));
    let ours: String = ours.map(|line| format!("{line}\n")).collect();
    assert_eq!(ours.lines().count(), 2);
    assert_eq!(place.print(&list(&["--json"])), ours);
    assert_eq!(
        place.print(&["get", "107", "3", "--db", "a.db"]),
        ours.lines().last().unwrap().to_owned() + "\n"
    );
}

/// Two opportunities, of which one has a value of its own in every field, and the other in few.
fn full_and_plain() -> [Request; 2] {
    let full = json!({
        "venueId": 107, "name": "Full", "typeId": 1, "stageId": 2, "sourceId": 3, "companyId": 4,
        "companyLeadContactId": 5, "contactId": 6, "qualityId": 7, "industryId": 8, "confirmedQuoteId": 9,
        "confirmedQuoteStatus": 0, "cancelledQuoteId": 11, "lostToCompetition": 12,
        "closedDate": "2017-05-05 14:30:00", "ownerUserId": 13, "stageReasonId": 14, "channelId": "--x",
        "description": "two\nlines",
    });
    let plain = json!({
        "venueId": 107, "name": "Plain", "typeId": 18, "stageId": 69, "sourceId": 25, "companyId": 40,
        "companyLeadContactId": 50,
    });
    [full, plain].map(|it| serde_json::from_value(it).unwrap())
}

/// Seen to fail for options that ask for another field than that of their name, and for one that is not applied.
#[test]
fn each_field_is_a_filter_under_both_of_its_names() {
    let place = Place::new();
    fill(&place, full_and_plain());
    let engine = Engine::open(place.db()).unwrap();
    let [full, plain] = [1, 2].map(|it| engine.get(venue(), id(it)).unwrap().unwrap());
    engine.close().unwrap();
    for &field in Field::DETAILS {
        let value = match full.value(field).unwrap() {
            Value::Integer(integer) => integer.to_string(),
            Value::Text(text) => text.into_owned(),
            Value::Date(date) => date.to_string(),
            other => panic!("{other:?}"),
        };
        for name in [field.column().replace('_', "-"), field.wire_name().to_owned()] {
            assert_eq!(ids(&place, &[&format!("--{name}={value}")]), [1], "{field}");
            let other = if field == Field::ClosedDate { "2017-05-05" } else { "1234567" };
            assert_eq!(ids(&place, &[&format!("--{name}={other}")]), [0; 0], "{field}");
            let none = format!("--{name}=none");
            match plain.value(field) {
                None => assert_eq!(ids(&place, &[&none]), [2], "{field}"),
                // A name like any other.
                Some(_) if field == Field::Name => assert_eq!(ids(&place, &[&none]), [0; 0]),
                Some(_) if field == Field::CompanyId || field == Field::CompanyLeadContactId => {
                    assert_eq!(ids(&place, &[&none]), [0; 0], "{field}");
                }
                Some(_) => {
                    let output = place.run(&list(&[&none]), "");
                    assert_eq!(output.status.code(), Some(2), "{field}");
                    assert!(text(&output.stderr).contains("must be an integer"), "{field}");
                }
            }
        }
    }
}

/// Each was seen to fail without its condition.
#[test]
fn there_are_filters_by_a_part_of_the_name_and_by_time() {
    let place = Place::new();
    fill(&place, full_and_plain());
    for (arguments, expected) in [
        (&[][..], &[1, 2][..]),
        (&["--name-starts-with", "fu"], &[1]),
        (&["--name-starts-with", "l"], &[]),
        (&["--name-contains", "L"], &[1, 2]),
        (&["--name-contains", "LAI"], &[2]),
        (&["--closed-from", "2017-05-05 14:30:00"], &[1]),
        (&["--closed-from", "2017-05-06"], &[]),
        (&["--closed-before", "2017-05-06"], &[1]),
        (&["--closed-before", "2017-05-05 14:30:00 UTC"], &[]),
        (&["--closed-from", "2017-05-05", "--closed-before", "2017-05-05 14:30:00"], &[]),
        (&["--closed-from", "2017-05-05", "--closed-before", "2017-05-06"], &[1]),
        (&["--modified-since", "2017-05-05T14:30:00.123Z"], &[1, 2]),
        (&["--modified-since", "2017-05-05T14:30:00.124Z"], &[]),
        (&["--modified-since", "2017-05-05 14:30:00"], &[1, 2]),
        (&["--modified-since", "2017-05-06"], &[]),
        (&["--name-contains", "l", "--owner-user-id", "none"], &[2]),
    ] {
        assert_eq!(ids(&place, arguments), expected, "{arguments:?}");
        let count = place.print(&[&list(&["--count"]), arguments].concat());
        assert_eq!(count, format!("{}\n", expected.len()), "{arguments:?}");
    }
}

#[test]
fn what_no_filter_can_be_is_bad_usage_and_names_the_option() {
    let place = Place::new();
    fill(&place, [lead()]);
    for (arguments, told) in [
        (&["--stage-id", "won"][..], "'--stage-id <ID>': the value must be an integer from 1 to "),
        (&["--closed-date", "May"], "'--closed-date <VALUE|none>': the value must be a date "),
        (&["--closed-from", "May"], "'--closed-from <DATE>': the value must be a date "),
        (
            &["--modified-since", "May"],
            "'--modified-since <TIME>': it must be a date yyyy-mm-dd, or ",
        ),
        (
            &["--name", " "],
            "'--name <VALUE>': the value must hold something other than white space",
        ),
        (&["--order", "name"], "invalid value 'name' for '--order <ORDER>'"),
        (&["--count", "--json"], "cannot be used with"),
        (&["--colour", "1"], "unexpected argument '--colour'"),
    ] {
        let output = place.run(&list(arguments), "");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

/// Seen to fail for a table that ends with its first page or has room for its names alone, and for a limit of the
/// page alone.
#[test]
fn a_long_list_is_listed_to_its_end_in_either_order() {
    let place = Place::new();
    let minutes = AtomicI64::new(0);
    let clock = move || Timestamp::from_millis(60_000 * minutes.fetch_add(1, Relaxed));
    let options = Engine::options().clock(clock).durability(Durability::Off);
    let engine = options.open(place.db()).unwrap();
    engine.add_or_update_all(vec![lead(); 2_300], Batch::EachOnItsOwn).unwrap();
    for (number, name) in [(2_300, "longer than others"), (7, "the last one")] {
        engine.add_or_update(Request::update(venue(), id(number)).name(name)).unwrap();
    }
    engine.close().unwrap();

    assert!(ids(&place, &[]).into_iter().eq(1..=2_300));
    assert!(ids(&place, &["--limit", "1500"]).into_iter().eq(1..=1_500));
    let by_change = ids(&place, &["--order", "last-change"]);
    assert_eq!((by_change.len(), by_change.last()), (2_300, Some(&7)));
    let table = place.print(&list(&[]));
    assert!(table.lines().last().unwrap().contains("  longer than others  "), "it has room");
    let numbers = table.lines().skip(1).map(|line| line.split_whitespace().next().unwrap());
    assert!(numbers.map(|it| it.parse::<i64>().unwrap()).eq(1..=2_300));
    assert_eq!(place.print(&list(&["--limit", "1500"])).lines().count(), 1_501);
}

/// Seen to fail for names that are printed as they are.
#[test]
fn no_name_can_move_the_terminal_or_break_the_table() {
    let place = Place::new();
    let hostile = [
        "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31m".to_owned(),
        "\u{9b}2J".to_owned(),
        "one\r\ntwo\u{2028}three\u{85}".to_owned(),
        "\u{202e}gpj.exe\u{2066}".to_owned(),
        "שלום 107".to_owned(),
        "x\u{8}\u{8}\u{8}\u{7f}".to_owned(),
        "東".repeat(300_000),
        "\u{1b}".repeat(300_000),
        format!("Z{}", "\u{334}".repeat(300_000)),
        "\t\t\t\tx".to_owned(),
    ];
    fill(&place, hostile.iter().map(|name| lead().name(name.clone())));
    let table = place.print(&list(&[]));
    assert_eq!(table.lines().count(), hostile.len() + 1, "{table}");
    let is_harmful = |it: &char| {
        it.is_control()
            || matches!(it, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(table.chars().find(|it| *it != '\n' && is_harmful(it)), None);
    for line in table.lines().skip(1) {
        assert!(line.ends_with("  2017-05-05T14:30:00Z") && line.len() < 1_000, "{line}");
    }
    assert!(table.contains(r"  \u{202e}gpj.exe\u{2066} "), "{table}");
    assert!(table.contains(r"  one\r\ntwo\u{2028}three\u{85} "), "{table}");
}

#[test]
fn a_reader_of_a_list_that_goes_away_is_told_and_no_panic() {
    let place = Place::new();
    fill(&place, (0..2_000).map(|_| lead()));
    for format in [None, Some("--json")] {
        let mut child = start(place.program(&list(&[])).args(format));
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.starts_with("opportunity: could not write the output: Broken pipe"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

/// The commands that look at a database.
const LOOKS: [&[&str]; 4] = [&["list", "107"], &["get", "107", "1"], &["changes"], &["stats"]];

fn look(place: &Place, look: &[&str], db: &str) -> std::process::Output {
    place.run(&[look, &["--db", db]].concat(), "")
}

#[test]
fn what_looks_at_a_database_creates_none() {
    let place = Place::new();
    std::fs::write(place.path("other.db"), "dear diary").unwrap();
    for arguments in LOOKS {
        for (db, told) in
            [("a.db", "does not exist or is empty"), ("other.db", "is not an opportunity database")]
        {
            let output = look(&place, arguments, db);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
            assert!(text(&output.stderr).contains("could not open the database: "));
            assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
        }
    }
    assert_eq!(place.files(), ["other.db"]);
}

/// A backup, and a database of the first schema version, which knows no changes. Seen to fail for commands that
/// open an engine.
#[test]
fn what_looks_at_a_database_changes_nothing_of_it() {
    let place = Place::new();
    fill(&place, [lead()]);
    place.print(&["backup", "backup.db", "--db", "a.db"]);
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/schema-1.db");
    std::fs::copy(old, place.path("old.db")).unwrap();
    let files = place.files();
    for db in ["a.db", "backup.db", "old.db"] {
        let before = std::fs::read(place.path(db)).unwrap();
        for arguments in LOOKS {
            let output = look(&place, arguments, db);
            let expected = if arguments == ["changes"] { 3 } else { 0 };
            assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
        }
        assert!(std::fs::read(place.path(db)).unwrap() == before, "{db}");
    }
    assert_eq!(place.files(), files);
}

/// The one that writes is another process, in the middle of its work.
#[test]
fn a_database_that_is_in_use_is_looked_at() {
    let place = Place::new();
    let mut writer = start(&mut place.applying(&["--history", "on"]));
    let mut requests = writer.stdin.take().unwrap();
    let mut replies = std::io::BufReader::new(writer.stdout.take().unwrap());
    let mut reply = String::new();
    writeln!(requests, "{LEAD}").unwrap();
    std::io::BufRead::read_line(&mut replies, &mut reply).unwrap();
    let lock = hold_write_lock(&place.db());
    for arguments in LOOKS {
        let output = look(&place, arguments, "a.db");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        assert!(!lines(&output.stdout).is_empty(), "{arguments:?}");
    }
    drop(lock);
    writeln!(requests, "{LEAD}").unwrap();
    std::io::BufRead::read_line(&mut replies, &mut reply).unwrap();
    assert_eq!(ids(&place, &[]), [1, 2]);
    drop(requests);
    assert!(writer.wait().unwrap().success());
    assert_eq!(place.files(), ["a.db"], "whoever ends last leaves nothing");
}

#[test]
fn a_list_that_meets_damage_says_so() {
    let place = Place::new();
    fill(&place, [lead(), lead()]);
    let by_hand = rusqlite::Connection::open(place.db()).unwrap();
    by_hand.execute_batch("UPDATE opportunity SET name = char(160) WHERE id = 2").unwrap();
    by_hand.close().unwrap();
    let output = place.run(&list(&[]), "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the database is damaged"), "{output:?}");
}
