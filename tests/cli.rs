//! The program `opportunity`, run as a process.

#[path = "cli/changing.rs"]
mod changing;
#[path = "cli/describing.rs"]
mod describing;
#[path = "cli/listing.rs"]
mod listing;
#[path = "cli/measuring.rs"]
mod measuring;
#[path = "cli/moving.rs"]
mod moving;
#[path = "cli/place.rs"]
mod place;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use place::{Place, lines, start, text};

const LEAD: &str =
    r#"{"venueId":107,"name":"Lead","contactId":918,"typeId":18,"sourceId":25,"stageId":69}"#;
const NO_SUCH: &str = r#"{"id":99,"venueId":107,"name":"x"}"#;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_opportunity"))
}

#[test]
fn replies_come_in_order_and_byte_for_byte() {
    let place = Place::new();
    let input = [
        LEAD,
        "",
        LEAD,
        "not json\r",
        " \t",
        NO_SUCH,
        "{}",
        r#"{"id":1,"venueId":107,"name":"New"}"#,
    ];
    let output = place.apply(&[], input.join("\n").as_bytes());
    assert_eq!(
        lines(&output.stdout),
        [
            r#"{"success":true,"id":1}"#,
            r#"{"success":true,"id":2}"#,
            r#"{"success":false,"id":null,"errorCode":400,"specificCode":24224,"message":"the opportunity details are invalid","additionalMessages":["the request is not valid JSON at line 1, column 2: expected ident"]}"#,
            r#"{"success":false,"id":null,"errorCode":404,"specificCode":24222,"message":"opportunity 99 does not exist in venue 107","additionalMessages":[]}"#,
            r#"{"success":false,"id":null,"errorCode":400,"specificCode":24221,"message":"the request is empty","additionalMessages":[]}"#,
            r#"{"success":true,"id":1}"#,
        ]
    );
    assert_eq!(output.status.code(), Some(0));
    let summary = lines(&output.stderr);
    assert_eq!(
        summary[..5],
        [
            "added 2",
            "updated 1",
            "unchanged 0",
            "refused 3 (24221: 1, 24222: 1, 24224: 1)",
            "failed 0"
        ]
    );
    assert!(
        summary[5].starts_with("6 requests in ") && summary[5].ends_with(" requests/s"),
        "{summary:?}"
    );
    assert_eq!(summary.len(), 6);
}

#[test]
fn an_empty_input_is_no_request() {
    let output = Place::new().apply(&["--strict"], b"\n\n  \r\n");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert!(text(&output.stderr).contains("\n0 requests in "));
}

#[test]
fn a_line_of_any_length_is_refused_and_the_rest_goes_on() {
    let place = Place::new();
    let mut input = vec![b'x'; 50 << 20];
    input.extend_from_slice(format!("\r\n{LEAD}\r\n").as_bytes());
    let output = place.apply(&[], &input);
    assert_eq!(
        lines(&output.stdout),
        [
            r#"{"success":false,"id":null,"errorCode":400,"specificCode":24224,"message":"the opportunity details are invalid","additionalMessages":["the request must be at most 1048576 bytes"]}"#,
            r#"{"success":true,"id":1}"#,
        ]
    );
}

