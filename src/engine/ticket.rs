//! Tickets: waiting for an answer, on a thread or as a future.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::error::{Error, Failure};
use super::reply::Reply;
use crate::domain::Outcome;
use crate::store::{Operation, StoreError, StoreErrorKind};

/// A promise of an answer, and the one who waits for it.
pub(super) fn promise<T>() -> (Promise<T>, Waiter<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open(None)), answered: Condvar::new() });
    (Promise { slot: Arc::clone(&slot) }, Waiter { slot })
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

/// The side that answers. Dropped without an answer, it says that the outcome is unknown.
pub(super) struct Promise<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Promise<T> {
    pub(super) fn fulfil(self, answer: T) {
        self.slot.settle(State::Answered(answer));
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.slot.settle(State::Lost);
    }
}

/// The side that waits.
pub(super) struct Waiter<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Waiter<T> {
    /// Blocks until there is an answer; a lost one is an unknown outcome.
    pub(super) fn wait(self) -> Result<T, Failure> {
        let mut state = self.slot.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => return Ok(answer),
                State::Lost | State::Taken => return Err(lost()),
                open @ State::Open(_) => *state = open,
            }
            state = self.slot.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<T, Failure>> {
        let mut state = self.slot.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => Poll::Ready(Ok(answer)),
            State::Lost | State::Taken => Poll::Ready(Err(lost())),
            State::Open(_) => {
                *state = State::Open(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

/// What a waiter is told whose answer was lost.
pub(super) fn lost() -> Failure {
    Failure::Unknown(StoreError::new(Operation::Commit, StoreErrorKind::Closed))
}

/// A request that is queued, and the answer to come.
///
/// Wait for it with [`wait`](Ticket::wait) on a thread, or `await` it on any runtime. Dropping it
/// does not cancel the request: it will still be carried out.
///
/// ```
/// use opportunity_engine::{Engine, Request, VenueId};
///
/// let engine = Engine::in_memory()?;
/// let lead = Request::add(VenueId::new(107)?)
///     .name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69);
/// let ticket = engine.submit(lead)?;
/// assert_eq!(ticket.wait()?.id().get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a ticket leaves the outcome unseen"]
pub struct Ticket {
    waiter: Waiter<Result<Outcome, Error>>,
}

impl Ticket {
    pub(super) const fn new(waiter: Waiter<Result<Outcome, Error>>) -> Self {
        Self { waiter }
    }

    /// Blocks until the change is durable, or refused, or failed.
    ///
    /// # Errors
    ///
    /// [`Error`] when the request was not carried out.
    pub fn wait(self) -> Result<Outcome, Error> {
        self.waiter.wait()?
    }
}

/// Polled again after it was ready, it says that the outcome is unknown.
impl Future for Ticket {
    type Output = Result<Outcome, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.waiter.poll(context).map(|answer| answer?)
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// A JSON request that is queued, or answered already, and its reply to come.
///
/// Like [`Ticket`], but it never fails: every outcome is a reply.
#[derive(Debug)]
#[must_use = "dropping a ticket leaves the outcome unseen"]
pub struct ReplyTicket(Pending);

#[derive(Debug)]
enum Pending {
    Queued(Ticket),
    Answered(Reply),
    Taken,
}

impl ReplyTicket {
    /// Blocks until there is a reply.
    #[must_use]
    pub fn wait(self) -> Reply {
        match self.0 {
            Pending::Queued(ticket) => ticket.wait().into(),
            Pending::Answered(reply) => reply,
            Pending::Taken => Err(lost().into()).into(),
        }
    }
}

impl From<Result<Ticket, Error>> for ReplyTicket {
    fn from(submitted: Result<Ticket, Error>) -> Self {
        Self(match submitted {
            Ok(ticket) => Pending::Queued(ticket),
            Err(error) => Pending::Answered(Err(error).into()),
        })
    }
}

/// Polled again after it was ready, it says that the outcome is unknown.
impl Future for ReplyTicket {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        match std::mem::replace(&mut self.0, Pending::Taken) {
            Pending::Queued(mut ticket) => match Pin::new(&mut ticket).poll(context) {
                Poll::Ready(result) => Poll::Ready(result.into()),
                Poll::Pending => {
                    self.0 = Pending::Queued(ticket);
                    Poll::Pending
                }
            },
            Pending::Answered(reply) => Poll::Ready(reply),
            Pending::Taken => Poll::Ready(Err(lost().into()).into()),
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
    fn a_polled_ticket_is_woken_once_and_then_ready() {
        let bell = Arc::new(Bell(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&bell));
        let context = Context::from_waker(&waker);
        let (promise, mut waiter) = promise();
        assert!(waiter.poll(&context).is_pending());
        promise.fulfil(7);
        assert_eq!(bell.0.load(Ordering::SeqCst), 1);
        assert!(matches!(waiter.poll(&context), Poll::Ready(Ok(7))));
        assert!(matches!(waiter.poll(&context), Poll::Ready(Err(Failure::Unknown(_)))));
    }

    #[test]
    fn a_lost_promise_is_an_unknown_outcome() {
        let (promise, waiter) = promise::<()>();
        let waiting = std::thread::spawn(move || waiter.wait());
        drop(promise);
        assert!(matches!(waiting.join().unwrap(), Err(Failure::Unknown(_))));
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
