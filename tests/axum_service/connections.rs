//! Connections: kept, many, and gone in the middle.

use std::thread;
use std::time::Duration;

use super::client::{Client, JSON};
use super::leads::{lead, stored};
use super::service::Service;
use super::socket::{Socket, head};
use super::waiting::{Held, behind_a_lock, send_behind_a_lock};

#[test]
fn a_connection_is_kept_for_further_requests() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let mut socket = Socket::connect(service.address);
    for number in 1..=3 {
        socket.call(&lead("Lead By API"), &format!("{number}"));
        assert_eq!(socket.answer(), (200, format!("{{\"success\":true,\"id\":{number}}}")));
        // What is refused does not end it either.
        socket.send(head(&[("Content-Type", "text/plain")], 1) + "x");
        assert_eq!(socket.answer().0, 415);
        socket.call("{", "key");
        assert_eq!(socket.answer().0, 400);
    }
}

/// Seen to fail for an engine that leaves out what nobody waits for.
#[test]
fn what_was_sent_by_clients_that_hang_up_is_done() {
    const REQUESTS: usize = 16;
    let Held { service, db, folder: _folder, .. } = behind_a_lock(&[], |service, deadline| {
        drop(send_behind_a_lock(service, REQUESTS, deadline)?);
        // It notices that they are gone while their requests wait.
        thread::sleep(Duration::from_millis(200));
        Some(())
    });
    Client::of(service.address).call(&lead("last")).id();
    service.stop(&db);
    assert_eq!(stored(&db).len(), REQUESTS + 1);
}

/// Seen to fail for a service that hands the engine what it has when a body breaks off.
#[test]
fn of_a_request_that_breaks_off_nothing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let body = lead("broken off");
    for sent in [1, body.len() / 2, body.len()] {
        let mut socket = Socket::connect(service.address);
        // One byte more is announced than ever comes.
        socket.send(head(&[("Content-Type", JSON)], body.len() + 1) + &body[..sent]);
    }
    let mut socket = Socket::connect(service.address);
    let head = head(&[("Content-Type", JSON), ("Transfer-Encoding", "chunked")], 0);
    socket.send(head.replace("Content-Length: 0\r\n", ""));
    socket.send(format!("{:x}\r\n{body}\r\n", body.len()));
    drop(socket);
    let client = Client::of(service.address);
    assert_eq!(client.call(&lead("after")).id(), 1);
    service.stop(&db);
    assert_eq!(stored(&db).len(), 1);
}
