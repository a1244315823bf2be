//! Lists of a venue's opportunities, a page at a time.

use std::iter::FusedIterator;

use super::Engine;
use crate::domain::{Cursor, CursorError, Filter, ListOrder, Opportunity, Position, VenueId};
use crate::store::{Ahead, ListQuery, ReadPool, StoreError};

/// How many places a list by last change looks ahead when it is read whole: a million rows take sixteen looks, and
/// the places 1.5 MiB.
const STRETCH: usize = 65_536;

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
/// order. One that is added meanwhile comes at the end, as it has the greatest id and, if the clock goes on, the
/// latest change. An imported one comes at the place of the id and the change that it had, if the list is not past it.
///
/// One that is changed meanwhile is listed with the values that it has when its page is read:
///
/// - by [`Id`](ListOrder::Id) it keeps its place, and is listed once at most, if it matches at that moment;
/// - by [`LastChange`](ListOrder::LastChange) it moves to the end, and is listed again there. So a list that is
///   read more slowly than its opportunities change does not end. If the clock stands still or is set back, or
///   two changes fall into one millisecond, one can fall before the place that the list has reached, and is not listed
///   again: this is no feed of changes. An iterator has reached a place up to 65,536 opportunities ahead of the one
///   that it gives.
///
/// # What it costs
///
/// Of opportunities that are in memory, a list returns a thousand in one or two milliseconds, and passes over a
/// thousand in half of one.
///
/// - By [`Id`](ListOrder::Id) a page looks at what it returns, and at what the filter passes over to find it. It
///   does not look at other venues, but for the newest opportunities, which the index by venue does not have yet, on
///   the last page alone: as a rule up to 25,000, some milliseconds; after a batch of more, that many. A page that
///   has taken half of [`Options::read_deadline`](crate::Options::read_deadline) ends early, so that a list comes to
///   its end however little its filter takes up: see [`Page::next`].
/// - By [`LastChange`](ListOrder::LastChange) **every page looks at all opportunities of the venue**, as no index
///   has that order: half a second for a million. So read it in large pages, or whole: an
///   [iterator](Listing::iter) looks once for 65,536 opportunities, and keeps their places, 1.5 MiB.
///   [`Filter::modified_since`] makes for fewer looks, and for no shorter one. A look that takes longer than
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
        let listed = self.readers.list(self.query(self.begin()?))?;
        let next = listed.rest.map(|position| self.cursor(position));
        Ok(Page { items: listed.opportunities, next })
    }

    /// Where it begins.
    fn begin(&self) -> Result<Position, CursorError> {
        match self.after {
            Some(cursor) => cursor.position(self.venue, &self.filter, self.order),
            None => Ok(Position::start(self.order)),
        }
    }

    const fn query(&self, after: Position) -> ListQuery<'_> {
        ListQuery { venue: self.venue, filter: &self.filter, after, limit: self.page_size }
    }

    fn cursor(&self, position: Position) -> Cursor {
        Cursor::new(self.venue, &self.filter, position)
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
    /// that one page only; by last change also the places of the next 65,536.
    #[must_use]
    pub fn iter(&self) -> Opportunities<'e> {
        self.clone().into_iter()
    }
}

impl<'e> IntoIterator for Listing<'e> {
    type Item = Result<Opportunity, ListError>;
    type IntoIter = Opportunities<'e>;

    fn into_iter(self) -> Opportunities<'e> {
        Opportunities {
            pages: Some(self),
            ahead: Ahead::default(),
            stretch: STRETCH,
            items: Vec::new().into_iter(),
        }
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
    /// What is left to be found; `None` after the last page.
    pages: Option<Listing<'e>>,
    /// What has been found and is left to be read, in the order of the last change.
    ahead: Ahead,
    /// How many places are found at a time in that order.
    stretch: usize,
    items: std::vec::IntoIter<Opportunity>,
}

