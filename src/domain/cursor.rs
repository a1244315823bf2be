//! Where a page of a list ended, in a form that a client can keep.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::filter::{Condition, Filter};
use super::id::VenueId;
use super::list_order::{ListOrder, Position};
use super::value::Value;

/// Where a page of a list ended: the next page goes on from there.
///
/// It prints, and serialises, as a short text of ASCII letters and digits, fit for a URL, which is read
/// again with [`FromStr`]. What the text says is nobody's business, and may change with a version of this
/// crate: an old one is then refused, never misread.
///
/// It belongs to one list: the same venue, filter and order. It holds none of the filter's values, and
/// gives no right: a list is of the venue that the caller asks for. A client that forges one gets
/// what it could have listed anyway.
///
/// It does not expire, and holds nothing open: a list may go on from it after a restart.
///
/// ```
/// use opportunity_engine::{Cursor, CursorError};
///
/// assert_eq!("page 2".parse::<Cursor>(), Err(CursorError::Malformed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    position: Position,
    /// Of the list that it belongs to.
    fingerprint: u64,
}

/// Why a list does not go on from a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is not what this version of the crate prints: it was changed, cut off, made up, or printed
    /// by another version.
    #[error("the text is not a cursor; send it exactly as it was given, or begin the list anew")]
    Malformed,
    /// The cursor was given for another venue, filter or order.
    #[error(
        "the cursor belongs to another list; ask for the same venue, filter and order as before, or begin \
         the list anew"
    )]
    OtherList,
}

impl Cursor {
    /// The cursor of a place in a list.
    pub(crate) fn new(venue: VenueId, filter: &Filter, position: Position) -> Self {
        Self { position, fingerprint: fingerprint_of_list(venue, filter) }
    }

    /// The place in the list that it was given for.
    pub(crate) fn position(
        self,
        venue: VenueId,
        filter: &Filter,
        order: ListOrder,
    ) -> Result<Position, CursorError> {
        let is_of_the_list = self.position.order() == order
            && self.fingerprint == fingerprint_of_list(venue, filter);
        if is_of_the_list { Ok(self.position) } else { Err(CursorError::OtherList) }
    }

    /// Reads the numbers; whether the text is exactly that of the cursor is for the caller to see.
    fn parse(text: &str) -> Option<Self> {
        let (form, numbers) = text.split_at_checked(FORM_LEN)?;
        let mut numbers = numbers.as_bytes().chunks(NUMBER_LEN).map_while(number);
        let mut signed = || numbers.next().map(u64::cast_signed);
        let position = match form {
            BY_ID => Position::Id(signed()?),
            BY_LAST_CHANGE => Position::LastChange { modified_at: signed()?, id: signed()? },
            _ => return None,
        };
        Some(Self { position, fingerprint: numbers.next()? })
    }
}

/// The beginnings of the text: the version of its form, and the order.
const BY_ID: &str = "2i";
const BY_LAST_CHANGE: &str = "2c";
const FORM_LEN: usize = BY_ID.len();

/// How many hexadecimal digits a number has.
const NUMBER_LEN: usize = 16;