#[test]
fn a_file_is_read_and_the_replies_go_to_a_file() {
    let place = Place::new();
    std::fs::write(place.path("in"), format!("{LEAD}\n{LEAD}")).unwrap();
    let output = program()
        .arg("apply")
        .arg(place.path("in"))
        .arg("--db")
        .arg(place.db())
        .arg("--replies")
        .arg(place.path("out"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
    let replies = std::fs::read_to_string(place.path("out")).unwrap();
    assert_eq!(replies, "{\"success\":true,\"id\":1}\n{\"success\":true,\"id\":2}\n");
}

#[test]
fn a_batch_of_all_applies_everything_or_nothing() {
    let place = Place::new();
    let output =
        place.apply(&["--batch", "all"], format!("{LEAD}\n{NO_SUCH}\n{LEAD}\n[\n").as_bytes());
    let withdrawn = r#"{"success":false,"id":null,"errorCode":424,"specificCode":null,"message":"aborted, nothing was changed: could not accept the request: another request of its all-or-nothing batch was refused; correct that one and send the batch again","additionalMessages":[]}"#;
    let replies = lines(&output.stdout);
    assert_eq!((replies[0], replies[2], replies.len()), (withdrawn, withdrawn, 4));
    assert!(replies[1].contains("24222") && replies[3].contains("24224"), "{replies:?}");
    assert_eq!(output.status.code(), Some(0), "every request was answered");
    let summary = text(&output.stderr);
    assert!(summary.starts_with("added 0\n"), "{summary}");
    assert!(
        summary.contains("\nwithdrawn 2 (another request of the batch was refused)\n"),
        "{summary}"
    );

    let output =
        place.apply(&["--batch", "all", "--strict"], format!("{LEAD}\n{LEAD}\n").as_bytes());
    assert_eq!(lines(&output.stdout), [r#"{"success":true,"id":1}"#, r#"{"success":true,"id":2}"#]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn strict_tells_of_a_refusal_in_the_exit_status() {
    let place = Place::new();
    assert_eq!(place.apply(&["--strict"], LEAD.as_bytes()).status.code(), Some(0));
    assert_eq!(place.apply(&["--strict"], NO_SUCH.as_bytes()).status.code(), Some(3));
    assert_eq!(
        place.apply(&["--strict", "--batch", "all"], NO_SUCH.as_bytes()).status.code(),
        Some(3)
    );
    assert_eq!(place.apply(&[], NO_SUCH.as_bytes()).status.code(), Some(0));
}

#[test]
fn bad_usage_is_told_in_the_exit_status() {
    let place = Place::new();
    let status = |command: &mut Command| command.output().unwrap().status.code();
    assert_eq!(status(&mut program()), Some(2));
    assert_eq!(status(program().args(["apply", "-"])), Some(2));
    assert_eq!(status(&mut place.applying(&["--batch", "some"])), Some(2));
    assert_eq!(status(program().args(["get", "0", "1", "--db", "x"])), Some(2));
    let output = program().args(["apply", "missing", "--db"]).arg(place.db()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("opportunity: could not open missing: No such file"));
    let folder =
        program().arg("apply").arg(place.folder()).arg("--db").arg(place.db()).output().unwrap();
    assert_eq!(folder.status.code(), Some(2));
    let output = place.apply(&["--replies", "/nowhere/replies"], LEAD.as_bytes());
    assert_eq!(output.status.code(), Some(2));
}

/// Seen to fail for paths that are compared only if there is a file already, and for a look before the database is
/// there alone.
#[test]
fn replies_are_never_written_over_the_requests_or_the_database() {
    let apply = |place: &Place, replies: std::path::PathBuf| {
        let mut apply = program();
        apply.arg("apply").arg(place.path("in")).arg("--db").arg(place.db());
        apply.arg("--replies").arg(replies).output().unwrap()
    };
    for is_new in [true, false] {
        let place = Place::new();
        std::fs::write(place.path("in"), LEAD).unwrap();
        if !is_new {
            place.apply(&[], LEAD.as_bytes());
        }
        let database = std::fs::read(place.db()).ok();
        let beside =
            ["-wal", "-shm", "-journal"].map(|suffix| place.path(&format!("a.db{suffix}")));
        let same = [place.path("in"), place.db(), place.folder().join("./a.db")];
        for replies in same.into_iter().chain(beside) {
            let output = apply(&place, replies);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
        }
        assert!(std::fs::read(place.db()).ok() == database);
        std::os::unix::fs::symlink(place.db(), place.path("link")).unwrap();
        assert_eq!(apply(&place, place.path("link")).status.code(), Some(2));
        std::fs::hard_link(place.path("in"), place.path("other name")).unwrap();
        assert_eq!(apply(&place, place.path("other name")).status.code(), Some(2));
        assert_eq!(std::fs::read_to_string(place.path("in")).unwrap(), LEAD);
        let output = apply(&place, place.path("replies"));
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_a_failure_of_the_store() {
    let place = Place::new();
    let notes = "dear diary, ".repeat(500);
    std::fs::write(place.db(), &notes).unwrap();
    let output = place.apply(&[], LEAD.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not an opportunity database"), "{output:?}");
    assert_eq!(std::fs::read_to_string(place.db()).unwrap(), notes);
}

#[test]
fn a_reply_does_not_wait_for_further_input() {
    let place = Place::new();
    let mut child = start(&mut place.applying(&[]));
    let mut stdin = child.stdin.take().unwrap();
    let replies = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        replies.lines().for_each(|line| sender.send(line.unwrap()).unwrap());
    });
    for id in 1..=3 {
        writeln!(stdin, "{LEAD}").unwrap();
        let reply = receiver.recv_timeout(Duration::from_secs(10));
        if reply.is_err() {
            child.kill().unwrap();
        }
        assert_eq!(reply, Ok(format!("{{\"success\":true,\"id\":{id}}}")), "it is held back");
    }
    drop(stdin);
    reading.join().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_of_replies_that_goes_away_is_told_and_no_panic() {
    let place = Place::new();
    let mut child = start(&mut place.applying(&[]));
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let mut written = 0;
    while written < 100_000 && writeln!(stdin, "{LEAD}").is_ok() {
        written += 1;
    }
    drop(stdin);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{errors}");
    assert!(errors.contains("opportunity: could not write the replies: Broken pipe"), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn get_prints_an_opportunity() {
    let place = Place::new();
    place.apply(&[], LEAD.as_bytes());
    let get = |venue: &str, id: &str, db: &Path| {
        program().args(["get", venue, id, "--db"]).arg(db).output().unwrap()
    };
    let found = get("107", "1", &place.db());
    assert_eq!(found.status.code(), Some(0));
    assert!(text(&found.stdout).starts_with(r#"{"id":1,"venueId":107,"name":"Lead","typeId":18,"#));
    assert!(text(&found.stdout).ends_with("}\n"));

    let elsewhere = get("108", "1", &place.db());
    assert_eq!((elsewhere.status.code(), elsewhere.stdout.len()), (Some(3), 0));
    assert!(text(&elsewhere.stderr).contains("opportunity 1 does not exist in venue 108"));

    let nowhere = get("107", "1", &place.path("b.db"));
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("does not exist"), "{nowhere:?}");
    assert!(!place.path("b.db").exists());
}

/// Seen to fail for a program that prints the request's schema for each.
#[test]
fn schema_prints_what_the_library_says() {
    use opportunity_engine::schema;
    for (what, expected) in [
        (None, schema::open_api()),
        (Some("open-api"), schema::open_api()),
        (Some("request"), schema::request()),
        (Some("reply"), schema::reply()),
        (Some("opportunity"), schema::opportunity()),
        (Some("change"), schema::change()),
    ] {
        let printed = program().arg("schema").args(what).output().unwrap();
        assert_eq!((printed.status.code(), printed.stderr.len()), (Some(0), 0), "{what:?}");
        assert_eq!(text(&printed.stdout), format!("{expected:#}\n"), "{what:?}");
    }
    let other = program().args(["schema", "row"]).output().unwrap();
    assert_eq!((other.status.code(), other.stdout.len()), (Some(2), 0));
}

/// A subcommand with the database of a place.
fn on_db(place: &Place, arguments: &[&str]) -> Output {
    program().args(arguments).arg("--db").arg(place.db()).output().unwrap()
}

/// Seen to fail for a program that opens an engine, which takes the mark off a backup.
#[test]
fn backup_copies_a_database_and_overwrites_nothing() {
    let place = Place::new();
    place.apply(&[], format!("{LEAD}\n{LEAD}").as_bytes());
    let backup = place.path("backup.db");
    let made = on_db(&place, &["backup", backup.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert!(made.stdout.is_empty() && made.stderr.is_empty(), "{made:?}");
    let copied = std::fs::read(&backup).unwrap();

    let again = on_db(&place, &["backup", backup.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("could not make the backup: "), "{again:?}");
    assert!(text(&again.stderr).contains("exists; choose another path"), "{again:?}");
    assert!(std::fs::read(&backup).unwrap() == copied);
    let of_it = program()
        .args(["backup", place.path("further.db").to_str().unwrap(), "--db"])
        .arg(&backup)
        .output();
    assert_eq!(of_it.unwrap().status.code(), Some(0));
    assert!(std::fs::read(&backup).unwrap() == copied, "it is a backup still");
    let onto_itself = on_db(&place, &["backup", place.db().to_str().unwrap()]);
    assert_eq!(onto_itself.status.code(), Some(2));
    assert!(text(&onto_itself.stderr).contains("belongs to the database itself"));
    let nowhere = on_db(&place, &["backup", "/nowhere/b.db"]);
    assert_eq!(nowhere.status.code(), Some(1));

    let nothing = program().args(["backup", "x.db", "--db"]).arg(place.path("none.db")).output();
    assert_eq!(nothing.unwrap().status.code(), Some(1));
    assert!(!place.path("none.db").exists());
}

#[test]
fn check_tells_whether_a_database_is_sound() {
    let place = Place::new();
    place.apply(&[], format!("{LEAD}\n{LEAD}").as_bytes());
    let backup = place.path("backup.db");
    on_db(&place, &["backup", backup.to_str().unwrap()]);
    let copied = std::fs::read(&backup).unwrap();
    for database in [place.db(), backup.clone()] {
        for full in [None, Some("--full")] {
            let checked = program().args(["check", "--db"]).arg(&database).args(full).output();
            let checked = checked.unwrap();
            assert_eq!(lines(&checked.stdout), ["sound: 2 opportunities"]);
            assert_eq!((checked.status.code(), checked.stderr.len()), (Some(0), 0));
        }
    }
    assert!(std::fs::read(&backup).unwrap() == copied, "it is a backup still");
    let missing = program().args(["check", "--db"]).arg(place.path("b.db")).output().unwrap();
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(1), 0));
    assert!(text(&missing.stderr).contains("could not check the database: "), "{missing:?}");
    assert!(!place.path("b.db").exists());
}

#[test]
fn check_prints_one_problem_a_line() {
    let place = Place::new();
    place.apply(&[], format!("{LEAD}\n{LEAD}").as_bytes());
    let by_hand = rusqlite::Connection::open(place.db()).unwrap();
    let sql =
        "UPDATE opportunity SET name = char(160) WHERE id = 2; UPDATE engine_state SET last_id = 1";
    by_hand.execute_batch(sql).unwrap();
    by_hand.close().unwrap();
    // SQLite itself sees nothing wrong in that.
    assert_eq!(on_db(&place, &["check"]).status.code(), Some(0));
    let checked = on_db(&place, &["check", "--full"]);
    assert_eq!(checked.status.code(), Some(4));
    assert_eq!(
        lines(&checked.stdout),
        [
            "damaged: 2 problems in 2 opportunities",
            "opportunity 2: the stored value of name breaks the rules",
            "the last id is said to be 1, but there is opportunity 2",
        ]
    );
}

#[test]
fn a_check_that_does_not_even_begin_because_of_damage_says_so() {
    let place = Place::new();
    place.apply(&[], LEAD.as_bytes());
    let mut bytes = std::fs::read(place.db()).unwrap();
    bytes[100..].fill(0xA5);
    std::fs::write(place.db(), bytes).unwrap();
    let checked = on_db(&place, &["check"]);
    assert_eq!(checked.status.code(), Some(4), "{checked:?}");
    assert!(text(&checked.stderr).contains("the database is damaged"), "{checked:?}");
}

// Seen to catch: an error that tells of the store, and a database that is not opened again.
#[cfg(all(unix, target_pointer_width = "64"))]
#[test]
fn whoever_gets_no_thread_is_told_so_and_loses_nothing() {
    let place = Place::new();
    for id in 1..=2 {
        let mut program = place.applying(&[]);
        // A stack that no thread can have.
        program.env("RUST_MIN_STACK", (1_u64 << 50).to_string()).stdin(Stdio::null());
        let refused = program.output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let told = "no thread could be started; check the limits of the process";
        assert!(text(&refused.stderr).contains(told), "{refused:?}");
        let applied = place.apply(&[], LEAD.as_bytes());
        assert_eq!(lines(&applied.stdout), [format!(r#"{{"success":true,"id":{id}}}"#)]);
    }
}

#[test]
fn the_help_tells_of_every_exit_status_and_has_examples() {
    let help = program().arg("--help").output().unwrap();
    for status in [
        "0  every request",
        "1  the store failed",
        "2  bad usage",
        "3  with --strict",
        "4  for check",
    ] {
        assert!(text(&help.stdout).contains(status), "{status}");
    }
    let help = program().args(["apply", "--help"]).output().unwrap();
    assert!(text(&help.stdout).contains("Examples:\n  opportunity apply requests.ndjson"));
    for (command, example) in [
        ("get", "opportunity get 107 755 --db"),
        ("backup", "opportunity backup --db opportunities.db backups/"),
        ("check", "opportunity check --db opportunities.db --full"),
    ] {
        let help = program().args([command, "--help"]).output().unwrap();
        assert!(text(&help.stdout).contains(&format!("Example:\n  {example}")), "{command}");
    }
    let help = program().args(["schema", "--help"]).output().unwrap();
    assert!(text(&help.stdout).contains("Examples:\n  opportunity schema > openapi.json"));
    let help = program().args(["check", "--help"]).output().unwrap();
    assert!(text(&help.stdout).contains("  4  it is damaged"));
}

#[test]
fn the_shipped_requests_have_the_shipped_summary() {
    let place = Place::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let requests = std::fs::read(examples.join("requests.ndjson")).unwrap();
    let output = place.apply(&[], &requests);
    let summary = std::fs::read_to_string(examples.join("requests.summary")).unwrap();
    assert!(text(&output.stderr).starts_with(&summary), "{}", text(&output.stderr));
}
