//! Who waits for changes, and is told of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::promise::{Promise, Waiter, promise};
use crate::domain::Sequence;

/// Those who wait for changes.
#[derive(Default)]
pub(super) struct Followers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was announced last.
    last: Option<Sequence>,
    waiting: Vec<(Option<Sequence>, Promise<()>)>,
    /// How many of them make it worth while to look for those who have gone away: twice as many as were left
    /// the last time, so that in all it takes a look or two for each.
    many: usize,
    is_closed: bool,
}

impl Followers {
    pub(super) fn wait_after(&self, after: Option<Sequence>) -> Waiter<()> {
        let (promise, waiter) = promise();
        // Dropped outside of the lock: a waker is foreign code and may ask for the next change.
        let mut gone = Vec::new();
        let mut state = self.lock();
        if !state.is_closed {
            // Those who have gone away are not kept until the next change, which may never come.
            if state.waiting.len() >= state.many {
                gone.extend(state.waiting.extract_if(.., |(_, promise)| !promise.is_awaited()));
                state.many = 2 * state.waiting.len();
            }
            state.waiting.push((after, promise));
        }
        waiter
    }

    /// Says that this is the last change that was committed.
    pub(super) fn announce(&self, last: Option<Sequence>) {
        let mut state = self.lock();
        if last <= state.last {
            return;
        }
        state.last = last;
        let waiting = std::mem::take(&mut state.waiting);
        let (ready, waiting) = waiting.into_iter().partition(|(after, _)| last > *after);
        state.waiting = waiting;
        drop(state);
        // Outside of the lock, as a waker may ask for the next change.
        let ready: Vec<_> = ready;
        ready.into_iter().for_each(|(_, promise)| promise.fulfil(()));
    }

    /// Tells those who wait that nothing comes any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock but the allocator, which leaves a list that is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::task::{Context, Wake, Waker};
    use std::thread;
    use std::time::Duration;

    use super::*;

    // Seen to catch: waiters that are kept until the next change.
    #[test]
    fn who_gives_up_is_forgotten_when_others_come() {
        let followers = Followers::default();
        let kept: Vec<_> = (0..10).map(|_| followers.wait_after(None)).collect();
        for _ in 0..1_000 {
            drop(followers.wait_after(None));
        }
        assert!(followers.lock().waiting.len() <= 2 * (kept.len() + 1));
    }

    struct Asks(Arc<Followers>);

    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            drop(self.0.wait_after(None));
        }
    }

    // Seen to hang for promises of those who have gone away that are dropped under the lock.
    #[test]
    fn the_waker_of_who_gave_up_may_ask_for_the_next_change() {
        let (report, done) = channel();
        thread::spawn(move || {
            let followers = Arc::new(Followers::default());
            let waker = Waker::from(Arc::new(Asks(Arc::clone(&followers))));
            for _ in 0..10 {
                let mut waiter = followers.wait_after(None);
                assert!(waiter.poll(&Context::from_waker(&waker)).is_pending());
            }
            report.send(followers.lock().waiting.len()).unwrap();
        });
        assert!(done.recv_timeout(Duration::from_secs(10)).expect("it hangs") < 10);
    }
}
