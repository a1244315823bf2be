//! Requests that break one rule.

use proptest::prelude::*;

use super::fault::{Fault, of_adds, of_updates};
use super::valid::{valid_add, valid_add_to, valid_update};
use crate::domain::{Request, Version, Violation, ViolationKind, Violations};
use crate::{OpportunityId, VenueId};

/// Adds that break one rule, and exactly the violations with which they are refused: a required field is missing, a
/// value is not well formed, or a version is expected of what is only to be added.
///
/// ```
/// use opportunity_engine::{decide, strategies};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |((request, violations) in strategies::invalid_add())| {
///     let rejection = decide(request).unwrap_err();
///     prop_assert_eq!(rejection.violations(), &violations[..]);
/// });
/// ```
pub fn invalid_add() -> BoxedStrategy<(Request, Violations)> {
    flawed(valid_add())
}

/// Adds to a venue that break one rule, as [`invalid_add`] has them. A venue that is missing, or not well formed, is
/// one of the faults.
pub fn invalid_add_to(venue: VenueId) -> BoxedStrategy<(Request, Violations)> {
    flawed(valid_add_to(venue))
}

fn flawed(adds: BoxedStrategy<Request>) -> BoxedStrategy<(Request, Violations)> {
    let broken = (adds.clone(), of_adds()).prop_filter_map("no fault there", broken);
    let expecting = (adds, 1..9_i64).prop_filter_map("no version", |(add, version)| {
        let violation = Violation::of_request(ViolationKind::ExpectsVersion);
        Some((add.expected_version(Version::new(version).ok()?), violation.into()))
    });
    prop_oneof![12 => broken, 1 => expecting].boxed()
}

/// Updates of an opportunity that break one rule which the request alone can tell, and exactly the violations with
/// which they are refused, be there such an opportunity or not: a value is not well formed, a field that always has a
/// value is cleared, both owners are cleared (a violation of each), the venue is missing.
pub fn invalid_update(venue: VenueId, id: OpportunityId) -> BoxedStrategy<(Request, Violations)> {
    (valid_update(venue, id), of_updates()).prop_filter_map("no fault there", broken).boxed()
}

fn broken((request, fault): (Request, Fault)) -> Option<(Request, Violations)> {
    let broken = fault.in_request(&request)?;
    Some((broken.apply(&request), Violations::new(broken.violations)?))
}
