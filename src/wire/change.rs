//! How a [`Change`] and the fields in it are serialised.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::request::{AnyGiven, Key};
use crate::domain::{Change, ChangedFields, Field, FieldChange, Request, Value};

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut change = serializer.serialize_struct("Change", 8)?;
        change.serialize_field("sequence", &self.sequence)?;
        change.serialize_field("venueId", &self.venue)?;
        change.serialize_field("id", &self.id)?;
        change.serialize_field("version", &self.version)?;
        change.serialize_field("kind", self.kind.name())?;
        change.serialize_field("changedAt", &self.changed_at)?;
        change.serialize_field("createdAt", &self.created_at)?;
        change.serialize_field("fields", &ChangedFields(self.fields.as_slice().into()))?;
        change.end()
    }
}

impl Serialize for ChangedFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for change in &*self.0 {
            map.serialize_entry(change.field.wire_name(), &(&change.old, &change.new))?;
        }
        map.end()
    }
}

/// Reads what the serialisation writes; every value passes the checks of the domain.
impl<'de> Deserialize<'de> for ChangedFields<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = ChangedFields<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of changed fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut old, mut new) = (Request::default(), Request::default());
        let mut fields = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            let Some(field) = Field::from_wire_name(&key) else {
                return Err(A::Error::custom(format!("unknown field '{key}'")));
            };
            let (before, after) = map.next_value::<(AnyGiven<'de>, AnyGiven<'de>)>()?;
            old.give(field, before.into());
            new.give(field, after.into());
            fields.push(field);
        }
        for side in [&mut old, &mut new] {
            if let Some(violation) = side.take_violations().first() {
                return Err(A::Error::custom(violation));
            }
        }
        let value = |side: &Request, field| side.patch(field).value().map(Value::into_owned);
        let change =
            |field| FieldChange { field, old: value(&old, field), new: value(&new, field) };
        Ok(ChangedFields(fields.into_iter().map(change).collect()))
    }
}
