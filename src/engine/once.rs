//! What it takes to carry a request out once: its key, and its form to be compared with.

use crate::domain::Request;
use crate::store::Once;
use crate::wire;

/// Whether a request is to be carried out once only. One that holds violations has no JSON form, and is
/// refused anyway.
pub(super) fn once(request: &Request) -> Option<Box<Once>> {
    let key = request.once_under()?.clone();
    let request = wire::comparable(request)?;
    Some(Box::new(Once { key, request }))
}
