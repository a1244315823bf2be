//! No rule of the schema of a request is idle.

use jsonschema::Validator;
use opportunity_engine::schema;
use serde_json::{Map, Value};

use super::agreement::{REQUEST, Verdict, verdict};
use super::bodies::{json, one_change_each};

/// What tells people something, and validators nothing.
const ANNOTATIONS: [&str; 4] = ["$schema", "title", "description", "format"];

/// The same schema without one of its keywords, or without one of several in a list; with a note of what it lacks.
fn weakened(schema: &Value) -> Vec<(String, Value)> {
    match schema {
        Value::Object(keywords) => {
            keywords.iter().flat_map(|it| without_key(keywords, it)).collect()
        }
        Value::Array(items) => (0..items.len()).flat_map(|at| without_item(items, at)).collect(),
        _ => Vec::new(),
    }
}

fn without_key(
    keywords: &Map<String, Value>,
    (key, value): (&String, &Value),
) -> Vec<(String, Value)> {
    if ANNOTATIONS.contains(&key.as_str()) && value.is_string() {
        return Vec::new();
    }
    let mut rest = keywords.clone();
    rest.remove(key);
    let mut all = vec![(format!("/{key}"), rest.into())];
    for (place, weaker) in weakened(value) {
        let mut changed = keywords.clone();
        changed.insert(key.clone(), weaker);
        all.push((format!("/{key}{place}"), changed.into()));
    }
    all
}

fn without_item(items: &[Value], at: usize) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    if items.len() > 1 {
        let mut rest = items.to_vec();
        rest.remove(at);
        all.push((format!("/{at}"), rest.into()));
    }
    for (place, weaker) in weakened(&items[at]) {
        let mut changed = items.to_vec();
        changed[at] = weaker;
        all.push((format!("/{at}{place}"), changed.into()));
    }
    all
}

/// What is no object fails for another reason already; that it has to be one is said for readers.
const FOR_READERS: [&str; 1] = ["/type"];

/// Whatever is taken away, some body is judged in another way: by validators that know nothing of the engine,
/// every rule of it is kept. Seen to fail for a schema that says the minimum of an integer twice.
#[test]
fn without_any_of_its_rules_the_schema_says_something_else() {
    let bodies: Vec<_> = one_change_each();
    let judged =
        bodies.iter().filter(|body| !matches!(verdict(body), Verdict::RefusedAllTheSame(_)));
    let judged: Vec<(Value, bool)> = judged
        .filter_map(|body| json(body))
        .map(|json| {
            let is_valid = REQUEST.is_valid(&json);
            (json, is_valid)
        })
        .collect();
    let differs =
        |other: &Validator| judged.iter().any(|(json, valid)| other.is_valid(json) != *valid);
    let all = weakened(&schema::request());
    assert!(all.len() > 200, "{}", all.len());
    let mut idle = Vec::new();
    for (place, weaker) in all {
        let validator = jsonschema::validator_for(&weaker).unwrap();
        if !differs(&validator) {
            idle.push(place);
        }
    }
    assert_eq!(idle, FOR_READERS);
}
