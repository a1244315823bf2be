//! The schema of a reply, by the status that it is sent with.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::forms::Form;
use crate::domain::{Code, OpportunityId};
use crate::engine::{Error, Reply};

/// The status of what was carried out.
const DONE: u16 = 200;

/// As [`Reply::to_json`] writes it.
impl JsonSchema for Reply {
    fn schema_name() -> Cow<'static, str> {
        "Reply".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "opportunity_engine::Reply".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let forms: Vec<_> = statuses().into_iter().map(with_status).collect();
        json_schema!({
            "description": "What became of a request. Only what was not carried out has 'errorCode'.",
            "oneOf": forms,
        })
    }
}

/// Every status that a reply has, in ascending order.
pub(super) fn statuses() -> Vec<u16> {
    let refused = Code::ALL.map(Code::status);
    let mut statuses = [&[DONE][..], &refused, &Error::FAILURE_STATUSES].concat();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// What a status tells.
pub(super) fn meaning(status: u16) -> String {
    let refused = codes_of(status).map(meaning_of);
    let meanings: Vec<_> = refused.chain(meaning_of_other(status)).collect();
    meanings.join(" Or: ")
}

/// The form of a reply that is sent with this status.
pub(super) fn with_status(status: u16) -> Value {
    if status == DONE { success() } else { refusal(status) }
}

fn success() -> Value {
    json!({
        "title": "Success",
        "description": meaning(DONE),
        "type": "object",
        "required": ["success", "id"],
        "properties": {
            "success": { "const": true },
            "id": OpportunityId::written(),
        },
        "additionalProperties": false,
    })
}

/// A refusal tells its codes and violations; a failure of the store has neither.
fn refusal(status: u16) -> Value {
    let mut kinds: Vec<_> =
        codes_of(status).map(|code| kind(code.number(), code == Code::Invalid)).collect();
    if Error::FAILURE_STATUSES.contains(&status) {
        kinds.push(kind(None, false));
    }
    json!({
        "title": format!("Refusal{status}"),
        "description": meaning(status),
        "type": "object",
        "required": ["success", "id", "errorCode", "specificCode", "message", "additionalMessages"],
        "properties": {
            "success": { "const": false },
            "id": { "type": "null" },
            "errorCode": { "const": status },
            "specificCode": {},
            "message": { "type": "string" },
            "additionalMessages": { "type": "array", "items": { "type": "string" } },
        },
        "additionalProperties": false,
        "oneOf": kinds,
    })
}

/// What tells one kind of refusal from others of the same status.
fn kind(number: Option<u16>, has_violations: bool) -> Value {
    let messages = if has_violations { json!({ "minItems": 1 }) } else { json!({ "maxItems": 0 }) };
    json!({ "properties": { "specificCode": { "const": number }, "additionalMessages": messages } })
}

fn codes_of(status: u16) -> impl Iterator<Item = Code> {
    Code::ALL.into_iter().filter(move |code| code.status() == status)
}

fn meaning_of(code: Code) -> &'static str {
    match code {
        Code::Empty => "The request is empty.",
        Code::NotFound => "The opportunity does not exist in that venue.",
        Code::Invalid => "The opportunity details are invalid; each violation has a message.",
        Code::Conflict => {
            "What the request relies on is not so: the idempotency key was used for another request."
        }
    }
}

fn meaning_of_other(status: u16) -> Option<&'static str> {
    match status {
        DONE => Some("The opportunity was added or updated, or it is as the request says already."),
        Error::WITHDRAWN => Some(
            "Another request of the same all-or-nothing batch was refused; nothing was changed.",
        ),
        Error::FAILED => {
            Some("The store failed; the message says whether the change may be kept all the same.")
        }
        Error::PASSING => Some("The store failed and nothing was changed; trying again can help."),
        _ => None,
    }
}
