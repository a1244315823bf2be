//! Many requests at once.

use super::Engine;
use super::bytes_of;
use super::error::{BatchError, Error, Failure};
use super::job::{Answer, Decided, Job};
use super::promise::Waiter;
use super::queue::Closed;
use crate::domain::{Outcome, Rejection, Request};

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
        let mut bytes = 0;
        let commands = requests.map(|request| self.decide_counting(request, &mut bytes)).collect();
        let (job, waiter) = Job::all(commands, bytes);
        self.shared.queue.push(job)?;
        waiter.wait()?
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
        let decided: Vec<_> =
            requests.map(|request| self.decide_counting(request, &mut bytes)).collect();
        let len = decided.len();
        let (job, waiter) = Job::each(decided, bytes);
        Part { len, answers: self.shared.queue.push(job).map(|()| waiter) }
    }

    fn decide_counting(&self, request: Result<Request, Rejection>, bytes: &mut usize) -> Decided {
        let request = request?;
        *bytes += bytes_of(&request);
        self.decide(request)
    }
}

/// Some requests of a batch that were handed to the writer together.
struct Part {
    len: usize,
    answers: Result<Waiter<Vec<Answer>>, Closed>,
}

impl Part {
    fn wait(self) -> Vec<Answer> {
        let wait = |waiter: Waiter<_>| waiter.wait().map_err(Failure::from);
        let answers = self.answers.map_err(Failure::from).and_then(wait);
        answers.unwrap_or_else(|failure| vec![Err(failure.into()); self.len])
    }
}
