//! The header `Idempotency-Key`.

use super::client::{CALL, Client, JSON};
use super::leads::{lead, renamed, stored};
use super::service::Service;
use super::socket::{Socket, head};

/// Seen to fail for a service that drops the header.
#[test]
fn a_request_that_is_sent_again_under_its_key_is_answered_again_and_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let client = Client::of(service.address);
    let call = |body: &str, key| client.try_call(body, Some(key)).unwrap();
    let id = call(&lead("one"), "k").id();
    assert_eq!(call(&lead("one"), "k").id(), id);
    assert_eq!(call(&lead("two"), "k").codes(), (409, None));
    let other = call(&lead("two"), "ключ 2").id();
    assert_ne!(other, id);
    // The update is not done again over what came after it.
    call(&renamed(id, "first"), "u");
    call(&renamed(id, "last"), "v");
    assert_eq!(call(&renamed(id, "first"), "u").id(), id);
    service.stop(&db);
    let expected = [("last".to_owned(), id), ("two".to_owned(), other)];
    assert_eq!(stored(&db), expected.into());
}

/// Seen to fail for a service that takes the first of two.
#[test]
fn a_key_that_is_none_is_refused_and_nothing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    let body = lead("Lead By API");
    for key in ["", &"x".repeat(256)] {
        assert_eq!(client.try_call(&body, Some(key)).unwrap().codes(), (400, None), "{key}");
    }
    let two = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", JSON)];
    assert_eq!(client.post(CALL, &two, body.as_bytes()).unwrap().codes(), (400, None));
    let mut socket = Socket::connect(service.address);
    let [before, after] = ["Idempotency-Key: ", "\r\n"].map(str::as_bytes);
    let head = head(&[("Content-Type", JSON)], body.len());
    let (line, rest) = head.split_at(head.find("Host").unwrap());
    socket
        .send([line.as_bytes(), before, b"\xff", after, rest.as_bytes(), body.as_bytes()].concat());
    assert_eq!(socket.answer().0, 400, "it is no text");
    assert_eq!(client.try_call(&body, Some(&"x".repeat(255))).unwrap().id(), 1);
}
