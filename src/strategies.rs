//! Strategies for [proptest](https://docs.rs/proptest), so that services which embed an engine can
//! test themselves against requests of every kind (feature `proptest`).
//!
//! ```
//! use opportunity_engine::{Engine, strategies};
//! use proptest::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::in_memory()?;
//! proptest!(ProptestConfig::with_cases(16), |(request in strategies::valid_add())| {
//!     // What a service does with a request goes here.
//!     prop_assert!(engine.add_or_update(request).is_ok());
//! });
//! # Ok(())
//! # }
//! ```

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::domain::{
    ChannelId, Clearing, ClosedDate, Field, Given, InvalidValue, Name, OnAdd, Request, Text, Value,
    with_fields,
};
use crate::{OpportunityId, Patch, VenueId};

/// A type of field that can be drawn.
trait Sample: Sized {
    fn sample() -> BoxedStrategy<Self>;
}

/// Every integer type: small values, any value, and the largest.
impl<T: TryFrom<i64, Error = InvalidValue> + std::fmt::Debug + 'static> Sample for T {
    fn sample() -> BoxedStrategy<Self> {
        let integers = prop_oneof![8 => 0..=99_i64, 2 => 0..=i64::MAX, 1 => Just(i64::MAX)];
        integers
            .prop_filter_map("out of the range of the type", |value| T::try_from(value).ok())
            .boxed()
    }
}

impl Sample for Name {
    fn sample() -> BoxedStrategy<Self> {
        texts().prop_filter_map("blank", |text| Self::new(text).ok()).boxed()
    }
}

impl Sample for Text {
    fn sample() -> BoxedStrategy<Self> {
        texts().prop_filter_map("empty", |text| Self::new(text).ok()).boxed()
    }
}

impl Sample for ChannelId {
    fn sample() -> BoxedStrategy<Self> {
        prop_oneof!["[0-9]{1,30}", texts()]
            .prop_filter_map("empty", |text| Self::new(text).ok())
            .boxed()
    }
}

impl Sample for ClosedDate {
    fn sample() -> BoxedStrategy<Self> {
        let days = prop_oneof![
            Just("0001-01-01".to_owned()),
            Just("9999-12-31".to_owned()),
            "20[0-9]{2}-0[1-9]-[0-2][0-9]"
        ];
        let times = prop_oneof![Just(String::new()), " [01][0-9]:[0-5][0-9]:[0-5][0-9]"];
        (days, times)
            .prop_filter_map("no such day", |(day, time)| format!("{day}{time}").parse().ok())
            .boxed()
    }
}

/// Texts without U+0000: words, any characters, white space at the ends.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,12}( [a-z]{1,8}){0,2}",
        "[^\\x00]{0,12}",
        "[ \\t]{0,2}\\PC{1,8}[ \\n]{0,2}"
    ]
}

macro_rules! define_value_of {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// Values that are well formed for a field.
        pub fn value_of(field: Field) -> BoxedStrategy<Value<'static>> {
            use crate::domain::*;
            fn owned<T: Sample + FieldValue + std::fmt::Debug + 'static>() -> BoxedStrategy<Value<'static>> {
                T::sample().prop_map(|value| value.to_value().into_owned()).boxed()
            }
            match field {
                $(Field::$Key => owned::<$KeyType>(),)*
                $(Field::$Field => owned::<$Type>(),)*
            }
        }
    };
}
with_fields!(define_value_of);

/// Venues, out of a few: requests meet in them.
pub fn venue_id() -> impl Strategy<Value = VenueId> {
    (1..=5_i64).prop_filter_map("every one is an id", |id| VenueId::new(id).ok())
}

/// Ids of opportunities, most of them small.
pub fn opportunity_id() -> impl Strategy<Value = OpportunityId> {
    OpportunityId::sample()
}

/// Adds that break no rule, to any of a few venues.
pub fn valid_add() -> impl Strategy<Value = Request> {
    venue_id().prop_flat_map(valid_add_to)
}

/// Adds to a venue that break no rule: for a company, for a contact, or for both.
pub fn valid_add_to(venue: VenueId) -> impl Strategy<Value = Request> {
    (any::<bool>(), 0.0..1.0).prop_flat_map(move |(for_company, density)| {
        let values = Field::DETAILS.iter().map(|&field| {
            let chance = match field.on_add() {
                Some(OnAdd::Required) => 1.0,
                Some(OnAdd::ForCompany) => f64::from(for_company),
                Some(OnAdd::ForContact) if !for_company => 1.0,
                _ => density,
            };
            sometimes(chance, value_of(field))
        });
        values.collect::<Vec<_>>().prop_map(move |values| {
            let mut request = Request::add(venue);
            for (&field, value) in Field::DETAILS.iter().zip(values) {
                if let Some(value) = value {
                    set(&mut request, field, value);
                }
            }
            request
        })
    })
}

/// A value with this chance, which may be certain either way.
fn sometimes(
    chance: f64,
    value: BoxedStrategy<Value<'static>>,
) -> BoxedStrategy<Option<Value<'static>>> {
    match chance {
        ..=0.0 => Just(None).boxed(),
        1.0.. => value.prop_map(Some).boxed(),
        _ => option::weighted(chance, value).boxed(),
    }
}

