//! x
mod domain;
mod wire;
pub use domain::*;
pub use wire::{Decoder, UnknownKeys};
