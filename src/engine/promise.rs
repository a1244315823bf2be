//! A promise of an answer, and the one who waits for it, on a thread or as a future.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::sync::{Arc, Condvar, Mutex, MutexGuard};

pub(super) fn promise<T>() -> (Promise<T>, Waiter<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open(None)), answered: Condvar::new() });
    (Promise { slot: Some(Arc::clone(&slot)) }, Waiter { slot })
}

struct Slot<T> {
    state: Mutex<State<T>>,
    answered: Condvar,
}

enum State<T> {
    /// No answer yet; the task to wake, if one polled.
    Open(Option<Waker>),
    Answered(T),
    /// The promise was dropped without an answer.
    Lost,
    /// The answer was handed out.
    Taken,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs under the lock, and a state is replaced as a whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles an open slot and wakes who waits, outside of the lock.
    fn settle(&self, state: State<T>) {
        let mut current = self.lock();
        let State::Open(waker) = &mut *current else { return };
        let waker = waker.take();
        *current = state;
        drop(current);
        self.answered.notify_all();
        if let Some(waker) = waker {
            // A waker is foreign code: its panic must not take down the writer, and there is
            // nobody to tell.
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
    }
}

/// The side that answers. Dropped without an answer, it says that the answer is lost.
pub(super) struct Promise<T> {
    /// `None` once it has answered, so that to drop it then takes no lock.
    slot: Option<Arc<Slot<T>>>,
}

impl<T> Promise<T> {
    /// Whether there is still somebody who may wait for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| Arc::strong_count(slot) > 1)
    }

    pub(super) fn fulfil(mut self, answer: T) {
        self.settle(State::Answered(answer));
    }

    fn settle(&mut self, state: State<T>) {
        if let Some(slot) = self.slot.take() {
            slot.settle(state);
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.settle(State::Lost);
    }
}

/// The side that waits.
pub(super) struct Waiter<T> {
    slot: Arc<Slot<T>>,
}

/// There is no answer, or it was handed out before.
#[derive(Debug)]
pub(super) struct Lost;

impl<T> Waiter<T> {
    /// Blocks until there is an answer.
    pub(super) fn wait(self) -> Result<T, Lost> {
        let mut state = self.slot.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => return Ok(answer),
                State::Lost | State::Taken => return Err(Lost),
                open @ State::Open(_) => *state = open,
            }
            state = self.slot.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks until there is an answer, but no longer than `timeout`; `None` if there is none by then.
    pub(super) fn wait_for(self, timeout: Duration) -> Result<Option<T>, Lost> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.slot.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => return Ok(Some(answer)),
                State::Lost | State::Taken => return Err(Lost),
                open @ State::Open(_) => *state = open,
            }
            // A moment that no clock reaches is as good as none.
            let left =
                deadline.map_or(Duration::MAX, |it| it.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.slot.answered.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks for the answer as a future does. The task that asked last is woken.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Result<T, Lost>> {
        // Wakers are foreign code, which may call the engine: they are cloned and dropped outside of
        // the lock.
        let waker = context.waker().clone();
        let mut state = self.slot.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => Poll::Ready(Ok(answer)),
            State::Lost | State::Taken => Poll::Ready(Err(Lost)),
            State::Open(earlier) => {
                *state = State::Open(Some(waker));
                drop(state);
                drop(earlier);
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Bomb;

    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }

    #[test]
    fn a_waiter_that_polled_is_woken_once_and_then_ready() {
        let bell = Arc::new(Bell(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&bell));
        let context = Context::from_waker(&waker);
        let (promise, mut waiter) = promise();
        assert!(waiter.poll(&context).is_pending());
        promise.fulfil(7);
        assert_eq!(bell.0.load(Ordering::SeqCst), 1);
        assert!(matches!(waiter.poll(&context), Poll::Ready(Ok(7))));
        assert!(matches!(waiter.poll(&context), Poll::Ready(Err(Lost))));
    }

    #[test]
    fn a_promise_that_is_dropped_says_that_the_answer_is_lost() {
        let (promise, waiter) = promise::<()>();
        let waiting = std::thread::spawn(move || waiter.wait());
        drop(promise);
        assert!(matches!(waiting.join().unwrap(), Err(Lost)));
    }

    #[test]
    fn a_waker_that_panics_harms_nobody() {
        let waker = Waker::from(Arc::new(Bomb));
        let context = Context::from_waker(&waker);
        let (promise, mut waiter) = promise();
        assert!(waiter.poll(&context).is_pending());
        promise.fulfil(7);
        assert!(matches!(waiter.wait(), Ok(7)));
    }
}
