//! Pages that are longer than what stands beside one item.

#[doc = include_str!("axum.md")]
pub mod axum {}

#[doc = include_str!("promises.md")]
pub mod promises {}
