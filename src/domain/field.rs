//! The one table of fields. Everything that depends on the set of fields is generated from it:
//! the [`Field`] enum, the aggregate's members and accessors, the request's setters, the decoder,
//! the serialised forms and the statements of the store.
//!
//! To add a field, add its row here, its column in `schema.sql`, and a migration for databases
//! that exist already.

use super::closed_date::ClosedDate;
use super::id::*; // so that the table of fields may name any of them
use super::text::{ChannelId, Name, Text};
use super::value::FieldValue;

/// Hands the table to the macro `$consumer`.
///
/// The columns of `details` are: variant of [`Field`], member and database column, wire name,
/// type, whether an add requires it ([`OnAdd`]), whether it may be cleared ([`Clearing`]), meaning.
///
/// A `Required` row becomes a plain member of the aggregate, any other an `Option`.
macro_rules! with_fields {
    ($consumer:ident) => {
        $consumer! {
            keys {
                Id id "id" OpportunityId;
                VenueId venue_id "venueId" VenueId;
            }
            details {
                Name name "name" Name Required Never
                    "What the opportunity is called.";
                TypeId type_id "typeId" TypeId Required Never
                    "The type of opportunity.";
                StageId stage_id "stageId" StageId Required Never
                    "The stage it has reached.";
                SourceId source_id "sourceId" SourceId Required Never
                    "Where it came from.";
                CompanyId company_id "companyId" CompanyId ForCompany WhileOwned
                    "The company it belongs to.";
                CompanyLeadContactId company_lead_contact_id "companyLeadContactId" ContactId ForCompany Always
                    "The contact who leads for the company.";
                ContactId contact_id "contactId" ContactId ForContact WhileOwned
                    "The contact it belongs to when there is no company.";
                QualityId quality_id "qualityId" QualityId Optional Always
                    "How good the lead is.";
                IndustryId industry_id "industryId" IndustryId Optional Always
                    "The industry it concerns.";
                ConfirmedQuoteId confirmed_quote_id "confirmedQuoteId" QuoteId Optional Always
                    "The quote that was confirmed.";
                ConfirmedQuoteStatus confirmed_quote_status "confirmedQuoteStatus" QuoteStatus Optional Always
                    "The status of the confirmed quote; 0 is a status too.";
                CancelledQuoteId cancelled_quote_id "cancelledQuoteId" QuoteId Optional Always
                    "The quote that was cancelled.";
                LostToCompetition lost_to_competition "lostToCompetition" LostReasonId Optional Always
                    "The reason why it was lost.";
                ClosedDate closed_date "closedDate" ClosedDate Optional Always
                    "When it was closed, UTC.";
                OwnerUserId owner_user_id "ownerUserId" UserId Optional Always
                    "The user who owns it.";
                StageReasonId stage_reason_id "stageReasonId" StageReasonId Optional Always
                    "Why it is in its stage.";
                ChannelId channel_id "channelId" ChannelId Optional Always
                    "The channel it came through.";
                Description description "description" Text Optional Always
                    "Free text about it.";
            }
        }
    };
}
pub(crate) use with_fields;

/// Whether an add has to give a field. An add belongs to a company if it gives the company or its
/// lead contact, else to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnAdd {
    /// Every add gives it.
    Required,
    /// An add that belongs to a company gives it.
    ForCompany,
    /// An add that belongs to a contact gives it.
    ForContact,
    /// An add may leave it out.
    Optional,
}

/// Whether an update may clear a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clearing {
    /// It always has a value.
    Never,
    /// It may be cleared while another owner, company or contact, remains.
    WhileOwned,
    /// It may be cleared.
    Always,
}

