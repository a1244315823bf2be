//! Jobs on their way to an answer.

use super::job::Job;
use super::stats::{OutcomeCounts, Statistics};

/// Jobs whose callers wait. Each counts once: when it is given its answer, as that, or when it is dropped
/// without one, as unknown.
pub(super) struct Unanswered<'s> {
    pub(super) jobs: Vec<Job>,
    statistics: &'s Statistics,
}

impl<'s> Unanswered<'s> {
    pub(super) const fn new(jobs: Vec<Job>, statistics: &'s Statistics) -> Self {
        Self { jobs, statistics }
    }

    /// Gives every job the answer that it holds. It is counted before, so that its caller finds it counted.
    pub(super) fn answer(mut self) {
        let jobs = self.take();
        self.statistics.note_answers(&jobs);
        jobs.into_iter().for_each(Job::answer);
    }

    /// Takes the jobs back: they are not lost, and not answered yet.
    pub(super) fn take(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.jobs)
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let lost: usize = self.jobs.iter().map(Job::len).sum();
        let counts = OutcomeCounts { unknown: lost as u64, ..OutcomeCounts::default() };
        self.statistics.note_outcomes(&counts);
    }
}
