//! The closing date.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Timelike, Utc};
use serde::{Deserialize, Serialize};

use super::patch::{IntoPatch, Patch};
use super::value::{FieldValue, Given, InvalidValue, Value};

/// When an opportunity was closed: a moment in UTC, to the second, in the years 0001 to 9999.
///
/// A bare date is midnight; the two are the same value. Midnight prints as `yyyy-mm-dd`, any other
/// time as `yyyy-mm-dd HH:mm:ss UTC`. The order of the printed forms is the order in time.
///
/// ```
/// use opportunity_engine::ClosedDate;
///
/// let date: ClosedDate = "2017-05-05".parse()?;
/// assert_eq!(date, "2017-05-05 00:00:00 UTC".parse()?);
/// assert_eq!(date.to_string(), "2017-05-05");
///
/// let moment: ClosedDate = "2017-05-05 14:30:00".parse()?;
/// assert_eq!(moment.to_string(), "2017-05-05 14:30:00 UTC");
/// # Ok::<(), opportunity_engine::InvalidValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClosedDate(NaiveDateTime);

impl ClosedDate {
    /// The moment as a date and a time in UTC.
    #[must_use]
    pub const fn to_datetime(self) -> NaiveDateTime {
        self.0
    }

    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.and_utc().timestamp()
    }

    /// The moment this many seconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::Date`] outside of the years 0001 to 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self, InvalidValue> {
        let moment = DateTime::from_timestamp(seconds, 0).ok_or(InvalidValue::Date)?;
        Self::new(moment.naive_utc())
    }

    fn new(moment: NaiveDateTime) -> Result<Self, InvalidValue> {
        // A leap second has no printed form of its own, so it would not survive a round trip.
        if (1..=9999).contains(&moment.year()) && moment.nanosecond() == 0 {
            Ok(Self(moment))
        } else {
            Err(InvalidValue::Date)
        }
    }

    fn parse(text: &str) -> Option<NaiveDateTime> {
        let text = text.strip_suffix(" UTC").filter(|rest| rest.len() > DATE_LEN).unwrap_or(text);
        let bytes = text.as_bytes();
        let date = parse_date(bytes.get(..DATE_LEN)?)?;
        let time = match bytes.get(DATE_LEN..)? {
            [] => NaiveTime::MIN,
            [b' ', time @ ..] => parse_time(time)?,
            _ => return None,
        };
        Some(date.and_time(time))
    }
}

const DATE_LEN: usize = "yyyy-mm-dd".len();

fn parse_date(text: &[u8]) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = number(&[y1, y2, y3, y4])?.try_into().ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

fn parse_time(text: &[u8]) -> Option<NaiveTime> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    NaiveTime::from_hms_opt(number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0'))
    })
}

impl FromStr for ClosedDate {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text).ok_or(InvalidValue::Date).and_then(Self::new)
    }
}

impl fmt::Display for ClosedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())?;
        if time == NaiveTime::MIN {
            return Ok(());
        }
        write!(f, " {:02}:{:02}:{:02} UTC", time.hour(), time.minute(), time.second())
    }
}

impl From<ClosedDate> for String {
    fn from(date: ClosedDate) -> Self {
        date.to_string()
    }
}

impl TryFrom<String> for ClosedDate {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

/// Midnight of the date.
impl TryFrom<NaiveDate> for ClosedDate {
    type Error = InvalidValue;

    fn try_from(date: NaiveDate) -> Result<Self, InvalidValue> {
        Self::new(date.and_time(NaiveTime::MIN))
    }
}

/// The second in which the moment falls.
impl TryFrom<DateTime<Utc>> for ClosedDate {
    type Error = InvalidValue;

