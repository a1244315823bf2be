//! Bodies near the borders of what is accepted.

use opportunity_engine::Field;
use opportunity_engine::strategies::LITERALS;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Members of an object, as JSON; a field may stand in it twice.
type Members = Vec<(String, String)>;

pub(crate) fn body(members: &Members) -> Vec<u8> {
    let members = members.iter().map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
}

fn members(text: &str) -> Members {
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    object.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

/// An add for a contact, one for a company, an update.
fn right() -> [Members; 3] {
    [
        r#"{"venueId":107,"name":"Lead","typeId":18,"stageId":69,"sourceId":25,"contactId":918}"#,
        r#"{"venueId":"107","name":"Lead","typeId":"18","stageId":69,"sourceId":25,"companyId":5,
            "companyLeadContactId":6}"#,
        r#"{"id":7,"venueId":107}"#,
    ]
    .map(members)
}

/// The same with this value for the key; without the key, if there is none.
fn with(members: &Members, key: &str, value: Option<&str>) -> Members {
    let mut changed = members.clone();
    changed.retain(|(other, _)| other != key);
    changed.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    changed
}

/// Each field with each value, or left out; each combination of the owners; what is no object.
pub(crate) fn one_change_each() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> =
        ["", "null", "[]", "[ {} ]", "{}", "1", "\"\"", "{", "{}{}", "\u{feff}{}"]
            .map(|text| text.as_bytes().to_vec())
            .into();
    for base in right() {
        bodies.push(body(&base));
        bodies.push(body(&with(&base, "subtypeId", Some("1"))));
        bodies.push(body(&with(&base, "Name", Some("null"))));
        bodies.push(body(&[base.clone(), base.clone()].concat()));
        for field in Field::ALL {
            let literals = LITERALS.iter().copied().map(Some).chain([None]);
            bodies.extend(literals.map(|value| body(&with(&base, field.wire_name(), value))));
        }
        let owners = ["companyId", "companyLeadContactId", "contactId"];
        let values = [None, Some("null"), Some("\"\""), Some("3")];
        for nth in 0..values.len().pow(3) {
            let all = owners.iter().enumerate().fold(base.clone(), |members, (place, owner)| {
                with(&members, owner, values[nth / values.len().pow(place as u32) % values.len()])
            });
            bodies.push(body(&all));
        }
    }
    bodies
}

/// What JSON says a body is; a validator sees no more of it.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}
