//! Bytes that a client posted, read into a request.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use super::request::RequestSeed;
use crate::domain::{Given, Rejection, Request, ViolationKind};
use crate::json_error::JsonError;

/// What to do with a key that is not in the table of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnknownKeys {
    /// It is a violation, so that no client believes that it was stored.
    #[default]
    Reject,
    /// It is skipped, whatever its value.
    Ignore,
}

/// Reads JSON requests.
///
/// The published call is silent on these; decided here:
///
/// - A byte-order mark and bytes that are not UTF-8 make a request malformed JSON.
/// - A lone surrogate in an escape (`"\ud800"`) is JSON but no text: a violation of its field.
/// - A number of any size is read; one that its field cannot hold is a violation of that field.
/// - Nesting of any depth is skipped without recursion: a violation of its field.
/// - Keys are compared after their escapes are resolved, and case-sensitively.
/// - Time and memory are in proportion to the size: at most 24 bytes for each byte of a request, most of
///   them to name keys that are not known.
///
/// ```
/// use opportunity_engine::{Decoder, Field, Patch, Value};
///
/// let request = Decoder::new().decode(br#"{"id":"755","venueId":"107","qualityId":null}"#)?;
/// assert_eq!(request.patch(Field::Id), Patch::Set(Value::Integer(755)));
/// assert_eq!(request.patch(Field::QualityId), Patch::Clear);
/// # Ok::<(), opportunity_engine::Rejection>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    max_bytes: usize,
    unknown_keys: UnknownKeys,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { max_bytes: Self::DEFAULT_MAX_BYTES, unknown_keys: UnknownKeys::default() }
    }
}

impl Decoder {
    /// The size of a request that is accepted by default, in bytes: 1 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 1 << 20;

    /// A decoder that accepts 1 MiB and rejects unknown keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the largest request that is accepted, in bytes.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets what to do with unknown keys.
    #[must_use]
    pub const fn unknown_keys(mut self, unknown_keys: UnknownKeys) -> Self {
        self.unknown_keys = unknown_keys;
        self
    }

    /// Reads one request. Violations of single fields are kept in the request, for
    /// [`decide`](crate::decide) to report together with those of the rules.
    ///
    /// # Errors
    ///
    /// [`Rejection::Empty`] for no bytes, white space, `null` and `[]`; [`Rejection::Invalid`] when
    /// the bytes are too many, not JSON, or not an object.
    pub fn decode(&self, bytes: &[u8]) -> Result<Request, Rejection> {
        self.check_size(bytes.len())?;
        let text = utf8(bytes)?;
        match text.trim_start_matches(JSON_WHITE_SPACE).bytes().next() {
            None => Err(Rejection::Empty),
            Some(b'{') => self.decode_object(text),
            Some(_) => Err(not_an_object(text)),
        }
    }

    /// The size of the largest request that is accepted, in bytes.
    pub(crate) const fn largest(&self) -> usize {
        self.max_bytes
    }

    /// Refuses what is larger than accepted.
    pub(crate) fn check_size(&self, bytes: usize) -> Result<(), Rejection> {
        if bytes > self.max_bytes {
            let limit = self.max_bytes;
            return Err(Rejection::of_request(ViolationKind::TooLarge { limit }));
        }
        Ok(())
    }

    fn decode_object(&self, text: &str) -> Result<Request, Rejection> {
        let mut request = Request::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        RequestSeed::<RawGiven<'_>>::new(&mut request, self.unknown_keys)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| JsonError::from(&error))?;
        Ok(request)
    }
}

const JSON_WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A value of the object as it stands in the text, so that a number keeps all its digits.
#[derive(Deserialize)]
pub(super) struct RawGiven<'a>(#[serde(borrow)] &'a RawValue);

impl<'a> From<RawGiven<'a>> for Given<'a> {
    fn from(RawGiven(raw): RawGiven<'a>) -> Self {
        let literal = raw.get();
        match literal.as_bytes() {
            [b'"', .., b'"'] => text(literal),
            [b'-' | b'0'..=b'9', ..] => Given::Number(literal.into()),
            [b'n', ..] => Given::Null,
            _ => Given::Other,
        }
    }
}

fn text(literal: &str) -> Given<'_> {
    if !literal.contains('\\') {
        return Given::Text(Cow::Borrowed(&literal[1..literal.len() - 1]));
    }
    // The literal was scanned already, so all that can be wrong with it is a surrogate.
    serde_json::from_str(literal).map_or(Given::LoneSurrogate, |text| Given::Text(Cow::Owned(text)))
}

impl From<JsonError> for Rejection {
    fn from(JsonError { line, column, reason }: JsonError) -> Self {
        Self::of_request(ViolationKind::MalformedJson { line, column, reason })
    }
}

/// The text that the bytes are, if JSON may be one like it.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + valid.iter().rev().take_while(|&&byte| byte != b'\n').count();
        JsonError { line, column, reason: "invalid UTF-8".into() }
    })?;
    if text.starts_with('\u{feff}') {
        let reason = "a byte-order mark is not accepted".into();
        return Err(JsonError { line: 1, column: 1, reason });
    }
    Ok(text)
}

/// The refusal of a text that is something other than an object.
fn not_an_object(text: &str) -> Rejection {
    match serde_json::from_str::<&RawValue>(text).map(RawValue::get) {
        Err(error) => JsonError::from(&error).into(),
        Ok("null") => Rejection::Empty,
        Ok(array) if is_empty_array(array) => Rejection::Empty,
        Ok(_) => Rejection::of_request(ViolationKind::NotAnObject),
    }
}

fn is_empty_array(literal: &str) -> bool {
    let inside = literal.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|inside| inside.trim_matches(JSON_WHITE_SPACE).is_empty())
}
