//! Pages that are longer than what stands beside one item.
//!
//! - [Embedding in axum](axum): a service over HTTP, from the state to the end under load.
//! - [Coming from the HTTP API](http_api): what is the same as in the published action, and what is not.
//! - [Operating](operating): backup and restore, disk, memory, what to watch, upgrades, what to do when something fails.
//! - [Testing your service](testing): strategies, a clock, failures, what not to imitate.
//! - [What the engine promises](promises): what survives what, each error, and the test for each promise.

#[doc = include_str!("axum.md")]
pub mod axum {}

#[doc = include_str!("http_api.md")]
pub mod http_api {}

#[doc = include_str!("operating/backup.md")]
#[doc = ""]
#[doc = include_str!("restoring.md")]
#[doc = include_str!("operating/running.md")]
pub mod operating {}

#[doc = include_str!("promises.md")]
pub mod promises {}

#[doc = include_str!("testing.md")]
pub mod testing {}
