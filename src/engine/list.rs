//! Lists of a venue's opportunities, a page at a time.

use std::iter::FusedIterator;

use super::Engine;
use crate::domain::{Cursor, CursorError, Filter, ListOrder, Opportunity, Position, VenueId};
use crate::store::{ListQuery, ReadPool, StoreError};

/// Lists opportunities.
impl Engine {
    /// The opportunities of a venue that a filter takes up. Nothing is read until the [`Listing`] is asked
    /// for a page, for all, or for their number.
    ///
    /// ```
    /// use opportunity_engine::{Cursor, Engine, Filter, Request, StageId, VenueId};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// for name in ["Lead By API", "Lead By Phone", "Referral"] {
    ///     engine.add_or_update(lead.clone().name(name))?;
    /// }
    /// let leads = Filter::new().stage_id(StageId::new(69)?).name_starts_with("lead");
    ///
    /// assert_eq!(engine.list(venue, leads.clone()).count()?, 2);
    ///
    /// // All of them, in memory for one page.
    /// for opportunity in engine.list(venue, leads.clone()) {
    ///     println!("{}", opportunity?.name());
    /// }
    ///
    /// // A page for a client, and the next one when it comes back with the cursor.
    /// let page = engine.list(venue, leads.clone()).page_size(1).page()?;
    /// assert_eq!(page.items[0].name().as_str(), "Lead By API");
    /// let sent_to_the_client = page.next.unwrap().to_string();
    ///
    /// let cursor: Cursor = sent_to_the_client.parse()?;
    /// let page = engine.list(venue, leads).page_size(1).after(cursor).page()?;
    /// assert_eq!(page.items[0].name().as_str(), "Lead By Phone");
    /// assert_eq!(page.next, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self, venue: VenueId, filter: Filter) -> Listing<'_> {
        Listing::of(&self.shared.readers, venue, filter)
    }
}

/// A list of a venue's opportunities: see [`Engine::list`], and [`Reader::list`](crate::Reader::list), whose reads
/// have no deadline.
///
/// # While writes go on
///
/// A page is of one moment, that of the last commit when it is read; the next page is of a later one. An
/// opportunity that matches the filter all the while and is not changed is listed exactly once, in either
/// order. One that is added meanwhile comes at the end.
///
/// One that is changed meanwhile is listed with the values that it has when its page is read:
///
/// - by [`Id`](ListOrder::Id) it keeps its place, and is listed once at most, if it matches at that moment;
/// - by [`LastChange`](ListOrder::LastChange) it moves to the end, and is listed again there. So a list that is
///   read more slowly than its opportunities change does not end. If the clock stands still or is set back, a
///   change can fall before the place that the list has reached, and is not listed again: this is no feed of
///   changes.
///
/// # What it costs
///
/// Of opportunities that are in memory, a list returns a thousand in one or two milliseconds, and passes over a
/// thousand in half of one.
///
/// - By [`Id`](ListOrder::Id) a page looks at what it returns, and at what the filter passes over to find it. It
///   does not look at other venues, but for up to 25,000 of the newest opportunities, which the index by venue does
///   not have yet: some milliseconds, on the last page alone. A page that has taken half of
///   [`Options::read_deadline`](crate::Options::read_deadline) ends early, so that a list comes to its end however
///   little its filter takes up: see [`Page::next`].
/// - By [`LastChange`](ListOrder::LastChange) **every page looks at all opportunities of the venue**, as no index
///   has that order: half a second for a million. So read it in large pages;
///   [`Filter::modified_since`] makes for fewer of them, and for no shorter look. A page that takes longer than
///   the deadline is an error.
/// - The number is counted anew each time: from the index without a filter, else with a look at every opportunity of
///   the venue. To take longer than the deadline is an error. What is counted is not checked for damage.
#[derive(Debug, Clone)]
#[must_use = "a list reads nothing until it is asked for a page, for all or for their number"]
pub struct Listing<'e> {
    readers: &'e ReadPool,
    venue: VenueId,
    filter: Filter,
    order: ListOrder,
    page_size: usize,
    after: Option<Cursor>,
}

impl<'e> Listing<'e> {
    /// How many opportunities a page has if nothing is said: 100.
    pub const DEFAULT_PAGE_SIZE: usize = 100;

