//! Whatever bytes are posted, they are decided, in the same way each time, and get a well-formed reply.

use opportunity_engine::{
    Code, Decoder, Field, Patch, Rejection, Reply, Request, UnknownKeys, ViolationKind, decide,
};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
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
                let Keys(mut keys) = serde_json::from_slice(bytes).unwrap();
                if unknown_keys == UnknownKeys::Ignore {
                    keys.retain(|key| Field::from_wire_name(key).is_some());
                }
                check_acceptance(&request, &keys);
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

/// The keys of an object, as often as they are given.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            self.0.push(key);
        }
        Ok(self)
    }
}

/// What is carried out says something of each of these keys, which are given once each, and of nothing else;
/// and it survives its own JSON form.
fn check_acceptance(request: &Request, keys: &[String]) {
    let mut given: Vec<_> = keys.iter().map(|key| Field::from_wire_name(key).unwrap()).collect();
    given.sort();
    let told = |field: &Field| request.patch(*field) != Patch::Keep;
    assert_eq!(given, Field::ALL.iter().copied().filter(told).collect::<Vec<_>>());
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
    assert_eq!(reply["specificCode"], serde_json::json!(code.number()));
    assert_eq!(reply["additionalMessages"], Value::from(texts));
}
