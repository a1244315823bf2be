//! What a request says of one field.

use super::value::InvalidValue;

/// What a request says of one field: the three states of JSON Merge Patch (RFC 7396).
///
/// | | on add | on update |
/// |---|---|---|
/// | [`Keep`](Patch::Keep), the field is absent | not provided | leave as it is |
/// | [`Clear`](Patch::Clear), the field is `null` or `""` | not provided | clear it |
/// | [`Set`](Patch::Set), the field has a value | take it | set it |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Patch<T> {
    /// The field is absent.
    #[default]
    Keep,
    /// The field is empty.
    Clear,
    /// The field has a value.
    Set(T),
}

impl<T> Patch<T> {
    /// The value that is set, if one is.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The same with a reference to the value.
    #[must_use]
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }

    /// The same with another value.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }
}

/// What a setter of [`Request`](super::Request) takes: the typed value itself, a [`Patch`] of it,
/// or something that is checked on the way, such as a `&str` for a [`Name`](super::Name) or an
/// integer for an id. An empty text means [`Patch::Clear`], as it does in JSON.
pub trait IntoPatch<T> {
    /// The patch.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the value is not well formed; the request keeps it as a violation.
    fn into_patch(self) -> Result<Patch<T>, InvalidValue>;
}

impl<T> IntoPatch<T> for T {
    fn into_patch(self) -> Result<Patch<T>, InvalidValue> {
        Ok(Patch::Set(self))
    }
}

impl<T> IntoPatch<T> for Patch<T> {
    fn into_patch(self) -> Result<Self, InvalidValue> {
        Ok(self)
    }
}
