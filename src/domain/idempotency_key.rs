//! The key under which a request is carried out once.

use std::fmt;

/// A key that a caller makes up for a request, so that it is carried out once however often it is sent:
/// see [`Request::idempotency_key`](super::Request::idempotency_key).
///
/// 1 to 255 bytes of text without U+0000; a random UUID is a good one. Each venue has keys of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Box<str>);

/// A text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "an idempotency key must have 1 to {} bytes, and no character U+0000",
    IdempotencyKey::MAX_BYTES
)]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The most bytes that a key has.
    pub const MAX_BYTES: usize = 255;

    /// The key with this text.
    ///
    /// # Errors
    ///
    /// [`InvalidIdempotencyKey`] when it is empty, too long, or contains U+0000.
    ///
    /// ```
    /// use opportunity_engine::IdempotencyKey;
    ///
    /// assert!(IdempotencyKey::new("5f2b2c7e-6f0c-4bb0-9d0c-3a0b5a3f7a11").is_ok());
    /// assert_eq!(
    ///     IdempotencyKey::new("").unwrap_err().to_string(),
    ///     "an idempotency key must have 1 to 255 bytes, and no character U+0000"
    /// );
    /// ```
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidIdempotencyKey> {
        let text = text.into();
        let is_valid = (1..=Self::MAX_BYTES).contains(&text.len()) && !text.contains('\0');
        is_valid.then_some(Self(text)).ok_or(InvalidIdempotencyKey)
    }

    /// Its text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
