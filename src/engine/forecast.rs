//! What a request would do: decided by the code that carries it out, and not carried out.

use super::Engine;
use super::caught::caught;
use super::error::Error;
use crate::domain::{FieldChange, OpportunityId, Outcome, Request, Version, differences};
use crate::store::{Operation, Plan};

/// What a request would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forecast {
    /// It would add an opportunity.
    #[non_exhaustive]
    Added {
        /// The fields that it would have.
        fields: Vec<FieldChange>,
    },
    /// It would update the opportunity.
    #[non_exhaustive]
    Updated {
        /// The opportunity.
        id: OpportunityId,
        /// The version that it would have then.
        version: Version,
        /// The fields that would change.
        fields: Vec<FieldChange>,
    },
    /// It was carried out before, under the same
    /// [`idempotency_key`](Request::idempotency_key), and would be given this answer again.
    Repeated(Outcome),
    /// It would change nothing.
    #[non_exhaustive]
    Unchanged {
        /// The opportunity.
        id: OpportunityId,
        /// The version that it has.
        version: Version,
    },
}

impl Engine {
    /// Tells what a request would do to what was committed last, and writes nothing: a dry run. What
    /// is still queued is not seen, and whatever is committed before the request is sent may change
    /// what becomes of it; name an [`expected_version`](Request::expected_version) to notice.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] as [`Engine::add_or_update`] would say it, [`Error::Aborted`] when the
    /// database cannot be read.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Field, Forecast, Request, Value, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let id = engine.add_or_update(lead)?.id();
    ///
    /// let forecast = engine.check(Request::update(venue, id).name("Lead").stage_id(70))?;
    /// let Forecast::Updated { fields, .. } = forecast else { panic!("{forecast:?}") };
    /// assert_eq!(fields.len(), 1);
    /// assert_eq!(fields[0].field, Field::StageId);
    /// assert_eq!(fields[0].old, Some(Value::Integer(69)));
    /// assert_eq!(fields[0].new, Some(Value::Integer(70)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&self, request: Request) -> Result<Forecast, Error> {
        let order = self.decide(request).map_err(Error::Aborted)??;
        let shared = &self.shared;
        // The clock is the embedder's code.
        let plan = caught(|| Operation::Read, || shared.readers.plan(&order, (shared.clock)()));
        let plan = plan.map_err(Error::Aborted)??;
        Ok(forecast(&plan))
    }
}

fn forecast(plan: &Plan) -> Forecast {
    match plan {
        Plan::Insert(new) => Forecast::Added { fields: differences(None, new.details()) },
        Plan::Update { before, after } => Forecast::Updated {
            id: after.id(),
            version: after.version(),
            fields: differences(Some(before.details()), after.details()),
        },
        Plan::Repeat(outcome) => Forecast::Repeated(*outcome),
        &Plan::Nothing { id, version } => Forecast::Unchanged { id, version },
    }
}
