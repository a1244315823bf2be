//! A limit on the size of files, as of a process (`ulimit -f`): every write past it fails.

use std::path::Path;

use super::database::look;
use super::for_each_seed;
use super::invariant::Rows;
use super::process::Process;
use super::record::{Answer, Line, failures};
use super::support::runs;
use super::work::Job;

/// How many sizes are tried, from 8 KiB on, each 1.4 times the one before.
const SIZES: usize = 20;

const BLOCK_BYTES: u64 = 512;

/// What became of the writes of a process with a limit.
#[derive(Debug, Default)]
struct Outcome {
    /// The database could not even be created.
    was_not_opened: bool,
    /// A failed commit was settled, by a further one that fitted.
    was_aborted: bool,
    /// Something smaller was done after that.
    was_done_after_it: bool,
    /// Nothing fitted any more, so that the last commit could not be settled.
    was_unknown: bool,
    /// The log fitted and could not be moved into the database, which did not.
    was_refused_for_the_log: bool,
}

impl Outcome {
    fn of(record: &[Line]) -> Self {
        let answers = record.iter().filter_map(|line| match line {
            Line::Answered(answers) => Some(answers),
            _ => None,
        });
        let mut outcome =
            Self { was_not_opened: !record.contains(&Line::Opened), ..Self::default() };
        for (_, answer) in answers.flatten() {
            match answer {
                Answer::Aborted(kind) if kind == "Io" => outcome.was_aborted = true,
                Answer::Aborted(kind) if kind == "LogFull" => {
                    outcome.was_refused_for_the_log = true;
                }
                Answer::Aborted(kind) => assert_eq!(kind, "WritesStopped"),
                Answer::Unknown(kind) => {
                    assert_eq!(kind, "Io");
                    outcome.was_unknown = true;
                }
                Answer::Done { .. } => outcome.was_done_after_it |= outcome.was_aborted,
                Answer::Refused | Answer::Unchanged => {}
            }
        }
        outcome
    }
}

fn run(seed: u64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut job = Job { calls: 300, history: seed % 4 > 1, ..Job::new(path.clone(), 1, seed) };
    if seed % 2 == 1 {
        // The log stays short, so the database meets the limit; pages are written before the commit.
        job.log_cap_bytes = 256 << 10;
        job.cache_bytes = 64 << 10;
    }
    let blocks = (16.0 * 2_f64.powf((seed % SIZES as u64) as f64 / 2.0)) as u64;
    let record = Process::start_with_file_size_limit(&job, blocks).finish();
    assert!(
        bytes_of_files(folder.path()) <= blocks * BLOCK_BYTES,
        "seed {seed}: there was no limit"
    );
    let outcome = Outcome::of(&record);
    let check = |rows: &Rows, record: &[Line]| match look(&path, rows, record) {
        Ok(rows) => rows,
        Err(complaints) => panic!("seed {seed}: {complaints:#?}"),
    };
    let rows = check(&Rows::new(), &record);
    // Without the limit it goes on.
    let record = Process::start(&Job::new(path.clone(), 2, seed)).finish();
    assert!(failures(&record).is_empty(), "seed {seed}: {:?}", failures(&record));
    check(&rows, &record);
    outcome
}

/// The size of the largest file in a folder.
fn bytes_of_files(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap_or(0)
}

/// Seen to catch: a commit that failed, answered as done; a group whose commit failed, answered as aborted
/// and half of it run again.
#[test]
fn at_a_limit_on_the_size_of_files_every_answer_is_true() {
    let outcomes = for_each_seed(runs(SIZES, 50 * SIZES), run);
    println!("{} processes with a limit on the size of files; losses: 0", outcomes.len());
    for (what, is_seen) in [
        ("not opened", outcomes.iter().any(|it| it.was_not_opened)),
        ("aborted", outcomes.iter().any(|it| it.was_aborted)),
        ("done after something larger was aborted", outcomes.iter().any(|it| it.was_done_after_it)),
        ("unknown", outcomes.iter().any(|it| it.was_unknown)),
        ("refused for the log", outcomes.iter().any(|it| it.was_refused_for_the_log)),
    ] {
        assert!(is_seen, "no size was {what}");
    }
}
