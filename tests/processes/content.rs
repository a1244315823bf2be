//! What a command writes. All values of it are made from one number, so that a row which mixes two
//! commands shows.

use std::fmt;

use opportunity_engine::{
    ClosedDate, Field, IdempotencyKey, Opportunity, OpportunityId, Patch, Request, VenueId,
};
use serde::{Deserialize, Serialize};

/// The number of a command: no two commands on a database have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(i64);

/// A command as a process asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) token: Token,
    pub(crate) venue: VenueId,
    /// `None` adds.
    pub(crate) id: Option<OpportunityId>,
}

/// What is known of an opportunity: which commands its values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) venue: VenueId,
    pub(crate) version: i64,
    /// The command that added it.
    pub(crate) added: Token,
    /// The command that wrote it last.
    pub(crate) written: Token,
    /// The commands that wrote its two lanes last.
    pub(crate) lanes: [Token; 2],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {} of process {}", self.0 & i64::from(u32::MAX), self.0 >> 32)
    }
}

impl Token {
    /// The number of the command with this serial number of a process.
    pub(crate) const fn new(process: u32, serial: u32) -> Self {
        Self(((process as i64) << 32) + serial as i64)
    }

    /// The lane that the command writes. An update writes one of two fields and leaves the other, so
    /// that one which overwrites what it has not read shows.
    pub(crate) const fn lane(self) -> usize {
        (self.0 % 2) as usize
    }

    /// The key under which the command is sent: every third has one.
    pub(crate) fn key(self) -> Option<IdempotencyKey> {
        let has_key = self.0 % 3 == 0;
        has_key.then(|| IdempotencyKey::new(self.0.to_string()).unwrap())
    }

    /// Mostly short; one in sixteen fills some twenty pages.
    fn description(self) -> String {
        let bytes = if self.0 % 16 == 0 { 20_000 } else { 20 + self.0 % 100 };
        let word = format!("{} ", self.0);
        word.repeat(bytes as usize / word.len() + 1)
    }

    fn closed_date(self) -> ClosedDate {
        const YEARS: i64 = 250_000_000_000;
        ClosedDate::from_seconds(self.0 % YEARS).unwrap()
    }
}

impl Command {
    pub(crate) fn request(&self) -> Request {
        let Self { token: Token(number), venue, .. } = *self;
        let request = match self.id {
            None => Request::add(venue).contact_id(number),
            Some(id) => Request::update(venue, id),
        };
        let request = match (self.id, self.token.lane()) {
            (None, _) => request.quality_id(number).industry_id(number),
            (Some(_), 0) => request.quality_id(number),
            (Some(_), _) => request.industry_id(number),
        };
        request
            .idempotency_key(self.token.key())
            .name(format!("lead {number}"))
            .type_id(number)
            .stage_id(number)
            .source_id(number)
            .owner_user_id(number)
            .channel_id(number.to_string())
            .closed_date(self.token.closed_date())
            .description(self.token.description())
    }
}

impl Row {
    /// What a command that adds makes.
    pub(crate) const fn added_by(command: &Command) -> Self {
        let token = command.token;
        Self { venue: command.venue, version: 1, added: token, written: token, lanes: [token; 2] }
    }

    /// What an opportunity shows; `Err` if its values are not those of one command.
    pub(crate) fn of(opportunity: &Opportunity) -> Result<Self, String> {
        let id = opportunity.id();
        let written = Token(opportunity.type_id().get());
        let command = Command { token: written, venue: opportunity.venue_id(), id: Some(id) };
        let expected = command.request();
        for &field in Field::DETAILS {
            if let Patch::Set(value) = expected.patch(field)
                && opportunity.value(field) != Some(value)
            {
                return Err(format!(
                    "{id}: {field} is not that of {written:?}, which wrote typeId"
                ));
            }
        }
        let missing = |field: Field| format!("{id}: {field} is missing");
        let added = opportunity.contact_id().ok_or_else(|| missing(Field::ContactId))?;
        let even = opportunity.quality_id().ok_or_else(|| missing(Field::QualityId))?;
        let odd = opportunity.industry_id().ok_or_else(|| missing(Field::IndustryId))?;
        Ok(Self {
            venue: opportunity.venue_id(),
            version: opportunity.version().get(),
            added: Token(added.get()),
            written,
            lanes: [Token(even.get()), Token(odd.get())],
        })
    }
}
