//! Group commit: many commands in one transaction, each with its own true answer.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caught::caught;
use super::error::Failure;
use super::job::{Job, Unit};
use super::options::Clock;
use super::stats::Statistics;
use super::telemetry::{self, GroupSpan};
use crate::domain::{Sequence, Timestamp};
use crate::fault_points::{Point, reach};
use crate::store::{Durability, Group, Operation, StoreError, StoreErrorKind, WriteStore};

/// Runs groups of commands on the store.
pub(super) struct GroupCommit<'c> {
    store: WriteStore<'c>,
    clock: Clock,
    durability: Durability,
    statistics: Arc<Statistics>,
    commits: u64,
    /// How long the commits of the present group took together.
    committing: Duration,
    last_change: Option<Sequence>,
    /// Set when neither a commit nor the fence after it went through: from then on nobody knows
    /// what the file holds, and nothing more is written.
    is_stopped: bool,
}

/// Why an attempt to run a group failed; the transaction is rolled back.
enum Failed {
    /// Before any command ran: running fewer of them would fail the same way.
    Begin(StoreError),
    /// While a command ran.
    Apply(StoreError),
    /// While committing: the changes may or may not be there after a restart.
    Commit(StoreError),
}

impl Failed {
    const fn error(&self) -> &StoreError {
        match self {
            Self::Begin(error) | Self::Apply(error) | Self::Commit(error) => error,
        }
    }
}

