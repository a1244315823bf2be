//! The texts. All are Unicode without U+0000, kept exactly as given.

use serde::{Deserialize, Serialize};

use super::patch::{IntoPatch, Patch};
use super::value::{FieldValue, Given, InvalidValue, Value};

/// Defines a text newtype. Its rules stand beside it: `check` for the text, `from_number` for
/// a number that a client sends in its place, `NOT_TEXT` for anything else, and `NAMES_SOMETHING`, whether
/// it is an id.
macro_rules! text_type {
    ($(#[$meta:meta])* $Name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $Name(Box<str>);

        impl $Name {
            /// Checks the text and keeps it as it is.
            ///
            /// # Errors
            ///
            /// [`InvalidValue`] tells which rule it breaks.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidValue> {
                let text = text.into();
                Self::check(&text)?;
                Ok(Self(text))
            }

            /// The text, exactly as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$Name> for String {
            fn from(text: $Name) -> Self {
                text.0.into()
            }
        }

        text_type!(@from &str => $Name);
        text_type!(@from String => $Name);

        impl FieldValue for $Name {
            const IS_ID: bool = Self::NAMES_SOMETHING;

            fn from_given(given: Given<'_>) -> Result<Self, InvalidValue> {
                match given {
                    Given::Text(text) => Self::new(text),
                    Given::Number(number) => Self::from_number(&number),
                    _ => Err(Self::NOT_TEXT),
                }
            }

            fn from_value(value: Value<'_>) -> Result<Self, InvalidValue> {
                match value {
                    Value::Text(text) => Self::new(text),
                    Value::Integer(_) | Value::Date(_) => Err(InvalidValue::Text),
                }
            }

            fn to_value(&self) -> Value<'_> {
                Value::Text(self.as_str().into())
            }

            fn text_bytes(&self) -> usize {
                self.0.len()
            }
        }
    };
    (@from $Text:ty => $Name:ident) => {
        impl TryFrom<$Text> for $Name {
            type Error = InvalidValue;

            fn try_from(text: $Text) -> Result<Self, InvalidValue> {
                Self::new(text)
            }
        }

        impl IntoPatch<$Name> for $Text {
            fn into_patch(self) -> Result<Patch<$Name>, InvalidValue> {
                if self.is_empty() { Ok(Patch::Clear) } else { $Name::new(self).map(Patch::Set) }
            }
        }
    };
}

/// The rules of every text.
fn check_text(text: &str) -> Result<(), InvalidValue> {
    if text.is_empty() {
        Err(InvalidValue::Empty)
    } else if text.contains('\0') {
        Err(InvalidValue::Nul)
    } else {
        Ok(())
    }
}

text_type! {
    /// What an opportunity is called: it holds something that is not white space.
    ///
    /// ```
    /// use opportunity_engine::{InvalidValue, Name};
    ///
    /// assert_eq!(Name::new(" Lead By API ").unwrap().as_str(), " Lead By API ");
    /// assert_eq!(Name::new(" \u{2003}\n"), Err(InvalidValue::Blank));
    /// ```
    Name
}

impl Name {
    const NOT_TEXT: InvalidValue = InvalidValue::Text;
    const NAMES_SOMETHING: bool = false;

    fn check(text: &str) -> Result<(), InvalidValue> {
        check_text(text)?;
        if text.chars().all(char::is_whitespace) {
            return Err(InvalidValue::Blank);
        }
        Ok(())
    }

    fn from_number(_: &str) -> Result<Self, InvalidValue> {
        Err(Self::NOT_TEXT)
    }
}

text_type! {
    /// Any text but the empty one; an empty text is the absence of one.
    Text
}

impl Text {
    const NOT_TEXT: InvalidValue = InvalidValue::Text;
    const NAMES_SOMETHING: bool = false;

    fn check(text: &str) -> Result<(), InvalidValue> {
        check_text(text)
    }

    fn from_number(_: &str) -> Result<Self, InvalidValue> {
        Err(Self::NOT_TEXT)
    }
}

text_type! {
    /// The id of a channel: a text, which clients also send as a number.
    ChannelId
}

impl ChannelId {
    const NOT_TEXT: InvalidValue = InvalidValue::TextOrInteger;
    const NAMES_SOMETHING: bool = true;

    fn check(text: &str) -> Result<(), InvalidValue> {
        check_text(text)
    }

    /// An integer is kept as its decimal digits, however many there are.
    fn from_number(number: &str) -> Result<Self, InvalidValue> {
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Self::NOT_TEXT);
        }
        Self::new(number)
    }
}

/// An integer stands for its decimal digits, as it does in JSON.
impl IntoPatch<ChannelId> for u64 {
    fn into_patch(self) -> Result<Patch<ChannelId>, InvalidValue> {
        self.to_string().into_patch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_anything_but_empty_or_with_a_nul() {
        assert_eq!(Text::new(""), Err(InvalidValue::Empty));
        assert_eq!(Text::new("a\0b"), Err(InvalidValue::Nul));
        assert_eq!(Text::new(" ").map(|text| text.as_str().len()), Ok(1));
        assert_eq!(Name::new("\u{a0}\t"), Err(InvalidValue::Blank));
        assert_eq!(Name::new("\0"), Err(InvalidValue::Nul));
    }

    #[test]
    fn a_channel_given_as_an_integer_keeps_all_its_digits() {
        let digits = "123456789012345678901234567890";
        let channel = ChannelId::from_given(Given::Number(digits.into()));
        assert_eq!(channel.map(String::from), Ok(digits.to_owned()));
        for number in ["-5", "1.5", "1e3", "-0"] {
            let channel = ChannelId::from_given(Given::Number(number.into()));
            assert_eq!(channel, Err(InvalidValue::TextOrInteger), "{number}");
        }
    }
}
