//! Strategies for [proptest](https://docs.rs/proptest), so that services which embed an engine can
//! test themselves against requests of every kind (feature `proptest`). The page
//! [*Testing your service*](crate::guide::testing) shows them at work.
//!
//! | strategy | what it gives | what is certain of it |
//! |---|---|---|
//! | [`valid_add`], [`valid_add_to`], [`valid_update`] | requests that break no rule | [`decide`](crate::decide) accepts them |
//! | [`invalid_add`], [`invalid_add_to`], [`invalid_update`] | requests that break one rule, and its violations | they are refused with exactly these |
//! | [`mutated()`] | valid requests, some of whose details were set, cleared or left out | every value is well formed |
//! | [`valid_requests`] | adds, and updates of what was added before | sent in turn to an empty engine, each is accepted |
//! | [`mixed_request`], [`mixed_requests`] | adds and updates, some of which are refused | every value is well formed |
//! | [`body_of`] | a request as JSON, in the ways in which clients write it | it says what the request says |
//! | [`valid_body`] | the body of a valid request | it is accepted, if what it updates exists |
//! | [`invalid_body()`] | a body that breaks one rule, and its violations | it is refused with exactly these |
//! | [`empty_body`] | a body that asks for nothing | it is refused as empty, 24221 |
//! | [`not_json`] | what once was a body | it is refused as malformed JSON, 24224 |
//! | [`altered_body()`] | a body some of whose members were set, left out, given twice, or are unknown | it is a JSON object |
//! | [`mutated_body()`] | a body with bytes changed, cut out, doubled, put in | nothing |
//! | [`any_body`] | bodies of all these kinds, and any bytes | nothing |
//!
//! Each strategy is boxed: what is composed of them stays small enough for the stack of a test. A value shrinks as
//! far as it goes: requests lose their fields and lists their requests, numbers and texts get short, and what is
//! certain stays so.
//!
//! ```
//! use opportunity_engine::{Engine, strategies};
//! use proptest::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::in_memory()?;
//! proptest!(ProptestConfig::with_cases(16), |(request in strategies::valid_add())| {
//!     // What a service does with a request goes here.
//!     prop_assert!(engine.add_or_update(request).is_ok());
//! });
//! # Ok(())
//! # }
//! ```

mod altered_body;
mod body;
mod edit;
mod fault;
mod invalid;
mod invalid_body;
mod malformed;
mod matching;
mod mutated;
mod mutated_body;
mod sequences;
mod valid;
mod values;

pub use altered_body::{LITERALS, altered_body};
pub use body::{body_of, valid_body};
pub use edit::without;
pub use invalid::{invalid_add, invalid_add_to, invalid_update};
pub use invalid_body::{empty_body, invalid_body, not_json};
pub use mutated::mutated;
pub use mutated_body::{any_body, mutated_body};
pub use sequences::{mixed_request, mixed_requests, valid_requests};
pub use valid::{valid_add, valid_add_to, valid_update};
pub use values::{opportunity_id, value_of, venue_id};
