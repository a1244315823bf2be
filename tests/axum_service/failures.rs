//! A store that fails, at work and before.

use super::client::Client;
use super::leads::{lead, stored};
use super::service::{LOOPBACK, Service};

/// Seen to fail for a service whose health is always 200.
#[test]
fn when_writes_are_stopped_requests_and_the_health_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start_with_file_size_limit(&db, 128);
    let client = Client::of(service.address);
    let well = client.get("/health");
    assert_eq!((well.status, &well.json["writes"]), (200, &"accepted".into()));
    assert_eq!(well.header("retry-after"), None);
    // Commits that meet the limit are settled, until not even the one that would settle it fits.
    let mut done = Vec::new();
    let mut calls = 0..10_000;
    let (failed, unwell) = loop {
        let name = format!("call {}", calls.next().expect("its health never tells"));
        let answer = client.call(&lead(&name));
        if answer.status == 200 {
            done.push((name, answer.id()));
            continue;
        }
        assert_eq!((answer.codes(), answer.header("retry-after")), ((500, None), None));
        let health = client.get("/health");
        if health.status != 200 {
            break (answer, health);
        }
    };
    assert_eq!((unwell.status, &unwell.json["writes"]), (503, &"refusedUntilReopened".into()));
    // It takes more than a second to mend that.
    assert_eq!(unwell.header("retry-after"), None);
    assert!(failed.json["message"].to_string().contains("unknown"), "{failed:?}");
    assert_eq!(client.call(&lead("one more")).status, 500);
    let stored = stored(&db);
    assert!(done.iter().all(|(name, id)| stored.get(name) == Some(id)));
}

/// Seen to fail for a service that tells the error without its causes.
#[test]
fn a_service_that_cannot_start_says_why_and_does_not_listen() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let said = Service::fail_to_start(&folder.path().join("no folder/a.db"), LOOPBACK);
    assert!(said.contains("no folder") && said.contains("No such file"), "{said}");
    let service = Service::start(&db);
    let taken = service.address.to_string();
    let said = Service::fail_to_start(&folder.path().join("b.db"), &taken);
    assert!(said.contains("in use"), "{said}");
    service.stop(&db);
}
