//! What is measured: the engine, and the baseline beside it.

use std::path::{Path, PathBuf};

use opportunity_engine::{Batch, Engine, Reply};

use crate::baseline::Baseline;

/// Carries out requests, each durable when its call returns.
pub(crate) trait Subject: Sync + Sized {
    /// Opens it in an empty folder.
    fn open(folder: &Path) -> Self;

    /// Where its database is in that folder.
    fn database(folder: &Path) -> PathBuf;

    /// Carries out a request and tells the id.
    fn send(&self, body: &[u8]) -> i64;

    /// Carries out a batch.
    fn send_all(&self, bodies: &[Vec<u8>]) -> Vec<i64>;

    /// The engine, if it is the engine: that one can be awaited, and counts its commits, each of which
    /// syncs the log once.
    fn engine(&self) -> Option<&Engine>;

    fn close(self);
}

impl Subject for Engine {
    fn open(folder: &Path) -> Self {
        Self::open(<Self as Subject>::database(folder)).expect("it can be created")
    }

    fn database(folder: &Path) -> PathBuf {
        folder.join("engine.db")
    }

    fn send(&self, body: &[u8]) -> i64 {
        id_of(&self.add_or_update_json(body))
    }

    fn send_all(&self, bodies: &[Vec<u8>]) -> Vec<i64> {
        let requests = bodies.iter().map(|body| self.decode(body));
        self.reply_to_all(requests, Batch::EachOnItsOwn).iter().map(id_of).collect()
    }

    fn engine(&self) -> Option<&Engine> {
        Some(self)
    }

    fn close(self) {
        Self::close(self).expect("it can be closed");
    }
}

/// The id of the opportunity that a request was about; no request of a benchmark fails.
pub(crate) fn id_of(reply: &Reply) -> i64 {
    reply.result().expect("no request breaks a rule").id().get()
}

impl Subject for Baseline {
    fn open(folder: &Path) -> Self {
        Self::open(&Self::database(folder))
    }

    fn database(folder: &Path) -> PathBuf {
        folder.join("baseline.db")
    }

    fn send(&self, body: &[u8]) -> i64 {
        self.add_or_update(body)
    }

    fn send_all(&self, bodies: &[Vec<u8>]) -> Vec<i64> {
        self.add_or_update_all(bodies)
    }

    fn engine(&self) -> Option<&Engine> {
        None
    }

    fn close(self) {
        drop(Self::close(self));
    }
}
