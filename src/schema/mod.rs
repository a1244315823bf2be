//! What goes in and out, described for others: JSON Schema (draft 2020-12), and an OpenAPI 3.1 document of the
//! published action (feature `schema`).
//!
//! The schemas are made from the table of fields, [`Field`](crate::Field), and say what this crate does: a body
//! that validates is one that [`Decoder`](crate::Decoder) and [`decide`](crate::decide) accept, and the other
//! way round, but for what stands below.
//!
//! ```
//! use opportunity_engine::schema;
//!
//! let request = schema::request();
//! assert_eq!(request["$schema"], "https://json-schema.org/draft/2020-12/schema");
//! assert_eq!(request["properties"]["closedDate"]["description"], "When it was closed, UTC.");
//! ```
//!
//! The types implement [`schemars::JsonSchema`], so that they can stand in schemas which a service derives.
//! They are described as they are written; a [`Request`] as it is accepted.
//!
//! # What a schema cannot say
//!
//! These bodies validate, and are refused all the same:
//!
//! - one with a key given twice: for JSON Schema an object has each key once;
//! - one with an integer that is spelled `1.0`, `1e3` or `-0`: for JSON Schema these are integers;
//! - one with an integer given as a text of 19 digits that is more than 9223372036854775807;
//! - one with a day that its month does not have, such as `2017-02-30`;
//! - one that is larger than is accepted, 1 MiB as a rule.
//!
//! In the OpenAPI document the header `Idempotency-Key` has at most 255 characters, but a key at most 255 bytes: what
//! is not ASCII has to be shorter.
//!
//! What is stored cannot be told from a request either: whether the opportunity exists in the venue, whether an
//! update that clears an owner leaves the other one, whether the ids in it are known to the
//! [`References`](crate::References) and go with what is there, whether its idempotency key was used for another request.
//!
//! Where an engine [ignores unknown keys](crate::UnknownKeys::Ignore) it accepts more than
//! the schema says. White space around a value counts in both: nothing is trimmed.
//!
//! Of an opportunity and a change a schema cannot say that `modifiedAt` is not before `createdAt`, that a date is in
//! the calendar, and that an old value differs from the new one.

mod change;
mod fields;
mod forms;
mod open_api;
mod opportunity;
mod patterns;
mod reply;
mod request;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::domain::{Change, Opportunity, Request};
use crate::engine::Reply;

/// The JSON Schema of a request body.
///
/// It has the lenient forms that are accepted: integers as texts, `""` in the place of `null`.
///
/// ```
/// use opportunity_engine::schema;
///
/// let quality_id = &schema::request()["properties"]["qualityId"];
/// assert_eq!(quality_id["type"], serde_json::json!(["integer", "string", "null"]));
/// ```
#[must_use]
pub fn request() -> Value {
    of::<Request>()
}

/// The JSON Schema of a reply: of the success, and of each kind of refusal and failure.
///
/// ```
/// use opportunity_engine::schema;
///
/// let success = &schema::reply()["oneOf"][0];
/// assert_eq!(success["required"], serde_json::json!(["success", "id"]));
/// ```
#[must_use]
pub fn reply() -> Value {
    of::<Reply>()
}

/// The JSON Schema of an [`Opportunity`], as it is serialised.
///
/// ```
/// use opportunity_engine::schema;
///
/// let stage = &schema::opportunity()["properties"]["stageId"];
/// assert_eq!((&stage["type"], &stage["minimum"]), (&"integer".into(), &1.into()));
/// ```
#[must_use]
pub fn opportunity() -> Value {
    of::<Opportunity>()
}

/// The JSON Schema of a [`Change`], as it is serialised.
///
/// ```
/// use opportunity_engine::schema;
///
/// let kind = &schema::change()["properties"]["kind"];
/// assert_eq!(kind["enum"], serde_json::json!(["added", "updated"]));
/// ```
#[must_use]
pub fn change() -> Value {
    of::<Change>()
}

/// The OpenAPI 3.1 document of `POST /api/1.0/venue?action=addOrUpdateOpportunity`: the request, and a reply
/// for each HTTP status that [`Reply::status`] gives. The header `Idempotency-Key` is for services that read an
/// [`IdempotencyKey`](crate::IdempotencyKey) from it, `Retry-After` of 503 for those that send it. What a service refuses by itself, before the engine has seen
/// the request, is described too: it has the form of a reply, with `specificCode` null.
///
/// Where the service is found and who may call it is not said; the service adds that.
///
/// ```
/// use opportunity_engine::schema;
///
/// let mut document = schema::open_api();
/// document["servers"] = serde_json::json!([{ "url": "https://crm.example" }]);
/// let action = &document["paths"]["/api/1.0/venue"]["post"];
/// assert_eq!(action["operationId"], "addOrUpdateOpportunity");
/// ```
#[must_use]
pub fn open_api() -> Value {
    open_api::document()
}

fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}
