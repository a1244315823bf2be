//! What describes an opportunity, in three forms that hold the same fields: as a request gives it
//! ([`Draft`], unchecked), as an update changes it ([`Changes`]) and as it is ([`Details`]).

use super::closed_date::ClosedDate;
use super::damage::Damage;
use super::field::{Field, with_fields};
use super::field_set::FieldSet;
use super::id::*; // so that the table of fields may name any of them
use super::opportunity::BelongsTo;
use super::patch::Patch;
use super::text::{ChannelId, Name, Text};
use super::value::{FieldValue, Given, InvalidValue, Value};

/// A member of [`Details`]: a plain `T` where every opportunity has a value, an `Option<T>` where
/// it may have none.
trait Member: Sized {
    type Value: FieldValue;

    /// What an update may do to it; a plain member cannot be cleared.
    type Change;

    /// The change that a patch asks for. Clearing a plain member reads as keeping it here: the
    /// rules refuse it before.
    fn change(patch: Patch<Self::Value>) -> Self::Change;

    /// The change, seen as a patch.
    fn as_patch(change: &Self::Change) -> Patch<&Self::Value>;

    /// The member with this value; `None` if it needs one and there is none.
    fn from_option(value: Option<Self::Value>) -> Option<Self>;

    fn as_option(&self) -> Option<&Self::Value>;
}

impl<T: FieldValue> Member for T {
    type Value = T;
    type Change = Option<T>;

    fn change(patch: Patch<T>) -> Option<T> {
        patch.value()
    }

    fn as_patch(change: &Option<T>) -> Patch<&T> {
        change.as_ref().map_or(Patch::Keep, Patch::Set)
    }

    fn from_option(value: Option<T>) -> Option<T> {
        value
    }