fn number(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint;
        let text = match self.position {
            Position::Id(id) => format!("{BY_ID}{id:016x}{fingerprint:016x}"),
            Position::LastChange { modified_at, id } => {
                format!("{BY_LAST_CHANGE}{modified_at:016x}{id:016x}{fingerprint:016x}")
            }
        };
        write!(f, "{text}{:016x}", self::fingerprint(&text))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        // Its last number depends on all before it, so one that was changed prints differently.
        Self::parse(text).filter(|it| it.to_string() == text).ok_or(CursorError::Malformed)
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

/// Tells lists apart; the same in every process and on every machine. Clients keep cursors for longer than a
/// version of this crate lives, so it is of what conditions say, not of how they are held.
fn fingerprint_of_list(venue: VenueId, filter: &Filter) -> u64 {
    let conditions = filter.conditions().map(said).map(|said| format!("{}:{said}", said.len()));
    fingerprint(&format!("{venue};{}", conditions.collect::<String>()))
}

/// What a condition says.
fn said(condition: Condition<'_>) -> String {
    match condition {
        Condition::Is(field, Value::Integer(integer)) => format!("{field}={integer}"),
        Condition::Is(field, Value::Text(text)) => format!("{field}={text}"),
        Condition::Is(field, Value::Date(date)) => format!("{field}={date}"),
        Condition::IsEmpty(field) => format!("{field}"),
        Condition::NameStartsWith(text) => format!("start={text}"),
        Condition::NameContains(text) => format!("part={text}"),
        Condition::ClosedBetween(start, end) => format!("closed={start}..{end}"),
        Condition::ModifiedSince(moment) => format!("modified={}", moment.as_millis()),
    }
}

/// FNV-1a, of 64 bits: enough to notice a mistake, no guard against malice, for which there is no reason.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClosedDate, StageId, Timestamp};

    fn venue(number: i64) -> VenueId {
        VenueId::new(number).unwrap()
    }

    fn filter(stage: i64) -> Filter {
        Filter::new().stage_id(StageId::new(stage).unwrap()).name_contains("api")
    }

    const POSITIONS: [Position; 4] = [
        Position::Id(755),
        Position::Id(i64::MAX),
        Position::LastChange { modified_at: 1_493_994_600_123, id: 755 },
        Position::LastChange { modified_at: -1, id: 1 },
    ];

    #[test]
    fn it_survives_its_printed_form() {
        for position in POSITIONS {
            let cursor = Cursor::new(venue(107), &filter(69), position);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    /// Where these have to change, so does the version of the form.
    #[test]
    fn its_printed_form_stays() {
        let date: ClosedDate = "2017-05-05 14:30:00".parse().unwrap();
        let of_every_kind = filter(69)
            .name_starts_with("\u{c9}")
            .owner_user_id(None)
            .closed_date(date)
            .closed_between(..date)
            .modified_since(Timestamp::from_millis(5));
        let printed = |position| Cursor::new(venue(107), &of_every_kind, position).to_string();
        assert_eq!(printed(POSITIONS[0]), "2i00000000000002f3dc216ebb36a652698794603208522834");
        assert_eq!(
            printed(POSITIONS[2]),
            "2c0000015bd90476bb00000000000002f3dc216ebb36a65269242e484a540ebbc0"
        );
        let of_an_earlier_form = "1i00000000000002f394192de32cea802848132fffbb966cb8";
        assert_eq!(of_an_earlier_form.parse::<Cursor>(), Err(CursorError::Malformed));
    }

    /// Seen to fail for texts without the number that depends on the others, and for a text that is only read and not
    /// compared.
    #[test]
    fn a_text_that_was_changed_anywhere_is_refused() {
        for position in POSITIONS {
            let text = Cursor::new(venue(107), &filter(69), position).to_string();
            for at in 0..text.len() {
                for other in ["0", "1", "A", "c", "f", "i", "+", " ", "\u{e9}", ""] {
                    let mut changed = text.clone();
                    changed.replace_range(at..=at, other);
                    let is_changed = changed != text;
                    assert_eq!(changed.parse::<Cursor>().is_err(), is_changed, "{changed}");
                }
                assert_eq!(text[..at].parse::<Cursor>(), Err(CursorError::Malformed));
            }
            for changed in [format!("{text}0"), format!(" {text}"), text.to_uppercase()] {
                assert_eq!(changed.parse::<Cursor>(), Err(CursorError::Malformed));
            }
        }
    }

    /// Seen to fail for a fingerprint of the venue alone, and of the filter alone.
    #[test]
    fn it_belongs_to_one_venue_filter_and_order() {
        let position = Position::Id(755);
        let cursor = Cursor::new(venue(107), &filter(69), position);
        let given = |venue, filter: &Filter, order| cursor.position(venue, filter, order);
        assert_eq!(given(venue(107), &filter(69), ListOrder::Id), Ok(position));
        for (venue, filter, order) in [
            (venue(108), filter(69), ListOrder::Id),
            (venue(107), filter(70), ListOrder::Id),
            (venue(107), filter(69).owner_user_id(None), ListOrder::Id),
            (venue(107), filter(69).name_contains("ap"), ListOrder::Id),
            (venue(107), filter(69).name_starts_with("i"), ListOrder::Id),
            (venue(107), filter(69).modified_since(Timestamp::from_millis(5)), ListOrder::Id),
            (venue(107), Filter::new(), ListOrder::Id),
            (venue(107), filter(69), ListOrder::LastChange),
        ] {
            assert_eq!(given(venue, &filter, order), Err(CursorError::OtherList));
        }
    }

    #[test]
    fn it_does_not_depend_on_the_order_in_which_conditions_were_made() {
        let stage = StageId::new(69).unwrap();
        let other = Filter::new().name_contains("API").stage_id(stage);
        let cursor = Cursor::new(venue(107), &filter(69), Position::Id(1));
        assert_eq!(cursor, Cursor::new(venue(107), &other, Position::Id(1)));
    }
}
