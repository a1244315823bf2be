//! Many requests at once.

use super::Engine;
use super::bytes_of;
use super::error::{BatchError, Error, Failure};
use super::job::{Answer, Decided, Job};
use super::promise::Waiter;
use super::stats::OutcomeCounts;
use crate::domain::{Outcome, Rejection, Request};
use crate::store::StoreError;

/// How the requests of a batch hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Batch {
    /// Each request succeeds or fails for itself.
    EachOnItsOwn,
    /// With one refusal nothing is changed.
    AllOrNothing,
}

/// How many commands of a batch are handed to the writer together, unless they must be.
const COMMANDS_PER_JOB: usize = 128;

impl Engine {
    pub(super) fn run_batch(
        &self,
        requests: impl Iterator<Item = Result<Request, Rejection>>,
        batch: Batch,
    ) -> Result<Vec<Result<Outcome, Error>>, BatchError> {
        match batch {
            Batch::EachOnItsOwn => Ok(self.run_each(requests)),
            Batch::AllOrNothing => Ok(self.run_all(requests)?.into_iter().map(Ok).collect()),
        }
    }

    fn run_all(
        &self,
        requests: impl Iterator<Item = Result<Request, Rejection>>,
    ) -> Result<Vec<Outcome>, BatchError> {
        let (mut bytes, mut count) = (0, 0);
        let mut requests = requests.inspect(|_| count += 1);
        let commands: Result<_, _> =
            requests.by_ref().map(|request| self.decide_counting(request, &mut bytes)).collect();
        // Those behind one that could not be decided are answered, and counted, too.
        requests.for_each(drop);
        if count == 0 {
            return Ok(Vec::new());
        }
        let queued = commands.map_err(Failure::Aborted).and_then(|commands| {
            let (job, waiter) = Job::all(commands, bytes);
            self.shared.queue.push(job).map(|()| waiter).map_err(Failure::from)
        });
        let waiter = queued.inspect_err(|_| self.count_aborted(count))?;
        waiter.wait()?
    }

    /// Counts requests of a batch that were not queued, whatever each of them came to before.
    fn count_aborted(&self, requests: usize) {
        let counts = OutcomeCounts { aborted: requests as u64, ..OutcomeCounts::default() };
        self.shared.statistics.note_outcomes(&counts);
    }

    fn run_each(
        &self,
        requests: impl Iterator<Item = Result<Request, Rejection>>,
    ) -> Vec<Result<Outcome, Error>> {
        let mut requests = requests.peekable();
        let mut parts = Vec::new();
        while requests.peek().is_some() {
            let part = requests.by_ref().take(COMMANDS_PER_JOB);
            parts.push(self.submit_part(part));
        }
        parts.into_iter().flat_map(Part::wait).collect()
    }

    fn submit_part(&self, requests: impl Iterator<Item = Result<Request, Rejection>>) -> Part {
        let mut bytes = 0;
        let mut decided = Vec::new();
        let mut undecided = Vec::new();
        for (index, request) in requests.enumerate() {
            match self.decide_counting(request, &mut bytes) {
                Ok(command) => decided.push(command),
                Err(error) => undecided.push((index, error)),
            }
        }
        self.count_aborted(undecided.len());
        let len = decided.len();
        let is_answered = decided.iter().all(Result::is_err);
        let (job, waiter) = Job::each(decided, bytes);
        let queued = if is_answered {
            let jobs = [job];
            self.shared.statistics.note_outcomes(&OutcomeCounts::of(&jobs));
            jobs.into_iter().for_each(Job::answer);
            Ok(())
        } else {
            self.shared.queue.push(job).inspect_err(|_| self.count_aborted(len))
        };
        Part { len, answers: queued.map(|()| waiter).map_err(Failure::from), undecided }
    }

    fn decide_counting(
        &self,
        request: Result<Request, Rejection>,
        bytes: &mut usize,
    ) -> Result<Decided, StoreError> {
        let request = match request {
            Ok(request) => request,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let texts = request.text_bytes();
        let decided = self.decide(request)?;
        *bytes += bytes_of(texts, &decided);
        Ok(decided)
    }
}

/// Some requests of a batch that were handed to the writer together.
struct Part {
    len: usize,
    answers: Result<Waiter<Vec<Answer>>, Failure>,
    /// Those that could not be decided, and so were not handed over, with their index; in order.
    undecided: Vec<(usize, StoreError)>,
}

impl Part {
    fn wait(self) -> Vec<Answer> {
        let wait = |waiter: Waiter<_>| waiter.wait().map_err(Failure::from);
        let answers = self.answers.and_then(wait);
        let mut answers = answers.unwrap_or_else(|failure| vec![Err(failure.into()); self.len]);
        for (index, error) in self.undecided {
            answers.insert(index, Err(Error::Aborted(error)));
        }
        answers
    }
}
