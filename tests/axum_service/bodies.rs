//! What is posted: its type, its size, whether it is JSON at all.

use opportunity_engine::Decoder;
use ureq::SendBody;

use super::client::{CALL, Client, JSON};
use super::leads::{lead, stored};
use super::service::Service;
use super::socket::{Socket, head};

/// Seen to fail for a service that compares the whole header with `application/json`, and for one that does not look
/// at the charset.
#[test]
fn every_content_type_that_says_json_in_utf_8_is_taken_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    let post = |content_type| {
        let headers = [("Content-Type", content_type)];
        client.post(CALL, &headers, lead("Lead By API").as_bytes()).unwrap()
    };
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json; version=1; charset=utf-8",
        "Application/JSON; Charset=Utf-8",
        "application/vnd.x+json",
        "application/vnd.x+JSON; charset=utf-8",
        "application/problem+json",
        "text/json",
    ] {
        assert_eq!(post(content_type).status, 200, "{content_type}");
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json+xml",
        "application/xjson",
        "json",
        "",
        "application/json; charset",
        "application/json; charset=iso-8859-1",
        "application/vnd.x+json; charset=utf-16",
    ] {
        let answer = post(content_type);
        assert_eq!(answer.codes(), (415, None), "{content_type}");
        assert!(answer.json["message"].as_str().unwrap().contains(JSON));
    }
    let mut without = Socket::connect(service.address);
    without.send(head(&[], 2) + "{}");
    assert_eq!(without.answer().0, 415);
}

/// Seen to fail for a service that wants a content type before it looks at the body.
#[test]
fn an_empty_body_is_an_empty_request_whatever_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    for headers in [&[][..], &[("Content-Type", JSON)], &[("Content-Type", "text/plain")]] {
        assert_eq!(client.post_empty(headers).codes(), (400, Some(24221)), "{headers:?}");
    }
    for body in [" ", "null", "[]", "{}"] {
        assert_eq!(client.call(body).codes(), (400, Some(24221)), "{body}");
    }
    let mut socket = Socket::connect(service.address);
    socket.send("POST /api/1.0/venue?action=addOrUpdateOpportunity HTTP/1.1\r\nHost: it\r\n\r\n");
    assert_eq!(socket.answer().0, 400, "neither a type nor a length");
}

#[test]
fn what_is_not_json_in_utf_8_is_answered_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    let post = |body: &[u8]| client.post(CALL, &[("Content-Type", JSON)], body).unwrap();
    for (body, place) in [
        (&b"{\"venueId\":107,\n\"name\" \"x\"}"[..], "line 2, column 8"),
        (b"{\"venueId\":107", "line 1, column 14"),
        (b"{\"name\":\"\xff\"}", "line 1, column 10"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
    ] {
        let answer = post(body);
        assert_eq!(answer.codes(), (400, Some(24224)));
        let message = answer.json["additionalMessages"][0].as_str().unwrap();
        assert!(message.contains(place), "{message}");
    }
}

/// A body that adds one, made this long by white space.
fn body_of(name: &str, bytes: usize) -> Vec<u8> {
    let mut body = lead(name).into_bytes();
    body.resize(bytes, b' ');
    body
}

/// Seen to fail for a service without a limit of its own (axum's is 2 MiB), which answers 400.
#[test]
fn a_body_that_is_too_large_is_refused_with_and_without_a_length_and_others_go_on() {
    const MAX: usize = Decoder::DEFAULT_MAX_BYTES;
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let client = Client::of(service.address);
    let headers = [("Content-Type", JSON)];
    let whole = |name, bytes| client.post(CALL, &headers, &body_of(name, bytes)[..]).unwrap();
    let chunked = |name, bytes| {
        let body = body_of(name, bytes);
        client.post(CALL, &headers, SendBody::from_reader(&mut &body[..])).unwrap()
    };
    assert_eq!(whole("whole", MAX).status, 200);
    assert_eq!(chunked("chunked", MAX).status, 200);
    for bytes in [MAX + 1, MAX + 100_000] {
        assert_eq!(whole("too large", bytes).codes(), (413, None));
        assert_eq!(chunked("too large", bytes).codes(), (413, None));
        client.call(&lead(&format!("after {bytes}"))).id();
    }
    service.stop(&db);
    let stored = stored(&db);
    assert_eq!((stored.len(), stored.contains_key("too large")), (4, false), "{stored:?}");
}
