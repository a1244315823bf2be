//! Why a request was not carried out, and what is certain about it.

use super::promise::Lost;
use super::queue::Closed;
use crate::domain::Rejection;
use crate::store::{Operation, StoreError, StoreErrorKind};

/// Why one request was not carried out.
///
/// The text says what is certain; for a failure of the store [`source`](std::error::Error::source)
/// says which, and the source of that what SQLite or the operating system said.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request was refused: its own fault. Nothing was changed; sending it again will not help.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store failed and certainly nothing was applied: it is safe to send the request again.
    #[error("aborted, nothing was changed")]
    Aborted(#[source] StoreError),
    /// The store failed and the change may or may not be there after a restart: look before you
    /// send an add again.
    #[error("unknown, the change may or may not be kept; look before sending it again")]
    Unknown(#[source] StoreError),
}

impl Error {
    /// The status of a request whose all-or-nothing batch was refused because of another.
    pub(crate) const WITHDRAWN: u16 = 424;

    /// The status of a failure that does not pass by itself, or with an unknown outcome.
    pub(crate) const FAILED: u16 = 500;

    /// The status of a failure where trying again can help.
    pub(crate) const PASSING: u16 = 503;

    /// Every status of a failure of the store.
    #[cfg(feature = "schema")]
    pub(crate) const FAILURE_STATUSES: [u16; 3] = [Self::WITHDRAWN, Self::FAILED, Self::PASSING];

    /// The class of the outcome in terms of HTTP: 400, 404 or 409 for a refusal, 424 for a request whose
    /// all-or-nothing batch was refused because of another, 503 where trying again can help, else 500.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Rejected(rejection) => rejection.code().status(),
            Self::Aborted(error) if matches!(error.kind(), StoreErrorKind::BatchRefused) => {
                Self::WITHDRAWN
            }
            Self::Aborted(error) if error.kind().is_passing() => Self::PASSING,
            Self::Aborted(_) | Self::Unknown(_) => Self::FAILED,
        }
    }
}

/// Why a batch was not carried out as a whole.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Requests of an all-or-nothing batch were refused, so nothing was changed.
    #[error("nothing was changed, because {} of the batch {} refused: {}", .0.len(), were(.0), list(.0))]
    Refused(Vec<(usize, Rejection)>),
    /// The store failed and certainly nothing was applied: it is safe to send the batch again.
    #[error("aborted, nothing was changed")]
    Aborted(#[source] StoreError),
    /// The store failed and the changes may or may not be there after a restart, all or none of
    /// them.
    #[error(
        "unknown, the changes may or may not be kept, all or none of them; look before sending them again"
    )]
    Unknown(#[source] StoreError),
}

impl BatchError {
    /// The error of each of the `count` requests of the batch.
    pub(super) fn for_each_of<T>(self, count: usize) -> Vec<Result<T, Error>> {
        let mut errors: Vec<Result<T, Error>> = Vec::with_capacity(count);
        let (rest, refused) = match self {
            Self::Aborted(error) => (Error::Aborted(error), Vec::new()),
            Self::Unknown(error) => (Error::Unknown(error), Vec::new()),
            Self::Refused(refused) => {
                let withdrawn = StoreError::new(Operation::Accept, StoreErrorKind::BatchRefused);
                (Error::Aborted(withdrawn), refused)
            }
        };
        errors.resize_with(count, || Err(rest.clone()));
        for (index, rejection) in refused {
            if let Some(error) = errors.get_mut(index) {
                *error = Err(rejection.into());
            }
        }
        errors
    }
}

fn were(refused: &[(usize, Rejection)]) -> &'static str {
    if refused.len() == 1 { "was" } else { "were" }
}

/// How many refusals of a batch its text tells.
const LISTED: usize = 3;

fn list(refused: &[(usize, Rejection)]) -> String {
    let told = refused.iter().take(LISTED);
    let mut list: Vec<_> = told.map(|(index, why)| format!("request {index}: {why}")).collect();
    if refused.len() > LISTED {
        list.push(format!("and {} more", refused.len() - LISTED));
    }
    list.join("; ")
}

/// Why [`Engine::try_submit`](crate::Engine::try_submit) did not take a request.
///
/// As an [`Error`], with `?` for instance, a full queue is one that aborts the request and passes: status 503.
///
/// Its `Debug` form leaves the request out: errors are logged, and a request holds personal data.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrySubmitError {
    /// The queue is full; here is the request, to be sent again a little later.
    #[error("the queue is full; send the request again a little later")]
    Full(Box<crate::Request>),
    /// It was not carried out.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// For who has no use for the request: of a full queue only that remains, as
/// [`QueueFull`](StoreErrorKind::QueueFull).
impl From<TrySubmitError> for Error {
    fn from(error: TrySubmitError) -> Self {
        match error {
            TrySubmitError::Full(_) => {
                Self::Aborted(StoreError::new(Operation::Accept, StoreErrorKind::QueueFull))
            }
            TrySubmitError::Failed(error) => error,
        }
    }
}

impl std::fmt::Debug for TrySubmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(_) => f.debug_tuple("Full").finish_non_exhaustive(),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

/// A failure of the store, and what is certain about it.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Aborted(StoreError),
    Unknown(StoreError),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aborted(error) => Self::Aborted(error),
            Failure::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl From<Failure> for BatchError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aborted(error) => Self::Aborted(error),
            Failure::Unknown(error) => Self::Unknown(error),
        }
    }
}

/// Only jobs that are being run or handed out can be lost: their commit may have begun.
impl From<Lost> for Failure {
    fn from(_: Lost) -> Self {
        Self::Unknown(StoreError::new(Operation::Commit, StoreErrorKind::Closed))
    }
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        Failure::from(lost).into()
    }
}

impl From<Lost> for BatchError {
    fn from(lost: Lost) -> Self {
        Failure::from(lost).into()
    }
}

impl From<Closed> for Failure {
    fn from(_: Closed) -> Self {
        Self::Aborted(StoreError::new(Operation::Accept, StoreErrorKind::Closed))
    }
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        Failure::from(closed).into()
    }
}

impl From<Closed> for BatchError {
    fn from(closed: Closed) -> Self {
        Failure::from(closed).into()
    }
}
