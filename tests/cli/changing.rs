//! `opportunity changes`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Output};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::{Batch, Durability, Engine, Request, Sequence};

use crate::LEAD;
use crate::place::{Place, lines, start, text};
use crate::support::{id, lead, venue};

/// How long something may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

const CHANGES: [&str; 3] = ["changes", "--db", "a.db"];

fn engine(place: &Place) -> Engine {
    place.engine(Engine::options().history(true).durability(Durability::Off))
}

/// So many changes, made in this process.
fn record(place: &Place, count: usize) {
    let engine = engine(place);
    engine.add_or_update_all(vec![lead(); count], Batch::EachOnItsOwn).unwrap();
    engine.close().unwrap();
}

fn changes(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[&CHANGES[..], arguments].concat(), "")
}

fn sequences(printed: &[u8]) -> Vec<i64> {
    lines(printed).into_iter().map(sequence).collect()
}

fn sequence(line: &str) -> i64 {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_i64().unwrap()
}

/// A run of `changes --follow`, whose lines are taken as they come.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let arguments = [&CHANGES[..], &["--follow"], arguments].concat();
        let mut child = start(&mut place.program(&arguments));
        let lines = taken(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next(&self) -> i64 {
        sequence(&self.lines.recv_timeout(PATIENCE).expect("a change"))
    }

    #[cfg(unix)]
    fn tell(&self, signal: &str) {
        tell(&self.child, signal);
    }

    fn end(mut self) -> (Option<i32>, String) {
        end(&mut self.child)
    }
}

/// A test that fails leaves none behind.
impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(unix)]
fn tell(child: &Child, signal: &str) {
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

/// Waits for the end of a process, though not for ever: how it ends, and what it says then.
fn end(child: &mut Child) -> (Option<i32>, String) {
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(10));
    };
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (status.code(), told)
}

