//! More requests than the engine can take.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use super::client::Client;
use super::leads::{lead, stored};
use super::service::PATIENCE;
use super::waiting::{Held, behind_a_lock};

/// Seen to fail for a service that waits for room in the queue (`Engine::submit`): it turns nobody away, and soon has no
/// thread left to tell its health.
#[test]
fn with_a_full_queue_further_requests_are_turned_away_at_once_and_those_inside_are_done() {
    const CALLERS: usize = 64;
    /// At most those that the writer has taken, the four in the queue, and some that found its last room together
    /// are inside.
    const TURNED_AWAY: usize = CALLERS / 2;
    let held = behind_a_lock(&["--queue", "4"], |service, deadline| {
        let (sender, answers) = channel();
        for number in 0..CALLERS {
            let (sender, address) = (sender.clone(), service.address);
            thread::spawn(move || {
                let name = format!("caller {number}");
                // Without an answer, or with nobody who waits for one, this was not done in time.
                let Ok(answer) = Client::of(address).try_call(&lead(&name), None) else { return };
                drop(sender.send((name, answer)));
            });
        }
        let next = || answers.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let told: Vec<_> = (0..TURNED_AWAY).map(|_| next().ok()).collect::<Option<_>>()?;
        let health = Client::of(service.address).get("/health");
        Some((answers, told, health))
    });
    let Held { service, db, folder: _folder, found: (answers, mut told, health) } = held;
    for (_, answer) in &told {
        assert_eq!((answer.codes(), answer.header("retry-after")), ((503, None), Some("1")));
        let message = answer.json["message"].as_str().unwrap();
        assert!(message.contains("nothing was changed") && message.contains("full"), "{message}");
    }
    assert_eq!(health.status, 200, "it is well, but busy: {health:?}");
    assert!(health.json["queued"].as_u64() >= Some(4), "{health:?}");
    told.extend((TURNED_AWAY..CALLERS).map(|_| answers.recv_timeout(PATIENCE).unwrap()));
    Client::of(service.address).call(&lead("after")).id();
    service.stop(&db);

    let mut stored = stored(&db);
    assert!(stored.remove("after").is_some());
    let done = told.iter().filter(|(_, answer)| answer.status == 200);
    assert!(done.clone().count() >= 4);
    assert_eq!(stored, done.map(|(name, answer)| (name.clone(), answer.id())).collect());
}