    fn as_option(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T: FieldValue> Member for Option<T> {
    type Value = T;
    type Change = Patch<T>;

    fn change(patch: Patch<T>) -> Patch<T> {
        patch
    }

    fn as_patch(change: &Patch<T>) -> Patch<&T> {
        change.as_ref()
    }

    fn from_option(value: Option<T>) -> Option<Option<T>> {
        Some(value)
    }

    fn as_option(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// The type of a member of [`Details`], by what the table says of it.
macro_rules! member {
    (Required $Type:ty) => { $Type };
    ($OnAdd:ident $Type:ty) => { Option<$Type> };
}

/// The type that an accessor gives out for a member.
macro_rules! borrowed_member {
    (Required $Type:ty) => { &$Type };
    ($OnAdd:ident $Type:ty) => { Option<&$Type> };
}
pub(super) use borrowed_member;

macro_rules! borrow_member {
    (Required $member:expr) => {
        &$member
    };
    ($OnAdd:ident $member:expr) => {
        $member.as_ref()
    };
}

/// Whether a patched value differs from the one that is there.
fn changes<T: PartialEq>(patch: Patch<&T>, current: Option<&T>) -> bool {
    match patch {
        Patch::Keep => false,
        Patch::Clear => current.is_some(),
        Patch::Set(value) => current != Some(value),
    }
}

/// The patched value: the current one where the patch keeps it.
fn patched<T: Clone>(patch: Patch<&T>, current: Option<&T>) -> Option<T> {
    match patch {
        Patch::Keep => current.cloned(),
        Patch::Clear => None,
        Patch::Set(value) => Some(value.clone()),
    }
}

macro_rules! define_details {
    (
        keys { $($keys:tt)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// The details as a request gives them.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub(super) struct Draft {
            $(pub(super) $member: Patch<$Type>,)*
        }

        impl Draft {
            /// Takes a value that a client gave for a field of the details.
            pub(super) fn give(&mut self, field: Field, given: Given<'_>) -> Result<(), InvalidValue> {
                match field {
                    $(Field::$Field => self.$member = FieldValue::patch(given)?,)*
                    Field::Id | Field::VenueId => {}
                }
                Ok(())
            }

            /// Says nothing of a field of the details any more.
            #[cfg(feature = "proptest")]
            pub(super) fn forget(&mut self, field: Field) {
                match field {
                    $(Field::$Field => self.$member = Patch::Keep,)*
                    Field::Id | Field::VenueId => {}
                }
            }

            /// What is said of a field; nothing is said here of the id and the venue.
            pub(super) fn patch(&self, field: Field) -> Patch<Value<'_>> {
                match field {
                    $(Field::$Field => self.$member.as_ref().map(FieldValue::to_value),)*
                    Field::Id | Field::VenueId => Patch::Keep,
                }
            }

            /// Whether a field is absent, empty or set.
            pub(super) fn state(&self, field: Field) -> Patch<()> {
                match field {
                    $(Field::$Field => self.$member.as_ref().map(|_| ()),)*
                    Field::Id | Field::VenueId => Patch::Keep,
                }
            }

            /// The fields that are set.
            pub(super) fn set(&self) -> FieldSet {
                FieldSet::EMPTY
                    $(.with_if(matches!(self.$member, Patch::Set(_)), Field::$Field))*
            }

            /// The fields that are empty.
            pub(super) fn cleared(&self) -> FieldSet {
                FieldSet::EMPTY
                    $(.with_if(matches!(self.$member, Patch::Clear), Field::$Field))*
            }

            /// The bytes of all texts.
            pub(super) fn text_bytes(&self) -> usize {
                0 $(+ self.$member.as_ref().value().map_or(0, FieldValue::text_bytes))*
            }

            /// The details of a new opportunity, unless a field that all have is missing.
            pub(super) fn into_details(self) -> Result<Details, Field> {
                Ok(Details {
                    $($member: Member::from_option(self.$member.value()).ok_or(Field::$Field)?,)*
                })
            }

            pub(super) fn into_changes(self) -> Changes {
                Changes { $($member: <member!($OnAdd $Type)>::change(self.$member),)* }
            }
        }

        /// What describes an opportunity: every field but its id and its venue, checked.
        ///
        /// Only the rules of this crate make one: see [`decide`](crate::decide).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Details {
            $($member: member!($OnAdd $Type),)*
        }

        impl Details {
            $(
                #[doc = $doc]
                #[must_use]
                pub const fn $member(&self) -> borrowed_member!($OnAdd $Type) {
                    borrow_member!($OnAdd self.$member)
                }
            )*

            /// The value of a field; `None` if it has none, or if it is the id or the venue.
            #[must_use]
            pub fn value(&self, field: Field) -> Option<Value<'_>> {
                match field {
                    $(Field::$Field => self.$member.as_option().map(FieldValue::to_value),)*
                    Field::Id | Field::VenueId => None,
                }
            }

            /// Checks values that were stored.
            pub(super) fn from_values<'a>(
                mut value: impl FnMut(Field) -> Result<Option<Value<'a>>, Damage>,
            ) -> Result<Self, Damage> {
                $(
                    let $member = value(Field::$Field)?
                        .map(FieldValue::from_value)
                        .transpose()
                        .ok()
                        .and_then(Member::from_option)
                        .ok_or(Damage::of(Field::$Field.column()))?;
                )*
                Ok(Self { $($member,)* })
            }

            /// The details with the changes made; `None` if they change nothing.
            pub(super) fn merged(&self, changes: &Changes) -> Option<Self> {
                $(let $member = <member!($OnAdd $Type)>::as_patch(&changes.$member);)*
                let any = false $(|| self::changes($member, self.$member.as_option()))*;
                if !any {
                    return None;
                }
                Some(Self {
                    $($member: Member::from_option(patched($member, self.$member.as_option()))?,)*
                })
            }
        }

        /// What an update changes, checked: a field that every opportunity has cannot be cleared.
        ///
        /// Only the rules of this crate make one: see [`decide`](crate::decide).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Changes {
            $($member: <member!($OnAdd $Type) as Member>::Change,)*
        }

        impl Changes {
            /// What happens to a field; the id and the venue are always kept.
            #[must_use]
            pub fn patch(&self, field: Field) -> Patch<Value<'_>> {
                match field {
                    $(Field::$Field => {
                        <member!($OnAdd $Type)>::as_patch(&self.$member).map(FieldValue::to_value)
                    })*
                    Field::Id | Field::VenueId => Patch::Keep,
                }
            }
        }
    };
}
with_fields!(define_details);

impl Details {
    /// The company if there is one, else the contact; only a checked result is sure to have one.
    pub(super) fn owner(&self) -> Option<BelongsTo> {
        let company = self.company_id.map(BelongsTo::Company);
        company.or(self.contact_id.map(BelongsTo::Contact))
    }
}
