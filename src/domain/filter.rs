//! Which opportunities of a venue a list takes up.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds, RangeInclusive};

use super::closed_date::ClosedDate;
use super::field::{Clearing, Field, with_fields};
use super::id::*; // so that the table of fields may name any of them
use super::opportunity::Opportunity;
use super::patch::Patch;
use super::text::{ChannelId, Name, Text};
use super::timestamp::Timestamp;
use super::value::{FieldValue, Given, InvalidValue, Value};

/// Which opportunities of a venue a list takes up: those that meet every condition. A new one has none.
///
/// There is one method a field, for those with that value; where an opportunity may have none, `None`
/// asks for those without. A method called again replaces what it said before.
///
/// ```
/// use opportunity_engine::{ClosedDate, Filter, StageId};
///
/// let may: ClosedDate = "2017-05-01".parse()?;
/// let june: ClosedDate = "2017-06-01".parse()?;
/// let won_in_may = Filter::new().stage_id(StageId::new(70)?).closed_between(may..june);
///
/// let open_and_nobodys = Filter::new().closed_date(None).owner_user_id(None);
/// # Ok::<(), opportunity_engine::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "a filter does nothing until a list is asked for"]
pub struct Filter {
    /// What a field is to be; `None` for those without a value.
    values: BTreeMap<Field, Option<Value<'static>>>,
    name_start: Option<Box<str>>,
    name_part: Option<Box<str>>,
    /// Seconds, as of [`ClosedDate::as_seconds`].
    closed: Option<RangeInclusive<i64>>,
    modified_since: Option<Timestamp>,
}

/// One condition of a filter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition<'a> {
    /// The field has this value.
    Is(Field, &'a Value<'static>),
    /// The field has no value.
    IsEmpty(Field),
    /// The name, its ASCII letters in lower case, begins with this text.
    NameStartsWith(&'a str),
    /// The name, its ASCII letters in lower case, contains this text.
    NameContains(&'a str),
    /// It is closed, at a moment between these two, both included: seconds since 1970-01-01T00:00:00Z.
    ClosedBetween(i64, i64),
    /// It was last changed at this moment or later.
    ModifiedSince(Timestamp),
}

impl Filter {
    /// A filter without conditions: it takes up every opportunity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those with a name that begins with this text.
    ///
    /// The 26 letters of ASCII match in upper and lower case alike, every other character only itself:
    /// `"lead"` finds `"Lead By API"`, but `"é"` does not find `"É"`. No character has a meaning of its
    /// own. White space counts. The empty text is no condition.
    pub fn name_starts_with(mut self, text: impl AsRef<str>) -> Self {
        self.name_start = folded(text.as_ref());
        self
    }

    /// Those with a name that contains this text, letters matching as they do at the
    /// [start of a name](Self::name_starts_with).
    pub fn name_contains(mut self, text: impl AsRef<str>) -> Self {
        self.name_part = folded(text.as_ref());
        self
    }

    /// Those that were closed within a range of moments, to the second, UTC. A day is its midnight, so a
    /// month is the range from its first day up to, and without, the first of the next.
    ///
    /// What has no closing date is in no range; `..` are all that have one.
    ///
    /// ```
    /// use opportunity_engine::{ClosedDate, Filter};
    ///
    /// let day: ClosedDate = "2017-05-05".parse()?;
    /// let next: ClosedDate = "2017-05-06".parse()?;
    /// let on_that_day = Filter::new().closed_between(day..next);
    /// let at_that_midnight = Filter::new().closed_between(day..=day);
    /// let before_that_day = Filter::new().closed_between(..day);
    /// # Ok::<(), opportunity_engine::InvalidValue>(())
    /// ```
    pub fn closed_between(mut self, range: impl RangeBounds<ClosedDate>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(date) => date.as_seconds(),
            Bound::Excluded(date) => date.as_seconds() + 1,
            Bound::Unbounded => i64::MIN,
        };
        let end = match range.end_bound() {
            Bound::Included(date) => date.as_seconds(),
            Bound::Excluded(date) => date.as_seconds() - 1,
            Bound::Unbounded => i64::MAX,
        };
        self.closed = Some(start..=end);
        self
    }

    /// Those that were added, or last changed, at this moment or later.
    pub fn modified_since(mut self, moment: Timestamp) -> Self {
        self.modified_since = Some(moment);
        self
    }

    /// Whether an opportunity meets every condition.
    #[must_use]
    pub fn matches(&self, opportunity: &Opportunity) -> bool {
        self.conditions().all(|condition| condition.is_met_by(opportunity))
    }

    /// Whether there is no condition.
    pub(crate) fn is_empty(&self) -> bool {
        self.conditions().next().is_none()
    }

    /// The conditions, in an order that does not depend on that in which they were made.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let values = self.values.iter().map(|(&field, value)| match value {
            Some(value) => Condition::Is(field, value),
            None => Condition::IsEmpty(field),
        });
        let closed = self.closed.as_ref();
        values
            .chain(self.name_start.as_deref().map(Condition::NameStartsWith))
            .chain(self.name_part.as_deref().map(Condition::NameContains))
            .chain(closed.map(|range| Condition::ClosedBetween(*range.start(), *range.end())))
            .chain(self.modified_since.map(Condition::ModifiedSince))
    }
}