fn taken(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Seen to fail for a program that ends with its first page.
#[test]
fn records_are_printed_as_the_library_serialises_them() {
    let place = Place::new();
    record(&place, 2_300);
    let engine = engine(&place);
    engine.add_or_update(Request::update(venue(), id(7)).name("\u{202e}\n").quality_id(3)).unwrap();
    let json = |change| serde_json::to_string(&change).unwrap() + "\n";
    let expected: String =
        engine.changes(None, usize::MAX).unwrap().into_iter().map(json).collect();
    assert_eq!(expected.lines().count(), 2_301);
    let printed = place.print(&CHANGES);
    assert!(printed == expected, "{}", printed.lines().count());
}

#[test]
fn they_begin_after_a_change_and_end_at_a_limit() {
    let place = Place::new();
    record(&place, 1_300);
    for (arguments, before, last) in [
        (&["--after", "1298"][..], 1_298, 1_300),
        (&["--after", "1300"], 1_300, 1_300),
        (&["--limit", "2"], 0, 2),
        (&["--limit", "1100"], 0, 1_100),
        (&["--after", "3", "--limit", "1"], 3, 4),
        (&["--limit", "0"], 0, 0),
        // It has all that it waits for.
        (&["--after", "100", "--limit", "1200", "--follow"], 100, 1_300),
    ] {
        let output = changes(&place, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(sequences(&output.stdout).into_iter().eq(before + 1..=last), "{arguments:?}");
        assert!(output.stderr.is_empty());
    }
    assert_eq!(changes(&place, &["--after", "0"]).status.code(), Some(2));
}

/// Seen to fail for a follower that looks once, for one whose lines stay in a buffer, and for one that ends by the
/// signal itself.
#[cfg(unix)]
#[test]
fn a_follower_sees_what_another_process_changes_and_ends_when_it_is_told_to() {
    for signal in ["-TERM", "-INT"] {
        let place = Place::new();
        let added = place.apply(&["--history", "on"], LEAD);
        assert_eq!(added.status.code(), Some(0), "{}", text(&added.stderr));
        let follower = Follower::start(&place, &[]);
        assert_eq!(follower.next(), 1);
        for expected in 2..=4 {
            place.apply(&[], LEAD);
            assert_eq!(follower.next(), expected);
        }
        follower.tell(signal);
        assert_eq!(follower.end(), (Some(0), String::new()), "{signal}");
        assert_eq!(place.files(), ["a.db"], "nothing is left beside the database");
        assert_eq!(place.print(&["check", "--full", "--db", "a.db"]), "sound: 4 opportunities\n");
    }
}

#[test]
fn a_follower_ends_at_its_limit() {
    let place = Place::new();
    record(&place, 2);
    let follower = Follower::start(&place, &["--after", "1", "--limit", "3"]);
    assert_eq!(follower.next(), 2);
    record(&place, 5);
    assert_eq!((follower.next(), follower.next()), (3, 4));
    assert_eq!(follower.end(), (Some(0), String::new()));
}

/// An engine in the same place goes through all of its life meanwhile: it is opened, writes, and is the only one
/// that has written when it is closed.
#[test]
fn a_follower_is_in_nobodys_way() {
    let place = Place::new();
    record(&place, 1);
    let follower = Follower::start(&place, &["--limit", "601"]);
    for _ in 0..3 {
        record(&place, 200);
        let checked = place.print(&["check", "--db", "a.db"]);
        assert!(checked.starts_with("sound: "), "{checked}");
    }
    assert!((1..=601).all(|expected| follower.next() == expected));
    assert_eq!(follower.end(), (Some(0), String::new()));
}

/// Seen to fail for a follower without a pause.
#[cfg(target_os = "linux")]
#[test]
fn a_follower_costs_nothing_while_nothing_happens() {
    let place = Place::new();
    record(&place, 1);
    let follower = Follower::start(&place, &[]);
    assert_eq!(follower.next(), 1);
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", follower.child.id())).unwrap();
        // After the name in brackets the 12th and 13th are the hundredths of seconds in the program and in the system.
        let after_name = stat.rsplit_once(") ").unwrap().1.to_owned();
        let fields = after_name.split(' ').skip(11).take(2);
        fields.map(|it| it.parse::<u64>().unwrap()).sum::<u64>()
    };
    let before = ticks();
    thread::sleep(Duration::from_secs(2));
    let taken = ticks() - before;
    assert!(taken <= 10, "{taken} hundredths of a second in two seconds");
    follower.tell("-TERM");
    assert_eq!(follower.end().0, Some(0));
}

#[test]
fn a_reader_of_changes_that_goes_away_is_told_and_no_panic() {
    let place = Place::new();
    record(&place, 1);
    let mut child = start(&mut place.program(&[&CHANGES[..], &["--follow"]].concat()));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    record(&place, 1);
    let (status, told) = end(&mut child);
    assert_eq!(status, Some(1));
    assert!(told.starts_with("opportunity: could not write the output: Broken pipe"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// Its output takes nothing any more, and nobody reads on. Seen to fail without the end at the second signal.
#[cfg(unix)]
#[test]
fn who_is_told_twice_to_end_does_not_wait_for_an_output_that_nobody_reads() {
    let place = Place::new();
    record(&place, 3_000);
    let mut child = start(&mut place.program(&[&CHANGES[..], &["--follow"]].concat()));
    // It is in the middle of its first page then: a pipe holds less than that.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    tell(&child, "-INT");
    thread::sleep(Duration::from_millis(200));
    tell(&child, "-INT");
    assert_eq!(end(&mut child), (Some(1), String::new()));
}

/// Seen to fail for a program that opens an engine with the history on.
#[test]
fn without_a_history_there_is_nothing_to_wait_for() {
    let place = Place::new();
    place.apply(&[], LEAD);
    for arguments in [&[][..], &["--follow"]] {
        let output = changes(&place, arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
        assert_eq!(
            text(&output.stderr),
            "opportunity: nothing to print: no history is kept in this database, nor was one before; \
             'opportunity apply --history on' begins one\n"
        );
    }
    place.apply(&[], LEAD);
    assert_eq!(changes(&place, &[]).status.code(), Some(3), "it was not begun by a look");
}

/// Seen to fail for a follower that waits on.
#[test]
fn a_history_that_was_ended_is_printed_and_not_followed() {
    let place = Place::new();
    place.apply(&["--history", "on"], LEAD);
    let follower = Follower::start(&place, &[]);
    assert_eq!(follower.next(), 1);
    place.apply(&["--history", "off"], LEAD);
    let told = "no history is kept in this database any more, so no change will follow\n";
    assert_eq!(follower.end(), (Some(3), format!("opportunity: nothing to print: {told}")));

    let output = changes(&place, &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), told));
    assert_eq!(sequences(&output.stdout), [1]);
    place.apply(&["--history", "on"], LEAD);
    assert_eq!(sequences(&changes(&place, &[]).stdout), [1, 3], "2 is left out");
}

/// Seen to fail without the look at the last change.
#[test]
fn a_database_that_is_older_than_what_was_seen_is_told_of() {
    let place = Place::new();
    record(&place, 3);
    for arguments in [&["--after", "4"][..], &["--after", "4", "--follow"]] {
        let output = changes(&place, arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
        let told = text(&output.stderr);
        assert!(
            told.contains(
                "the last change is 3, which comes before 4: the database is an older one"
            ),
            "{told}"
        );
    }
    let engine = engine(&place);
    engine.prune_changes(Sequence::new(3).unwrap()).unwrap();
    engine.close().unwrap();
    let output = changes(&place, &["--after", "3"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "pruned is not older");
}