macro_rules! define_field {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// A field of the published call *addOrUpdateOpportunity*, in the order of its table.
        ///
        /// | field | type | on add ([`OnAdd`]) | may be cleared ([`Clearing`]) | meaning |
        /// |---|---|---|---|---|
        $(#[doc = concat!("| `", $key_wire, "` | [`", stringify!($KeyType), "`](crate::", stringify!($KeyType), ") | – | – | – |")])*
        $(#[doc = concat!("| `", $wire, "` | [`", stringify!($Type), "`](crate::", stringify!($Type), ") | ", stringify!($OnAdd), " | ", stringify!($Clearing), " | ", $doc, " |")])*
        ///
        /// ```
        /// use opportunity_engine::{Field, OnAdd};
        ///
        /// assert_eq!(Field::StageId.wire_name(), "stageId");
        /// assert_eq!(Field::from_wire_name("stageId"), Some(Field::StageId));
        /// assert_eq!(Field::StageId.on_add(), Some(OnAdd::Required));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = concat!("`", $key_wire, "`")] $Key,)*
            $(#[doc = concat!("`", $wire, "`: ", $doc)] $Field,)*
        }

        impl Field {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$Key,)* $(Self::$Field,)*];

            /// The fields that describe an opportunity: all but its id and its venue.
            pub const DETAILS: &'static [Self] = &[$(Self::$Field,)*];

            /// The key of the field in a JSON request.
            #[must_use]
            pub const fn wire_name(self) -> &'static str {
                match self {
                    $(Self::$Key => $key_wire,)*
                    $(Self::$Field => $wire,)*
                }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    Self::Id => "The opportunity.",
                    Self::VenueId => "The venue that it belongs to.",
                    $(Self::$Field => $doc,)*
                }
            }

            /// The field with this key, if there is one; keys are case-sensitive.
            #[must_use]
            pub fn from_wire_name(name: &str) -> Option<Self> {
                match name {
                    $($key_wire => Some(Self::$Key),)*
                    $($wire => Some(Self::$Field),)*
                    _ => None,
                }
            }

            /// The column that stores the field.
            #[must_use]
            pub const fn column(self) -> &'static str {
                match self {
                    $(Self::$Key => stringify!($key),)*
                    $(Self::$Field => stringify!($member),)*
                }
            }

            /// Whether an add has to give it; `None` for the id and the venue, which are not details.
            #[must_use]
            pub const fn on_add(self) -> Option<OnAdd> {
                match self {
                    $(Self::$Key => None,)*
                    $(Self::$Field => Some(OnAdd::$OnAdd),)*
                }
            }

            /// Whether an update may clear it.
            #[must_use]
            pub const fn clearing(self) -> Clearing {
                match self {
                    $(Self::$Key => Clearing::Never,)*
                    $(Self::$Field => Clearing::$Clearing,)*
                }
            }

            /// Whether its value is the id of something outside of the opportunity, which may or may not
            /// exist: a stage, a user, a quote. See [`References`](crate::References).
            #[must_use]
            pub const fn is_reference(self) -> bool {
                match self {
                    $(Self::$Key => false,)*
                    $(Self::$Field => <$Type as FieldValue>::IS_ID,)*
                }
            }
        }
    };
}
with_fields!(define_field);

impl Field {
    /// The field whose value decides which values this one may have: a reason belongs to a stage, a lead
    /// contact to a company.
    #[must_use]
    pub const fn belongs_within(self) -> Option<Self> {
        match self {
            Self::StageReasonId => Some(Self::StageId),
            Self::CompanyLeadContactId => Some(Self::CompanyId),
            _ => None,
        }
    }

    /// The other field of the pair that this one is of: that within which it belongs, or that which belongs
    /// within it.
    pub(crate) fn partner(self) -> Option<Self> {
        let belongs_within_it = |it: &&Self| it.belongs_within() == Some(self);
        self.belongs_within().or_else(|| Self::DETAILS.iter().find(belongs_within_it).copied())
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.wire_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_name_leads_back_to_its_field_and_the_order_is_that_of_the_table() {
        for (position, &field) in Field::ALL.iter().enumerate() {
            assert_eq!(Field::from_wire_name(field.wire_name()), Some(field));
            assert_eq!(field as usize, position);
        }
        assert_eq!(Field::from_wire_name("VENUEID"), None);
        assert_eq!(Field::ALL.len(), Field::DETAILS.len() + 2);
    }

    #[test]
    fn a_reference_is_what_has_the_type_of_an_id() {
        let others = [
            Field::Id,
            Field::VenueId,
            Field::Name,
            Field::ConfirmedQuoteStatus,
            Field::ClosedDate,
            Field::Description,
        ];
        for &field in Field::ALL {
            assert_eq!(field.is_reference(), !others.contains(&field), "{field}");
            assert!(field.belongs_within().is_none_or(Field::is_reference), "{field}");
        }
    }

    #[test]
    fn what_every_add_requires_is_what_may_never_be_cleared() {
        for &field in Field::DETAILS {
            assert_eq!(
                field.on_add() == Some(OnAdd::Required),
                field.clearing() == Clearing::Never,
                "{field}"
            );
        }
    }
}
