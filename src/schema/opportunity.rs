//! The schema of an opportunity.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::fields::{always_has_a_value, clearing, described, value, value_or_null};
use crate::domain::{Clearing, Field, Opportunity, SystemField, Timestamp, Version};

/// As it is serialised; reading is lenient.
impl JsonSchema for Opportunity {
    fn schema_name() -> Cow<'static, str> {
        "Opportunity".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "opportunity_engine::Opportunity".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = Field::ALL.iter().map(|&field| {
            let form = if always_has_a_value(field) { value } else { value_or_null };
            (field.wire_name(), described(field, form(field, generator)))
        });
        let mut properties: Vec<_> = fields.collect();
        let system_fields =
            SystemField::ALL.map(|field| (field.wire_name(), system_field(field, generator)));
        properties.extend(system_fields);
        let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
        let properties: Map<_, _> = properties
            .iter()
            .map(|(name, schema)| ((*name).to_owned(), schema.as_value().clone()))
            .collect();
        json_schema!({
            "description": "A sales opportunity of a venue, at one version.",
            "type": "object",
            "required": names,
            "properties": properties,
            "additionalProperties": false,
            "anyOf": owners(),
        })
    }
}

fn system_field(field: SystemField, generator: &mut SchemaGenerator) -> Schema {
    let (mut schema, meaning) = match field {
        SystemField::Version => {
            (generator.subschema_for::<Version>(), "How often it has been written.")
        }
        SystemField::CreatedAt => (generator.subschema_for::<Timestamp>(), "When it was added."),
        SystemField::ModifiedAt => {
            (generator.subschema_for::<Timestamp>(), "When it was last changed.")
        }
    };
    schema.insert("description".to_owned(), meaning.into());
    schema
}

/// It belongs to somebody.
fn owners() -> Vec<Value> {
    let has = |field: Field| json!({ "properties": { field.wire_name(): { "not": { "type": "null" } } } });
    clearing(Clearing::WhileOwned).into_iter().map(has).collect()
}
