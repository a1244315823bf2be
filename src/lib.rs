//! Add or update sales opportunities, in process and durably: rules, storage and errors behind one
//! front door, on SQLite.
//!
//! A service links this crate, hands it a request, typed or as the JSON that a client posted, and
//! gets back a durable answer. There is no server to run, no schema to write, no rule to implement
//! again.
//!
//! ```
//! use opportunity_engine::{Batch, Engine, Request, VenueId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("opportunities.db");
//! let engine = Engine::open(path)?;
//!
//! // The JSON door: every outcome is a reply.
//! let posted = br#"{"venueId":"107","name":"Lead By API","contactId":"918",
//!                   "typeId":"18","sourceId":"25","stageId":"69"}"#;
//! let reply = engine.add_or_update_json(posted);
//! assert_eq!(reply.to_json(), br#"{"success":true,"id":1}"#);
//!
//! // The typed door: added, updated or unchanged, or an error that says what is certain.
//! let venue = VenueId::new(107)?;
//! let outcome = engine.add_or_update(
//!     Request::add(venue).name("Another").contact_id(918).type_id(18).source_id(25).stage_id(69),
//! )?;
//!
//! // Reading, batches, tickets.
//! let current = engine.get(venue, outcome.id())?;
//! assert_eq!(current.map(|it| it.name().to_string()), Some("Another".to_owned()));
//! let updates = [Request::update(venue, outcome.id()).closed_date("2017-05-05")];
//! engine.add_or_update_all(updates, Batch::AllOrNothing)?;
//! let ticket = engine.submit(Request::update(venue, outcome.id()).name("Updated Name"))?;
//! assert_eq!(ticket.wait()?.version().get(), 3); // or `ticket.await`, on any runtime
//! # Ok(())
//! # }
//! ```
//!
//! # Around the one call
//!
//! | to | there is |
//! |---|---|
//! | list what a venue has, filtered, in pages | [`Engine::list`] |
//! | see and follow what changes | [`Options::history`], [`Engine::changes`], [`Engine::next_change`] |
//! | send a request again without doing it twice | [`Request::idempotency_key`] |
//! | notice that somebody else was faster | [`Request::expected_version`] |
//! | know beforehand what a request would do | [`Engine::check`] |
//! | refuse ids that nobody knows | [`Options::references`], [`Catalog`] |
//! | move opportunities elsewhere, and back | [`Engine::export`], [`Engine::import`] |
//! | keep a copy, look for damage | [`Engine::backup_to`], [`Engine::verify`] |
//! | look at a database from outside, count what is in it | [`Reader`], [`Reader::inventory`] |
//! | know whether it can go on, and how it is going | [`Engine::health`], [`Engine::stats`] |
//!
//! # Guides
//!
//! - [Embedding in axum](guide::axum)
//! - [Coming from the HTTP API](guide::http_api)
//! - [Operating](guide::operating): backup and restore, disk, memory, what to watch, upgrades
//! - [Testing your service](guide::testing)
//! - [What the engine promises](guide::promises)
//!
//! # The parts
//!
//! - The rules: [`Request`] says what is asked for each [`Field`]; [`decide`] makes a [`Command`] of
//!   it, or a [`Rejection`] with every [`Violation`]; [`Opportunity`] is the aggregate. These are
//!   pure: no storage, no thread, no clock.
//! - Lists: [`Filter`] says which opportunities of a venue, [`Listing`] gives them in pages, and
//!   [`Cursor`] is where the next one begins.
//! - The wire: [`Decoder`] reads JSON, [`Reply`] writes it.
//! - The references: [`References`] tells which ids are known, a [`Catalog`] of them for instance.
//! - Moving data: [`Engine::export`] writes opportunities as lines of JSON, [`Engine::import`] reads them.
//! - The engine: [`Engine`] is the handle, [`Options`] how it is opened, [`Ticket`] an answer to
//!   come, [`ManualClock`] a clock for tests.
//!
//! # What is certain
//!
//! An answer is given when the change is durable (see [`Durability`]). A request that was not
//! carried out has one of three errors: [`Error::Rejected`], its own fault; [`Error::Aborted`], the
//! store failed and certainly nothing was changed; [`Error::Unknown`], the change may or may not be
//! there after a restart. [What the engine promises](guide::promises) has the rest: each error and what
//! to do, what is checked at the opening, backup and restore, what is not promised, and the tests.
//!
//! # Listening
//!
//! With the feature `tracing` an engine tells whoever collects events and spans, under the target
//! `opportunity_engine`:
//!
//! | level | what |
//! |---|---|
//! | `DEBUG` | a span `group` for each group of commands that is written: `commands`, how many of them were `added`, `updated`, `unchanged`, `refused`, `aborted`, `unknown`, and `commit_micros` |
//! | `WARN` | a commit took 100 ms or longer |
//! | `WARN` | a group failed: why at first, and how many commands are aborted or unknown after they were run again in parts |
//! | `WARN`, `ERROR` | a commit failed, and nothing of it is left; or nobody knows |
//! | `WARN`, `INFO` | a checkpoint failed; checkpoints succeed again |
//! | `WARN`, `INFO` | the write-ahead log has reached its cap, so writes are refused; they are accepted again |
//! | `ERROR` | writes are refused until the engine is reopened |
//! | `DEBUG` | writes are closed, because the engine was closed or its writer is gone |
//! | `ERROR` | an engine could not be opened, and why |
//!
//! What lasts is told when it begins and when it ends, not for each request. A listener is called on threads of
//! the engine: it may use the engine, but must not wait there for an answer.
//!
//! # Personal data
//!
//! Opportunities hold it, so what is logged in passing does not: the `Debug` and `Display` forms of
//! engines, options, tickets and errors, and replies, events and spans, tell no value of a request or an
//! opportunity. A [`Rejection`] names fields, and repeats keys and ids that are not known, as they were sent. The
//! `Debug` forms of [`Request`], [`Command`], [`Opportunity`] and [`Filter`], of what holds them, such as
//! [`Listing`], [`Page`], [`Forecast`] and [`Change`], and of the values in them do tell what they hold. A
//! [`Cursor`] holds no value of a filter.
//!
//! Where a history is kept, old values stay in the database until [`Engine::prune_changes`]. What was sent under an
//! [`IdempotencyKey`] stays until it has expired and others are sent.
//!
//! Texts of errors and replies name no path, no SQL and no column; the
//! [`source`](std::error::Error::source) of a [`StoreError`] does, and so does its `Debug` form, and an
//! [`OpenError`] names the path.
//!
//! # What it is not
//!
//! - Not a server: it speaks no HTTP and checks no token. The service around it does.
//! - Not a CRM: it knows no companies, contacts, stages or users, only their ids; whether those exist it
//!   asks [`References`], if it is given some.
//! - Not a search engine: it finds an opportunity by venue and id, and lists those of a venue by the values
//!   of their fields and by a part of their names, for which it looks at each. There is no index but that by
//!   venue, no search in descriptions or over venues, no ranking and no order but two.
//! - Not distributed: one file on one machine, on a local file system. Several processes may open it.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `bundled` | yes | compiles SQLite into the crate; without it the system's must be 3.51.3 or newer |
//! | `cli` | no | the program `opportunity` |
//! | `proptest` | no | strategies for requests, for property-based tests |
//! | `tracing` | no | events and spans of groups, failures and what is slow |
//! | `schema` | no | JSON Schema and OpenAPI of what goes in and out; `cli` turns it on |

