//! Bodies that were something valid once, and what hostile clients do to them.

use opportunity_engine::Field;
use opportunity_engine::strategies::{body_of, mutated_body, valid_add};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Something done to a body at a place within it, with a size that is up to the one who does it.
type Harm = fn(&mut Vec<u8>, usize, usize);

const HARMS: [Harm; 13] = [
    |body, place, _| body.truncate(place),
    |body, place, _| drop(body.drain(..place)),
    |body, place, size| insert(body, place, "[".repeat(size)),
    |body, place, size| insert(body, place, "{\"a\":".repeat(size)),
    |body, _, size| add_member(body, format!("\"a\":{}1{}", "[".repeat(size), "]".repeat(size))),
    |body, _, size| add_member(body, format!("{}\"a\":1", "\"a\":1,".repeat(size))),
    |body, _, size| add_member(body, format!("\"{}\":1", "\u{7f}".repeat(size))),
    |body, place, size| {
        let field = Field::ALL[place % Field::ALL.len()];
        let member = format!("\"{field}\":null");
        add_member(body, vec![member; 1 + size % 40].join(","));
    },
    |body, place, size| {
        let field = Field::ALL[place % Field::ALL.len()];
        let number = ["9".repeat(size), format!("1e{}", 9 * size), format!("-{size}.{place}")];
        add_member(body, format!("\"{field}\":{}", number[size % 3]));
    },
    |body, place, size| {
        let field = Field::ALL[place % Field::ALL.len()];
        add_member(body, format!("\"{field}\":\"{}\"", "\u{10ffff}".repeat(size)));
    },
    |body, place, size| {
        let field = Field::ALL[place % Field::ALL.len()];
        let half = ["\\ud800", "\\udfff", "\\ud83d\\ud83d", "\\ud800\\u0041"][size % 4];
        add_member(body, format!("\"{field}\":\"a{half}b\""));
    },
    |body, place, size| {
        let bytes = [&[0xff][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80]];
        drop(body.splice(place..place, bytes[size % 4].iter().copied()));
    },
    |body, _, _| insert(body, 0, "\u{feff}".to_owned()),
];

fn insert(body: &mut Vec<u8>, place: usize, text: String) {
    drop(body.splice(place..place, text.into_bytes()));
}

/// Puts a member before the others; the body keeps being an object if it was one.
fn add_member(body: &mut Vec<u8>, member: String) {
    insert(body, body.len().min(1), member + ",");
}

/// A valid body that was harmed once or more.
pub(crate) fn harmed_body() -> impl Strategy<Value = Vec<u8>> {
    let valid = valid_add().prop_flat_map(|request| body_of(&request));
    let harms = proptest::collection::vec((select(&HARMS[..]), any::<Index>(), 0..300_usize), 1..4);
    (valid, harms).prop_map(|(mut body, harms)| {
        for (harm, place, size) in harms {
            let place = place.index(body.len() + 1);
            harm(&mut body, place, size);
        }
        body
    })
}

/// Any bytes; bytes that were valid once.
pub(crate) fn hostile_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => any::<Vec<u8>>(),
        3 => mutated_body(),
        4 => harmed_body(),
    ]
}
