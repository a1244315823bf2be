//! The opportunity aggregate and every rule of the call, as pure functions.
//!
//! Nothing here knows of storage, threads, files or the clock: a [`Request`] goes into [`decide()`],
//! which answers with a [`Command`] or a [`Rejection`]; a command meets the stored state in
//! [`Opportunity::create`] and [`Opportunity::update`]. Every function is total: no input panics.

mod change;
mod closed_date;
mod cursor;
mod damage;
mod decide;
mod details;
mod difference;
mod field;
mod field_set;
mod filter;
mod id;
mod idempotency_key;
mod list_order;
mod opportunity;
mod outcome;
mod patch;
mod record;
mod rejection;
mod request;
mod system_field;
mod text;
mod timestamp;
mod value;

pub use change::{Change, ChangeKind};
pub use closed_date::ClosedDate;
pub use cursor::{Cursor, CursorError};
pub use decide::{Command, decide};
pub use details::{Changes, Details};
pub use difference::FieldChange;
pub use field::{Clearing, Field, OnAdd};
pub use filter::Filter;
pub use id::*;
pub use idempotency_key::{IdempotencyKey, InvalidIdempotencyKey};
pub use list_order::ListOrder;
pub use opportunity::{BelongsTo, Opportunity};
pub use outcome::Outcome;
pub use patch::{IntoPatch, Patch};
pub use rejection::{Code, Conflict, Rejection, Subject, Violation, ViolationKind, Violations};
pub use request::Request;
pub use system_field::SystemField;
pub use text::{ChannelId, Name, Text};
pub use timestamp::Timestamp;
pub use value::{InvalidValue, Value};

pub(crate) use damage::Damage;
pub(crate) use difference::{ChangedFields, differences};
#[cfg(any(feature = "proptest", feature = "schema"))]
pub(crate) use field::with_fields;
pub(crate) use filter::Condition;
pub(crate) use list_order::Position;
pub(crate) use opportunity::SystemColumns;
pub(crate) use record::Record;
pub(crate) use value::{FieldValue, Given};
