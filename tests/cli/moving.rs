//! Requests in CSV, export and import.

use std::process::Output;

use crate::place::{Place, lines, text};

const HEADER: &str = "id,venueId,name,contactId,typeId,sourceId,stageId,channelId,description\r\n";

/// Applies requests of CSV.
fn apply(place: &Place, arguments: &[&str], input: impl AsRef<[u8]> + Send) -> Output {
    place.apply(&[&["--format", "csv"], arguments].concat(), input)
}

#[test]
fn rows_are_requests_and_an_empty_cell_is_an_empty_field() {
    let place = Place::new();
    let rows = [
        ",107,Lead,918,18,25,69,007,\"two\nlines, and a \"\"quote\"\"\"",
        ",107,,918,18,25,069,,",
        "",
        "1,107,New,918,18,25,69,,kept",
        ",,,,,,,,",
    ];
    let output = apply(&place, &[], HEADER.to_owned() + &rows.join("\r\n"));
    assert_eq!(
        lines(&output.stdout),
        [
            r#"{"success":true,"id":1}"#,
            r#"{"success":false,"id":null,"errorCode":400,"specificCode":24224,"message":"the opportunity details are invalid","additionalMessages":["'name' is required"]}"#,
            r#"{"success":true,"id":1}"#,
            r#"{"success":false,"id":null,"errorCode":400,"specificCode":24221,"message":"the request is empty","additionalMessages":[]}"#,
        ]
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output.stderr)[..2], ["added 1", "updated 1"]);
    let exported = place.export("a.db");
    assert!(
        exported.contains(r#""channelId":null,"description":"kept","version":2"#),
        "{exported}"
    );
}

#[test]
fn a_quoted_text_and_a_byte_order_mark_are_read() {
    let place = Place::new();
    let row = ",107,Lead,918,18,25,69,007,\"two\nlines, and a \"\"quote\"\"\"";
    std::fs::write(place.path("in.CSV"), format!("\u{feff}{HEADER}{row}")).unwrap();
    let output = place.run(&["apply", "in.CSV", "--db", "a.db", "--strict"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let exported = place.export("a.db");
    let expected = r#""channelId":"007","description":"two\nlines, and a \"quote\"""#;
    assert!(exported.contains(expected), "{exported}");
    // The name of a file decides only if nothing else does.
    let output = place.run(&["apply", "in.CSV", "--db", "a.db", "--format", "json"], "");
    assert!(text(&output.stderr).contains("24224: "), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("added 0\n"));
}

#[test]
fn a_header_that_is_not_known_or_given_twice_refuses_each_row() {
    let place = Place::new();
    let output = apply(&place, &["--strict"], "name,NAME,name\na,b,c\n");
    let reply = text(&output.stdout);
    assert!(reply.contains("\"'name' is given more than once\""), "{reply}");
    assert!(reply.contains("\"'NAME' is not a known field\""), "{reply}");
    assert_eq!(output.status.code(), Some(3));
    let output = apply(&place, &["--strict"], HEADER);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

/// Seen to fail for rows that may have any number of cells.
#[test]
fn a_row_that_cannot_be_read_ends_the_run() {
    let good = format!("{HEADER},107,Lead,918,18,25,69,,\n");
    for (bad, told) in [
        (&b",107,Lead\n"[..], "could not read the input: CSV error: record 2 (line: 3, byte: "),
        (
            b",107,Lead,918,18,25,69,,,\n",
            "found record with 10 fields, but the previous record has 9",
        ),
        (b",107,\xff,918,18,25,69,,\n", "invalid UTF-8"),
        (&[b'x'; 3 << 20], "a row is too long"),
    ] {
        let input = [good.as_bytes(), bad, b",107,Lead,918,18,25,69,,\n"].concat();
        let place = Place::new();
        let output = apply(&place, &[], &input);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
        assert_eq!(lines(&output.stdout), [r#"{"success":true,"id":1}"#]);
        assert_eq!(place.export("a.db").lines().count(), 1);

        let place = Place::new();
        let output = apply(&place, &["--batch", "all"], &input);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert_eq!(place.export("a.db"), "");
    }
}

#[test]
fn a_database_is_moved_with_ids_versions_and_times() {
    let place = Place::new();
    apply(
        &place,
        &[],
        format!(
            "{HEADER},107,Lead,918,18,25,69,,\n,108,Lead,918,18,25,69,,\n1,107,New,918,18,25,69,,x\n"
        ),
    );
    let output = place.run(&["export", "--db", "a.db"], "");
    assert_eq!(text(&output.stderr), "exported 2\n");
    let exported = text(&output.stdout);
    assert_eq!(exported.lines().count(), 2);

    std::fs::write(place.path("a.ndjson"), exported).unwrap();
    let output = place.run(&["import", "a.ndjson", "--db", "b.db"], "");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), "imported 2\n"));
    let output = place.run(&["import", "-", "--db", "c.db"], exported);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), "imported 2\n"));
    for copy in ["b.db", "c.db"] {
        assert_eq!(place.export(copy), exported);
        let output = place.run(&["check", "--db", copy, "--full"], "");
        assert_eq!(text(&output.stdout), "sound: 2 opportunities\n");
    }

    let again = place.run(&["import", "a.ndjson", "--db", "b.db"], "");
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(
        text(&again.stderr),
        "opportunity: could not import: nothing was imported, because of line 1: there is an opportunity 1 \
         already\n"
    );
    assert_eq!(place.export("b.db"), exported);
}

#[test]
fn how_moving_fails_shows_in_the_status() {
    let place = Place::new();
    let output = place.run(&["export", "--db", "a.db"], "");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let output = place.run(&["import", "missing.ndjson", "--db", "a.db"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(!place.path("a.db").exists());
    for (line, told) in [
        ("{}", "line 1 is invalid: 'id' is required; 'venueId' is required; "),
        ("id,name\n", "line 1 is not valid JSON at column 1: "),
    ] {
        let output = place.run(&["import", "-", "--db", "a.db"], line);
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
    std::fs::write(place.path("foreign.db"), "something else").unwrap();
    let output = place.run(&["import", "-", "--db", "foreign.db"], "");
    assert_eq!(output.status.code(), Some(1));
}
