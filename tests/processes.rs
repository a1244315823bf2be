//! Processes that are killed, that may write no more, that write one file together: what was
//! acknowledged is there, nothing is half-done, and what is sent again under its key is not done again.
#![cfg(unix)]

mod support;

#[path = "processes/again.rs"]
mod again;
#[path = "processes/content.rs"]
mod content;
#[path = "processes/database.rs"]
mod database;
#[path = "processes/doubles.rs"]
mod doubles;
#[path = "processes/feed.rs"]
mod feed;
#[path = "processes/file_size.rs"]
mod file_size;
#[path = "processes/history.rs"]
mod history;
#[path = "processes/invariant.rs"]
mod invariant;
#[path = "processes/kills.rs"]
mod kills;
#[path = "processes/process.rs"]
mod process;
#[path = "processes/races.rs"]
mod races;
#[path = "processes/record.rs"]
mod record;
#[path = "processes/self_test.rs"]
mod self_test;
#[path = "processes/work.rs"]
mod work;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use work::Job;

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn a_process_does_its_job() {
    if let Some(job) = Job::of_this_process() {
        job.run();
    }
}

/// How many runs go on at a time: most of the time they wait, for a process or for the disk.
const AT_A_TIME: usize = 4;

/// Runs something with each of the seeds 0, 1, 2 …
fn for_each_seed<T: Send>(seeds: usize, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds as u64);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME)
            .map(|_| scope.spawn(|| std::iter::from_fn(take).map(&run).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}
