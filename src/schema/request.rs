//! The schema of a request: the forms of its fields, and the rules that [`decide`](crate::decide) has.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::fields::{accepted, clearing, on_add};
use crate::domain::{Clearing, Field, OnAdd, Request};

/// As [`Decoder`](crate::Decoder) accepts it, [by itself](crate::schema#what-a-schema-cannot-say).
impl JsonSchema for Request {
    fn schema_name() -> Cow<'static, str> {
        "Request".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "opportunity_engine::Request".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Adds an opportunity, or updates the one that 'id' names. null and \"\" are the same: when \
                            adding, not given; when updating, clear it. What is left out stays as it is.",
            "type": "object",
            "properties": each(Field::ALL, |field| accepted(field).to_value()),
            "required": names(&[Field::VenueId]),
            "additionalProperties": false,
            "if": given(&[Field::Id]),
            "then": update(),
            "else": add(),
        })
    }
}

/// What an add gives of itself, and for its owner: for a company if anything is said of one, else for a contact.
fn add() -> Value {
    let for_company = on_add(OnAdd::ForCompany);
    let any_for_company: Vec<_> = for_company.iter().map(|&field| given(&[field])).collect();
    json!({
        "description": "An add.",
        "required": names(&on_add(OnAdd::Required)),
        "if": { "anyOf": any_for_company },
        "then": given(&for_company),
        "else": given(&on_add(OnAdd::ForContact)),
    })
}

/// An update does not clear all owners. Whether it clears the last one, only the stored state tells.
fn update() -> Value {
    let owners = clearing(Clearing::WhileOwned);
    json!({
        "description": "An update.",
        "not": { "properties": each(&owners, |_| empty()), "required": names(&owners) },
    })
}

/// All of these fields have a value.
fn given(fields: &[Field]) -> Value {
    json!({ "properties": each(fields, |_| json!({ "not": empty() })), "required": names(fields) })
}

fn empty() -> Value {
    json!({ "enum": [null, ""] })
}

fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.wire_name()).collect()
}

fn each(fields: &[Field], schema: impl Fn(Field) -> Value) -> Map<String, Value> {
    fields.iter().map(|&field| (field.wire_name().to_owned(), schema(field))).collect()
}
