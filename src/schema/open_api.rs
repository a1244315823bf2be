//! The OpenAPI document.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::reply::{meaning, name, statuses, with_status};
use crate::domain::{IdempotencyKey, Request};
use crate::engine::Error;

/// The dialect of the schemas in the document.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The name of the schema of a request.
const REQUEST: &str = "Request";

/// The name of the schema of what a service refuses by itself.
const SERVICE_REFUSAL: &str = "ServiceRefusal";

pub(super) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Opportunities",
            "description": "Add or update a sales opportunity: without an id it is added, with one it is updated.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "jsonSchemaDialect": DIALECT,
        "paths": { "/api/1.0/venue": { "post": action() } },
        "components": { "schemas": schemas() },
    })
}

fn action() -> Value {
    let replies = statuses().into_iter().map(|status| (status.to_string(), response(status)));
    let responses: Map<_, _> = replies.chain([("default".to_owned(), other_response())]).collect();
    json!({
        "operationId": "addOrUpdateOpportunity",
        "summary": "Add or update an opportunity",
        "parameters": [action_parameter(), idempotency_key()],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": reference(REQUEST), "examples": examples() } },
        },
        "responses": responses,
    })
}

/// The path is that of several actions.
fn action_parameter() -> Value {
    json!({
        "name": "action",
        "in": "query",
        "required": true,
        "schema": { "const": "addOrUpdateOpportunity" },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": format!(
            "Carries the request out once, however often it is sent under this key: the answer to the first is \
             given again. A text of 1 to {} bytes in UTF-8; a random UUID is a good one.",
            IdempotencyKey::MAX_BYTES
        ),
        "schema": { "type": "string", "minLength": 1, "maxLength": IdempotencyKey::MAX_BYTES },
    })
}

fn examples() -> Value {
    json!({
        "add": {
            "summary": "Add an opportunity of a contact",
            "value": {
                "venueId": "107", "name": "Lead By API", "contactId": "918", "typeId": "18", "sourceId": "25",
                "stageId": "69", "closedDate": "2017-05-05",
            },
        },
        "update": {
            "summary": "Update its name, and clear its quality",
            "value": { "id": 755, "venueId": 107, "name": "Updated Name", "qualityId": null },
        },
    })
}

fn response(status: u16) -> Value {
    let reply = reference(&name(status));
    let schema = match refused_for(status) {
        None => reply,
        Some(_) => json!({ "oneOf": [reply, service_refusal_with(status)] }),
    };
    let meanings: Vec<_> = [meaning(status)].into_iter().chain(refused_for(status)).collect();
    let mut response = json!({
        "description": meanings.join(" Or: "),
        "content": { "application/json": { "schema": schema } },
    });
    if status == Error::PASSING {
        response["headers"] = json!({ "Retry-After": retry_after() });
    }
    response
}

/// The engine has no headers, so it is for the service to send it.
fn retry_after() -> Value {
    json!({
        "description": "After how many seconds to send the request again. Not every service says so.",
        "schema": { "type": "integer", "minimum": 0 },
    })
}

/// For what a service refuses a request before the engine has seen it, where a reply has that status too: for one of
/// the parameters.
fn refused_for(status: u16) -> Option<String> {
    match status {
        400 => Some("The idempotency key is not well formed.".to_owned()),
        404 => Some("There is no such action.".to_owned()),
        _ => None,
    }
}

fn other_response() -> Value {
    json!({
        "description": "The service refused the request by itself, for instance for its type or its size.",
        "content": { "application/json": { "schema": reference(SERVICE_REFUSAL) } },
    })
}

fn service_refusal_with(status: u16) -> Value {
    let mut schema = reference(SERVICE_REFUSAL);
    schema["properties"] = json!({ "errorCode": { "const": status } });
    schema
}

/// In the form of a reply, so that clients need to know one alone.
fn service_refusal() -> Value {
    json!({
        "title": SERVICE_REFUSAL,
        "description": "The service refused the request before the engine had seen it. Nothing was changed.",
        "type": "object",
        "required": ["success", "id", "errorCode", "specificCode", "message", "additionalMessages"],
        "properties": {
            "success": { "const": false },
            "id": { "type": "null" },
            "errorCode": { "type": "integer", "minimum": 400, "maximum": 599 },
            "specificCode": { "type": "null" },
            "message": { "type": "string" },
            "additionalMessages": { "type": "array", "maxItems": 0 },
        },
        "additionalProperties": false,
    })
}

/// What the document refers to. The schemas themselves refer to nothing.
fn schemas() -> Map<String, Value> {
    let request = Request::json_schema(&mut SchemaGenerator::default()).to_value();
    let replies = statuses().into_iter().map(|status| (name(status), with_status(status)));
    let others = [(REQUEST.to_owned(), request), (SERVICE_REFUSAL.to_owned(), service_refusal())];
    others.into_iter().chain(replies).collect()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