#![forbid(unsafe_code)]
// Only docs.rs has it, with a toolchain that knows this feature: each item is shown with the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod domain;
mod engine;
mod fault_points;
pub mod guide;
mod json_error;
mod references;
mod store;
mod wire;

#[cfg(feature = "schema")]
pub mod schema;
#[cfg(feature = "proptest")]
pub mod strategies;

#[cfg(test)]
mod error_texts;

/// The code of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use domain::{
    BelongsTo, Change, ChangeKind, Changes, ChannelId, Clearing, ClosedDate, Code, Command,
    CompanyId, Conflict, ContactId, Cursor, CursorError, Details, Field, FieldChange, Filter,
    IdempotencyKey, IndustryId, IntoPatch, InvalidIdempotencyKey, InvalidValue, ListOrder,
    LostReasonId, Name, OnAdd, Opportunity, OpportunityId, Outcome, Patch, QualityId, QuoteId,
    QuoteStatus, Rejection, Request, Sequence, SourceId, StageId, StageReasonId, Subject,
    SystemField, Text, Timestamp, TypeId, UserId, Value, VenueId, Version, Violation,
    ViolationKind, Violations, decide,
};
pub use engine::{
    Batch, BatchError, Distribution, Engine, Error, ExportError, Forecast, Health, ImportError,
    ListError, Listing, ManualClock, NextChange, Opportunities, Options, OutcomeCounts, Page,
    Reader, RefusalCounts, Reply, ReplyTicket, Stats, Ticket, TrySubmitError, Writes,
};
pub use references::{Catalog, CatalogError, Mentions, References};
pub use store::{
    BackupError, Durability, Findings, Inventory, OpenError, Operation, Problem, StoreError,
    StoreErrorKind, Verification,
};
pub use wire::{Decoder, UnknownKeys};
