//! `opportunity stats`, and what `opportunity apply --stats` tells.

use opportunity_engine::{Durability, Engine, IdempotencyKey, Request, Sequence, VenueId};
use serde_json::json;

use crate::place::{Place, lines, text};
use crate::support::{id, lead, venue};
use crate::{LEAD, NO_SUCH};

/// A database of which everything is known but the sizes.
fn fill(place: &Place) {
    let engine = place.engine(Engine::options().history(true).durability(Durability::Off));
    let elsewhere = Request::add(VenueId::new(108).unwrap()).name("x").contact_id(1);
    engine.add_or_update(elsewhere.type_id(1).source_id(1).stage_id(1)).unwrap();
    for key in ["a", "b"] {
        let key = IdempotencyKey::new(key).unwrap();
        engine.add_or_update(lead().idempotency_key(key)).unwrap();
    }
    for (number, description) in [(2, "x".repeat(50_000)), (2, String::new()), (3, "y".into())] {
        engine
            .add_or_update(Request::update(venue(), id(number)).description(description))
            .unwrap();
    }
    engine.prune_changes(Sequence::new(4).unwrap()).unwrap();
    engine.close().unwrap();
}

fn stats(place: &Place, db: &str) -> serde_json::Value {
    serde_json::from_str(&place.print(&["stats", "--json", "--db", db])).unwrap()
}

#[test]
fn stats_are_those_of_a_known_database() {
    let place = Place::new();
    fill(&place);
    let found = stats(&place, "a.db");
    let bytes = std::fs::metadata(place.db()).unwrap().len();
    let free_pages = found["freePages"].as_u64().unwrap();
    assert!(
        (40..120).contains(&free_pages),
        "the record of a text of 50,000 bytes is gone: {found}"
    );
    let sqlite = rusqlite::version();
    let expected = json!({
        "opportunities": 3, "venues": 2, "lastId": 3, "keepsHistory": true, "changes": 2, "firstChange": 5,
        "lastChange": 6, "idempotencyKeys": 2, "fileBytes": bytes, "logBytes": 0, "pageBytes": 1024,
        "freePages": free_pages, "schemaVersion": 3, "sqliteVersion": sqlite,
    });
    assert_eq!(found, expected);
    assert_eq!(
        place.print(&["stats", "--db", "a.db"]),
        format!(
            "\
opportunities     3
venues            2
highest id        3
history           kept
changes           2 (5 to 6)
idempotency keys  2
file              {bytes} bytes
log               0 bytes
free              {free_pages} pages of 1024 bytes
schema version    3
SQLite            {sqlite}
"
        )
    );
}

#[test]
fn stats_of_what_is_empty_old_or_in_use() {
    let place = Place::new();
    let engine = place.engine(Engine::options().durability(Durability::Off));
    let printed = place.print(&["stats", "--db", "a.db"]);
    for line in [
        "opportunities     0",
        "highest id        none",
        "history           not kept",
        "changes           0",
    ] {
        assert!(lines(printed.as_bytes()).contains(&line), "{line}: {printed}");
    }
    engine.add_or_update(lead()).unwrap();
    let in_use = stats(&place, "a.db");
    assert_eq!(in_use["opportunities"], 1);
    let log = std::fs::metadata(place.path("a.db-wal")).unwrap().len();
    assert!(log > 0 && in_use["logBytes"] == log, "{in_use}");
    engine.close().unwrap();

    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/schema-1.db");
    std::fs::copy(old, place.path("old.db")).unwrap();
    let old = stats(&place, "old.db");
    assert_eq!((&old["schemaVersion"], &old["keepsHistory"]), (&json!(1), &json!(false)));
    assert_eq!((&old["changes"], &old["lastChange"]), (&json!(0), &json!(null)));
}

#[test]
fn a_history_that_was_pruned_has_no_first_change() {
    let place = Place::new();
    fill(&place);
    let engine = place.engine(Engine::options());
    engine.prune_changes(Sequence::new(6).unwrap()).unwrap();
    engine.close().unwrap();
    let printed = place.print(&["stats", "--db", "a.db"]);
    assert!(printed.contains("\nchanges           0 (pruned up to 6)\n"), "{printed}");
}

/// Seen to fail for numbers that are taken before the requests are answered.
#[test]
fn apply_tells_what_the_engine_counted() {
    let place = Place::new();
    let new = r#"{"id":1,"venueId":107,"name":"New"}"#;
    let input = [LEAD, LEAD, "no request", new, new, NO_SUCH].join("\n");
    for batch in ["each", "all"] {
        let output = place.apply(&["--stats", "--batch", batch], &input);
        assert_eq!(output.status.code(), Some(0));
        let told = lines(&output.stderr);
        let told = &told[told.len() - 4..];
        let counted = match batch {
            "each" => {
                "engine: added 2, updated 1, unchanged 1, refused 2 (24221: 0, 24222: 1, 24224: 1), aborted 0, unknown 0"
            }
            _ => {
                "engine: added 0, updated 0, unchanged 0, refused 2 (24221: 0, 24222: 1, 24224: 1), aborted 4, unknown 0"
            }
        };
        assert_eq!(told[0], counted, "{batch}");
        for (line, what) in told[1..].iter().zip([
            "commands a commit: p50 ",
            "µs a commit: p50 ",
            "µs an answer: p50 ",
        ]) {
            assert!(
                line.starts_with(what) && line.contains(", p99 ") && line.contains(", max "),
                "{line}"
            );
        }
        if batch == "each" {
            assert!(told[3].ends_with(" (of 5)"), "{told:?}");
        }
    }
    let output = place.apply(&[], LEAD);
    assert!(!text(&output.stderr).contains("engine: "), "only if it is asked for");
}
