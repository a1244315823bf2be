//! Serde's traits for [`Request`]: an object with the wire names.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::decode::UnknownKeys;
use crate::domain::{Field, Given, Patch, Request, Value};

/// Reads an object into a request. `V` is how a value is taken from the input.
///
/// The request stays where it is: it is nearly 400 bytes, and with it handed up through the results of serde's
/// calls an update took a fifth longer from bytes to a command.
pub(super) struct RequestSeed<'r, V> {
    request: &'r mut Request,
    unknown_keys: UnknownKeys,
    value: PhantomData<fn() -> V>,
}

impl<'r, V> RequestSeed<'r, V> {
    pub(super) const fn new(request: &'r mut Request, unknown_keys: UnknownKeys) -> Self {
        Self { request, unknown_keys, value: PhantomData }
    }
}

impl<'de, V: Deserialize<'de> + Into<Given<'de>>> DeserializeSeed<'de> for RequestSeed<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, V: Deserialize<'de> + Into<Given<'de>>> Visitor<'de> for RequestSeed<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of an opportunity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            if let Some(field) = Field::from_wire_name(&key) {
                self.request.give(field, map.next_value::<V>()?.into());
                continue;
            }
            map.next_value::<IgnoredAny>()?;
            if self.unknown_keys == UnknownKeys::Reject {
                self.request.give_unknown(&key);
            }
        }
        Ok(())
    }
}

/// A key, borrowed from the input where it has no escapes. Transparent: not every format looks through a
/// newtype.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A value from any format of serde's.
pub(super) struct AnyGiven<'a>(Given<'a>);

impl<'a> From<AnyGiven<'a>> for Given<'a> {
    fn from(AnyGiven(given): AnyGiven<'a>) -> Self {
        given
    }
}

impl<'de> Deserialize<'de> for AnyGiven<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GivenVisitor).map(Self)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a field")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Given<'de>, E> {
        Ok(Given::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Given<'de>, E> {
        Ok(Given::Text(text.to_owned().into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Given<'de>, E> {
        Ok(Given::Number(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Given<'de>, E> {
        Ok(Given::Number(number.to_string().into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Given<'de>, E> {
        Ok(Given::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Given<'de>, E> {
        Ok(Given::Other)
    }

    fn visit_unit<E>(self) -> Result<Given<'de>, E> {
        Ok(Given::Null)
    }

    fn visit_none<E>(self) -> Result<Given<'de>, E> {
        Ok(Given::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Given::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Given::Other)
    }
}

/// Reads an object with the wire names from any format. Violations of single fields are kept in
/// the request, unknown keys among them.
///
/// For bytes that a client posted use [`Decoder`](crate::Decoder): it limits the size, and reads
/// numbers of any length.
impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut request = Self::default();
        RequestSeed::<AnyGiven<'de>>::new(&mut request, UnknownKeys::Reject)
            .deserialize(deserializer)?;
        Ok(request)
    }
}

/// Writes the fields that are given, a cleared one as `null`. The version that it expects and its key are not
/// among them: they travel beside a request, in headers say; see [`Request::expects`] and
/// [`Request::once_under`]. A request that holds violations has no such form: an error.
impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(self, Request::patch, serializer)
    }
}

/// Everything that makes a request the same as another, as one text; none of a request that holds
/// violations.
pub(crate) fn comparable(request: &Request) -> Option<String> {
    serde_json::to_string(&(request.expects(), Meant(request))).ok()
}

/// The fields of a request with what they come to: an add says the same with `null` as without the field.
struct Meant<'r>(&'r Request);

impl Serialize for Meant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(self.0, Request::meant, serializer)
    }
}

fn fields<S: Serializer>(
    request: &Request,
    said_of: for<'r> fn(&'r Request, Field) -> Patch<Value<'r>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if request.has_violations() {
        return Err(S::Error::custom("a request that holds violations cannot be serialised"));
    }
    let mut map = serializer.serialize_map(None)?;
    for &field in Field::ALL {
        match said_of(request, field) {
            Patch::Keep => {}
            Patch::Clear => map.serialize_entry(field.wire_name(), &None::<Value<'_>>)?,
            Patch::Set(value) => map.serialize_entry(field.wire_name(), &value)?,
        }
    }
    map.end()
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Date(date) => serializer.collect_str(date),
        }
    }
}
