//! Bodies that were valid once, and what becomes of them on the way: bytes changed, cut out, doubled, put in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::altered_body::altered_body;
use super::body::valid_body;
use super::invalid_body::{empty_body, invalid_body, not_json};

/// What a mutation puts in.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"{\"a\":",
    b"null",
    b"\"\"",
    b"1e999",
    b"-0",
    b"\\ud800",
    b"\\u0000",
    b"\0",
    b"\"id\":1,",
    b"\"foo\":{}",
    "\u{feff}".as_bytes(),
    &[0xff],
    &[0xc0, 0x80],
    &[0xed, 0xa0, 0x80],
    &[0xf4, 0x90, 0x80, 0x80],
];

/// A change of some bytes at a place.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, u8),
    Cut(Index, usize),
    Double(Index, usize),
    Insert(Index, &'static [u8], usize),
    Truncate(Index),
    Behead(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    let times = || prop_oneof![3 => Just(1_usize), 1 => 1..300_usize];
    prop_oneof![
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (place(), 0..40_usize).prop_map(|(at, len)| Edit::Cut(at, len)),
        2 => (place(), 0..40_usize).prop_map(|(at, len)| Edit::Double(at, len)),
        4 => (place(), select(TOKENS), times()).prop_map(|(at, it, times)| Edit::Insert(at, it, times)),
        1 => place().prop_map(Edit::Truncate),
        1 => place().prop_map(Edit::Behead),
    ]
}

impl Edit {
    fn apply(self, body: &mut Vec<u8>) {
        let length = body.len();
        let start = |at: Index| at.index(length + 1);
        let part = |at: Index, len: usize| start(at)..length.min(start(at) + len);
        match self {
            Self::Replace(at, byte) => drop(body.splice(part(at, 1), [byte])),
            Self::Cut(at, len) => drop(body.drain(part(at, len))),
            Self::Double(at, len) => {
                let doubled = body[part(at, len)].to_vec();
                drop(body.splice(part(at, 0), doubled));
            }
            Self::Insert(at, token, times) => drop(body.splice(part(at, 0), token.repeat(times))),
            Self::Truncate(at) => body.truncate(start(at)),
            Self::Behead(at) => drop(body.drain(..start(at))),
        }
    }
}

/// Bodies that were right once, or altered as by [`altered_body()`], with bytes changed, cut out, doubled, put in. Of what
/// becomes of them nothing is certain; a service has to answer them all the same.
pub fn mutated_body() -> BoxedStrategy<Vec<u8>> {
    (prop_oneof![valid_body(), altered_body()], vec(edit(), 1..4))
        .prop_map(|(mut body, edits)| {
            edits.into_iter().for_each(|edit| edit.apply(&mut body));
            body
        })
        .boxed()
}

/// Bodies of every kind: valid, invalid, empty, altered, mutated, not JSON, any bytes.
///
/// ```
/// use opportunity_engine::{Engine, strategies};
/// use proptest::prelude::*;
///
/// let engine = Engine::in_memory()?;
/// proptest!(ProptestConfig::with_cases(64), |(body in strategies::any_body())| {
///     let reply = engine.add_or_update_json(&body);
///     prop_assert!([200, 400, 404].contains(&reply.status()));
/// });
/// # Ok::<(), opportunity_engine::OpenError>(())
/// ```
pub fn any_body() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        4 => valid_body(),
        2 => invalid_body().prop_map(|(body, _)| body),
        1 => empty_body(),
        6 => altered_body(),
        3 => mutated_body(),
        1 => not_json(),
        1 => any::<Vec<u8>>(),
    ]
    .boxed()
}
