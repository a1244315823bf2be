//! How the values of each type look in JSON: as they are written, and as a request may give them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::patterns::{self, exactly, perhaps};
use crate::domain::*; // every type of the table of fields

/// A type of value.
pub(super) trait Form {
    /// As it is written.
    fn written() -> Schema;

    /// As a request may give it, empty or not.
    fn accepted() -> Schema;
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

            fn accepted() -> Schema {
                json_schema!({
                    "type": ["integer", "string", "null"],
                    "minimum": $Type::MIN, "maximum": i64::MAX, "format": "int64",
                    "pattern": perhaps(patterns::digits($Type::MIN)),
                })
            }
        })*
    };
}

integers! {
    OpportunityId VenueId TypeId StageId SourceId CompanyId ContactId QualityId IndustryId QuoteId QuoteStatus
    LostReasonId UserId StageReasonId Version Sequence
}

described! { Name Text ChannelId ClosedDate Timestamp }

fn string(pattern: String) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

fn string_or_null(pattern: String) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": pattern })
}

impl Form for Name {
    fn written() -> Schema {
        string(exactly(&patterns::text_that_is_not_blank()))
    }

    fn accepted() -> Schema {
        string_or_null(perhaps(&patterns::text_that_is_not_blank()))
    }
}

impl Form for Text {
    fn written() -> Schema {
        string(exactly(patterns::TEXT))
    }

    fn accepted() -> Schema {
        string_or_null(perhaps(patterns::TEXT))
    }
}

/// An integer in the place of the text is kept as its digits, however many there are.
impl Form for ChannelId {
    fn written() -> Schema {
        Text::written()
    }

    fn accepted() -> Schema {
        json_schema!({
            "type": ["string", "integer", "null"], "minimum": 0, "pattern": perhaps(patterns::TEXT),
        })
    }
}

impl Form for ClosedDate {
    fn written() -> Schema {
        string(exactly(&patterns::written_date()))
    }

    fn accepted() -> Schema {
        string_or_null(perhaps(&patterns::accepted_date()))
    }
}

/// No request gives one.
impl Form for Timestamp {
    fn written() -> Schema {
        json_schema!({
            "type": "string", "format": "date-time", "pattern": exactly(&patterns::timestamp()),
        })
    }

    fn accepted() -> Schema {
        Self::written()
    }
}
