//! The OpenAPI document keeps the rules of OpenAPI 3.1, as far as it has to do with them, and says what the engine
//! does.

use std::collections::BTreeSet;

use jsonschema::Validator;
use opportunity_engine::{Engine, IdempotencyKey, Reply, schema};
use serde_json::{Value, json};

use super::agreement::REQUEST;
use super::answers::one_of_each_status;
use super::bodies::{json as as_json, one_change_each};

/// The action within the document.
fn action(document: &Value) -> &Value {
    &document["paths"]["/api/1.0/venue"]["post"]
}

/// The rules of OpenAPI 3.1 for the objects that the document has.
fn rules() -> Value {
    let object = |required: Value, properties: Value| {
        json!({
            "type": "object", "required": required, "properties": properties,
            "patternProperties": { "^x-": {} }, "additionalProperties": false,
        })
    };
    let text = json!({ "type": "string" });
    let rule = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let all = |name: &str| json!({ "type": "object", "additionalProperties": rule(name) });
    let example = object(json!([]), json!({ "summary": text, "description": text, "value": true }));
    let media =
        object(json!(["schema"]), json!({ "schema": rule("schema"), "examples": all("example") }));
    let mut parameter = object(
        json!(["name", "in", "schema"]),
        json!({
            "name": text, "in": { "enum": ["query", "header", "path", "cookie"] }, "description": text,
            "required": { "type": "boolean" }, "schema": rule("schema"),
        }),
    );
    parameter["if"] = json!({ "properties": { "in": { "const": "path" } } });
    parameter["then"] =
        json!({ "required": ["required"], "properties": { "required": { "const": true } } });
    let operation = object(
        json!(["responses"]),
        json!({
            "operationId": text, "summary": text, "description": text,
            "parameters": { "type": "array", "items": rule("parameter"), "uniqueItems": true },
            "requestBody": object(json!(["content"]), json!({
                "description": text, "required": { "type": "boolean" }, "content": all("media"),
            })),
            "responses": {
                "type": "object", "minProperties": 1, "additionalProperties": false,
                "patternProperties": { "^(default|[1-5]([0-9]{2}|XX))$": rule("response") },
            },
        }),
    );
    // A parameter without its name and place: the one is its key, the other is certain.
    let header = object(
        json!(["schema"]),
        json!({ "description": text, "required": { "type": "boolean" }, "schema": rule("schema") }),
    );
    let response = object(
        json!(["description"]),
        json!({ "description": text, "headers": all("header"), "content": all("media") }),
    );
    let info = object(
        json!(["title", "version"]),
        json!({ "title": text, "version": text, "summary": text, "description": text }),
    );
    let names = "^[a-zA-Z0-9._-]+$";
    let mut document = object(
        json!(["openapi", "info", "paths"]),
        json!({
            "openapi": { "type": "string", "pattern": r"^3\.1\.[0-9]+$" },
            "jsonSchemaDialect": { "type": "string", "format": "uri" },
            "info": info,
            "paths": {
                "type": "object", "patternProperties": { "^/[^?#]*$": object(json!([]), json!({ "post": operation })) },
                "additionalProperties": false,
            },
            "components": object(json!([]), json!({
                "schemas": {
                    "type": "object", "patternProperties": { names: rule("schema") }, "additionalProperties": false,
                },
            })),
        }),
    );
    document["$defs"] = json!({
        "schema": { "$ref": "https://json-schema.org/draft/2020-12/schema" },
        "example": example, "media": media, "parameter": parameter, "header": header, "response": response,
    });
    document
}

