//! Damage: files whose bytes are not those that were written. What is promised then, and what cannot be,
//! stands in [`trial`].

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;
use mutation::{Mutation, Shape};
use support::runs;
use template::Template;
use trial::{Mutant, Verdict};

#[path = "damage/answers.rs"]
mod answers;
#[path = "damage/companions.rs"]
mod companions;
#[path = "damage/full_check.rs"]
mod full_check;
#[path = "damage/mutation.rs"]
mod mutation;
#[path = "damage/template.rs"]
mod template;
#[path = "damage/trial.rs"]
mod trial;
#[path = "damage/whole.rs"]
mod whole;

/// How long one mutant may take: a read gives up after five seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many mutants are looked at at the same time.
const THREADS: usize = 2;

/// A folder in memory, if the system has one.
fn folder() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() }.unwrap()
}

/// Looks at mutants 0, 1, 2 … of a template, and counts what became of them.
fn examine(template: Template, shape: Shape, count: usize) -> Tally {
    let template = Arc::new(template);
    let folder = folder();
    let (report, reports) = channel();
    let started = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (template, report) = (Arc::clone(&template), report.clone());
            let path: PathBuf = folder.path().join(format!("{thread}.db"));
            std::thread::spawn(move || {
                for seed in (thread..count).step_by(THREADS) {
                    let (name, verdict) = examine_one(&template, shape, seed, &path);
                    report.send((seed, name, verdict)).unwrap();
                }
            })
        })
        .collect();
    drop(report);
    let mut tally = Tally::default();
    let mut last = None;
    loop {
        match reports.recv_timeout(PATIENCE) {
            Ok((seed, name, verdict)) => {
                *tally.0.entry(name).or_default().entry(verdict).or_default() += 1;
                last = Some(seed);
            }
            Err(RecvTimeoutError::Timeout) => panic!("a mutant soon after {last:?} never ends"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    println!("{shape:?}: {count} mutants in {:?}\n{tally:?}", started.elapsed());
    tally
}

fn examine_one(
    template: &Template,
    shape: Shape,
    seed: usize,
    path: &Path,
) -> (&'static str, Verdict) {
    let mut rng = Rng::with_seed(seed as u64);
    let len = match shape {
        Shape::Database => template.database.len(),
        Shape::Log => template.log.len(),
    };
    let mutation = match template.targets.as_slice() {
        [_, ..] if rng.bool() => Mutation::of_pages(&mut rng, &template.targets),
        _ => Mutation::random(&mut rng, shape, len),
    };
    let on_panic = Named(seed, format!("{mutation:?}"));
    let name = mutation.name();
    let verdict = Mutant { template, shape, mutation }.examine(path, &mut rng);
    std::mem::forget(on_panic);
    (name, verdict)
}

/// Tells which mutant it was, if it is dropped by a panic.
struct Named(usize, String);

impl Drop for Named {
    fn drop(&mut self) {
        let mut mutation = self.1.clone();
        mutation.truncate(200);
        eprintln!("mutant {}: {mutation}", self.0);
    }
}

/// How many mutants of each kind had which verdict.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, BTreeMap<Verdict, usize>>);

impl Tally {
    fn of(&self, verdict: Verdict) -> usize {
        self.0.values().filter_map(|counts| counts.get(&verdict)).sum()
    }

    /// What a test is about happened in it.
    fn assert_has(&self, verdicts: &[Verdict]) {
        verdicts.iter().for_each(|&verdict| assert!(self.of(verdict) > 0, "{verdict:?}: {self:?}"));
    }
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(name, counts)| writeln!(f, "  {name}: {counts:?}"))
    }
}

// Seen to catch: a reader, or a writer, that goes on with the pages in its cache after it met damage; reads
// that are not bound to the venue; damage that is told as an I/O error, or as a file that may not be written;
// `auto_vacuum` as a damaged header has it, with which a commit fails and its outcome is unknown; a record of a
// change whose damage has another name; a panic over what is kept under a key; rows whose sums nobody checks, of
// each of the three tables; records of changes that come out of turn.
#[test]
fn what_a_damaged_database_hands_out_is_what_was_written() {
    let folder = folder();
    let tally = examine(template::closed(folder.path()), Shape::Database, runs(4_000, 80_000));
    tally.assert_has(&[Verdict::Right, Verdict::Refused, Verdict::Reported]);
    tally.assert_has(&[Verdict::PastValues, Verdict::Lost]);
}

// Seen to catch: an opening that fails and moves the log into the damaged database all the same.
#[test]
fn a_damaged_database_beside_a_log_loses_nothing_of_the_log() {
    let folder = folder();
    let tally = examine(template::killed(folder.path()), Shape::Database, runs(2_000, 40_000));
    tally.assert_has(&[Verdict::Right, Verdict::Refused, Verdict::Reported]);
    assert_eq!(tally.of(Verdict::Earlier), 0, "what is in the log was lost");
}

// Seen to catch: a full check that does not hold the index against the table.
#[test]
fn a_damaged_index_by_venue_tells_of_it_or_a_full_check_does() {
    let folder = folder();
    let tally = examine(template::large(folder.path()), Shape::Database, runs(150, 2_000));
    tally.assert_has(&[Verdict::Right, Verdict::Refused, Verdict::Reported, Verdict::Lost]);
}

// Seen to catch: an engine that opens without the log.
#[test]
fn of_a_damaged_log_the_commits_before_the_damage_are_left() {
    let folder = folder();
    let count = runs(2_900, 58_000);
    let tally = examine(template::killed(folder.path()), Shape::Log, count);
    tally.assert_has(&[Verdict::Right, Verdict::Earlier]);
    assert_eq!(tally.of(Verdict::Right) + tally.of(Verdict::Earlier), count);
}

#[test]
fn of_a_damaged_log_that_was_moved_already_no_more_is_promised_than_of_a_database() {
    let folder = folder();
    let template = template::killed_after_a_checkpoint(folder.path());
    let tally = examine(template, Shape::Log, runs(1_000, 20_000));
    tally.assert_has(&[Verdict::Right, Verdict::Refused]);
}
