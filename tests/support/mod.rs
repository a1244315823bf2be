//! What several tests start from.

#![allow(dead_code, reason = "no test uses all of it")]

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

/// How often to try what is random: `usual` times, or `long` times if the environment has `LONG_TESTS`.
pub(crate) fn runs(usual: usize, long: usize) -> usize {
    if std::env::var_os("LONG_TESTS").is_some() { long } else { usual }
}
