//! Opportunities as lines of JSON: how they are exported and imported.

use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::{RawGiven, utf8};
use super::request::Key;
use crate::domain::{Given, Opportunity, Record, Violations};
use crate::json_error::JsonError;

/// Why a line is no opportunity.
pub(crate) enum NotARecord {
    NotJson(JsonError),
    NotAnObject,
    Invalid(Violations),
}

/// Writes an opportunity, with all of its keys, and the end of the line.
pub(crate) fn write_record(output: &mut impl Write, opportunity: &Opportunity) -> io::Result<()> {
    serde_json::to_writer(&mut *output, opportunity)?;
    output.write_all(b"\n")
}

/// Reads an opportunity that has all of its keys; every value passes the checks of the domain.
pub(crate) fn read_record(line: &[u8]) -> Result<Opportunity, NotARecord> {
    let text = utf8(line).map_err(NotARecord::NotJson)?;
    let not_json = |error| NotARecord::NotJson(JsonError::from(&error));
    if !text.trim_start().starts_with('{') {
        let json: Result<&RawValue, _> = serde_json::from_str(text);
        return Err(json.map_or_else(not_json, |_| NotARecord::NotAnObject));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let record = read_map::<RawGiven<'_>, _>(&mut deserializer).map_err(not_json)?;
    deserializer.end().map_err(not_json)?;
    record.check_complete().map_err(NotARecord::Invalid)
}

/// Reads an object into a record. `V` is how a value is taken from the input.
pub(super) fn read_map<'de, V, D>(deserializer: D) -> Result<Record, D::Error>
where
    V: Deserialize<'de> + Into<Given<'de>>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(RecordVisitor::<V>(PhantomData))
}

struct RecordVisitor<V>(PhantomData<fn() -> V>);

impl<'de, V: Deserialize<'de> + Into<Given<'de>>> Visitor<'de> for RecordVisitor<V> {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an opportunity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::default();
        while let Some(Key(key)) = map.next_key()? {
            record.give(&key, map.next_value::<V>()?.into());
        }
        Ok(record)
    }
}
