//! The two forms of a reply, those of the published call.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::domain::{Code, OpportunityId, Violation};

#[derive(Serialize)]
struct Success {
    success: bool,
    id: OpportunityId,
}

/// Clients decide by the presence of `errorCode`, so only this form has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    success: bool,
    id: Option<OpportunityId>,
    error_code: u16,
    specific_code: Option<u16>,
    message: &'a str,
    additional_messages: Texts<'a>,
}

/// Violations as their texts, each written when it is its turn: a hostile request can have very many.
struct Texts<'a>(&'a [Violation]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The reply to a request that was carried out.
pub(crate) fn success(id: OpportunityId) -> Vec<u8> {
    to_json(&Success { success: true, id })
}

/// The reply to a request that was not: `status` is its class in terms of HTTP, and a failure of
/// the store has neither a code nor violations.
pub(crate) fn refusal(
    status: u16,
    code: Option<Code>,
    message: &str,
    violations: &[Violation],
) -> Vec<u8> {
    to_json(&Refusal {
        success: false,
        id: None,
        error_code: status,
        specific_code: code.and_then(Code::number),
        message,
        additional_messages: Texts(violations),
    })
}

#[expect(clippy::expect_used, reason = "the proof stands beside it")]
fn to_json(reply: &impl Serialize) -> Vec<u8> {
    // Proof: serde_json fails on writers and on keys that are not text; there are neither here.
    serde_json::to_vec(reply).expect("a reply has a JSON form")
}
