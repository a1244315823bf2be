//! Few steps, in every order in which they may happen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::future::block_on;
use scenarios::{SCENARIOS, Size};

/// What the engine's `sync` is.
mod sync {
    pub(super) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(super) use loom::thread;
}

#[path = "job.rs"]
mod job;
#[path = "../../../src/engine/promise.rs"]
#[allow(dead_code, reason = "what followers alone use has a test")]
mod promise;
#[allow(dead_code, reason = "what one step does needs no model")]
#[path = "../../../src/engine/queue.rs"]
mod queue;
#[path = "scenarios.rs"]
mod scenarios;

/// Runs the scenarios, with at most so many switches away from a thread that could go on.
pub(crate) fn explore(is_wanted: impl Fn(&str) -> bool, preemptions: Option<usize>) {
    for (name, scenario) in SCENARIOS {
        let name = format!("loom: {name}");
        if !is_wanted(&name) {
            continue;
        }
        let orders = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&orders);
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        let started = Instant::now();
        builder.check(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            scenario(Size { callers: 2, jobs: 1, room: 1 });
        });
        let orders = orders.load(Ordering::Relaxed);
        println!("{orders:>9} orders in {:>6.1?}, {name}", started.elapsed());
    }
}
