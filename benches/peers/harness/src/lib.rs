//! What all peers share, so that a peer is only what its users would write.
//!
//! - The callers, which send the workload of the crate's own benchmark ([`blocking`], and `tasks`
//!   with the feature `tokio`), and the check of everything that is stored afterwards.
//! - The body of a request as a plain struct, [`Body`].
//! - What peers of one kind have in common: the statements ([`sql`]), the row of key-value stores
//!   ([`Opportunity`]).
//!
//! A peer is called with a mode, seconds, a round and an empty folder, and prints a [`Measured`].

mod arguments;
pub mod blocking;
mod body;
mod caller;
mod measured;
mod opportunity;
pub mod sql;
#[cfg(feature = "tokio")]
pub mod tasks;
#[path = "../../../throughput/workload.rs"]
mod workload;

pub use arguments::{Arguments, Mode};
pub use body::{Body, Required, now};
pub use measured::Measured;
pub use opportunity::Opportunity;

/// Whatever a library fails with ends the program.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Id, venue and version of a row.
pub type Stored = (i64, i64, i64);

/// How many requests are in a batch.
const BATCH: usize = 1_000;
