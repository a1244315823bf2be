//! The schemas, held against what the engine does: JSON Schema and OpenAPI say what is accepted and given.

#[path = "schema/agreement.rs"]
mod agreement;
#[path = "schema/answers.rs"]
mod answers;
#[path = "schema/bodies.rs"]
mod bodies;
#[path = "schema/each_rule.rs"]
mod each_rule;
#[path = "schema/open_api.rs"]
mod open_api;
mod support;