/// Updates of an opportunity that break no rule that the request alone can tell: each field is
/// left, cleared if it may be, or set. Both owners are never cleared together.
pub fn valid_update(venue: VenueId, id: OpportunityId) -> impl Strategy<Value = Request> {
    let patches = Field::DETAILS.iter().map(|&field| {
        let set = value_of(field).prop_map(Patch::Set);
        let keep = Just(Patch::Keep);
        match field.clearing() {
            Clearing::Always => prop_oneof![4 => keep, 1 => Just(Patch::Clear), 1 => set].boxed(),
            Clearing::Never | Clearing::WhileOwned => prop_oneof![5 => keep, 1 => set].boxed(),
        }
    });
    let owners: Vec<_> = Field::DETAILS
        .iter()
        .copied()
        .filter(|field| field.clearing() == Clearing::WhileOwned)
        .collect();
    (patches.collect::<Vec<_>>(), option::weighted(0.1, select(owners))).prop_map(
        move |(patches, cleared)| {
            let mut request = Request::update(venue, id);
            for (&field, patch) in Field::DETAILS.iter().zip(patches) {
                match patch {
                    _ if cleared == Some(field) => request.give(field, Given::Null),
                    Patch::Keep => {}
                    Patch::Clear => request.give(field, Given::Null),
                    Patch::Set(value) => set(&mut request, field, value),
                }
            }
            request
        },
    )
}

/// Adds that break a rule, and the field that breaks it: a required one is missing, or a value is
/// not well formed.
pub fn invalid_add() -> impl Strategy<Value = (Request, Field)> {
    (valid_add(), select(Field::DETAILS), any::<bool>()).prop_filter_map(
        "nothing to break",
        |(request, field, is_missing)| {
            let value = match request.patch(field) {
                Patch::Set(value) => value.into_owned(),
                Patch::Keep | Patch::Clear => return None,
            };
            let required = match field.on_add()? {
                OnAdd::Required | OnAdd::ForCompany => true,
                OnAdd::ForContact => request.patch(Field::CompanyId) == Patch::Keep,
                OnAdd::Optional => false,
            };
            let mut broken = without(&request, field);
            match value {
                _ if is_missing && required => {}
                _ if is_missing => return None,
                Value::Integer(_) => broken.give(field, Given::Number("-1".into())),
                Value::Text(text) => broken.give(field, Given::Text(format!("{text}\0").into())),
                Value::Date(date) => broken.give(field, Given::Text(format!("{date} ").into())),
            }
            Some((broken, field))
        },
    )
}

/// The same request without a field.
pub fn without(request: &Request, field: Field) -> Request {
    let mut rest = Request::default();
    for &other in Field::ALL.iter().filter(|&&other| other != field) {
        match request.patch(other) {
            Patch::Keep => {}
            Patch::Clear => rest.give(other, Given::Null),
            Patch::Set(value) => set(&mut rest, other, value.into_owned()),
        }
    }
    rest
}

/// JSON bodies that say what a request says, written in any of the ways in which clients write:
/// order, white space, escapes, integers as texts, leading zeros, `null` or `""`.
pub fn body_of(request: &Request) -> impl Strategy<Value = Vec<u8>> + use<> {
    let members: Vec<_> = Field::ALL
        .iter()
        .filter_map(|&field| match request.patch(field) {
            Patch::Keep => None,
            Patch::Clear => Some((field, None)),
            Patch::Set(value) => Some((field, Some(value.into_owned()))),
        })
        .collect();
    let styles = vec(any::<(u8, u8)>(), members.len());
    (Just(members).prop_shuffle(), styles).prop_map(|(members, styles)| {
        let members = members.into_iter().zip(styles).map(|((field, value), (space, style))| {
            let space = ["", " ", "\n", "\t\r\n "][usize::from(space % 4)];
            let (key, value) =
                (quoted(field.wire_name(), style / 4), written(value.as_ref(), style));
            format!("{space}{key}{space}:{space}{value}{space}")
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
    })
}

/// What a mutation puts in.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "\"\"",
    "1e999",
    "-0",
    "\\ud800",
    "\"id\":1,",
    "\u{feff}",
    "\"foo\":{}",
];

/// Bodies that were something valid once: bytes changed, cut out, doubled, put in.
pub fn mutated_body() -> impl Strategy<Value = Vec<u8>> {
    let valid = valid_add().prop_flat_map(|request| body_of(&request));
    let mutation = (any::<Index>(), 0..4_u8, any::<u8>(), select(TOKENS), 0..40_usize);
    (valid, vec(mutation, 1..4)).prop_map(|(mut body, mutations)| {
        for (place, kind, byte, token, len) in mutations {
            let place = place.index(body.len() + 1);
            let end = (place + len).min(body.len());
            match kind {
                0 => drop(body.splice(place..end.min(place + 1), [byte])),
                1 => drop(body.drain(place..end)),
                2 => drop(body.splice(place..place, body[place..end].to_vec())),
                _ => drop(body.splice(place..place, token.bytes())),
            }
        }
        body
    })
}

fn set(request: &mut Request, field: Field, value: Value<'static>) {
    request.give(
        field,
        match value {
            Value::Integer(integer) => Given::Number(integer.to_string().into()),
            Value::Text(text) => Given::Text(text),
            Value::Date(date) => Given::Text(date.to_string().into()),
        },
    );
}

fn written(value: Option<&Value<'_>>, style: u8) -> String {
    match (value, style % 4) {
        (None, 0 | 1) => "null".to_owned(),
        (None, _) => "\"\"".to_owned(),
        (Some(Value::Integer(integer)), 0 | 1) => integer.to_string(),
        (Some(Value::Integer(integer)), 2) => format!("\"{integer}\""),
        (Some(Value::Integer(integer)), _) => format!("\"000{integer}\""),
        (Some(Value::Text(text)), _) => quoted(text, style / 4),
        (Some(Value::Date(date)), _) => quoted(&date.to_string(), style / 4),
    }
}

/// The text as a JSON string; `escaped` tells how many of its first characters are escaped.
fn quoted(text: &str, escaped: u8) -> String {
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
