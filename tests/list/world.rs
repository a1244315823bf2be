//! Opportunities of two venues, and what a list of them is to hold.

use opportunity_engine::{
    ClosedDate, Engine, Field, Filter, ListOrder, ManualClock, Opportunity, Request, Timestamp,
    VenueId,
};

use crate::support::id;

/// The venue that is listed.
pub(crate) const OURS: i64 = 107;

pub(crate) fn venue(number: i64) -> VenueId {
    VenueId::new(number).unwrap()
}

/// An engine and its clock.
pub(crate) struct World {
    pub(crate) engine: Engine,
    clock: ManualClock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_clock(ManualClock::new(Timestamp::from_millis(1_000)))
    }

    fn with_clock(clock: ManualClock) -> Self {
        Self { engine: Engine::options().clock(clock.source()).in_memory().unwrap(), clock }
    }

    /// Sends a request so many milliseconds after the one before, or before it. It may be refused.
    pub(crate) fn send(&self, request: Request, later: i64) {
        self.clock.set(Timestamp::from_millis(self.clock.now().as_millis() + later));
        drop(self.engine.add_or_update(request));
    }

    /// The same opportunities in another engine, with the same clock. There the index by venue has them all, as they
    /// are imported; adds alone are not in it before there are thousands.
    pub(crate) fn moved(&self) -> Self {
        let moved = Self::with_clock(self.clock.clone());
        let mut lines = Vec::new();
        self.engine.export(&mut lines).unwrap();
        moved.engine.import(&*lines).unwrap();
        moved
    }

    /// What our venue has, got one by one.
    pub(crate) fn ours(&self, up_to: i64) -> Vec<Opportunity> {
        (1..=up_to).filter_map(|it| self.engine.get(venue(OURS), id(it)).unwrap()).collect()
    }
}

/// A condition, as data that the test reads by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Value(Field),
    NameStart,
    NamePart,
    Closed,
    Modified,
}

/// Every kind there is.
pub(crate) fn kinds() -> Vec<Kind> {
    let fields = Field::DETAILS.iter().copied().map(Kind::Value);
    fields.chain([Kind::NameStart, Kind::NamePart, Kind::Closed, Kind::Modified]).collect()
}

/// Conditions that are met by this opportunity, one of each kind, from which a filter takes some.
#[derive(Debug, Clone)]
pub(crate) struct Like {
    pub(crate) opportunity: Opportunity,
    /// From where to where a part of the name goes, in characters.
    pub(crate) part: (usize, usize),
    /// Whether the letters of that part are written in the other case.
    pub(crate) swaps_case: bool,
    /// How many seconds before and after it the closing date may be; the end is not included.
    pub(crate) seconds: (i64, i64),
}

impl Like {
    /// The filter with conditions of these kinds.
    pub(crate) fn filter(&self, kinds: &[Kind]) -> Filter {
        kinds.iter().fold(Filter::new(), |filter, &kind| match kind {
            Kind::Value(field) => with_value(filter, field, &self.opportunity),
            Kind::NameStart => filter.name_starts_with(self.start()),
            Kind::NamePart => filter.name_contains(self.part()),
            Kind::Closed => match self.range() {
                Some((start, end)) => filter.closed_between(start..end),
                None => filter.closed_between(..),
            },
            Kind::Modified => filter.modified_since(self.opportunity.modified_at()),
        })
    }

    /// Whether an opportunity meets conditions of these kinds: said once more, in other words.
    pub(crate) fn is_like(&self, other: &Opportunity, kinds: &[Kind]) -> bool {
        let name = lower(other.name().as_str());
        kinds.iter().all(|&kind| match kind {
            Kind::Value(field) => other.value(field) == self.opportunity.value(field),
            Kind::NameStart => name.starts_with(&lower(&self.start())),
            Kind::NamePart => name.contains(&lower(&self.part())),
            Kind::Closed => match (other.closed_date(), self.range()) {
                (Some(date), Some((start, end))) => start <= *date && *date < end,
                (date, _) => date.is_some(),
            },
            Kind::Modified => other.modified_at() >= self.opportunity.modified_at(),
        })
    }

    fn start(&self) -> String {
        self.characters(0, self.part.1)
    }

    fn part(&self) -> String {
        self.characters(self.part.0, self.part.1)
    }

    fn characters(&self, skip: usize, take: usize) -> String {
        let name = self.opportunity.name().as_str();
        let part: String = name.chars().skip(skip).take(take).collect();
        if !self.swaps_case {
            return part;
        }
        // Of ASCII alone: other letters have no other case.
        let swap = |it: char| {
            if it.is_ascii_lowercase() { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() }
        };
        part.chars().map(swap).collect()
    }

    fn range(&self) -> Option<(ClosedDate, ClosedDate)> {
        let date = self.opportunity.closed_date()?.as_seconds();
        let start = ClosedDate::from_seconds(date - self.seconds.0).ok()?;
        Some((start, ClosedDate::from_seconds(date + self.seconds.1).ok()?))
    }
}

/// Each ASCII letter in lower case.
fn lower(text: &str) -> String {
    text.chars().map(|it| if it.is_ascii() { it.to_ascii_lowercase() } else { it }).collect()
}

/// With the condition that a field is as that of this opportunity.
pub(crate) fn with_value(filter: Filter, field: Field, like: &Opportunity) -> Filter {
    match field {
        Field::Name => filter.name(like.name().clone()),
        Field::TypeId => filter.type_id(*like.type_id()),
        Field::StageId => filter.stage_id(*like.stage_id()),
        Field::SourceId => filter.source_id(*like.source_id()),
        Field::CompanyId => filter.company_id(like.company_id().copied()),
        Field::CompanyLeadContactId => {
            filter.company_lead_contact_id(like.company_lead_contact_id().copied())
        }
        Field::ContactId => filter.contact_id(like.contact_id().copied()),
        Field::QualityId => filter.quality_id(like.quality_id().copied()),
        Field::IndustryId => filter.industry_id(like.industry_id().copied()),
        Field::ConfirmedQuoteId => filter.confirmed_quote_id(like.confirmed_quote_id().copied()),
        Field::ConfirmedQuoteStatus => {
            filter.confirmed_quote_status(like.confirmed_quote_status().copied())
        }
        Field::CancelledQuoteId => filter.cancelled_quote_id(like.cancelled_quote_id().copied()),
        Field::LostToCompetition => filter.lost_to_competition(like.lost_to_competition().copied()),
        Field::ClosedDate => filter.closed_date(like.closed_date().copied()),
        Field::OwnerUserId => filter.owner_user_id(like.owner_user_id().copied()),
        Field::StageReasonId => filter.stage_reason_id(like.stage_reason_id().copied()),
        Field::ChannelId => filter.channel_id(like.channel_id().cloned()),
        Field::Description => filter.description(like.description().cloned()),
        other => panic!("{other} is a new field: give it a line here"),
    }
}

/// Opportunities in an order.
pub(crate) fn sorted(mut some: Vec<Opportunity>, order: ListOrder) -> Vec<Opportunity> {
    match order {
        ListOrder::LastChange => some.sort_by_key(|it| (it.modified_at(), it.id())),
        _ => some.sort_by_key(Opportunity::id),
    }
    some
}
