//! What a field's value looks like on its way in and out.

use std::borrow::Cow;

use super::closed_date::ClosedDate;
use super::patch::Patch;

/// Why a value is not well formed for its type.
///
/// ```
/// use opportunity_engine::{InvalidValue, VenueId};
///
/// let error = VenueId::new(0).unwrap_err();
/// assert_eq!(error, InvalidValue::Integer { min: 1 });
/// assert_eq!(error.to_string(), "the value must be an integer from 1 to 9223372036854775807");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
#[error("the value {}", self.requirement())]
pub enum InvalidValue {
    /// It is not an integer, or less than `min`, or more than `i64::MAX`.
    Integer {
        /// The smallest integer that the type accepts.
        min: i64,
    },
    /// It is not text.
    Text,
    /// It is neither text nor an integer without a sign.
    TextOrInteger,
    /// It is the empty text where a value is needed.
    Empty,
    /// It holds nothing but white space.
    Blank,
    /// It contains U+0000.
    Nul,
    /// It contains half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// It is neither a date nor a timestamp of the accepted forms.
    Date,
    /// It is not the time of a change as it is written down.
    Timestamp,
}

impl InvalidValue {
    /// What the value would have to be, to follow a field's name: "must be …".
    #[must_use]
    pub fn requirement(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Integer { min } => {
                return format!("must be an integer from {min} to {}", i64::MAX).into();
            }
            Self::Text => "must be text",
            Self::TextOrInteger => "must be text, or an integer without a sign",
            Self::Empty => "must not be empty",
            Self::Blank => "must hold something other than white space",
            Self::Nul => "must not contain the character U+0000",
            Self::LoneSurrogate => "must not contain a lone surrogate",
            Self::Timestamp => {
                "must be a time like 2017-05-05T14:30:00.123Z (RFC 3339), no finer than a millisecond, in the \
                 years 0001 to 9999"
            }
            Self::Date => {
                "must be a date yyyy-mm-dd or a timestamp yyyy-mm-dd HH:mm:ss, optionally followed by \
                 ' UTC', in the years 0001 to 9999"
            }
        })
    }
}

/// The value of any field: every type of field is one of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Value<'a> {
    /// An id or a status.
    Integer(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// A date, which is sent in its printed form.
    Date(ClosedDate),
}

impl Value<'_> {
    /// The same value, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Integer(integer) => Value::Integer(integer),
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::Date(date) => Value::Date(date),
        }
    }
}

/// A value as a client gave it, not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Given<'a> {
    /// `null`.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// The literal of a number, sign, fraction and exponent included.
    Number(Cow<'a, str>),
    /// A boolean, an array, an object: no field takes one.
    Other,
    /// A text that is not Unicode: a JSON escape can spell half of a surrogate pair.
    LoneSurrogate,
}

impl Given<'_> {
    /// Whether it is `null` or `""`.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Number(_) | Self::Other | Self::LoneSurrogate => false,
        }
    }
}

/// A type of field: how its values are read, checked and shown.
pub(crate) trait FieldValue: Sized {
    /// Whether it is an id: it names something outside of the opportunity.
    const IS_ID: bool = false;

    /// Checks a value that a client gave. It is not empty: [`FieldValue::patch`] sees to that.
    fn from_given(given: Given<'_>) -> Result<Self, InvalidValue>;

    /// What a client said of the field: `null` and `""` are the same, "not provided" on add and
    /// "clear it" on update.
    fn patch(given: Given<'_>) -> Result<Patch<Self>, InvalidValue> {
        match given {
            Given::LoneSurrogate => Err(InvalidValue::LoneSurrogate),
            empty if empty.is_empty() => Ok(Patch::Clear),
            value => Self::from_given(value).map(Patch::Set),
        }
    }

    /// Checks what a store holds: what [`FieldValue::to_value`] gave, a date perhaps as the integer
    /// of [`ClosedDate::as_seconds`].
    fn from_value(value: Value<'_>) -> Result<Self, InvalidValue>;

    fn to_value(&self) -> Value<'_>;

    /// How many bytes of text it holds on the heap.
    fn text_bytes(&self) -> usize {
        0
    }
}
