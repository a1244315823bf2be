//! What several tests start from.

use opportunity_engine::{OpportunityId, Request, VenueId};

pub(crate) fn venue() -> VenueId {
    VenueId::new(107).unwrap()
}

pub(crate) fn id(value: i64) -> OpportunityId {
    OpportunityId::new(value).unwrap()
}

/// An add that breaks no rule.
pub(crate) fn lead() -> Request {
    Request::add(venue()).name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69)
}
