//! JSON on the wire: bytes to a [`Request`](crate::Request), outcomes to bytes, and serde's traits
//! for both sides of the call.

mod change;
mod decode;
mod lines;
mod opportunity;
mod record;
mod reply;
mod request;

pub use decode::{Decoder, UnknownKeys};
pub(crate) use lines::{LineError, Lines};
pub(crate) use record::{NotARecord, read_record, write_record};
pub(crate) use reply::{refusal, success};
pub(crate) use request::comparable;
