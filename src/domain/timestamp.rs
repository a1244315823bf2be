//! When a row was written.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::value::InvalidValue;

/// A moment in UTC, to the millisecond, in the years 0001 to 9999.
///
/// Prints and serialises as RFC 3339 with milliseconds.
///
/// ```
/// use opportunity_engine::Timestamp;
///
/// let moment = Timestamp::from_millis(1_493_994_600_123);
/// assert_eq!(moment.to_string(), "2017-05-05T14:30:00.123Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first moment of the year 0001.
    pub const MIN: Self = Self(-62_135_596_800_000);

    /// The last millisecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The moment that is this many milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// A number outside of the years 0001 to 9999 gives the nearest moment inside: a clock that
    /// runs wild must not stop an engine.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment for use with chrono.
    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        // The default, the epoch, is never taken: chrono's range holds ours.
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The moment that a text in RFC 3339 tells, if nothing of it is lost: neither a fraction of a
    /// millisecond nor a year out of range.
    pub(crate) fn from_text(text: &str) -> Result<Self, InvalidValue> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidValue::Timestamp)?;
        let kept = Self::from(moment.to_utc());
        if kept.to_datetime() == moment { Ok(kept) } else { Err(InvalidValue::Timestamp) }
    }

    /// The moment with exactly this many milliseconds, if it is in range.
    pub(crate) fn from_stored_millis(millis: i64) -> Option<Self> {
        let moment = Self::from_millis(millis);
        (moment.0 == millis).then_some(moment)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = chrono::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(DateTime::parse_from_rfc3339(&text)?.to_utc().into())
    }
}

/// Cut to the millisecond, and to the years 0001 to 9999.
impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::from_millis(moment.timestamp_millis())
    }
}

/// Cut to the millisecond, and to the years 0001 to 9999.
impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        let millis = match moment.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Self::from_millis(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wild_clock_gives_the_nearest_moment() {
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_stored_millis(i64::MAX), None);
    }

    #[test]
    fn it_survives_its_printed_form() {
        for millis in [0, 1, -1, 1_493_994_600_123, Timestamp::MIN.0, Timestamp::MAX.0] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(moment.as_millis(), millis);
            assert_eq!(Timestamp::try_from(moment.to_string()), Ok(moment));
            assert_eq!(Timestamp::from(moment.to_datetime()), moment);
        }
    }

    #[test]
    fn of_a_text_nothing_is_lost() {
        let moment = Ok(Timestamp::from_millis(1_493_994_600_120));
        for text in
            ["2017-05-05T14:30:00.120Z", "2017-05-05T14:30:00.12Z", "2017-05-05T16:30:00.12+02:00"]
        {
            assert_eq!(Timestamp::from_text(text), moment, "{text}");
        }
        for text in ["2017-05-05T14:30:00.1201Z", "0000-12-31T00:00:00Z", "2017-05-05", "", "0"] {
            assert_eq!(Timestamp::from_text(text), Err(InvalidValue::Timestamp), "{text}");
        }
    }

    #[test]
    fn system_time_is_read_on_both_sides_of_the_epoch() {
        let second = std::time::Duration::from_secs(1);
        assert_eq!(Timestamp::from(UNIX_EPOCH + second).as_millis(), 1000);
        assert_eq!(Timestamp::from(UNIX_EPOCH - second).as_millis(), -1000);
    }
}
