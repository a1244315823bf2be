//! The end of the service when it is told to stop.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::kills::{Callers, Told};
use super::leads::{lead, stored};
use super::service::{PATIENCE, Service, is_so_by, wait_until};
use super::socket::Socket;
use super::support::runs;
use super::waiting::{Held, behind_a_lock, send_behind_a_lock};

/// Seen to catch: a service that does not close its engine; answers that are given before the commit.
#[test]
fn told_to_stop_at_work_it_ends_well_and_has_kept_what_it_acknowledged() {
    for seed in 0..runs(3, 50) {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("a.db");
        let service = Service::start(&db);
        let callers = Callers::start(service.address, seed);
        callers.wait(seed);
        service.stop(&db);
        let Told { acknowledged, unanswered } = callers.told();
        let stored = stored(&db);
        for (name, id) in &acknowledged {
            assert_eq!(stored.get(name), Some(id), "seed {seed}: {name} was acknowledged");
        }
        let is_known = |name| acknowledged.contains_key(name) || unanswered.contains(name);
        assert!(stored.keys().all(is_known), "seed {seed}");
    }
}

/// Seen to fail for a service whose process ends when it is told to, and for one that does not listen to ctrl-c.
#[test]
fn told_to_stop_it_answers_what_is_in_flight_and_accepts_no_more() {
    const CALLERS: usize = 64;
    for signal in ["TERM", "INT"] {
        let held = behind_a_lock(&[], |service, deadline| {
            let sockets = send_behind_a_lock(service, CALLERS, deadline)?;
            service.signal(signal);
            // Until it accepts no more.
            is_so_by(deadline, || TcpStream::connect(service.address).is_err())?;
            Some(sockets)
        });
        let Held { service, db, folder: _folder, found: mut sockets } = held;
        let answers: Vec<_> = sockets.iter_mut().map(Socket::answer).collect();
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        assert!(sockets.iter_mut().all(Socket::is_closed));
        assert!(service.end().success());
        assert_eq!(stored(&db).len(), CALLERS);
        assert!(!db.with_extension("db-wal").exists());
    }
}

/// Seen to fail for a service that closes its engine when it is told to, and then ends: that answers what is in the
/// queue, and nothing else.
#[test]
fn told_to_stop_it_lets_a_client_end_the_request_that_it_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let body = lead("begun before");
    let mut socket = Socket::connect(service.address);
    socket.begin_call(body.len());
    service.tell_to_stop();
    wait_until("it accepts no more", || TcpStream::connect(service.address).is_err());
    // As long as a service that does not wait for it takes to end.
    thread::sleep(Duration::from_millis(200));
    socket.send(body);
    assert_eq!(socket.answer(), (200, "{\"success\":true,\"id\":1}".to_owned()));
    assert!(socket.is_closed());
    assert!(service.end().success());
    assert_eq!(stored(&db).len(), 1);
}

/// Seen to fail for a service that waits for its clients without an end.
#[test]
fn told_to_stop_it_does_not_wait_for_a_client_that_never_ends_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let id = Client::of(service.address).call(&lead("Lead By API")).id();
    let _idle = Socket::connect(service.address);
    let mut slow = Socket::connect(service.address);
    slow.begin_call(100);
    let told = Instant::now();
    service.stop(&db);
    assert!(told.elapsed() < PATIENCE / 2);
    assert_eq!(stored(&db), [("Lead By API".to_owned(), id)].into());
}
