//! Serde's traits for [`Opportunity`]: an object with the wire names.

use serde::de::{Deserializer, Error};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::record::read_map;
use super::request::AnyGiven;
use crate::domain::{Field, Opportunity, SystemField};

impl Serialize for Opportunity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Field::ALL.len() + SystemField::ALL.len()))?;
        for &field in Field::ALL {
            map.serialize_entry(field.wire_name(), &self.value(field))?;
        }
        map.serialize_entry(SystemField::Version.wire_name(), &self.version())?;
        map.serialize_entry(SystemField::CreatedAt.wire_name(), &self.created_at())?;
        map.serialize_entry(SystemField::ModifiedAt.wire_name(), &self.modified_at())?;
        map.end()
    }
}

/// Reads what the serialisation writes; every value passes the checks of the domain. A field that is left
/// out has no value.
impl<'de> Deserialize<'de> for Opportunity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_map::<AnyGiven<'de>, D>(deserializer)?.check().map_err(D::Error::custom)
    }
}
