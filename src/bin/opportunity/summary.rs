//! What became of all requests, in numbers.

use std::fmt;
use std::time::{Duration, Instant};

use opportunity_engine::{Code, Error, Outcome, Reply, StoreErrorKind};

/// Counts replies.
pub(crate) struct Summary {
    started: Instant,
    added: u64,
    updated: u64,
    unchanged: u64,
    /// Refused, by the position of the code in [`Code::ALL`].
    refused: [u64; Code::ALL.len()],
    /// Not carried out because another request of the batch was refused.
    withdrawn: u64,
    failed: u64,
}

impl Summary {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            added: 0,
            updated: 0,
            unchanged: 0,
            refused: [0; Code::ALL.len()],
            withdrawn: 0,
            failed: 0,
        }
    }

    pub(crate) fn count(&mut self, reply: &Reply) {
        let counter = match reply.result() {
            Ok(Outcome::Added { .. }) => &mut self.added,
            Ok(Outcome::Updated { .. }) => &mut self.updated,
            Ok(_) => &mut self.unchanged,
            Err(Error::Rejected(rejection)) => {
                let code = rejection.code();
                for (counter, _) in
                    self.refused.iter_mut().zip(Code::ALL).filter(|(_, it)| *it == code)
                {
                    *counter += 1;
                }
                return;
            }
            Err(Error::Aborted(error)) if error.kind() == StoreErrorKind::BatchRefused => {
                &mut self.withdrawn
            }
            Err(_) => &mut self.failed,
        };
        *counter += 1;
    }

    pub(crate) fn any_refused(&self) -> bool {
        self.withdrawn > 0 || self.refused.iter().any(|&count| count > 0)
    }

    pub(crate) const fn any_failed(&self) -> bool {
        self.failed > 0
    }

    fn total(&self) -> u64 {
        let refused: u64 = self.refused.iter().sum();
        self.added + self.updated + self.unchanged + refused + self.withdrawn + self.failed
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = Code::ALL.iter().zip(self.refused);
        // A conflict has no number: no request that comes here can meet one.
        let counted = |(code, count): (&Code, _)| Some(format!("{}: {count}", code.number()?));
        let codes: Vec<_> = codes.filter_map(counted).collect();
        writeln!(f, "added {}", self.added)?;
        writeln!(f, "updated {}", self.updated)?;
        writeln!(f, "unchanged {}", self.unchanged)?;
        writeln!(f, "refused {} ({})", self.refused.iter().sum::<u64>(), codes.join(", "))?;
        if self.withdrawn > 0 {
            writeln!(f, "withdrawn {} (another request of the batch was refused)", self.withdrawn)?;
        }
        writeln!(f, "failed {}", self.failed)?;
        let elapsed = self.started.elapsed().max(Duration::from_micros(1)).as_secs_f64();
        let per_second = self.total() as f64 / elapsed;
        write!(f, "{} requests in {elapsed:.2} s, {per_second:.0} requests/s", self.total())
    }
}