    fn try_from(moment: DateTime<Utc>) -> Result<Self, InvalidValue> {
        Self::new(moment.naive_utc().trunc_subsecs(0))
    }
}

macro_rules! into_patch {
    ($($Type:ty)*) => {$(
        impl IntoPatch<ClosedDate> for $Type {
            fn into_patch(self) -> Result<Patch<ClosedDate>, InvalidValue> {
                self.try_into().map(Patch::Set)
            }
        }
    )*};
}
into_patch!(NaiveDate DateTime<Utc>);

impl IntoPatch<ClosedDate> for &str {
    fn into_patch(self) -> Result<Patch<ClosedDate>, InvalidValue> {
        if self.is_empty() { Ok(Patch::Clear) } else { self.parse().map(Patch::Set) }
    }
}

impl FieldValue for ClosedDate {
    fn from_given(given: Given<'_>) -> Result<Self, InvalidValue> {
        match given {
            Given::Text(text) => text.parse(),
            _ => Err(InvalidValue::Date),
        }
    }

    fn from_value(value: Value<'_>) -> Result<Self, InvalidValue> {
        match value {
            Value::Date(date) => Ok(date),
            Value::Integer(seconds) => Self::from_seconds(seconds),
            Value::Text(_) => Err(InvalidValue::Date),
        }
    }

    fn to_value(&self) -> Value<'_> {
        Value::Date(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_printed_without_loss() {
        for (given, printed) in [
            ("2017-05-05", "2017-05-05"),
            ("2017-05-05 00:00:00", "2017-05-05"),
            ("2017-05-05 00:00:00 UTC", "2017-05-05"),
            ("2017-05-05 23:59:59", "2017-05-05 23:59:59 UTC"),
            ("2017-05-05 00:00:01 UTC", "2017-05-05 00:00:01 UTC"),
            ("0001-01-01", "0001-01-01"),
            ("9999-12-31 23:59:59", "9999-12-31 23:59:59 UTC"),
            ("2016-02-29", "2016-02-29"),
        ] {
            let date: ClosedDate = given.parse().unwrap();
            assert_eq!(date.to_string(), printed);
            assert_eq!(printed.parse(), Ok(date));
            assert_eq!(ClosedDate::from_value(date.to_value()), Ok(date));
            assert_eq!(ClosedDate::from_seconds(date.as_seconds()), Ok(date));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for given in [
            "",
            " ",
            "2017",
            "2017-5-5",
            "05-05-2017",
            "2017/05/05",
            "0000-12-31",
            "10000-01-01",
            "2017-02-29",
            "2017-13-01",
            "2017-00-10",
            "2017-05-05 ",
            "2017-05-05T00:00:00",
            "2017-05-05 24:00:00",
            "2017-05-05 23:59:60",
            "2017-05-05 10:00",
            "2017-05-05 10:00:00Z",
            "2017-05-05 10:00:00  UTC",
            "2017-05-05 10:00:00 utc",
            "2017-05-05 10:00:00.000",
            "2017-05-05 UTC",
            " UTC",
            "2017-05-05 UTC UTC",
            "-017-05-05",
            "+017-05-05",
            "\u{662}017-05-05",
            "2017-05-0\u{e9}",
            "2017-05-05 10:00:00 UTC UTC",
        ] {
            assert_eq!(given.parse::<ClosedDate>(), Err(InvalidValue::Date), "{given:?}");
        }
    }

    #[test]
    fn typed_moments_are_cut_to_the_second_and_held_to_the_years() {
        let moment = DateTime::from_timestamp_millis(1_493_994_600_999).unwrap();
        assert_eq!(ClosedDate::try_from(moment).unwrap().to_string(), "2017-05-05 14:30:00 UTC");
        assert!(ClosedDate::try_from(NaiveDate::MIN).is_err());
        assert!(ClosedDate::try_from(NaiveDate::MAX).is_err());
    }

    #[test]
    fn seconds_outside_of_the_years_are_refused() {
        const FIRST: i64 = -62_135_596_800;
        const LAST: i64 = 253_402_300_799;
        assert_eq!(ClosedDate::from_seconds(FIRST).unwrap().to_string(), "0001-01-01");
        assert_eq!(ClosedDate::from_seconds(LAST).unwrap().to_string(), "9999-12-31 23:59:59 UTC");
        for seconds in [FIRST - 1, LAST + 1, i64::MIN, i64::MAX] {
            assert_eq!(ClosedDate::from_seconds(seconds), Err(InvalidValue::Date), "{seconds}");
        }
        let text = Value::Text("2017-05-05".into());
        assert_eq!(ClosedDate::from_value(text), Err(InvalidValue::Date));
    }
}
