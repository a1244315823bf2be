//! What it takes to carry a request out once: its key, and its form to be compared with.

use super::Engine;
use super::caught::caught;
use crate::domain::Request;
use crate::store::{Once, Operation, Order, StoreError};
use crate::wire;

/// Whether a request is to be carried out once only. One that holds violations has no JSON form, and is
/// refused anyway.
pub(super) fn once(request: &Request) -> Option<Box<Once>> {
    let key = request.once_under()?.clone();
    let request = wire::comparable(request)?;
    Some(Box::new(Once { key, request, otherwise: None }))
}

impl Engine {
    /// Whether something was carried out under the key of an order before, as of the last commit.
    pub(super) fn is_repeat(&self, order: &Order) -> Result<bool, StoreError> {
        if order.once.is_none() {
            return Ok(false);
        }
        // The clock is the embedder's code.
        caught(|| Operation::Read, || self.shared.readers.is_repeat(order, (self.shared.clock)()))
    }
}
