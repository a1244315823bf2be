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

/// The name of the form of a reply.
pub(super) fn name(status: u16) -> String {
    format!("Reply{status}")
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
        "title": name(DONE),
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
        "title": name(status),
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
            "What the request relies on is not so: the version is not the expected one, the idempotency key was used for another request, or what it was held against was changed meanwhile."
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{Conflict, Field, Outcome, Rejection, VenueId, Version, ViolationKind};
    use crate::error_texts::KINDS;
    use crate::store::{Operation, StoreError};

    /// A reply of each kind that there is.
    fn replies() -> Vec<Reply> {
        let id = OpportunityId::new(i64::MAX).unwrap();
        let venue = VenueId::new(107).unwrap();
        let version = Version::FIRST;
        let failures = KINDS.iter().flat_map(|&(kind, ..)| {
            let error = || StoreError::new(Operation::Commit, kind);
            [Error::Aborted(error()), Error::Unknown(error())]
        });
        let refusals = [
            Rejection::Empty,
            Rejection::NotFound { venue, id },
            Rejection::of_request(ViolationKind::NotAnObject),
            Rejection::Conflict(Conflict::IdempotencyKey),
            Rejection::Conflict(Conflict::Pair { id, field: Field::StageId }),
            Rejection::Conflict(Conflict::Version { id, expected: version, current: version }),
        ];
        let errors = failures.chain(refusals.map(Error::from)).map(|error| Reply::from(Err(error)));
        errors.chain([Reply::from(Ok(Outcome::Added { id, version }))]).collect()
    }

    /// Seen to fail for a table of statuses without 424, and for one with a status that nothing has.
    #[test]
    fn the_statuses_are_those_of_every_reply_that_there_is() {
        let given: BTreeSet<_> = replies().iter().map(Reply::status).collect();
        assert_eq!(given.into_iter().collect::<Vec<_>>(), statuses());
        assert!(statuses().into_iter().all(|status| !meaning(status).is_empty()));
    }

    /// Seen to fail for a refusal whose 'specificCode' must be a number.
    #[test]
    fn every_reply_that_there_is_has_the_form_of_its_status_alone() {
        let forms = statuses()
            .into_iter()
            .map(|status| (status, jsonschema::validator_for(&with_status(status)).unwrap()));
        let forms: Vec<_> = forms.collect();
        for reply in replies() {
            let json = serde_json::from_slice(&reply.to_json()).unwrap();
            for (status, form) in &forms {
                assert_eq!(form.is_valid(&json), *status == reply.status(), "{status}: {json}");
            }
        }
    }
}
