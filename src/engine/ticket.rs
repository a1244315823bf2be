//! Tickets: waiting for an answer, on a thread or as a future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::error::Error;
use super::promise::{Lost, Waiter};
use super::reply::Reply;
use crate::domain::Outcome;

/// A request that is queued, and the answer to come.
///
/// Wait for it with [`wait`](Ticket::wait) on a thread, or `await` it on any runtime: it leaves the thread to other
/// tasks. Dropping it, awaited or not, does not cancel the request: it will still be carried out, and nobody
/// is told what becomes of it. So a service whose client hangs up has nothing to undo, and one that gives up
/// waiting must not take the request for refused.
///
/// Its waker is called on a thread of the engine. It may use the engine, but must not wait there for
/// another answer.
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
    /// `None` once the reply was handed out.
    Answered(Option<Reply>),
}

impl ReplyTicket {
    /// Blocks until there is a reply.
    #[must_use]
    pub fn wait(self) -> Reply {
        match self.0 {
            Pending::Queued(ticket) => ticket.wait().into(),
            Pending::Answered(reply) => reply.unwrap_or_else(lost),
        }
    }
}

fn lost() -> Reply {
    Err(Error::from(Lost)).into()
}

impl From<Result<Ticket, Error>> for ReplyTicket {
    fn from(submitted: Result<Ticket, Error>) -> Self {
        Self(match submitted {
            Ok(ticket) => Pending::Queued(ticket),
            Err(error) => Pending::Answered(Some(Err(error).into())),
        })
    }
}

/// Polled again after it was ready, it says that the outcome is unknown.
impl Future for ReplyTicket {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        match &mut self.0 {
            Pending::Queued(ticket) => Pin::new(ticket).poll(context).map(Reply::from),
            Pending::Answered(reply) => Poll::Ready(reply.take().unwrap_or_else(lost)),
        }
    }
}
