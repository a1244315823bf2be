//! Values that are not well formed, for each field, with what is wrong with them.

use proptest::prelude::*;
use proptest::sample::select;

use super::matching::matching;
use crate::domain::{ChannelId, ClosedDate, Field, Given, InvalidValue, Name, Text, with_fields};

/// What a client gives, and why that is no value.
pub(super) type Malformed = (Given<'static>, InvalidValue);

/// A type of field that has values which are not well formed.
trait Malform {
    fn malformed() -> BoxedStrategy<Malformed>;
}

/// Every integer type: what is too small or too large, and what is no integer.
impl<T: TryFrom<i64, Error = InvalidValue>> Malform for T {
    fn malformed() -> BoxedStrategy<Malformed> {
        let Err(why) = T::try_from(-1) else { unreachable!("no field takes a sign") };
        let mut odd = vec!["-1", "-0", "1.0", "1e3", "9223372036854775808"];
        odd.extend(T::try_from(0).is_err().then_some("0"));
        let written =
            prop_oneof![select(odd).prop_map(str::to_owned), matching("-?[1-9][0-9]{19,40}")];
        let texts = select(&["x", " ", "1 ", " 1", "+1", "0x1", "1.0", "\u{661}", "1\0"][..]);
        prop_oneof![
            4 => (written, any::<bool>()).prop_map(|(number, quoted)| {
                if quoted { Given::Text(number.into()) } else { Given::Number(number.into()) }
            }),
            2 => texts.prop_map(|text| Given::Text(text.into())),
            1 => Just(Given::Other),
        ]
        .prop_map(move |given| (given, why))
        .boxed()
    }
}

impl Malform for Name {
    fn malformed() -> BoxedStrategy<Malformed> {
        let blank = "[ \\t\\n\u{a0}\u{2003}\u{3000}]{1,4}";
        let blank =
            matching(blank).prop_map(|text| (Given::Text(text.into()), InvalidValue::Blank));
        prop_oneof![1 => blank, 2 => Text::malformed()].boxed()
    }
}

impl Malform for Text {
    fn malformed() -> BoxedStrategy<Malformed> {
        let others = prop_oneof![
            (0..99_i64).prop_map(|number| Given::Number(number.to_string().into())),
            Just(Given::Other)
        ];
        prop_oneof![with_nul(), others.prop_map(|given| (given, InvalidValue::Text))].boxed()
    }
}

impl Malform for ChannelId {
    fn malformed() -> BoxedStrategy<Malformed> {
        let numbers = select(&["-1", "-0", "1.0", "1e3"][..]);
        let others = prop_oneof![
            numbers.prop_map(|number| Given::Number(number.into())),
            Just(Given::Other)
        ];
        prop_oneof![with_nul(), others.prop_map(|given| (given, InvalidValue::TextOrInteger))]
            .boxed()
    }
}

impl Malform for ClosedDate {
    fn malformed() -> BoxedStrategy<Malformed> {
        let texts = prop_oneof![
            select(
                &[
                    "x",
                    "2017-5-05",
                    "0000-12-31",
                    "10000-01-01",
                    "2017-02-29",
                    "2017-05-05 UTC",
                    "2017-05-05 24:00:00",
                    "2017-05-05 23:59:60",
                    "2017-05-05T23:59:59",
                    "2017-05-05T23:59:59Z",
                    "2017-05-05 ",
                ][..]
            )
            .prop_map(str::to_owned),
            matching("20[0-9]{2}-(00|1[3-9])-[0-2][0-9]"),
            matching("20[0-9]{2}-[0-9]{2}-(00|3[2-9])"),
        ];
        prop_oneof![
            4 => texts.prop_map(|text| Given::Text(text.into())),
            1 => (0..99_i64).prop_map(|number| Given::Number(number.to_string().into())),
            1 => Just(Given::Other),
        ]
        .prop_map(|given| (given, InvalidValue::Date))
        .boxed()
    }
}

/// Texts with a U+0000 in them.
fn with_nul() -> impl Strategy<Value = Malformed> {
    matching("[a-z ]{0,4}\\x00[a-z ]{0,4}")
        .prop_map(|text| (Given::Text(text.into()), InvalidValue::Nul))
}

macro_rules! define_malformed_of {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// What is not well formed for a field.
        pub(super) fn malformed_of(field: Field) -> BoxedStrategy<Malformed> {
            use crate::domain::*;
            let of_its_type = match field {
                $(Field::$Key => $KeyType::malformed(),)*
                $(Field::$Field => $Type::malformed(),)*
            };
            let half = Just((Given::LoneSurrogate, InvalidValue::LoneSurrogate));
            prop_oneof![6 => of_its_type, 1 => half].boxed()
        }
    };
}
with_fields!(define_malformed_of);
