//! Steps of the engine's threads at which its tests can make them panic. Outside of those tests nothing
//! is left of it.

/// A step of one of the threads. Each is reached in exactly one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// The writer is ready, but has not said so.
    Start,
    /// Jobs are taken from the queue, and nothing is done with them yet.
    Taken,
    /// The log is at its cap, and about to start over.
    MakeRoom,
    /// A transaction has begun.
    Begun,
    /// A change is decided, and not written.
    Decided,
    /// A change is written.
    Written,
    /// The index by venue is written.
    Indexed,
    /// The counters are written.
    Saved,
    /// Everything is written, and about to be committed.
    Committing,
    /// It is committed, but nothing has noticed that.
    Committed,
    /// A commit has failed, and a fence is about to be written.
    Fence,
    /// A group has its answers, and nobody was told them.
    Unanswered,
    /// The thread that answers has got a group.
    Answering,
    /// A group was answered.
    Answered,
    /// The thread for checkpoints is about to move the bulk of the log.
    Bulk,
    /// It has done so, and the writer is about to move the rest.
    Rest,
    /// The queue is closed and empty, and the log is about to be moved for the last time.
    End,
}

/// Says that a point is reached.
#[cfg(not(test))]
pub(crate) const fn reach(_: Point) {}

/// Prepares what a new thread will run.
#[cfg(not(test))]
pub(crate) const fn inherited<F>(run: F) -> F {
    run
}

#[cfg(test)]
pub(crate) use plan::{Plan, inherited, reach};

#[cfg(test)]
mod plan {
    use std::cell::RefCell;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::Point;

    impl Point {
        pub(crate) const ALL: [Self; 17] = [
            Self::Start,
            Self::Taken,
            Self::MakeRoom,
            Self::Begun,
            Self::Decided,
            Self::Written,
            Self::Indexed,
            Self::Saved,
            Self::Committing,
            Self::Committed,
            Self::Fence,
            Self::Unanswered,
            Self::Answering,
            Self::Answered,
            Self::Bulk,
            Self::Rest,
            Self::End,
        ];
    }

    /// Which points panic, for the engines that one thread opens.
    #[derive(Default)]
    pub(crate) struct Plan {
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        /// The points that panic, and how often yet.
        armed: Vec<(Point, u32)>,
        panicked: Vec<Point>,
    }

    thread_local! {
        static PLAN: RefCell<Option<Arc<Plan>>> = const { RefCell::new(None) };
    }

    impl Plan {
        /// A plan for the engines that this thread opens from now on.
        pub(crate) fn of_this_thread() -> Arc<Self> {
            let plan = Arc::new(Self::default());
            adopt(Some(Arc::clone(&plan)));
            plan
        }

        /// Makes a point panic the next `times` that it is reached.
        pub(crate) fn panic_at(&self, point: Point, times: u32) {
            self.state().armed.push((point, times));
        }

        /// Lets every point pass from now on; tells those that have panicked.
        pub(crate) fn disarm(&self) -> Vec<Point> {
            std::mem::take(&mut *self.state()).panicked
        }

        fn panics(&self, reached: Point) -> bool {
            let mut state = self.state();
            let mut armed = state.armed.iter_mut();
            let Some((_, left)) = armed.find(|(point, left)| *point == reached && *left > 0) else {
                return false;
            };
            *left -= 1;
            state.panicked.push(reached);
            true
        }

        fn state(&self) -> std::sync::MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    fn adopt(plan: Option<Arc<Plan>>) {
        PLAN.with_borrow_mut(|own| *own = plan);
    }

    pub(crate) fn reach(point: Point) {
        assert!(Point::ALL.contains(&point), "{point:?} is not listed");
        let plan = PLAN.with_borrow(Clone::clone);
        assert!(!plan.is_some_and(|plan| plan.panics(point)), "on purpose, at {point:?}");
    }

    /// Hands the plan of this thread on to the one that will run this.
    pub(crate) fn inherited<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let plan = PLAN.with_borrow(Clone::clone);
        move || {
            adopt(plan);
            run()
        }
    }
}
