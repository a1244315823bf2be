//! Requests that are in flight for as long as a test wants it.

use std::thread;
use std::time::Duration;

use super::client::Client;
use super::leads::lead;
use super::service::{Service, wait_until};
use super::socket::Socket;

/// Sends this many requests, each over a connection of its own, while somebody holds the write lock. All but the
/// first ones, which the writer has taken, are in the queue then.
pub(crate) fn send_behind_a_lock(service: &Service, requests: usize) -> Vec<Socket> {
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
    wait_until("the writer waits for the lock", || {
        send();
        // Long enough for the writer to take what it can take.
        thread::sleep(Duration::from_millis(50));
        queued() > 0
    });
    let mut expected = queued();
    while send() < requests {
        expected += 1;
    }
    wait_until("all are in the queue", || queued() > expected);
    sockets
}
