//! Bodies of which it is certain how they are refused.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::altered_body::{literals, unknown_keys};
use super::body::{Member, object, valid_body, valid_members, written};
use super::fault::{Broken, Fault, of_adds, of_updates};
use super::matching::matching;
use crate::Patch;
use crate::domain::{Field, Given, Request, Violation, ViolationKind, Violations};

/// Bodies that are JSON objects and break one rule, and exactly the violations with which they are refused, whatever
/// is stored: those of [`invalid_add`](super::invalid_add) and [`invalid_update`](super::invalid_update), a key that is
/// given twice, a key that is not known.
///
/// ```
/// use opportunity_engine::{Engine, Error, strategies};
/// use proptest::prelude::*;
///
/// let engine = Engine::in_memory()?;
/// proptest!(ProptestConfig::with_cases(16), |((body, violations) in strategies::invalid_body())| {
///     let reply = engine.add_or_update_json(&body);
///     let Err(Error::Rejected(rejection)) = reply.result() else { panic!("{reply:?}") };
///     prop_assert_eq!(rejection.violations(), &violations[..]);
/// });
/// # Ok::<(), opportunity_engine::OpenError>(())
/// ```
pub fn invalid_body() -> BoxedStrategy<(Vec<u8>, Violations)> {
    (valid_members(), flaw(), any::<u8>())
        .prop_filter_map("no fault there", |((request, mut members), flaw, style)| {
            let violations = flaw.put_into(&request, &mut members, style)?;
            Some((object(&members), Violations::new(violations)?))
        })
        .boxed()
}

/// What is wrong with a body.
#[derive(Debug, Clone)]
enum Flaw {
    OfRequest(Fault),
    /// One of its members is there again, with the same value or, if `is_empty`, with none.
    Twice {
        which: Index,
        place: Index,
        is_empty: bool,
    },
    Unknown {
        place: Index,
        key: String,
        value: String,
    },
}

fn flaw() -> BoxedStrategy<Flaw> {
    let twice = any::<(Index, Index, bool)>().prop_map(|(which, place, is_empty)| Flaw::Twice {
        which,
        place,
        is_empty,
    });
    let unknown = (any::<Index>(), unknown_keys(), literals())
        .prop_map(|(place, key, value)| Flaw::Unknown { place, key, value });
    prop_oneof![
        4 => of_adds().prop_map(Flaw::OfRequest),
        4 => of_updates().prop_map(Flaw::OfRequest),
        2 => twice,
        2 => unknown,
    ]
    .boxed()
}

impl Flaw {
    fn put_into(
        self,
        request: &Request,
        members: &mut Vec<Member>,
        style: u8,
    ) -> Option<Vec<Violation>> {
        match self {
            Self::OfRequest(fault) => {
                let is_add = request.patch(Field::Id) == Patch::Keep;
                let is_of_adds = matches!(fault, Fault::Malformed(..) | Fault::Missing { .. });
                let broken = fault.in_request(request).filter(|_| !is_add || is_of_adds)?;
                edit(members, &broken, style);
                Some(broken.violations)
            }
            Self::Twice { which, place, is_empty } => {
                let mut again = members[which.index(members.len())].clone();
                if is_empty {
                    again.value = written(&Given::Null, style);
                }
                let violation = Violation::of_field(again.field?, ViolationKind::Duplicate);
                members.insert(place.index(members.len() + 1), again);
                Some(vec![violation])
            }
            Self::Unknown { place, key, value } => {
                members.insert(place.index(members.len() + 1), Member::new(&key, &value));
                Some(vec![Violation::unknown_key(key.into())])
            }
        }
    }
}

/// Makes the members say what is said in a broken request.
fn edit(members: &mut Vec<Member>, broken: &Broken, style: u8) {
    for (field, given) in &broken.edits {
        members.retain(|member| member.field != Some(*field));
        // A number stays one: as a text with zeros before it, it may be right.
        let style = if matches!(given, Some(Given::Number(_))) { 0 } else { style };
        members
            .extend(given.as_ref().map(|it| Member::new(field.wire_name(), &written(it, style))));
    }
}

/// Bodies that ask for nothing, and are refused as empty (24221): no bytes, white space, `null`, `{}`, `[]`, nothing but
/// empty fields.
pub fn empty_body() -> BoxedStrategy<Vec<u8>> {
    let empty = |field: &Field, is_null| {
        Member::new(field.wire_name(), if is_null { "null" } else { "\"\"" })
    };
    let fields = (subsequence(Field::ALL, 0..=Field::ALL.len()), any::<bool>()).prop_map(
        move |(fields, is_null)| {
            object(&fields.iter().map(|field| empty(field, is_null)).collect::<Vec<_>>())
        },
    );
    let literals = select(&["", "null", "[]", "[ \n]", "{ }"][..]);
    let inside = prop_oneof![literals.prop_map(|it| it.as_bytes().to_vec()), fields];
    let white_space = matching("[ \\t\\r\\n]{0,3}");
    (white_space.clone(), inside, white_space)
        .prop_map(|(before, inside, after)| [before.as_bytes(), &inside, after.as_bytes()].concat())
        .boxed()
}

/// What JSON has no place for as a member, though some parsers let it pass.
const NO_MEMBERS: [&str; 14] = [
    "",
    "name:1",
    "\"name\"",
    "\"name\":",
    "\"name\":'x'",
    "\"name\":nul",
    "\"name\":NaN",
    "\"name\":01",
    "\"name\":+1",
    "\"name\":.5",
    "\"name\":1.",
    "\"name\":\"\\x\"",
    "\"name\":\"\\u12\"",
    "\"name\":\"\u{1}\"",
];

/// What no text in UTF-8 has in it.
const NO_UTF8: [&[u8]; 4] =
    [&[0xff], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80]];

/// Bodies that are not JSON, and are refused for that alone (24224): cut off, with something after their end, with a
/// byte-order mark, with bytes that are not UTF-8, with what only some parsers let pass.
pub fn not_json() -> BoxedStrategy<Vec<u8>> {
    let cut = |(mut body, at): (Vec<u8>, Index)| {
        // Never the empty body, and never the whole.
        body.truncate(1 + at.index(body.len() - 1));
        body
    };
    let ends = select(&["}", ",", "{}", "x", "\0", "null", "//"][..]);
    let bytes =
        (valid_body(), any::<Index>(), select(&NO_UTF8[..])).prop_map(|(mut body, at, it)| {
            let at = at.index(body.len() + 1);
            drop(body.splice(at..at, it.iter().copied()));
            body
        });
    let no_member = (vec(select(&NO_MEMBERS[..]), 1..3), valid_body())
        .prop_map(|(them, body)| [b"{", them.join(",").as_bytes(), b",", &body[1..]].concat());
    prop_oneof![
        (valid_body(), any::<Index>()).prop_map(cut),
        (valid_body(), ends).prop_map(|(body, end)| [&body, end.as_bytes()].concat()),
        valid_body().prop_map(|body| ["\u{feff}".as_bytes(), &body].concat()),
        bytes,
        no_member,
    ]
    .boxed()
}
