//! The reply to a request, whatever became of it.

use super::error::Error;
use crate::domain::{Outcome, Rejection};
use crate::wire;

/// What a client is told: every outcome of a request has one.
///
/// ```
/// use opportunity_engine::Engine;
///
/// let engine = Engine::in_memory()?;
/// let reply = engine.add_or_update_json(br#"{"id":7,"venueId":107,"name":"Updated Name"}"#);
/// assert_eq!(reply.status(), 404);
/// assert_eq!(
///     String::from_utf8(reply.to_json())?,
///     r#"{"success":false,"id":null,"errorCode":404,"specificCode":24222,"message":"opportunity 7 does not exist in venue 107","additionalMessages":[]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    result: Result<Outcome, Error>,
}

impl Reply {
    /// What became of the request.
    ///
    /// # Errors
    ///
    /// [`Error`] when it was not carried out.
    pub const fn result(&self) -> Result<&Outcome, &Error> {
        self.result.as_ref()
    }

    /// The class of the outcome in terms of HTTP: 200, or [`Error::status`].
    #[must_use]
    pub fn status(&self) -> u16 {
        self.result.as_ref().map_or_else(Error::status, |_| 200)
    }

    /// The reply as JSON: `{"success":true,"id":…}`, or the refusal with its code and a message for
    /// each violation. A failure of the store names its kind alone, never a path or a statement.
    ///
    /// The messages name fields. Of values they repeat ids that are not known and versions alone. A key that is
    /// not known is repeated, up to 64
    /// characters of it, so that the reply to a hostile request of N bytes has at most 8 N + 8 KiB.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        match &self.result {
            Ok(outcome) => wire::success(outcome.id()),
            Err(Error::Rejected(rejection)) => wire::refusal(
                self.status(),
                Some(rejection.code()),
                &rejection.headline(),
                rejection.violations(),
            ),
            Err(failure @ (Error::Aborted(store) | Error::Unknown(store))) => {
                let message = format!("{failure}: {store}");
                wire::refusal(self.status(), None, &message, &[])
            }
        }
    }
}

impl From<Result<Outcome, Error>> for Reply {
    fn from(result: Result<Outcome, Error>) -> Self {
        Self { result }
    }
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        Self { result: Err(rejection.into()) }
    }
}

impl From<Reply> for Result<Outcome, Error> {
    fn from(reply: Reply) -> Self {
        reply.result
    }
}