impl<'c> GroupCommit<'c> {
    pub(super) const fn new(
        store: WriteStore<'c>,
        clock: Clock,
        durability: Durability,
        statistics: Arc<Statistics>,
    ) -> Self {
        Self {
            store,
            clock,
            durability,
            statistics,
            commits: 0,
            committing: Duration::ZERO,
            last_change: None,
            is_stopped: false,
        }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// How many transactions were committed.
    pub(super) const fn commits(&self) -> u64 {
        self.commits
    }

    /// The last change that was recorded, as of the last transaction.
    pub(super) const fn last_change(&self) -> Option<Sequence> {
        self.last_change
    }

    /// Runs jobs in one transaction and gives each command its answer, which then is final. What
    /// `more` brings when all of them are applied joins them: a fuller group costs no second commit.
    pub(super) fn run(&mut self, jobs: &mut Vec<Job>, mut more: impl FnMut(&[Job]) -> Vec<Job>) {
        if self.is_stopped {
            return self.refuse(jobs, writes_stopped());
        }
        let span = GroupSpan::enter();
        self.committing = Duration::ZERO;
        let result = self.attempt(|group, at| {
            let (mut applied, mut commands) = (0, 0);
            while applied < jobs.len() {
                let mut units = units_of(&mut jobs[applied..]);
                commands += apply_all(&mut units, group, at)?;
                drop(units);
                applied = jobs.len();
                let mut further = more(jobs);
                jobs.append(&mut further);
            }
            // Not when commands are run again: they must not fail for the sake of the index.
            group.catch_up_index()?;
            Ok(commands)
        });
        if let Err(failed) = result {
            let error = failed.error().clone();
            self.after_failure(&mut units_of(jobs), failed);
            telemetry::group_failed(&error, jobs);
        }
        span.end(jobs, self.committing);
    }

    /// Answers jobs that are not run at all.
    pub(super) fn refuse(&self, jobs: &mut [Job], error: StoreError) {
        fail(&mut units_of(jobs), &Failure::Aborted(error));
    }

    /// Answers units whose transaction failed and was rolled back.
    ///
    /// A failure of the store while commands run is usually the fault of one of them, which is
    /// too large for the disk, say. They are run again in halves, until that one stands alone and
    /// its neighbours are done.
    fn after_failure(&mut self, units: &mut [Unit<'_>], failed: Failed) {
        let failure = match failed {
            Failed::Apply(_) if units.len() > 1 => {
                let (left, right) = units.split_at_mut(units.len() / 2);
                self.run_again(left);
                self.run_again(right);
                return;
            }
            Failed::Begin(error) | Failed::Apply(error) => Failure::Aborted(error),
            Failed::Commit(error) => self.after_failed_commit(error),
        };
        fail(units, &failure);
    }

    fn run_again(&mut self, units: &mut [Unit<'_>]) {
        if self.is_stopped {
            return fail(units, &Failure::Aborted(writes_stopped()));
        }
        let result = self.attempt(|group, at| apply_all(units, group, at));
        if let Err(failed) = result {
            self.after_failure(units, failed);
        }
    }

    /// Applies commands in one transaction; `apply` tells how many those were. A panic, the clock's for
    /// instance, is caught and is a failure like any other.
    fn attempt(
        &mut self,
        apply: impl FnOnce(&mut Group<'_, 'c>, Timestamp) -> Result<usize, StoreError>,
    ) -> Result<(), Failed> {
        let stage = Cell::new(Operation::Begin);
        let run = || {
            let mut group = self.store.begin()?;
            // Only now: another process may have written, later, while this one waited for the file.
            let at = (self.clock)();
            stage.set(Operation::Apply);
            let commands = apply(&mut group, at)?;
            group.save_state(at)?;
            stage.set(Operation::Commit);
            let started = Instant::now();
            let last_change = group.commit()?;
            Ok((last_change, commands, started.elapsed()))
        };
        let result = caught(|| stage.get(), run);
        if let Ok((last_change, commands, took)) = result {
            self.commits += 1;
            self.last_change = last_change;
            self.committing += took;
            self.statistics.note_commit(commands, took);
            telemetry::committed(commands, took);
        }
        result.map(drop).map_err(|error| match stage.get() {
            Operation::Begin => Failed::Begin(error),
            Operation::Apply => Failed::Apply(error),
            _ => Failed::Commit(error),
        })
    }

    /// Finds out what a failed commit means. After a failed `fsync` the connection shows a rollback
    /// while the changes may still come back after a loss of power. A further commit that goes
    /// through overwrites them in the log and is synced itself, which settles that they are gone;
    /// where commits are not synced it settles nothing. After a panic the commit may even have gone
    /// through.
    fn after_failed_commit(&mut self, error: StoreError) -> Failure {
        let may_be_done = error.kind() == StoreErrorKind::Panicked;
        let fence = || {
            reach(Point::Fence);
            self.store.write_fence()
        };
        let fenced = caught(|| Operation::Commit, fence);
        self.is_stopped |= fenced.is_err();
        let is_settled = fenced.is_ok() && self.durability == Durability::Full && !may_be_done;
        telemetry::commit_failed(&error, is_settled);
        if is_settled { Failure::Aborted(error) } else { Failure::Unknown(error) }
    }
}

const fn writes_stopped() -> StoreError {
    StoreError::new(Operation::Accept, StoreErrorKind::WritesStopped)
}

fn units_of(jobs: &mut [Job]) -> Vec<Unit<'_>> {
    let mut units = Vec::with_capacity(jobs.len());
    for job in jobs {
        job.join(&mut units);
    }
    units
}

/// Applies units one after the other, and tells how many commands they are.
fn apply_all(
    units: &mut [Unit<'_>],
    group: &mut Group<'_, '_>,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let mut commands = 0;
    for unit in units {
        unit.apply(group, at)?;
        commands += unit.len();
    }
    Ok(commands)
}

fn fail(units: &mut [Unit<'_>], failure: &Failure) {
    for unit in units {
        unit.fail(failure.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::{IdempotencyKey, Outcome, Request, VenueId, decide};
    use crate::engine::error::{BatchError, Error};
    use crate::engine::job::Answer;
    use crate::engine::once::once;
    use crate::engine::{Batch, Engine};
    use crate::store::{Database, Order, Settings, Verification, WriteConnection};

    fn lead() -> Request {
        let venue = VenueId::new(107).unwrap();
        Request::add(venue).name("n").contact_id(918).type_id(18).source_id(25).stage_id(69)
    }

    fn open(folder: &tempfile::TempDir, durability: Durability) -> WriteConnection {
        let path = folder.path().join("a.db");
        let settings = Settings { durability, busy_timeout: Duration::ZERO, ..Settings::default() };
        Database::open(&path, settings).unwrap().1
    }

    fn group_commit(connection: &WriteConnection, durability: Durability) -> GroupCommit<'_> {
        let store = WriteStore::new(connection).unwrap();
        let clock = Arc::new(|| Timestamp::from_millis(0));
        GroupCommit::new(store, clock, durability, Arc::new(Statistics::new()))
    }

    fn run(commit: &mut GroupCommit<'_>, requests: Vec<Request>) -> Vec<Answer> {
        let (mut jobs, waiters): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .map(|request| Job::one(decide(request).unwrap().into(), 0))
            .unzip();
        commit.run(&mut jobs, |_| Vec::new());
        jobs.into_iter().for_each(Job::answer);
        waiters.into_iter().map(|waiter| waiter.wait().unwrap()).collect()
    }

    fn added(answer: &Answer) -> Option<i64> {
        match answer {
            Ok(Outcome::Added { id, .. }) => Some(id.get()),
            _ => None,
        }
    }

    // Seen to catch: a group that is given up as a whole.
    #[test]
    fn one_command_that_does_not_fit_leaves_its_neighbours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder, Durability::Off);
        connection.limit_pages(200);
        let mut commit = group_commit(&connection, Durability::Off);
        for place in [0, 7, 100] {
            let mut requests = vec![lead(); 101];
            requests[place] = lead().description("x".repeat(1 << 20));
            let answers = run(&mut commit, requests);
            let first = added(&answers[usize::from(place == 0)]).unwrap();
            let mut expected = first..;
            for (position, answer) in answers.iter().enumerate() {
                if position == place {
                    assert!(
                        matches!(answer, Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::Full),
                        "{answer:?}"
                    );
                } else {
                    assert_eq!(added(answer), expected.next(), "{position} beside {place}");
                }
            }
        }
    }

    /// A request, and what was told of it.
    struct Told {
        request: Request,
        answer: Answer,
    }

    /// Adds with descriptions of which one in eight spreads over many pages; every third has a key, if any has.
    fn described(rng: &mut fastrand::Rng, most: usize, has_keys: bool) -> Vec<Request> {
        let count = rng.usize(1..=most);
        let mut request = || {
            let length =
                if rng.u8(..8) == 0 { rng.usize(10_000..100_000) } else { rng.usize(1..200) };
            let request = lead().description("x".repeat(length));
            let key = IdempotencyKey::new(rng.u64(..).to_string()).unwrap();
            let has_key = has_keys && rng.u8(..3) == 0;
            if has_key { request.idempotency_key(key) } else { request }
        };
        (0..count).map(|_| request()).collect()
    }

    fn order(request: &Request) -> Order {
        Order { once: once(request), ..decide(request.clone()).unwrap().into() }
    }

    /// Fills a database up, and gives back what was told of those that were alone, and of each batch.
    fn fill_up(folder: &tempfile::TempDir, seed: u64) -> (Vec<Told>, Vec<Vec<Told>>) {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let keeps = keeps_history_and_keys(seed);
        let connection = open(folder, Durability::Off);
        connection.keep_history(keeps).unwrap();
        connection.limit_pages(rng.u32(100..400));
        let mut commit = group_commit(&connection, Durability::Off);
        let (mut told_alone, mut told_batches) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let (alone, batch) = (described(rng, 60, keeps), described(rng, 10, keeps));
            let (all, whole) = Job::all(batch.iter().map(|it| Ok(order(it))).collect(), 0);
            let (mut jobs, waiters): (Vec<_>, Vec<_>) =
                alone.iter().map(|request| Job::one(order(request), 0)).unzip();
            jobs.insert(rng.usize(..=jobs.len()), all);
            commit.run(&mut jobs, |_| Vec::new());
            jobs.into_iter().for_each(Job::answer);
            let answers = waiters.into_iter().map(|waiter| waiter.wait().unwrap());
            let told = |(request, answer)| Told { request, answer };
            told_alone.extend(alone.into_iter().zip(answers).map(told));
            let answers = match whole.wait().unwrap() {
                Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
                Err(BatchError::Aborted(error)) => vec![Err(Error::Aborted(error)); batch.len()],
                Err(other) => panic!("seed {seed}: {other:?}"),
            };
            told_batches.push(batch.into_iter().zip(answers).map(told).collect());
        }
        (told_alone, told_batches)
    }

    const fn keeps_history_and_keys(seed: u64) -> bool {
        seed % 2 == 1
    }

    // Seen to catch: halves of which the first, or the second, is not run again; a command that stands alone
    // and is not told that it failed; records of changes that are written with the next group; keys of a group
    // that was given up, remembered all the same.
    #[test]
    fn a_database_that_fills_up_in_mid_group_tells_each_command_the_truth() {
        let (mut refused_alone, mut refused_batches) = (0, 0);
        for seed in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let (alone, batches) = fill_up(&folder, seed);
            refused_alone += alone.iter().filter(|told| is_full(told)).count();
            let are_full = |batch: &&Vec<Told>| batch.iter().all(is_full);
            refused_batches += batches.iter().filter(are_full).count();
            let told = alone.into_iter().chain(batches.into_iter().flatten()).collect();
            check_what_was_filled(&folder, told, seed);
        }
        assert!(refused_alone > 0 && refused_batches > 0, "the disk was never full");
    }

    fn is_full(told: &Told) -> bool {
        match &told.answer {
            Ok(_) => false,
            Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::Full => true,
            other => panic!("{other:?}"),
        }
    }

    /// Reopened, it holds what was done and nothing else, and goes on from there.
    fn check_what_was_filled(folder: &tempfile::TempDir, mut told: Vec<Told>, seed: u64) {
        let id = |told: &Told| told.answer.as_ref().map(|done| done.id().get()).ok();
        told.sort_by_key(id);
        let (done, aborted): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.answer.is_ok());
        // Beside its description each has a name of one byte.
        let length = |told: &Told| told.request.text_bytes() as i64 - 1;
        let kept: Vec<_> = done.iter().map(|told| (id(told).unwrap(), length(told))).collect();
        assert_eq!(stored(folder), kept, "seed {seed}");
        assert!(kept.iter().map(|&(id, _)| id).eq(1..=kept.len() as i64), "seed {seed}: gaps");

        // At the same time, so that no key has expired.
        let options =
            Engine::options().durability(Durability::Off).clock(|| Timestamp::from_millis(0));
        let engine = options.open(folder.path().join("a.db")).unwrap();
        let findings = engine.verify(Verification::Full).unwrap();
        assert!(findings.is_sound(), "seed {seed}: {:?}", findings.problems);
        let records = if keeps_history_and_keys(seed) { kept.len() as i64 } else { 0 };
        let changes = engine.changes(None, usize::MAX).unwrap();
        let recorded = changes.iter().map(|change| (change.sequence.get(), change.id.get()));
        assert!(recorded.eq((1..=records).map(|number| (number, number))), "seed {seed}");
        // What is done is not done again, and what was aborted left no key.
        let keyed: Vec<_> =
            done.into_iter().filter(|told| told.request.once_under().is_some()).collect();
        let requests = keyed.iter().chain(&aborted).map(|told| told.request.clone());
        let answers = engine.add_or_update_all(requests.chain([lead()]), Batch::EachOnItsOwn);
        let ids: Vec<_> = answers.unwrap().iter().map(|answer| added(answer).unwrap()).collect();
        let known = keyed.iter().map(|told| id(told).unwrap());
        let new = (kept.len() as i64 + 1..).take(aborted.len() + 1);
        assert_eq!(ids, known.chain(new).collect::<Vec<_>>(), "seed {seed}");
    }

