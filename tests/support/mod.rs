//! What several tests start from.

#![allow(dead_code, reason = "no test uses all of it")]

use std::future::Future;
use std::panic::resume_unwind;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use opportunity_engine::{OpportunityId, Request, VenueId};
use rusqlite::Connection;

pub(crate) mod by_hand;

pub(crate) fn venue() -> VenueId {
    VenueId::new(107).unwrap()
}

pub(crate) fn id(value: i64) -> OpportunityId {
    OpportunityId::new(value).unwrap()
}

/// An add that breaks no rule.
pub(crate) fn lead() -> Request {
    Request::add(venue()).name("Lead By API").contact_id(918).type_id(18).source_id(25).stage_id(69)
}

/// How often to try what is random: `usual` times, or `long` times if the environment has `LONG_TESTS`.
pub(crate) fn runs(usual: usize, long: usize) -> usize {
    if std::env::var_os("LONG_TESTS").is_some() { long } else { usual }
}

/// A connection of somebody else's that holds the write lock until it is dropped.
pub(crate) fn hold_write_lock(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// Runs a future on this thread: any runtime will do.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Waits until something is so, but not for ever.
pub(crate) fn eventually(is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < deadline, "still not");
        thread::sleep(Duration::from_micros(100));
    }
}

/// Runs something on a thread of its own, and fails if it does not end.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (report, done) = channel();
    let thread = thread::spawn(move || drop(report.send(run())));
    match done.recv_timeout(limit) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("something is still waited for"),
    }
}