    /// How many it can have: 1,000.
    pub const MAX_PAGE_SIZE: usize = 1_000;

    pub(super) const fn of(readers: &'e ReadPool, venue: VenueId, filter: Filter) -> Self {
        let page_size = Self::DEFAULT_PAGE_SIZE;
        Self { readers, venue, filter, order: ListOrder::Id, page_size, after: None }
    }

    /// The order; by id if nothing is said.
    pub const fn order(mut self, order: ListOrder) -> Self {
        self.order = order;
        self
    }

    /// How many opportunities a page has at most, from 1 to [`MAX_PAGE_SIZE`](Self::MAX_PAGE_SIZE); what is
    /// outside counts as the nearest.
    pub fn page_size(mut self, page_size: usize) -> Self {
        self.page_size = page_size.clamp(1, Self::MAX_PAGE_SIZE);
        self
    }

    /// Begins after a page that was read before, with its [`Page::next`]; with `None` at the beginning.
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    /// Reads the first page: that at the beginning, or after the cursor.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`] when the cursor was given for another venue, filter or order;
    /// [`ListError::Store`] when the store failed, for instance because the read took longer than its
    /// deadline, or because an opportunity on the page is damaged.
    pub fn page(&self) -> Result<Page, ListError> {
        let after = match self.after {
            Some(cursor) => cursor.position(self.venue, &self.filter, self.order)?,
            None => Position::start(self.order),
        };
        let (venue, filter, limit) = (self.venue, &self.filter, self.page_size);
        let query = ListQuery { venue, filter, after, limit };
        let listed = self.readers.list(query)?;
        let next = listed.rest.map(|position| Cursor::new(venue, filter, position));
        Ok(Page { items: listed.opportunities, next })
    }

    /// How many there are in all, as of the last commit, whatever the order, the page and the cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the read takes longer than its deadline.
    pub fn count(&self) -> Result<u64, StoreError> {
        self.readers.count(self.venue, &self.filter)
    }

    /// All of them, from the beginning or from the cursor on. It reads a page when it comes to it, and holds
    /// that one page only.
    #[must_use]
    pub fn iter(&self) -> Opportunities<'e> {
        self.clone().into_iter()
    }
}

impl<'e> IntoIterator for Listing<'e> {
    type Item = Result<Opportunity, ListError>;
    type IntoIter = Opportunities<'e>;

    fn into_iter(self) -> Opportunities<'e> {
        Opportunities { pages: Some(self), items: Vec::new().into_iter() }
    }
}

impl<'e> IntoIterator for &Listing<'e> {
    type Item = Result<Opportunity, ListError>;
    type IntoIter = Opportunities<'e>;

    fn into_iter(self) -> Opportunities<'e> {
        self.iter()
    }
}

/// Some opportunities of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The opportunities, at most as many as the size of a page.
    pub items: Vec<Opportunity>,
    /// Where the next page begins; `None` when this one is the last.
    ///
    /// It alone tells the end: a page can have fewer opportunities than it could, or none, and yet not be the
    /// last. That happens when the filter passes over so many that half of the deadline goes by.
    pub next: Option<Cursor>,
}

/// All opportunities of a list, read a page at a time: see [`Listing::iter`]. After an error it ends.
#[derive(Debug, Clone)]
pub struct Opportunities<'e> {
    /// What is left to be read; `None` after the last page.
    pages: Option<Listing<'e>>,
    items: std::vec::IntoIter<Opportunity>,
}

impl Opportunities<'_> {
    /// Reads the next page, the end of the list being one without items.
    fn turn(&mut self) -> Result<(), ListError> {
        let Some(listing) = self.pages.take() else { return Ok(()) };
        let page = listing.page()?;
        self.items = page.items.into_iter();
        self.pages = page.next.map(|cursor| listing.after(cursor));
        Ok(())
    }
}

impl Iterator for Opportunities<'_> {
    type Item = Result<Opportunity, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.items.len() == 0 && self.pages.is_some() {
            if let Err(error) = self.turn() {
                return Some(Err(error));
            }
        }
        self.items.next().map(Ok)
    }
}

impl FusedIterator for Opportunities<'_> {}

/// Why a page could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The list cannot go on from this cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store failed.
    #[error("the list could not be read")]
    Store(#[from] StoreError),
}