    fn stored(folder: &tempfile::TempDir) -> Vec<(i64, i64)> {
        let connection = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
        let mut select =
            connection.prepare("SELECT id, length(description) FROM opportunity").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    // Seen to catch: a fence that is taken for proof at every durability.
    #[test]
    fn a_failed_commit_that_a_fence_settles_is_aborted_only_where_commits_are_synced() {
        for (durability, is_settled) in
            [(Durability::Full, true), (Durability::Normal, false), (Durability::Off, false)]
        {
            let folder = tempfile::tempdir().unwrap();
            let mut connection = open(&folder, durability);
            let failures = Arc::new(AtomicU32::new(1));
            connection.fail_commits(Arc::clone(&failures));
            let mut commit = group_commit(&connection, durability);
            for answer in run(&mut commit, vec![lead(), lead()]) {
                match answer {
                    Err(Error::Aborted(_)) => assert!(is_settled, "{durability:?}"),
                    Err(Error::Unknown(_)) => assert!(!is_settled, "{durability:?}"),
                    other => panic!("{other:?}"),
                }
            }
            assert!(!commit.is_stopped());
            assert_eq!(added(&run(&mut commit, vec![lead()])[0]), Some(1));
        }
    }

    // Seen to catch: an engine that goes on writing whatever became of the fence.
    #[test]
    fn when_the_fence_fails_too_the_outcome_is_unknown_and_writes_stop() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder, Durability::Full);
        let failures = Arc::new(AtomicU32::new(2));
        connection.fail_commits(Arc::clone(&failures));
        let mut commit = group_commit(&connection, Durability::Full);
        let answers = run(&mut commit, vec![lead(), lead()]);
        assert!(
            answers.iter().all(|answer| matches!(answer, Err(Error::Unknown(_)))),
            "{answers:?}"
        );
        assert_eq!(failures.load(Ordering::SeqCst), 0);
        assert!(commit.is_stopped());
        for answer in run(&mut commit, vec![lead()]) {
            assert!(
                matches!(&answer, Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::WritesStopped),
                "{answer:?}"
            );
        }
    }

    /// Adds to a venue, all or nothing.
    fn add(commit: &mut GroupCommit<'_>, venue: i64, count: usize) -> bool {
        let venue = VenueId::new(venue).unwrap();
        let request =
            || Request::add(venue).name("n").contact_id(918).type_id(18).source_id(25).stage_id(69);
        let commands = (0..count).map(|_| decide(request()).map(Into::into)).collect();
        let (job, waiter) = Job::all(commands, 0);
        let mut jobs = vec![job];
        commit.run(&mut jobs, |_| Vec::new());
        jobs.into_iter().for_each(Job::answer);
        waiter.wait().unwrap().is_ok()
    }

    #[test]
    fn a_run_of_the_index_that_was_rolled_back_leaves_nothing_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder, Durability::Full);
        let failures = Arc::new(AtomicU32::new(0));
        connection.fail_commits(Arc::clone(&failures));
        let (other, mut commit) =
            (open(&folder, Durability::Full), group_commit(&connection, Durability::Full));
        assert!(add(&mut commit, 1, 16_300));
        failures.store(1, Ordering::SeqCst);
        assert!(!add(&mut commit, 7, 100));
        // Another process comes equally far with other rows.
        assert!(add(&mut group_commit(&other, Durability::Full), 8, 100));
        for _ in 0..100 {
            assert!(add(&mut commit, 9, 200));
        }
        assert_eq!((entries(&folder, 7), entries(&folder, 8)), (0, 100));
    }

    fn entries(folder: &tempfile::TempDir, venue: i64) -> i64 {
        let connection = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
        let count = "SELECT count(*) FROM opportunity_by_venue WHERE venue_id = ?1";
        connection.query_row(count, [venue], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_panic_of_the_clock_aborts_the_group() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder, Durability::Full);
        let store = WriteStore::new(&connection).unwrap();
        let clock = Arc::new(|| panic!("on purpose"));
        let statistics = Arc::new(Statistics::new());
        let mut commit = GroupCommit::new(store, clock, Durability::Full, statistics);
        for answer in run(&mut commit, vec![lead(), lead()]) {
            assert!(
                matches!(&answer, Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::Panicked),
                "{answer:?}"
            );
        }
    }
}