impl Opportunities<'_> {
    /// Reads the next page, the end of the list being one without items.
    fn turn(&mut self) -> Result<(), ListError> {
        let Some(listing) = self.pages.take() else { return Ok(()) };
        let (items, next) = match listing.order {
            ListOrder::Id => {
                let page = listing.page()?;
                (page.items, page.next)
            }
            ListOrder::LastChange => self.look_ahead(&listing)?,
        };
        self.items = items.into_iter();
        self.pages = next.map(|cursor| listing.after(cursor));
        Ok(())
    }

    /// The next page by last change, and where to look for more. A list that took more than a page comes to its end
    /// only when there is nothing more: what has left its place meanwhile is at the end.
    fn look_ahead(
        &mut self,
        listing: &Listing<'_>,
    ) -> Result<(Vec<Opportunity>, Option<Cursor>), ListError> {
        let readers = listing.readers;
        let query = listing.query(listing.begin()?);
        let items = if self.ahead.positions.is_empty() {
            let (items, ahead) = readers.list_and_look_ahead(query, self.stretch)?;
            self.ahead = ahead;
            items
        } else {
            readers.list_ahead(query, &mut self.ahead)?
        };
        Ok((items, self.ahead.rest.map(|position| listing.cursor(position))))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fastrand::Rng;

    use super::*;
    use crate::ManualClock;
    use crate::domain::{OpportunityId, Request, Timestamp, UserId};

    const ROWS: i64 = 40;

    fn venue() -> VenueId {
        VenueId::new(107).unwrap()
    }

    /// Those of the owner 1, a page of some opportunities at a time.
    fn listing(engine: &Engine, page_size: usize) -> Listing<'_> {
        let filter = Filter::new().owner_user_id(UserId::new(1).unwrap());
        engine.list(venue(), filter).order(ListOrder::LastChange).page_size(page_size)
    }

    /// Opportunities whose changes are in another order than their ids, and their clock.
    fn engine(rng: &mut Rng) -> (Engine, ManualClock) {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let engine = Engine::options().clock(clock.source()).in_memory().unwrap();
        let lead =
            Request::add(venue()).name("n").contact_id(1).type_id(1).stage_id(1).source_id(1);
        for _ in 0..ROWS {
            clock.set(Timestamp::from_millis(rng.i64(0..ROWS)));
            engine.add_or_update(lead.clone().owner_user_id(rng.i64(1..3))).unwrap();
        }
        (engine, clock)
    }

    fn looking_ahead(listing: Listing<'_>, stretch: usize) -> Opportunities<'_> {
        Opportunities { stretch, ..listing.into_iter() }
    }

    /// Seen to fail for a list that ends with the first stretch.
    #[test]
    fn however_far_a_list_looks_ahead_it_has_what_its_pages_have() {
        let (engine, _) = engine(&mut Rng::with_seed(0));
        let expected = listing(&engine, Listing::MAX_PAGE_SIZE).page().unwrap().items;
        assert!(expected.len() > 10);
        for page_size in [1, 3, 7, 100] {
            for stretch in 0..expected.len() + 2 {
                let all = looking_ahead(listing(&engine, page_size), stretch);
                let all: Vec<_> = all.map(Result::unwrap).collect();
                assert_eq!(all, expected, "{stretch} ahead, {page_size} a page");
            }
        }
    }

    /// What is listed while others change it, and set the clock forward and back; and which belong to the list all
    /// the while.
    fn listed_while_changed(seed: u64) -> (Vec<Opportunity>, BTreeMap<i64, bool>) {
        let rng = &mut Rng::with_seed(seed);
        let (engine, clock) = engine(rng);
        // With whether it is left as it is.
        let mut untouched: BTreeMap<i64, bool> = BTreeMap::new();
        for opportunity in listing(&engine, 1_000) {
            untouched.insert(opportunity.unwrap().id().get(), true);
        }
        let (stretch, page_size) = (rng.usize(0..30), rng.usize(1..6));
        let mut list = looking_ahead(listing(&engine, page_size), stretch);
        let mut listed = Vec::new();
        for step in 0.. {
            for _ in 0..if step < 60 { rng.usize(0..3) } else { 0 } {
                clock.set(Timestamp::from_millis(rng.i64(0..2 * ROWS)));
                let id = rng.i64(1..=ROWS);
                let update = Request::update(venue(), OpportunityId::new(id).unwrap());
                // Every third comes and goes.
                let owner = if id % 3 == 0 { rng.i64(1..3) } else { 1 };
                let update = update.quality_id(rng.i64(1..1_000_000)).owner_user_id(owner);
                engine.add_or_update(update).unwrap();
                if id % 3 == 0 {
                    untouched.remove(&id);
                } else if let Some(is_untouched) = untouched.get_mut(&id) {
                    *is_untouched = false;
                }
            }
            match list.next() {
                Some(opportunity) => listed.push(opportunity.unwrap()),
                None => break,
            }
        }
        (listed, untouched)
    }

    /// As page by page, where the place of each is looked for again: what belongs to the list all the while is
    /// listed, once if it is not changed, and the list is in its order.
    ///
    /// Seen to fail for a list that ends with what it has found last, for one that does not put back what has moved
    /// to a place within the stretch, for one that gives what has left its place, and for one that gives what has
    /// ceased to match at the same millisecond.
    #[test]
    fn a_list_that_looks_ahead_is_right_while_writes_go_on() {
        for seed in 0..300 {
            let (listed, untouched) = listed_while_changed(seed);
            let owner = UserId::new(1).unwrap();
            assert!(listed.iter().all(|it| it.owner_user_id() == Some(&owner)), "seed {seed}");
            let places: Vec<_> = listed.iter().map(Position::by_last_change).collect();
            assert!(places.is_sorted_by(|one, next| one < next), "seed {seed}: {places:?}");
            for (id, is_untouched) in untouched {
                let times = listed.iter().filter(|it| it.id().get() == id).count();
                assert!(
                    times > 0 && (times == 1 || !is_untouched),
                    "seed {seed}: {id}, {times} times"
                );
            }
        }
    }
}
