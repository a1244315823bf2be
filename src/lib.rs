//! x
mod domain;
mod store;
mod wire;
pub use domain::*;
pub use store::{Durability, OpenError, Operation, StoreError, StoreErrorKind};
pub use wire::{Decoder, UnknownKeys};
