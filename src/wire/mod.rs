//! JSON on the wire: bytes to a [`Request`](crate::Request), outcomes to bytes, and serde's traits
//! for both sides of the call.

mod change;
mod decode;
mod opportunity;
mod reply;
mod request;

pub use decode::{Decoder, UnknownKeys};
pub(crate) use reply::{refusal, success};
pub(crate) use request::comparable;
