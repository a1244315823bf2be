//! Requests that are in flight for as long as a test wants it.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::Client;
use super::leads::lead;
use super::service::{Service, is_so_by};
use super::socket::Socket;
use super::support::hold_write_lock;

/// The engine of the service waits for a lock no longer than its busy timeout, 5 s.
const SHORTER_THAN_IT_WAITS: Duration = Duration::from_secs(4);

/// A service that somebody kept waiting for the write lock of its database.
pub(crate) struct Held<T> {
    /// Where its database is, as long as this is kept.
    pub(crate) folder: TempDir,
    pub(crate) db: PathBuf,
    pub(crate) service: Service,
    /// What came of the stage.
    pub(crate) found: T,
}

/// Starts a service, and runs a stage of a test while somebody holds the write lock. On a busy machine the stage may take
/// longer than the service waits. What it found says nothing then, if it came to an end at all: it is run again, with
/// another service. It is told by when it has to be done.
pub(crate) fn behind_a_lock<T>(
    arguments: &[&str],
    stage: impl Fn(&Service, Instant) -> Option<T>,
) -> Held<T> {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("a.db");
        let service = Service::start_with(&db, arguments);
        let deadline = Instant::now() + SHORTER_THAN_IT_WAITS;
        let lock = hold_write_lock(&db);
        let found = stage(&service, deadline);
        drop(lock);
        if let Some(found) = found.filter(|_| Instant::now() < deadline) {
            return Held { folder, db, service, found };
        }
    }
    panic!("in five tries it was not done before the service stops to wait for the lock");
}

/// Sends this many requests, each over a connection of its own, while somebody holds the write lock. All but the
/// first ones, which the writer has taken, are in the queue then. `None` if they are not by the deadline.
pub(crate) fn send_behind_a_lock(
    service: &Service,
    requests: usize,
    deadline: Instant,
) -> Option<Vec<Socket>> {
    let client = Client::of(service.address);
    let queued = || client.get("/health").json["queued"].as_u64().unwrap();
    let mut sockets = Vec::new();
    let mut send = || {
        let name = format!("waiting {}", sockets.len());
        let mut socket = Socket::connect(service.address);
        socket.call(&lead(&name), &name);
        sockets.push(socket);
        sockets.len()
    };
    // Until the writer waits for the lock.
    is_so_by(deadline, || {
        send();
        // Long enough for the writer to take what it can take.
        thread::sleep(Duration::from_millis(50));
        queued() > 0
    })?;
    let mut expected = queued();
    while send() < requests {
        expected += 1;
    }
    is_so_by(deadline, || queued() > expected)?;
    Some(sockets)
}
