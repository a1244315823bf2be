//! The ids: one newtype each, so that one is never taken for another.

use std::num::NonZeroI64;

use serde::{Deserialize, Serialize};

use super::patch::{IntoPatch, Patch};
use super::value::{FieldValue, Given, InvalidValue, Value};

/// The integer that ASCII digits spell, if it fits: no sign, no blank, leading zeros allowed.
fn integer_from_digits(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_i64, |value, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))
    })
}

/// Gives an integer newtype its common traits; it brings `new`, `get`,
/// `MIN` and `NAMES_SOMETHING` itself.
macro_rules! integer_traits {
    ($Name:ident) => {
        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.get().fmt(f)
            }
        }

        impl From<$Name> for i64 {
            fn from(value: $Name) -> Self {
                value.get()
            }
        }

        integer_traits!(@try_from $Name i32 u32 i64 u64);

        /// Reads ASCII digits: no sign, no blanks; leading zeros are fine.
        impl std::str::FromStr for $Name {
            type Err = InvalidValue;

            fn from_str(digits: &str) -> Result<Self, InvalidValue> {
                let value = integer_from_digits(digits).ok_or(Self::OUT_OF_RANGE)?;
                Self::new(value)
            }
        }

        impl $Name {
            const OUT_OF_RANGE: InvalidValue = InvalidValue::Integer { min: Self::MIN };
        }

        impl FieldValue for $Name {
            const IS_ID: bool = Self::NAMES_SOMETHING;

            fn from_given(given: Given<'_>) -> Result<Self, InvalidValue> {
                match given {
                    Given::Number(digits) | Given::Text(digits) => digits.parse(),
                    _ => Err(Self::OUT_OF_RANGE),
                }
            }

            fn from_value(value: Value<'_>) -> Result<Self, InvalidValue> {
                match value {
                    Value::Integer(value) => Self::new(value),
                    Value::Text(_) | Value::Date(_) => Err(Self::OUT_OF_RANGE),
                }
            }

            fn to_value(&self) -> Value<'_> {
                Value::Integer(self.get())
            }
        }
    };
    (@try_from $Name:ident $($Integer:ty)*) => {$(
        impl TryFrom<$Integer> for $Name {
            type Error = InvalidValue;

            fn try_from(value: $Integer) -> Result<Self, InvalidValue> {
                i64::try_from(value).map_err(|_| Self::OUT_OF_RANGE).and_then(Self::new)
            }
        }

        impl IntoPatch<$Name> for $Integer {
            fn into_patch(self) -> Result<Patch<$Name>, InvalidValue> {
                self.try_into().map(Patch::Set)
            }
        }
    )*};
}

/// Defines ids: integers from 1 to `i64::MAX`.
macro_rules! ids {
    ($($(#[$meta:meta])* $Name:ident;)*) => {$(
        $(#[$meta])*
        ///
        /// An integer from 1 to `i64::MAX`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $Name(NonZeroI64);

        impl $Name {
            /// The smallest value.
            pub const MIN: i64 = 1;

            const NAMES_SOMETHING: bool = true;

            /// The id with this value.
            ///
            /// # Errors
            ///
            /// [`InvalidValue::Integer`] when the value is less than 1.
            pub const fn new(value: i64) -> Result<Self, InvalidValue> {
                match NonZeroI64::new(value) {
                    Some(value) if value.get() >= Self::MIN => Ok(Self(value)),
                    _ => Err(Self::OUT_OF_RANGE),
                }
            }

            /// The plain integer.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0.get()
            }
        }

        integer_traits!($Name);
    )*};
}

ids! {
    /// The id of an opportunity, assigned by the engine when it is added.
    OpportunityId;
    /// The id of a venue, the tenant within which an opportunity is found.
    VenueId;
    /// The id of a type of opportunity.
    TypeId;
    /// The id of a stage.
    StageId;
    /// The id of a source.
    SourceId;
    /// The id of a company.
    CompanyId;
    /// The id of a contact, be it one of its own or the lead contact of a company.
    ContactId;
    /// The id of a quality.
    QualityId;
    /// The id of an industry.
    IndustryId;
    /// The id of a quote.
    QuoteId;
    /// The id of a reason why an opportunity was lost.
    LostReasonId;
    /// The id of a user.
    UserId;
    /// The id of a reason for a stage.
    StageReasonId;
    /// How often an opportunity has been written: 1 when it is added, one more with each
    /// effective update.
    Version;
    /// The place of a change among all changes of a database: 1, 2, 3 … in the order of the commits.
    Sequence;
}

impl Version {
    /// The version of an opportunity that was just added.
    pub const FIRST: Self = Self(NonZeroI64::new(Self::MIN).unwrap()); // evaluated while compiling

    /// The version after this one; the last one stays.
    #[must_use]
    pub const fn next(self) -> Self {
        match NonZeroI64::new(self.get().saturating_add(1)) {
            Some(next) => Self(next),
            None => self,
        }
    }
}

/// The status of a confirmed quote.
///
/// An integer from 0 to `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct QuoteStatus(i64);

impl QuoteStatus {
    /// The smallest value.
    pub const MIN: i64 = 0;

    const NAMES_SOMETHING: bool = false;

    /// The status with this value.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::Integer`] when the value is negative.
    pub const fn new(value: i64) -> Result<Self, InvalidValue> {
        if value >= Self::MIN { Ok(Self(value)) } else { Err(Self::OUT_OF_RANGE) }
    }

    /// The plain integer.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

integer_traits!(QuoteStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_exactly() {
        for (digits, value) in [
            ("1", Some(1)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("00000000000000000000000000000000000000001", Some(1)),
            ("9223372036854775808", None),
            ("99999999999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("1.0", None),
            ("1e3", None),
            ("0x1", None),
            ("\u{661}", None), // ARABIC-INDIC DIGIT ONE
        ] {
            assert_eq!(integer_from_digits(digits), value, "{digits:?}");
        }
    }

    #[test]
    fn an_id_starts_at_one_and_a_status_at_zero() {
        assert!(VenueId::new(0).is_err() && VenueId::new(-1).is_err());
        assert!(VenueId::new(i64::MIN).is_err());
        assert_eq!(VenueId::new(i64::MAX).map(VenueId::get), Ok(i64::MAX));
        assert_eq!(QuoteStatus::new(0).map(QuoteStatus::get), Ok(0));
        assert!(QuoteStatus::new(-1).is_err());
        assert!(VenueId::try_from(u64::MAX).is_err());
        assert_eq!(Version::FIRST.get(), 1);
        assert_eq!(Version::new(i64::MAX).map(Version::next), Version::new(i64::MAX));
    }
}
