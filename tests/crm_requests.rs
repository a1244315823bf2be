//! Real input: a public sample of sales opportunities, as requests for a fresh database.
//!
//! The file is not part of the crate; without it the test says that it skips.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use opportunity_engine::{Engine, OpportunityId, VenueId};
use serde_json::{Map, Value};

/// An opportunity as plain JSON: the fields that have a value, integers as integers.
type Plain = Map<String, Value>;

/// The end state that the requests lead to, and the reply to each of them, told by a model that
/// knows just what these requests need.
fn model(requests: &[Map<String, Value>]) -> (BTreeMap<i64, Plain>, Vec<Option<i64>>) {
    let mut rows: BTreeMap<i64, Plain> = BTreeMap::new();
    let mut replies = Vec::new();
    for request in requests {
        let plain: Plain =
            request.iter().map(|(key, value)| (key.clone(), integer(key, value))).collect();
        let id = match plain.get("id").and_then(Value::as_i64) {
            Some(id) => Some(id),
            None if plain.contains_key("companyId") => Some(rows.len() as i64 + 1),
            None => None, // It belongs to nobody.
        };
        if let Some(id) = id {
            let row = rows.entry(id).or_default();
            row.extend(plain);
            row.insert("id".into(), id.into());
        }
        replies.push(id);
    }
    (rows, replies)
}

fn integer(key: &str, value: &Value) -> Value {
    match value.as_str() {
        Some(digits) if key.ends_with("Id") => digits.parse::<i64>().unwrap().into(),
        _ => value.clone(),
    }
}

#[test]
fn the_sample_gives_the_known_numbers_and_the_right_end_state() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/crm_requests.ndjson");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return;
    };
    let requests: Vec<Map<String, Value>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let output = Command::new(env!("CARGO_BIN_EXE_opportunity"))
        .arg("apply")
        .arg(&path)
        .arg("--db")
        .arg(&db)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(
        summary.starts_with(
            "added 7375\nupdated 6711\nunchanged 0\nrefused 1425 (24221: 0, 24222: 0, 24224: 1425)\nfailed \
             0\n15511 requests in "
        ),
        "{summary}"
    );

    let (rows, expected) = model(&requests);
    let replies: Vec<Value> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(replies.len(), expected.len());
    for (line, (reply, id)) in replies.iter().zip(expected).enumerate() {
        assert_eq!(reply["id"].as_i64(), id, "line {}", line + 1);
        assert_eq!(reply.get("errorCode").is_some(), id.is_none(), "line {}", line + 1);
    }

    assert_eq!(rows.len(), 7_375);
    let engine = Engine::open(&db).unwrap();
    for (id, row) in &rows {
        let venue = VenueId::new(row["venueId"].as_i64().unwrap()).unwrap();
        let stored = engine.get(venue, OpportunityId::new(*id).unwrap()).unwrap().unwrap();
        let stored = serde_json::to_value(&stored).unwrap();
        let mut stored: Plain = stored.as_object().unwrap().clone();
        stored.retain(|key, value| {
            !value.is_null() && !["version", "createdAt", "modifiedAt"].contains(&key.as_str())
        });
        assert_eq!(&stored, row, "opportunity {id}");
    }
}