impl Condition<'_> {
    fn is_met_by(&self, opportunity: &Opportunity) -> bool {
        let name = || opportunity.name().as_str().to_ascii_lowercase();
        match *self {
            Self::Is(field, value) => opportunity.value(field).as_ref() == Some(value),
            Self::IsEmpty(field) => opportunity.value(field).is_none(),
            Self::NameStartsWith(text) => name().starts_with(text),
            Self::NameContains(text) => name().contains(text),
            Self::ClosedBetween(start, end) => {
                opportunity.closed_date().is_some_and(|it| (start..=end).contains(&it.as_seconds()))
            }
            Self::ModifiedSince(moment) => opportunity.modified_at() >= moment,
        }
    }
}

/// The text with its ASCII letters in lower case, unless it is empty.
fn folded(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.to_ascii_lowercase().into())
}

/// What a condition on a field takes: a value, or none where an opportunity may have none.
macro_rules! wanted {
    (Required $Type:ty) => { $Type };
    ($OnAdd:ident $Type:ty) => { impl Into<Option<$Type>> };
}

/// The value of a field that a text gives; none if it is empty.
fn parsed<T: FieldValue>(text: &str) -> Result<Option<Value<'static>>, InvalidValue> {
    Ok(match T::patch(Given::Text(text.into()))? {
        Patch::Set(value) => Some(value.to_value().into_owned()),
        Patch::Keep | Patch::Clear => None,
    })
}

macro_rules! define_conditions {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// One method a field of the details: those with this value, to the letter.
        impl Filter {
            $(
                #[doc = concat!("`", $wire, "`: ", $doc)]
                pub fn $member(mut self, value: wanted!($OnAdd $Type)) -> Self {
                    let value: Option<$Type> = value.into();
                    let value = value.map(|value| value.to_value().into_owned());
                    self.values.insert(Field::$Field, value);
                    self
                }
            )*

            /// Those with this value in a field, to the letter. It is given as a text, as in the query of a URL
            /// or on a command line: what a JSON request may give as a text. The empty text asks for those
            /// without a value.
            ///
            /// # Errors
            ///
            /// [`InvalidValue`] when the field cannot have that value, or always has one and the text is empty.
            ///
            /// ```
            /// use opportunity_engine::{Field, Filter, StageId};
            ///
            /// let typed = Filter::new().stage_id(StageId::new(70)?).owner_user_id(None);
            /// let filter = Filter::new().text(Field::StageId, "70")?.text(Field::OwnerUserId, "")?;
            /// assert_eq!(filter, typed);
            /// assert!(Filter::new().text(Field::StageId, "won").is_err());
            /// # Ok::<(), opportunity_engine::InvalidValue>(())
            /// ```
            pub fn text(mut self, field: Field, text: &str) -> Result<Self, InvalidValue> {
                let value = match field {
                    $(Field::$Key => parsed::<$KeyType>(text)?,)*
                    $(Field::$Field => parsed::<$Type>(text)?,)*
                };
                if value.is_none() && field.clearing() == Clearing::Never {
                    return Err(InvalidValue::Empty);
                }
                self.values.insert(field, value);
                Ok(self)
            }
        }
    };
}
with_fields!(define_conditions);
