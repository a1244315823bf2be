//! How the values of each type look in JSON: as they are written, and as a request may give them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::patterns;
use crate::domain::{
    ChannelId, ClosedDate, CompanyId, ContactId, IndustryId, LostReasonId, Name, OpportunityId,
    QualityId, QuoteId, QuoteStatus, Sequence, SourceId, StageId, StageReasonId, Text, Timestamp,
    TypeId, UserId, VenueId, Version,
};

/// A type of value.
pub(super) trait Form {
    /// As it is written.
    fn written() -> Schema;

    /// As a request may give it: `null` and `""` only if it may be empty.
    fn accepted(may_be_empty: bool) -> Schema;
}

/// A type has its written form in the schemas of others, too.
macro_rules! described {
    ($($Type:ident)*) => {$(
        impl JsonSchema for $Type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($Type).into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!("opportunity_engine::", stringify!($Type)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                <$Type as Form>::written()
            }
        }
    )*};
}

macro_rules! integers {
    ($($Type:ident)*) => {
        described! { $($Type)* }

        $(impl Form for $Type {
            fn written() -> Schema {
                json_schema!({
                    "type": "integer", "minimum": $Type::MIN, "maximum": i64::MAX, "format": "int64",
                })
            }

            /// Or as a text of its digits.
            fn accepted(may_be_empty: bool) -> Schema {
                let digits = patterns::digits($Type::MIN);
                let mut schema = accepted(INTEGER_OR_TEXT, digits, may_be_empty);
                schema.insert("minimum".to_owned(), $Type::MIN.into());
                schema.insert("maximum".to_owned(), i64::MAX.into());
                schema.insert("format".to_owned(), "int64".into());
                schema
            }
        })*
    };
}

integers! {
    OpportunityId VenueId TypeId StageId SourceId CompanyId ContactId QualityId IndustryId QuoteId QuoteStatus
    LostReasonId UserId StageReasonId Version Sequence
}

described! { Name Text ChannelId ClosedDate Timestamp }

fn written_text(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": format!("^{pattern}$") })
}

/// A text, or what else may stand for one.
fn accepted(types: &[&str], pattern: &str, may_be_empty: bool) -> Schema {
    let (types, pattern) = if may_be_empty {
        ([types, &["null"]].concat(), format!("^(?:{pattern})?$"))
    } else {
        (types.to_vec(), format!("^{pattern}$"))
    };
    match types[..] {
        [one] => json_schema!({ "type": one, "pattern": pattern }),
        _ => json_schema!({ "type": types, "pattern": pattern }),
    }
}

const TEXT: &[&str] = &["string"];
const INTEGER_OR_TEXT: &[&str] = &["integer", "string"];

impl Form for Name {
    fn written() -> Schema {
        written_text(&patterns::text_that_is_not_blank())
    }

    fn accepted(may_be_empty: bool) -> Schema {
        accepted(TEXT, &patterns::text_that_is_not_blank(), may_be_empty)
    }
}

impl Form for Text {
    fn written() -> Schema {
        written_text(patterns::TEXT)
    }

    fn accepted(may_be_empty: bool) -> Schema {
        accepted(TEXT, patterns::TEXT, may_be_empty)
    }
}

impl Form for ChannelId {
    fn written() -> Schema {
        written_text(patterns::TEXT)
    }

    /// Or as an integer, which is kept as its digits, however many there are.
    fn accepted(may_be_empty: bool) -> Schema {
        let mut schema = accepted(INTEGER_OR_TEXT, patterns::TEXT, may_be_empty);
        schema.insert("minimum".to_owned(), 0.into());
        schema
    }
}

impl Form for ClosedDate {
    fn written() -> Schema {
        written_text(&patterns::written_date())
    }

    fn accepted(may_be_empty: bool) -> Schema {
        accepted(TEXT, &patterns::accepted_date(), may_be_empty)
    }
}

/// No request gives one.
impl Form for Timestamp {
    fn written() -> Schema {
        let mut schema = written_text(&patterns::timestamp());
        schema.insert("format".to_owned(), "date-time".into());
        schema
    }

    fn accepted(may_be_empty: bool) -> Schema {
        accepted(TEXT, &patterns::timestamp(), may_be_empty)
    }
}
