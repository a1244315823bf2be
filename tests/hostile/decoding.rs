//! Whatever bytes are posted, they are decided, in the same way each time, and get a well-formed reply.

use opportunity_engine::{
    Code, Decoder, Rejection, Reply, Request, UnknownKeys, ViolationKind, decide,
};
use serde::de::IgnoredAny;
use serde_json::Value;

/// The most bytes that a reply has: a part in proportion to the request, for the keys that it repeats,
/// and one for what can be wrong with the fields of the table.
pub(crate) const fn most_reply_bytes(request: usize) -> usize {
    8 * request + (8 << 10)
}

/// The longest text of a violation, in bytes.
const MOST_VIOLATION_BYTES: usize = 600;

/// Panics if the bytes are not handled as they must be.
pub(crate) fn check(bytes: &[u8]) {
    let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    for unknown_keys in [UnknownKeys::Reject, UnknownKeys::Ignore] {
        let decoder = Decoder::new().unknown_keys(unknown_keys);
        let request = decoder.decode(bytes);
        assert_eq!(request, decoder.decode(bytes));
        let decision = request.clone().and_then(decide);
        assert_eq!(decision, request.clone().and_then(decide));
        match (request, decision) {
            (Ok(request), Ok(_)) => {
                assert!(is_json, "what is carried out is JSON");
                check_round_trip(&request);
            }
            (_, Err(rejection)) => {
                let is_blank = bytes.iter().all(u8::is_ascii_whitespace);
                assert!(is_json || is_blank || is_refused_whole(&rejection), "{rejection}");
                check_refusal(bytes, rejection);
            }
            (Err(rejection), Ok(command)) => panic!("{rejection}, but also {command:?}"),
        }
    }
}

/// The request survives its own JSON form.
fn check_round_trip(request: &Request) {
    let json = serde_json::to_vec(request).unwrap();
    assert_eq!(Decoder::new().decode(&json).as_ref(), Ok(request));
}

/// Whether the request as a whole is what is wrong.
fn is_refused_whole(rejection: &Rejection) -> bool {
    matches!(
        rejection.violations(),
        [only] if matches!(
            only.kind(),
            ViolationKind::MalformedJson { .. } | ViolationKind::TooLarge { .. }
        )
    )
}

fn check_refusal(bytes: &[u8], rejection: Rejection) {
    let violations = rejection.violations();
    assert_eq!(violations.is_empty(), rejection.code() == Code::Empty);
    assert!(violations.windows(2).all(|two| two[0] < two[1]), "in order, and none twice");
    let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(texts.iter().all(|text| text.len() <= MOST_VIOLATION_BYTES), "{rejection}");

    let (code, reply) = (rejection.code(), Reply::from(rejection).to_json());
    assert!(
        reply.len() <= most_reply_bytes(bytes.len()),
        "{} bytes get a reply of {}",
        bytes.len(),
        reply.len()
    );
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    let keys: Vec<_> = reply.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["additionalMessages", "errorCode", "id", "message", "specificCode", "success"];
    assert_eq!(keys, expected);
    assert_eq!((&reply["success"], &reply["id"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(reply["errorCode"], code.status());
    assert_eq!(reply["specificCode"], code.number());
    assert_eq!(reply["additionalMessages"], Value::from(texts));
}
