//! Values that are well formed, for each field.

use proptest::prelude::*;
use proptest::strategy::Union;

use super::matching::matching;
use crate::domain::{
    ChannelId, ClosedDate, Field, InvalidValue, Name, OpportunityId, Text, Value, VenueId,
    with_fields,
};

/// A type of field that can be drawn.
trait Sample: Sized {
    fn sample() -> BoxedStrategy<Self>;
}

/// Every integer type: small values, any value, and the largest.
impl<T: TryFrom<i64, Error = InvalidValue> + std::fmt::Debug + 'static> Sample for T {
    fn sample() -> BoxedStrategy<Self> {
        let integers = prop_oneof![8 => 0..=99_i64, 2 => 0..=i64::MAX, 1 => Just(i64::MAX)];
        integers
            .prop_filter_map("out of the range of the type", |value| T::try_from(value).ok())
            .boxed()
    }
}

impl Sample for Name {
    fn sample() -> BoxedStrategy<Self> {
        texts().prop_filter_map("blank", |text| Self::new(text).ok()).boxed()
    }
}

impl Sample for Text {
    fn sample() -> BoxedStrategy<Self> {
        texts().prop_filter_map("empty", |text| Self::new(text).ok()).boxed()
    }
}

impl Sample for ChannelId {
    fn sample() -> BoxedStrategy<Self> {
        prop_oneof![matching("[0-9]{1,30}"), texts()]
            .prop_filter_map("empty", |text| Self::new(text).ok())
            .boxed()
    }
}

impl Sample for ClosedDate {
    fn sample() -> BoxedStrategy<Self> {
        let days = prop_oneof![
            Just("0001-01-01".to_owned()),
            Just("9999-12-31".to_owned()),
            matching("20[0-9]{2}-0[1-9]-[0-2][0-9]")
        ];
        let times = prop_oneof![Just(String::new()), matching(" [01][0-9]:[0-5][0-9]:[0-5][0-9]")];
        (days, times)
            .prop_filter_map("no such day", |(day, time)| format!("{day}{time}").parse().ok())
            .boxed()
    }
}

/// Texts without U+0000: words, any characters, white space at the ends.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        matching("[a-zA-Z]{1,12}( [a-z]{1,8}){0,2}"),
        matching("[^\\x00]{0,12}"),
        matching("[ \\t]{0,2}\\PC{1,8}[ \\n]{0,2}")
    ]
}

macro_rules! define_value_of {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// Values that are well formed for a field.
        pub fn value_of(field: Field) -> BoxedStrategy<Value<'static>> {
            use crate::domain::*;
            fn owned<T: Sample + FieldValue + std::fmt::Debug + 'static>() -> BoxedStrategy<Value<'static>> {
                T::sample().prop_map(|value| value.to_value().into_owned()).boxed()
            }
            match field {
                $(Field::$Key => owned::<$KeyType>(),)*
                $(Field::$Field => owned::<$Type>(),)*
            }
        }
    };
}
with_fields!(define_value_of);

/// Something drawn for one of these fields, each as likely as the others.
pub(super) fn of_any<T: std::fmt::Debug + 'static>(
    fields: &[Field],
    drawn: impl Fn(Field) -> BoxedStrategy<T>,
) -> BoxedStrategy<(Field, T)> {
    Union::new(fields.iter().map(|&field| (Just(field), drawn(field)))).boxed()
}

/// Venues, out of a few: requests meet in them.
pub fn venue_id() -> BoxedStrategy<VenueId> {
    (1..=5_i64).prop_filter_map("every one is an id", |id| VenueId::new(id).ok()).boxed()
}

/// Ids of opportunities, most of them small.
pub fn opportunity_id() -> BoxedStrategy<OpportunityId> {
    OpportunityId::sample()
}
