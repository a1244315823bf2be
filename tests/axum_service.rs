//! The example service `examples/axum_service.rs`, run as a process and spoken to over HTTP: what its clients can rely
//! on, whatever they send and however it ends.
#![cfg(unix)]

mod support;

#[path = "axum_service/bodies.rs"]
mod bodies;
#[path = "axum_service/client.rs"]
mod client;
#[path = "axum_service/connections.rs"]
mod connections;
#[path = "axum_service/ends.rs"]
mod ends;
#[path = "axum_service/failures.rs"]
mod failures;
#[path = "axum_service/forms.rs"]
mod forms;
#[path = "axum_service/keys.rs"]
mod keys;
#[path = "axum_service/kills.rs"]
mod kills;
#[path = "axum_service/leads.rs"]
mod leads;
#[path = "axum_service/overload.rs"]
mod overload;
#[path = "axum_service/routes.rs"]
mod routes;
#[path = "axum_service/service.rs"]
mod service;
#[path = "axum_service/socket.rs"]
mod socket;
#[path = "axum_service/waiting.rs"]
mod waiting;
