//! Durable requests per second, beside what a good engineer writes in an afternoon.
//!
//! ```sh
//! cargo bench --bench throughput -- [--quick] [--rounds N] [--json] [--dir FOLDER] [--growth-to ROWS] [MODE …]
//! ```
//!
//! | mode | what is measured |
//! |---|---|
//! | `A` | one caller |
//! | `B` | 64 callers, each a thread |
//! | `C` | 1,000 requests in flight: tasks on two workers; the baseline, which blocks, on two threads |
//! | `D` | one caller that sends batches of 1,000; latencies are those of a batch |
//! | `read` | [`Engine::get`] beside a bare connection, while somebody writes and while nobody does |
//! | `venues` | adds spread over 1,000 venues beside adds to one, in batches |
//! | `growth` | B and D on a table that grows to 1,000,000 rows, or to `--growth-to`; the baseline's to 1,000,000 |
//! | `curve` | 1 to 256 callers, each a thread |
//! | `memory` | the most memory that a process takes while 10,000,000 requests stream through it |
//! | `options` | B and D with a history, with a follower or pruning beside it, with keys, that also expire, with expected versions, with dry runs, with references, with lists and exports that are read meanwhile, with a listener to what is traced; beside the engine without, which stands in the place of the baseline |
//! | `floor` | B and D beside the bare statements of SQLite on one thread |
//!
//! Without a mode, all run. `--quick` makes everything small, to see that it works; `--json` prints
//! an object a line; `--dir` says where the databases are, so which file system is measured.
//!
//! Half of the requests add, over 1,000 venues, half update. Each of 5 rounds (`--rounds`) runs the
//! baseline and the engine, in A to D on fresh databases with 10,000 rows; figures are medians of the
//! rounds, ratios medians of the ratio in each round (in `growth`, in brackets: the engine's throughput
//! divided by that at 100,000 rows). What is stored is compared with what was
//! acknowledged, row by row, after each run (in `growth` at each size, in `memory` by counts), and a
//! difference ends the program.
//!
//! With a single caller (A, D, 1 in `curve`, `read`, `venues`) the time that counts is that spent in
//! calls: what the benchmark needs between them, to make requests and note answers, is not the
//! engine's, nor the baseline's. With more callers it is the time from the first to the last.
//!
//! [`Engine::get`]: opportunity_engine::Engine::get

use std::env;

use crate::arguments::{Arguments, Mode};
use crate::report::Report;
use crate::runs::Limit;

#[path = "throughput/arguments.rs"]
mod arguments;
#[path = "throughput/baseline.rs"]
mod baseline;
#[path = "throughput/curve.rs"]
mod curve;
#[path = "throughput/database.rs"]
mod database;
#[path = "throughput/floor.rs"]
mod floor;
#[path = "throughput/fresh.rs"]
mod fresh;
#[path = "throughput/growth.rs"]
mod growth;
#[path = "throughput/measured.rs"]
mod measured;
#[path = "throughput/memory.rs"]
mod memory;
#[path = "throughput/options.rs"]
mod options;
#[path = "throughput/reads.rs"]
mod reads;
#[path = "throughput/report.rs"]
mod report;
#[path = "throughput/runs.rs"]
mod runs;
#[path = "throughput/subject.rs"]
mod subject;
#[path = "throughput/venues.rs"]
mod venues;
#[path = "throughput/workload.rs"]
mod workload;

fn main() {
    if memory::streams(env::args().skip(1)) {
        return;
    }
    let arguments = Arguments::parse(env::args().skip(1));
    let report = Report::begin(arguments.json, arguments.rounds());
    for &mode in &arguments.modes {
        match mode {
            Mode::Requests(name, sending) => {
                let limit = Limit::of_time(arguments.duration());
                report.comparison(name, &[], name, &fresh::compare(&arguments, sending, limit));
            }
            Mode::Read => reads::read(&arguments, &report),
            Mode::Venues => venues::venues(&arguments, &report),
            Mode::Growth => growth::growth(&arguments, &report),
            Mode::Curve => curve::curve(&arguments, &report),
            Mode::Memory => memory::memory(&arguments, &report),
            Mode::Options => options::options(&arguments, &report),
            Mode::Floor => floor::floor(&arguments, &report),
        }
    }
}
