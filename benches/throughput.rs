//! Durable requests per second, beside what a good engineer writes in an afternoon.
//!
//! ```sh
//! cargo bench --bench throughput -- [--quick] [--rounds N] [--json] [--dir FOLDER] [MODE …]
//! ```
//!
//! Modes: A, one caller; B, 64 callers; C, 1,000 requests in flight on two threads; D, batches of
//! 1,000. Half of the requests add, half update. Each round runs the baseline and the engine on
//! fresh databases with 10,000 rows; the ratio is the median of the rounds. After each run the
//! database is compared with what was acknowledged, and a difference ends the program.

use std::path::PathBuf;

use crate::report::{Measured, Report};
use crate::runs::{Mode, Size};

#[path = "throughput/baseline.rs"]
mod baseline;
#[path = "throughput/report.rs"]
mod report;
#[path = "throughput/runs.rs"]
mod runs;
#[path = "throughput/workload.rs"]
mod workload;

struct Arguments {
    size: Size,
    rounds: usize,
    json: bool,
    folder: PathBuf,
    modes: Vec<Mode>,
}

fn main() {
    let arguments = parse();
    if !arguments.json {
        Report::print_header(arguments.rounds);
    }
    for mode in &arguments.modes {
        let mut report = Report::new(*mode);
        for round in 0..arguments.rounds {
            // Interleaved, so that whatever else the machine does hits both.
            let baseline =
                measure(&arguments, |folder| runs::baseline(*mode, arguments.size, folder, round));
            let engine =
                measure(&arguments, |folder| runs::engine(*mode, arguments.size, folder, round));
            report.add(baseline, engine);
        }
        if arguments.json { report.print_json() } else { report.print() }
    }
}

/// Runs something on an empty folder of the file system that is measured.
fn measure(arguments: &Arguments, run: impl FnOnce(&std::path::Path) -> Measured) -> Measured {
    let folder = tempfile::tempdir_in(&arguments.folder).expect("the folder can be written");
    run(folder.path())
}

fn parse() -> Arguments {
    let mut arguments = Arguments {
        size: Size::Full,
        rounds: 5,
        json: false,
        folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        modes: Vec::new(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => (arguments.size, arguments.rounds) = (Size::Quick, 3),
            "--rounds" => arguments.rounds = value().parse().expect("--rounds takes a number"),
            "--json" => arguments.json = true,
            "--dir" => arguments.folder = value().into(),
            "--bench" => {} // cargo's own
            mode => {
                arguments
                    .modes
                    .push(Mode::parse(mode).unwrap_or_else(|| panic!("what is {mode}?")));
            }
        }
    }
    if arguments.modes.is_empty() {
        arguments.modes = Mode::ALL.to_vec();
    }
    assert!(arguments.rounds > 0, "at least one round");
    arguments
}
