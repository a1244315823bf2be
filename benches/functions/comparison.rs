//! Bytes to a command beside serde into the plain struct of the baseline, which checks next to nothing: the
//! ratio of the two in one run, and the allocations.

use std::hint::black_box;
use std::time::{Duration, Instant};

use opportunity_engine::Command;

#[expect(dead_code, reason = "how long it takes to read is what matters here, not what it says")]
#[path = "../throughput/body.rs"]
mod body;

pub(super) use body::decode as decode_plain;

/// The most that bytes to a command may take, as a part of what the plain struct takes.
const LIMIT: f64 = 0.8;

const ROUNDS: usize = 301;
const CALLS_A_ROUND: u32 = 1_000;

/// Every text that is kept is allocated, once, and nothing else is.
pub(super) fn assert_allocations(
    name: &str,
    body: &[u8],
    command: fn(&[u8]) -> Command,
    texts: u64,
) {
    let counted = allocation_counter::measure(|| drop(command(body)));
    assert_eq!(counted.count_total, texts, "allocations from bytes to {name}");
}

/// Prints and checks the ratio of the medians over interleaved rounds: whatever else the machine
/// does hits both.
pub(super) fn assert_ratio(name: &str, body: &[u8], command: fn(&[u8]) -> Command) {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    // Counted allocations would take longer, and the plain struct has more of them.
    allocation_counter::opt_out(|| {
        for _ in 0..ROUNDS {
            ours.push(a_round(|| command(black_box(body))));
            plain.push(a_round(|| decode_plain(black_box(body))));
        }
    });
    let (ours, plain) = (median(ours), median(plain));
    let ratio = ours.as_secs_f64() / plain.as_secs_f64();
    println!("bytes to {name}: {ours:?}, into a plain struct: {plain:?}, ratio {ratio:.2}");
    assert!(ratio <= LIMIT, "the ratio may be at most {LIMIT}");
}

/// How long one call takes.
fn a_round<T>(call: impl Fn() -> T) -> Duration {
    let started = Instant::now();
    for _ in 0..CALLS_A_ROUND {
        black_box(call());
    }
    started.elapsed() / CALLS_A_ROUND
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
