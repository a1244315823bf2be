//! How a run ends when it cannot go on, and the exit statuses.

use std::error::Error;
use std::process::ExitCode;

/// The store failed, or the output could not be written.
pub(crate) const STORE_FAILED: u8 = 1;
/// The arguments make no sense, or a file that they name cannot be used.
pub(crate) const BAD_USAGE: u8 = 2;
/// A request was refused, where that matters; what was asked for does not exist, or will never come.
pub(crate) const REFUSED: u8 = 3;
/// The database is damaged, for who asks for that.
pub(crate) const DAMAGED: u8 = 4;

/// Why a run cannot go on.
pub(crate) struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// A failure with its causes told after what was tried.
    pub(crate) fn new(status: u8, tried: &str, error: &dyn Error) -> Self {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        let told = std::iter::once(tried.to_owned()).chain(causes.map(ToString::to_string));
        Self { status, message: told.collect::<Vec<_>>().join(": ") }
    }

    /// Tells it on stderr.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("opportunity: {}", self.message);
        ExitCode::from(self.status)
    }
}
