//! References: which ids of a request are known in its venue. The engine knows none by itself; it asks
//! whoever it is given.

mod catalog;
mod mentions;
mod owners;

use std::error::Error;
use std::sync::Arc;

pub use catalog::{Catalog, CatalogError};
pub use mentions::Mentions;

use crate::domain::Field;

/// Tells which of the ids that a request mentions are not known in its venue.
///
/// The engine asks once for each request that breaks no other rule and mentions an id, on the thread of
/// the caller and before the request is queued: it may take its time, and holds up nobody else. Each
/// field that it names becomes a violation (code 24224); all of a request are told at once. A request
/// that was carried out before under the same [`idempotency_key`](crate::Request::idempotency_key) is answered as it was,
/// whatever is said of it now.
///
/// # Pairs
///
/// A reason belongs to a stage, a lead contact to a company. When an update changes one of such a pair and says
/// nothing of the other, the opportunity is read, and what it has of the other is mentioned too: a reason alone has
/// to belong to the stage that is there, and a stage alone is refused, for the reason, if the reason that is there
/// does not belong to it. Then give both, or clear the one that no longer fits. To clear one of a pair is no violation, and
/// what an update leaves as it is is not held against its partner.
///
/// It is read as of the last commit, when the request is submitted. What earlier requests do that are still
/// queued, or stand before it in the same batch, is not seen then: give both of a pair in one request. If the other one
/// of the pair is changed before it is the request's turn, it is refused as a conflict,
/// [`Conflict::Pair`](crate::Conflict::Pair). A change of what exists does not concern opportunities that are
/// stored. An opportunity that is not there has no pair to be held against: the request is
/// refused as not found after all, if what it gives is known; or as a conflict, if it is there by then.
///
/// A panic is caught, and only its own request is answered as aborted, like one that fails.
///
/// [`Catalog`] is one that is in memory. A service with a database of its own implements the trait, or
/// gives a closure:
///
/// ```
/// use opportunity_engine::{Engine, Field, Mentions, Request, VenueId};
///
/// let engine = Engine::options()
///     .references(|mentions: &Mentions<'_>| {
///         let is_unknown = |field| field == Field::StageId; // SELECT … WHERE venue = ? AND id = ?
///         Ok(mentions.iter().map(|(field, _)| field).filter(|&field| is_unknown(field)).collect())
///     })
///     .in_memory()?;
///
/// let lead = Request::add(VenueId::new(107)?)
///     .name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
/// let error = engine.add_or_update(lead).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the opportunity details are invalid: 'stageId' 69 is unknown in venue 107"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait References: Send + Sync {
    /// The fields whose ids are not known, in any order; none if all are. What a request does not mention
    /// is passed over.
    ///
    /// # Errors
    ///
    /// Why they could not be looked up. The request is answered as aborted
    /// ([`NoReferences`](crate::StoreErrorKind::NoReferences), status 503), with the error as its source.
    fn unknown(&self, mentions: &Mentions<'_>) -> Result<Vec<Field>, Box<dyn Error + Send + Sync>>;
}

impl<F> References for F
where
    F: Fn(&Mentions<'_>) -> Result<Vec<Field>, Box<dyn Error + Send + Sync>> + Send + Sync,
{
    fn unknown(&self, mentions: &Mentions<'_>) -> Result<Vec<Field>, Box<dyn Error + Send + Sync>> {
        self(mentions)
    }
}

/// Shared, so that a service can keep it, and several engines can ask it.
impl<R: References + ?Sized> References for Arc<R> {
    fn unknown(&self, mentions: &Mentions<'_>) -> Result<Vec<Field>, Box<dyn Error + Send + Sync>> {
        (**self).unknown(mentions)
    }
}