/// The rules are seen to find what is wrong with documents that were right.
#[test]
fn the_document_keeps_the_rules_of_open_api() {
    let rules = jsonschema::validator_for(&rules()).unwrap();
    let document = schema::open_api();
    let broken: Vec<_> = rules.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(broken.is_empty(), "{broken:#?}");

    let post = "/paths/~1api~11.0~1venue/post";
    for (place, wrong) in [
        ("/openapi", json!("3.0.3")),
        ("/info", json!({ "title": "x" })),
        ("/paths", json!({ "api": {} })),
        ("/paths", json!({ "/api?action=x": {} })),
        (&*format!("{post}/responses"), json!({})),
        (&format!("{post}/responses"), json!({ "600": { "description": "" } })),
        (&format!("{post}/responses/200"), json!({ "content": {} })),
        (&format!("{post}/responses/503/headers/Retry-After"), json!({ "description": "" })),
        (&format!("{post}/responses/503/headers/Retry-After/name"), json!("Retry-After")),
        (&format!("{post}/responses/503/headers/Retry-After/in"), json!("header")),
        (&format!("{post}/parameters/0/in"), json!("body")),
        (&format!("{post}/parameters/0/in"), json!("path")),
        (&format!("{post}/parameters/0/schema/type"), json!("text")),
        (&format!("{post}/requestBody"), json!({ "required": true })),
        ("/components/schemas/Request/type", json!("text")),
        ("/components/schemas/Request/required", json!("venueId")),
    ] {
        let mut other = document.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        other.pointer_mut(parent).unwrap()[key] = wrong;
        if place.ends_with("in") && other.pointer(place) == Some(&json!("path")) {
            other.pointer_mut(parent).unwrap()["required"] = json!(false);
        }
        assert!(!rules.is_valid(&other), "{place}");
    }
}

