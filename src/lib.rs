//! x
pub mod domain;
pub use domain::*;
