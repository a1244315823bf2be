//! The two forms of a reply, those of the published call.

use serde::Serialize;

use crate::domain::{Code, OpportunityId};

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
    additional_messages: Vec<String>,
}

/// The reply to a request that was carried out.
pub(crate) fn success(id: OpportunityId) -> Vec<u8> {
    to_json(&Success { success: true, id })
}

/// The reply to a request that was not: `status` is its class in terms of HTTP, and a failure of
/// the store has no code.
pub(crate) fn refusal(
    status: u16,
    code: Option<Code>,
    message: &str,
    additional_messages: Vec<String>,
) -> Vec<u8> {
    to_json(&Refusal {
        success: false,
        id: None,
        error_code: status,
        specific_code: code.map(Code::number),
        message,
        additional_messages,
    })
}

#[expect(clippy::expect_used, reason = "the proof stands beside it")]
fn to_json(reply: &impl Serialize) -> Vec<u8> {
    // Proof: serde_json fails on writers and on keys that are not text; there are neither here.
    serde_json::to_vec(reply).expect("a reply has a JSON form")
}
