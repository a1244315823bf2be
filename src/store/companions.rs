//! What is kept beside the rows, in their transaction: the history, and what was done under a key.

use std::time::Duration;

use rusqlite::Connection;

use super::done_once::{DoneOnce, PendingKeys};
use super::error::StoreError;
use super::history::History;
use super::order::Order;
use super::plan::Plan;
use crate::domain::{Outcome, Rejection, Sequence, Timestamp};

/// They follow each transaction: `begin`, `recall` before an order is planned, `note` when it is carried out,
/// `finish`. After an `Err` the transaction has to be given up; the next `begin` knows nothing of it.
pub(super) struct Companions<'c> {
    history: History<'c>,
    done_once: DoneOnce<'c>,
}

impl<'c> Companions<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { history: History::new(connection)?, done_once: DoneOnce::new(connection)? })
    }

    pub(super) const fn set_key_lifetime(&mut self, lifetime: Duration) {
        self.done_once.set_lifetime(lifetime);
    }

    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        self.done_once.begin();
        self.history.begin()
    }

    /// What was answered to an order before, if it was carried out under its key.
    pub(super) fn recall(
        &mut self,
        order: &Order,
        pending: Option<&Pending<'_>>,
        at: Timestamp,
    ) -> Result<Option<Result<Outcome, Rejection>>, StoreError> {
        self.done_once.recall(order, pending.map(|pending| &pending.keys), at)
    }

    pub(super) fn note(
        &mut self,
        order: &Order,
        plan: &Plan,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if matches!(plan, Plan::Repeat(_)) {
            return Ok(());
        }
        self.history.record(plan)?;
        self.done_once.record(order, plan.outcome(), at)
    }

    pub(super) fn finish(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.done_once.expire(at)?;
        self.history.save()
    }

    /// The last change that is recorded.
    pub(super) fn last_change(&self) -> Option<Sequence> {
        self.history.last()
    }
}

/// What earlier orders of an all-or-nothing batch will leave with them.
#[derive(Default)]
pub(super) struct Pending<'o> {
    keys: PendingKeys<'o>,
}

impl<'o> Pending<'o> {
    pub(super) fn note(&mut self, order: &'o Order, plan: &Plan) {
        if let Some(once) = &order.once {
            self.keys.insert((order.venue(), &once.key), (&once.request, plan.outcome()));
        }
    }
}
