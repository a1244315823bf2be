//! Serde's traits for [`Change`] and the fields in it.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::request::{AnyGiven, Key};
use crate::domain::{Change, Field, FieldChange, Request, Value};

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut change = serializer.serialize_struct("Change", 7)?;
        change.serialize_field("sequence", &self.sequence)?;
        change.serialize_field("venueId", &self.venue)?;
        change.serialize_field("id", &self.id)?;
        change.serialize_field("version", &self.version)?;
        change.serialize_field("kind", self.kind.name())?;
        change.serialize_field("changedAt", &self.changed_at)?;
        change.serialize_field("fields", &ChangedFields(&self.fields))?;
        change.end()
    }
}

/// Changed fields as an object: the wire name of each, with its old and its new value.
struct ChangedFields<'a>(&'a [FieldChange]);

impl Serialize for ChangedFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for change in self.0 {
            map.serialize_entry(change.field.wire_name(), &(&change.old, &change.new))?;
        }
        map.end()
    }
}

/// The JSON form of changed fields.
pub(crate) fn changed_fields_to_json(fields: &[FieldChange]) -> serde_json::Result<String> {
    serde_json::to_string(&ChangedFields(fields))
}

/// Reads what [`changed_fields_to_json`] writes; every value passes the checks of the domain.
pub(crate) fn changed_fields_from_json(json: &str) -> serde_json::Result<Vec<FieldChange>> {
    serde_json::from_str(json).map(|OwnedFields(fields)| fields)
}

struct OwnedFields(Vec<FieldChange>);

impl<'de> Deserialize<'de> for OwnedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = OwnedFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of changed fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedFields, A::Error> {
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
        Ok(OwnedFields(fields.into_iter().map(change).collect()))
    }
}