/// Every `$ref`, wherever it stands.
fn references(json: &Value) -> Vec<&str> {
    match json {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Seen to fail for a component that is left out, and for one too many.
#[test]
fn every_reference_resolves_and_every_component_is_referred_to() {
    let document = schema::open_api();
    let found: BTreeSet<_> = references(&document).into_iter().map(str::to_owned).collect();
    for reference in &found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some_and(Value::is_object), "{reference}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let components = schemas.keys().map(|name| format!("#/components/schemas/{name}"));
    assert_eq!(components.collect::<BTreeSet<_>>(), found);
}

/// A schema as it stands in the document.
fn in_document(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::validator_for(&whole).unwrap()
}

/// Seen to fail for a document without 424, for one with 422, and for one whose 404 refers to the schema of 400.
#[test]
fn the_statuses_are_those_of_replies_and_each_has_the_schema_of_its_replies() {
    let document = schema::open_api();
    let responses = action(&document)["responses"].as_object().unwrap();
    let replies = one_of_each_status();
    let mut given: BTreeSet<_> = replies.iter().map(|reply| reply.status().to_string()).collect();
    given.insert("default".to_owned());
    assert_eq!(responses.keys().cloned().collect::<BTreeSet<_>>(), given);
    let json = |reply: &Reply| serde_json::from_slice(&reply.to_json()).unwrap();
    for (status, response) in responses.iter().filter(|(status, _)| *status != "default") {
        let schema = in_document(&document, &response["content"]["application/json"]["schema"]);
        for reply in &replies {
            let is_its = reply.status().to_string() == *status;
            assert_eq!(schema.is_valid(&json(reply)), is_its, "{status}: {}", json(reply));
        }
    }
}

/// Seen to fail for a document whose 404 is that of the engine alone, and for one whose 400 takes any status.
#[test]
fn what_a_service_refuses_by_itself_is_told_from_what_the_engine_refuses() {
    let document = schema::open_api();
    let responses = action(&document)["responses"].as_object().unwrap();
    let refusal = |status: u16, code: Value| {
        json!({
            "success": false, "id": null, "errorCode": status, "specificCode": code,
            "message": "no", "additionalMessages": [],
        })
    };
    let form = |key: &str| {
        in_document(&document, &responses[key]["content"]["application/json"]["schema"])
    };
    for status in [400, 404] {
        let form = form(&status.to_string());
        assert!(form.is_valid(&refusal(status, Value::Null)), "{status}");
        assert!(!form.is_valid(&refusal(415, Value::Null)), "{status}");
        assert!(!form.is_valid(&refusal(status, json!(24223))), "{status}");
    }
    let form = form("default");
    for status in [401, 405, 413, 415, 502] {
        assert!(form.is_valid(&refusal(status, Value::Null)), "{status}");
        assert!(!form.is_valid(&refusal(status, json!(24221))), "{status}");
    }
    assert!(!form.is_valid(&json!({ "success": true, "id": 1 })));
    assert!(!form.is_valid(&refusal(200, Value::Null)));
}

/// Seen to fail for a document whose requests are replies, and for an example without its type.
#[test]
fn the_requests_are_those_of_the_request_schema_and_the_examples_are_some() {
    let document = schema::open_api();
    let media = &action(&document)["requestBody"]["content"]["application/json"];
    let request = in_document(&document, &media["schema"]);
    for body in one_change_each().iter().filter_map(|body| as_json(body)) {
        assert_eq!(request.is_valid(&body), REQUEST.is_valid(&body), "{body}");
    }
    let engine = Engine::in_memory().unwrap();
    for (name, status) in [("add", 200), ("update", 404)] {
        let example = &media["examples"][name]["value"];
        assert!(request.is_valid(example), "{example}");
        assert_eq!(engine.add_or_update_json(example.to_string().as_bytes()).status(), status);
    }
    assert_eq!(media["examples"].as_object().unwrap().len(), 2);
}

/// Seen to fail for a header in each response, and for one that may be a text.
#[test]
fn only_what_passes_by_itself_has_a_header_and_it_tells_seconds() {
    let document = schema::open_api();
    let responses = action(&document)["responses"].as_object().unwrap();
    let having = responses.iter().filter(|(_, response)| response.get("headers").is_some());
    assert_eq!(having.map(|(status, _)| status).collect::<Vec<_>>(), ["503"]);
    let headers = responses["503"]["headers"].as_object().unwrap();
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["Retry-After"]);
    let seconds = in_document(&document, &headers["Retry-After"]["schema"]);
    for (value, is_one) in
        [(json!(0), true), (json!(1), true), (json!(-1), false), (json!("soon"), false)]
    {
        assert_eq!(seconds.is_valid(&value), is_one, "{value}");
    }
}

/// Seen to fail for a header of up to 256 characters.
#[test]
fn the_parameters_are_the_action_and_the_idempotency_key() {
    let document = schema::open_api();
    let [name, key] = action(&document)["parameters"].as_array().unwrap().as_slice() else {
        panic!()
    };
    assert_eq!(
        (&name["name"], &name["in"], &name["required"]),
        (&json!("action"), &json!("query"), &json!(true))
    );
    assert!(in_document(&document, &name["schema"]).is_valid(&json!("addOrUpdateOpportunity")));
    assert!(!in_document(&document, &name["schema"]).is_valid(&json!("getOpportunity")));
    assert_eq!((&key["name"], &key["in"]), (&json!("Idempotency-Key"), &json!("header")));
    assert_ne!(key["required"], json!(true));
    let schema = in_document(&document, &key["schema"]);
    for length in [0, 1, 36, 255, 256] {
        let text = "x".repeat(length);
        let is_valid = schema.is_valid(&json!(text));
        assert_eq!(is_valid, IdempotencyKey::new(text).is_ok(), "{length}");
    }
    // What the schema cannot say, and the description does: the length is in bytes.
    for (length, is_key) in [(1, true), (127, true), (128, false), (255, false)] {
        let text = "é".repeat(length);
        assert!(schema.is_valid(&json!(text)), "{length}");
        assert_eq!(IdempotencyKey::new(text).is_ok(), is_key, "{length}");
    }
    assert!(key["description"].as_str().unwrap().contains("255 bytes in UTF-8"));
}
