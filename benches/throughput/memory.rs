//! How much memory a process takes in which requests stream through the engine: a process of its own,
//! because the peak that the system counts is that of the process, and never falls.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use opportunity_engine::Engine;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::arguments::Arguments;
use crate::database;
use crate::report::{Report, rounded};
use crate::runs::BATCH;
use crate::subject::Subject;
use crate::workload::{add, update, venue_of_preloaded};

/// The first argument of the process that streams; the number of requests and the folder follow.
const STREAM: &str = "--stream";

/// What the engine may cache.
const CACHE: u64 = 32 << 20;

/// What the process may take besides.
const LIMIT: u64 = (64 << 20) + CACHE;

/// What the process that streams tells the one that has started it.
#[derive(Debug, Serialize, Deserialize)]
struct Streamed {
    adds: i64,
    per_second: f64,
    /// `None` where the system does not count it.
    peak_bytes: Option<u64>,
}

pub(crate) fn memory(arguments: &Arguments, report: &Report) {
    let folder = arguments.empty_folder();
    let requests = arguments.requests_to_stream();
    let streamed = stream_in_a_process(requests, folder.path());
    check(folder.path(), requests, streamed.adds);
    let Some(peak) = streamed.peak_bytes else {
        report.other("memory", &[], "skipped: this system does not count a process's peak");
        return;
    };
    assert!(peak < LIMIT, "the process took {peak} bytes, more than {LIMIT}");
    let (peak, limit) = (mebibytes(peak), mebibytes(LIMIT));
    report.other(
        "memory",
        &[
            ("requests", json!(requests)),
            ("engine_per_s", rounded(streamed.per_second)),
            ("peak_mib", rounded(peak)),
            ("limit_mib", rounded(limit)),
        ],
        &format!("{requests} requests in {peak:.1} MiB, of which at most {limit:.0} are allowed"),
    );
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn stream_in_a_process(requests: i64, folder: &Path) -> Streamed {
    let program = env::current_exe().expect("this program has a path");
    let mut process = Command::new(program);
    process.arg(STREAM).arg(requests.to_string()).arg(folder).stderr(Stdio::inherit());
    let output = process.output().expect("it can be started");
    assert!(output.status.success(), "the process that streams has failed");
    serde_json::from_slice(&output.stdout).expect("it tells what it has done")
}

/// Compares counts, as the requests are not kept: every add is a row, and each request has given one
/// row one more version.
fn check(folder: &Path, requests: i64, adds: i64) {
    let database = database::open(&<Engine as Subject>::database(folder));
    let counts: (i64, i64) = database
        .query_row("SELECT count(*), sum(version) FROM opportunity", [], |row| row.try_into())
        .expect("it can be read");
    assert_eq!(counts, (adds, requests), "rows and versions");
    let venues = "SELECT count(*) FROM opportunity WHERE venue_id <> 1 + id % 1000";
    let strays: i64 = database.query_row(venues, [], |row| row.get(0)).expect("it can be read");
    assert_eq!(strays, 0, "rows in another venue");
}

/// Streams, and tells true, if this process was started for that.
pub(crate) fn streams(mut given: impl Iterator<Item = String>) -> bool {
    if given.next().as_deref() != Some(STREAM) {
        return false;
    }
    let requests = given.next().and_then(|it| it.parse().ok()).expect("a number of requests");
    let folder = given.next().expect("a folder");
    let streamed = stream(requests, Path::new(&folder));
    println!("{}", json!(streamed));
    true
}

fn stream(requests: i64, folder: &Path) -> Streamed {
    let options = Engine::options().cache_bytes(CACHE as usize);
    let engine = options.open(<Engine as Subject>::database(folder)).expect("it can be opened");
    let (mut stream, mut left, mut took) = (Stream { added: 0, sent: 0 }, requests, Duration::ZERO);
    while left > 0 {
        let size = left.min(BATCH as i64);
        left -= size;
        let (asked, bodies): (Vec<_>, Vec<_>) = (0..size).map(|_| stream.next()).unzip();
        let started = Instant::now();
        let ids = engine.send_all(&bodies);
        took += started.elapsed();
        assert_eq!(ids, asked, "ids are given in order");
    }
    Subject::close(engine);
    Streamed {
        adds: stream.added,
        per_second: requests as f64 / took.as_secs_f64(),
        peak_bytes: peak_bytes(),
    }
}

/// Requests that nothing has to be remembered for: there is one caller, so that it knows the id that
/// an add will get, and the venue follows from the id.
struct Stream {
    added: i64,
    sent: i64,
}

impl Stream {
    /// The next request, and the id that it is about: adds and updates in turn.
    fn next(&mut self) -> (i64, Vec<u8>) {
        self.sent += 1;
        if self.sent % 2 == 1 {
            self.added += 1;
            return (self.added, add(venue_of_preloaded(self.added)));
        }
        // A prime spreads the updates over the table.
        let id = 1 + self.sent * 7_919 % self.added;
        (id, update(id, venue_of_preloaded(id), format_args!("Updated Name {:x}", self.sent)))
    }
}

/// The most memory that this process has had at once. Linux alone says so.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}
