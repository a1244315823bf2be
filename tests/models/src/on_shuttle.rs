//! Many steps, in random orders that are the same in each run.

use std::time::Instant;

use scenarios::{SCENARIOS, Size};
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// What the engine's `sync` is.
mod sync {
    pub(super) use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(super) use shuttle::thread;
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

/// Runs the scenarios with so many orders in all: half of them with any thread at each step, half with
/// threads that rarely give way.
pub(crate) fn explore(is_wanted: impl Fn(&str) -> bool, orders: usize) {
    let each = orders.div_ceil(2 * SCENARIOS.len());
    for (name, scenario) in SCENARIOS {
        let name = format!("shuttle: {name}");
        if !is_wanted(&name) {
            continue;
        }
        let started = Instant::now();
        run(RandomScheduler::new_from_seed(0, each), scenario);
        run(PctScheduler::new_from_seed(0, 3, each), scenario);
        println!("{:>9} orders in {:>6.1?}, {name}", 2 * each, started.elapsed());
    }
}

fn run(scheduler: impl Scheduler + 'static, scenario: fn(Size)) {
    Runner::new(scheduler, Config::new())
        .run(move || scenario(Size { callers: 4, jobs: 3, room: 2 }));
}
