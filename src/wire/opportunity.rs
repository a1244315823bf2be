//! Serde's traits for [`Opportunity`]: an object with the wire names.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::request::{AnyGiven, Key};
use crate::domain::{Field, Opportunity, Patch, Request, SystemColumns, Timestamp, Value, Version};

const VERSION: &str = "version";
const CREATED_AT: &str = "createdAt";
const MODIFIED_AT: &str = "modifiedAt";

impl Serialize for Opportunity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Field::ALL.len() + 3))?;
        for &field in Field::ALL {
            map.serialize_entry(field.wire_name(), &self.value(field))?;
        }
        map.serialize_entry(VERSION, &self.version())?;
        map.serialize_entry(CREATED_AT, &self.created_at())?;
        map.serialize_entry(MODIFIED_AT, &self.modified_at())?;
        map.end()
    }
}

/// Reads what the serialisation writes; every value passes the checks of the domain.
impl<'de> Deserialize<'de> for Opportunity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OpportunityVisitor)
    }
}

struct OpportunityVisitor;

impl<'de> Visitor<'de> for OpportunityVisitor {
    type Value = Opportunity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an opportunity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Opportunity, A::Error> {
        let mut fields = Request::default();
        let mut version: Option<Version> = None;
        let mut created_at: Option<Timestamp> = None;
        let mut modified_at: Option<Timestamp> = None;
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                VERSION => version = Some(map.next_value()?),
                CREATED_AT => created_at = Some(map.next_value()?),
                MODIFIED_AT => modified_at = Some(map.next_value()?),
                key => match Field::from_wire_name(key) {
                    Some(field) => fields.give(field, map.next_value::<AnyGiven<'de>>()?.into()),
                    None => return Err(A::Error::custom(format!("unknown field '{key}'"))),
                },
            }
        }
        if let Some(violation) = fields.take_violations().first() {
            return Err(A::Error::custom(violation));
        }
        let key = |field| match fields.patch(field) {
            Patch::Set(Value::Integer(value)) => Ok(value),
            _ => Err(A::Error::missing_field(field.wire_name())),
        };
        let system = SystemColumns {
            id: key(Field::Id)?,
            venue_id: key(Field::VenueId)?,
            version: version.ok_or_else(|| A::Error::missing_field(VERSION))?.get(),
            created_at: created_at.ok_or_else(|| A::Error::missing_field(CREATED_AT))?.as_millis(),
            modified_at: modified_at
                .ok_or_else(|| A::Error::missing_field(MODIFIED_AT))?
                .as_millis(),
        };
        Opportunity::restore(system, |field| Ok(fields.patch(field).value()))
            .map_err(A::Error::custom)
    }
}
