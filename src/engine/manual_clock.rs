//! A clock that stands still until it is told otherwise, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::Timestamp;

/// A clock for tests: it stands still until it is set or advanced. Clones are the same clock, so a test keeps
/// one and gives [`ManualClock::source`] to [`Options::clock`](crate::Options::clock).
///
/// ```
/// use std::time::Duration;
/// use opportunity_engine::{Engine, ManualClock, Request, Timestamp, VenueId};
///
/// let clock = ManualClock::new(Timestamp::from_millis(1_493_994_600_000));
/// let engine = Engine::options().clock(clock.source()).in_memory()?;
/// let venue = VenueId::new(107)?;
/// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
/// let id = engine.add_or_update(lead)?.id();
///
/// clock.advance(Duration::from_secs(3_600));
/// engine.add_or_update(Request::update(venue, id).stage_id(70))?;
///
/// let stored = engine.get(venue, id)?.ok_or("it was added")?;
/// assert_eq!(stored.created_at().to_string(), "2017-05-05T14:30:00.000Z");
/// assert_eq!(stored.modified_at().to_string(), "2017-05-05T15:30:00.000Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that says this.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicI64::new(now.as_millis())) }
    }

    /// What it says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    /// What [`Options::clock`](crate::Options::clock) takes: it goes on to say what this clock says.
    pub fn source(&self) -> impl Fn() -> Timestamp + Clone + Send + Sync + use<> {
        let clock = self.clone();
        move || clock.now()
    }

    /// Sets it to a moment, which may be before the one that it says: clocks do that, and an engine has to bear it.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves it forward by the whole milliseconds of a duration, at most to [`Timestamp::MAX`].
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let advanced = |now: i64| Some(Timestamp::from_millis(now.saturating_add(by)).as_millis());
        // The closure always gives a moment, so there is no error.
        self.millis.fetch_update(Ordering::SeqCst, Ordering::SeqCst, advanced).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> ManualClock {
        ManualClock::new(Timestamp::from_millis(millis))
    }

    #[test]
    fn clones_and_sources_say_what_the_clock_says() {
        let clock = at(1_000);
        let (other, source) = (clock.clone(), clock.source());
        other.advance(Duration::from_millis(1_500));
        assert_eq!([clock.now(), source()], [Timestamp::from_millis(2_500); 2]);
        clock.set(Timestamp::from_millis(-7));
        assert_eq!([other.now(), source()], [Timestamp::from_millis(-7); 2]);
    }

    #[test]
    fn it_stops_at_the_last_moment_there_is() {
        let clock = at(Timestamp::MAX.as_millis() - 1);
        for _ in 0..2 {
            clock.advance(Duration::from_millis(2));
            assert_eq!(clock.now(), Timestamp::MAX);
        }
        let first = ManualClock::new(Timestamp::MIN);
        first.advance(Duration::MAX);
        assert_eq!(first.now(), Timestamp::MAX);
    }

    #[test]
    fn less_than_a_millisecond_is_cut_off() {
        let clock = at(0);
        for _ in 0..3 {
            clock.advance(Duration::from_micros(1_999));
        }
        assert_eq!(clock.now(), Timestamp::from_millis(3));
    }

    #[test]
    fn what_several_threads_advance_adds_up() {
        let clock = at(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| clock.advance(Duration::from_millis(1))));
            }
        });
        assert_eq!(clock.now(), Timestamp::from_millis(4_000));
    }
}
