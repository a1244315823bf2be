//! The schema of a change record.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::fields::{always_has_a_value, described, value, value_or_null};
use crate::domain::{
    Change, ChangeKind, Field, OpportunityId, Sequence, Timestamp, VenueId, Version,
};

/// As it is serialised.
impl JsonSchema for Change {
    fn schema_name() -> Cow<'static, str> {
        "Change".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "opportunity_engine::Change".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What one effective command has changed.",
            "type": "object",
            "required": ["sequence", "venueId", "id", "version", "kind", "changedAt", "createdAt", "fields"],
            "properties": {
                "sequence": generator.subschema_for::<Sequence>(),
                "venueId": generator.subschema_for::<VenueId>(),
                "id": generator.subschema_for::<OpportunityId>(),
                "version": generator.subschema_for::<Version>(),
                "kind": { "type": "string", "enum": ChangeKind::ALL.map(ChangeKind::name) },
                "changedAt": generator.subschema_for::<Timestamp>(),
                "createdAt": generator.subschema_for::<Option<Timestamp>>(),
                "fields": fields(generator),
            },
            "additionalProperties": false,
        })
    }
}

/// The changed fields. One that is never cleared has a value since.
fn fields(generator: &mut SchemaGenerator) -> Value {
    let changed = Field::DETAILS.iter().map(|&field| {
        let old = value_or_null(field, generator);
        let new = if always_has_a_value(field) { value } else { value_or_null }(field, generator);
        let change = json_schema!({ "type": "array", "prefixItems": [old, new], "items": false, "minItems": 2 });
        (field.wire_name().to_owned(), described(field, change).to_value())
    });
    let changed: Map<_, _> = changed.collect();
    json!({
        "description": "Of each field that has changed, the old and the new value.",
        "type": "object",
        "properties": changed,
        "additionalProperties": false,
        "minProperties": 1,
    })
}
