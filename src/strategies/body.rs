//! Requests as JSON, in the ways in which clients write them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::edit::{given, update_of};
use super::valid::{changes, valid_add};
use super::values::{opportunity_id, venue_id};
use crate::domain::{Field, Given, Request};

/// A member of an object as it stands in the text: key and value, with the white space around them.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The field that it is about, if its key is known.
    pub(super) field: Option<Field>,
    pub(super) key: String,
    pub(super) value: String,
}

impl Member {
    pub(super) fn new(key: &str, value: &str) -> Self {
        let field = Field::from_wire_name(key);
        Self { field, key: quoted(key, 0), value: value.to_owned() }
    }
}

/// The object with these members.
pub(super) fn object(members: &[Member]) -> Vec<u8> {
    let members = members.iter().map(|Member { key, value, .. }| format!("{key}:{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
}

/// JSON bodies that say what a request says, written in any of the ways in which clients write:
/// order, white space, escapes, integers as texts, leading zeros, `null` or `""`.
///
/// A value that is not well formed is not kept in a [`Request`], so nothing is said of it here; [`invalid_body()`]
/// has such values.
///
/// [`invalid_body()`]: super::invalid_body()
pub fn body_of(request: &Request) -> BoxedStrategy<Vec<u8>> {
    let request = request.clone();
    styles().prop_map(move |styles| object(&members(&request, &styles))).boxed()
}

/// Bodies of requests that break no rule which the request alone can tell: adds and updates, written in any way.
pub fn valid_body() -> BoxedStrategy<Vec<u8>> {
    valid_members().prop_map(|(_, members)| object(&members)).boxed()
}

/// Adds and updates of any opportunity that break no rule, with the members of their bodies, written in any way.
pub(super) fn valid_members() -> BoxedStrategy<(Request, Vec<Member>)> {
    let update = (venue_id(), opportunity_id(), changes())
        .prop_map(|(venue, id, changes)| update_of(venue, id, &changes));
    (prop_oneof![valid_add(), update], styles())
        .prop_map(|(request, styles)| {
            let members = members(&request, &styles);
            (request, members)
        })
        .boxed()
}

/// How a member is written, and where it stands among the others.
#[derive(Debug, Clone, Copy)]
struct Style {
    place: u8,
    space: u8,
    value: u8,
}

/// A style for each field.
fn styles() -> impl Strategy<Value = Vec<Style>> {
    let style = any::<(u8, u8, u8)>();
    vec(style.prop_map(|(place, space, value)| Style { place, space, value }), Field::ALL.len())
}

fn members(request: &Request, styles: &[Style]) -> Vec<Member> {
    let said = Field::ALL.iter().zip(styles).filter_map(|(&field, style)| {
        let given = given(request.patch(field))?;
        let space = ["", " ", "\n", "\t\r\n "][usize::from(style.space % 4)];
        let key = format!("{space}{}{space}", quoted(field.wire_name(), style.value / 4));
        let value = format!("{space}{}{space}", written(&given, style.value));
        Some((style.place, Member { field: Some(field), key, value }))
    });
    let mut said: Vec<_> = said.collect();
    said.sort_by_key(|(place, _)| *place);
    said.into_iter().map(|(_, member)| member).collect()
}

/// What a client gives, as JSON.
pub(super) fn written(given: &Given<'_>, style: u8) -> String {
    match (given, style % 4) {
        (Given::Null, 0 | 1) => "null".to_owned(),
        (Given::Null, _) => "\"\"".to_owned(),
        (Given::Number(digits), 0 | 1) => digits.to_string(),
        (Given::Number(digits), 2) => format!("\"{digits}\""),
        (Given::Number(digits), _) => format!("\"000{digits}\""),
        (Given::Text(text), _) => quoted(text, style / 4),
        (Given::Other, way) => ["true", "[]", "{}", "[{\"id\":[1]}]"][usize::from(way)].to_owned(),
        (Given::LoneSurrogate, way) => {
            let half = ["\\ud800", "\\udfff", "\\ud83d\\ud83d", "\\ud800\\u0041"];
            format!("\"a{}b\"", half[usize::from(way)])
        }
    }
}

/// The text as a JSON string; `escaped` tells how many of its first characters are escaped.
pub(super) fn quoted(text: &str, escaped: u8) -> String {
    let mut json = String::from("\"");
    for (position, character) in text.chars().enumerate() {
        if position < usize::from(escaped % 8) || character < ' ' || matches!(character, '"' | '\\')
        {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                json += &format!("\\u{unit:04x}");
            }
        } else {
            json.push(character);
        }
    }
    json + "\""
}
