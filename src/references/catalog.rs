//! A catalog of what the venues know, in memory.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::hash::Hash;

use serde::{Deserialize, Deserializer};

use super::owners::{Owners, each_key_once};
use super::{Mentions, References};
use crate::domain::{
    ChannelId, CompanyId, ContactId, Field, FieldValue, IndustryId, QualityId, SourceId, StageId,
    StageReasonId, TypeId, UserId, Value, VenueId,
};
use crate::json_error::JsonError;

/// What each venue knows: [`References`] in memory, loaded from JSON.
///
/// One object for each venue, under its id. Every list may be left out, and then knows nothing. The
/// reasons stand with their stage, contacts with their company, and those without a company apart.
///
/// - A venue that is not in the catalog knows no ids.
/// - A reason has to belong to the stage, a lead contact to the company: to that which is
///   [mentioned](Mentions) beside it. If there is none, or it is not known itself, any of the venue will do.
/// - `contactId` is any contact of the venue, be it one of a company.
/// - Quotes and reasons for losing are not in a catalog: their ids are not looked up.
///
/// ```
/// use opportunity_engine::{Catalog, Engine, Request, VenueId};
///
/// let catalog = Catalog::from_json(br#"{
///     "107": {
///         "types": [18],
///         "stages": {"69": [4, 5], "70": []},
///         "sources": [25, 26],
///         "qualities": [1, 2],
///         "industries": [30],
///         "channels": ["web", "7"],
///         "users": [12],
///         "companies": {"11": [919]},
///         "contacts": [918]
///     }
/// }"#)?;
/// let engine = Engine::options().references(catalog).in_memory()?;
///
/// let lead = Request::add(VenueId::new(107)?)
///     .name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(70);
/// engine.add_or_update(lead.clone())?;
///
/// let reply = engine.add_or_update(lead.stage_reason_id(4).owner_user_id(13)).unwrap_err();
/// assert_eq!(
///     reply.to_string(),
///     "the opportunity details are invalid: 'ownerUserId' 13 is unknown in venue 107; \
///      'stageReasonId' 4 is unknown in venue 107 for its 'stageId'"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    venues: HashMap<VenueId, Venue>,
}

impl Catalog {
    /// Reads a catalog from JSON.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] tells where, and what is wrong there: text that is not JSON, an id that is none, a
    /// key that is not known or given twice.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogError> {
        serde_json::from_slice(json).map_err(|error| JsonError::from(&error).into())
    }
}

impl<'de> Deserialize<'de> for Catalog {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { venues: each_key_once(deserializer)? })
    }
}

impl References for Catalog {
    fn unknown(&self, mentions: &Mentions<'_>) -> Result<Vec<Field>, Box<dyn Error + Send + Sync>> {
        let nothing = Venue::default();
        let venue = self.venues.get(&mentions.venue()).unwrap_or(&nothing);
        let unknown = mentions.iter().filter(|(field, id)| !venue.knows(*field, id, mentions));
        Ok(unknown.map(|(field, _)| field).collect())
    }
}

/// What one venue knows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Venue {
    types: HashSet<TypeId>,
    stages: Owners<StageId, StageReasonId>,
    sources: HashSet<SourceId>,
    qualities: HashSet<QualityId>,
    industries: HashSet<IndustryId>,
    channels: HashSet<ChannelId>,
    users: HashSet<UserId>,
    companies: Owners<CompanyId, ContactId>,
    /// Those without a company.
    contacts: HashSet<ContactId>,
}

impl Venue {
    /// Whether it knows the id of a field, beside the others that are mentioned with it.
    fn knows(&self, field: Field, id: &Value<'_>, mentions: &Mentions<'_>) -> bool {
        match field {
            Field::TypeId => is_in(&self.types, id),
            Field::StageId => typed(id).is_some_and(|stage| self.stages.knows(&stage)),
            Field::SourceId => is_in(&self.sources, id),
            Field::CompanyId => typed(id).is_some_and(|company| self.companies.knows(&company)),
            Field::CompanyLeadContactId => {
                self.knows_lead(id, mentioned(mentions, Field::CompanyId))
            }
            Field::ContactId => self.knows_contact(id),
            Field::QualityId => is_in(&self.qualities, id),
            Field::IndustryId => is_in(&self.industries, id),
            Field::OwnerUserId => is_in(&self.users, id),
            Field::StageReasonId => self.knows_reason(id, mentioned(mentions, Field::StageId)),
            Field::ChannelId => is_in(&self.channels, id),
            // Not in a catalog, or no id of anything.
            Field::Id
            | Field::VenueId
            | Field::Name
            | Field::ConfirmedQuoteId
            | Field::ConfirmedQuoteStatus
            | Field::CancelledQuoteId
            | Field::LostToCompetition
            | Field::ClosedDate
            | Field::Description => true,
        }
    }

    fn knows_reason(&self, reason: &Value<'_>, stage: Option<StageId>) -> bool {
        let of_stage = stage.and_then(|stage| self.stages.members(&stage));
        is_in(of_stage.unwrap_or(self.stages.all_members()), reason)
    }

    fn knows_lead(&self, contact: &Value<'_>, company: Option<CompanyId>) -> bool {
        match company.and_then(|company| self.companies.members(&company)) {
            Some(contacts) => is_in(contacts, contact),
            None => self.knows_contact(contact),
        }
    }

    fn knows_contact(&self, contact: &Value<'_>) -> bool {
        is_in(&self.contacts, contact) || is_in(self.companies.all_members(), contact)
    }
}

fn is_in<T: FieldValue + Eq + Hash>(known: &HashSet<T>, id: &Value<'_>) -> bool {
    typed(id).is_some_and(|id| known.contains(&id))
}

fn mentioned<T: FieldValue>(mentions: &Mentions<'_>, field: Field) -> Option<T> {
    typed(&mentions.id(field)?)
}

/// The id in its own type. Never `None` here: a command has checked it.
fn typed<T: FieldValue>(id: &Value<'_>) -> Option<T> {
    T::from_value(id.clone()).ok()
}

/// Why a catalog could not be read. Nothing of it is used.
///
/// ```
/// use opportunity_engine::Catalog;
///
/// let error = Catalog::from_json(b"{\n  \"107\": {\"stages\": {\"0\": []}}}").unwrap_err();
/// assert_eq!(error.line(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalog is not valid at line {line}, column {column}: {reason}; correct it there")]
pub struct CatalogError {
    line: usize,
    column: usize,
    reason: Box<str>,
}

impl From<JsonError> for CatalogError {
    fn from(JsonError { line, column, reason }: JsonError) -> Self {
        Self { line, column, reason }
    }
}

impl CatalogError {
    /// The line where it stops being a catalog, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The byte within the line, from 1 (0 just after a line break).
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }
}
