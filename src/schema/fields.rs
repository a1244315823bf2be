//! What the table of fields says, as schemas.

use schemars::{Schema, SchemaGenerator};

use super::forms::Form;
use crate::domain::*; // every type of the table of fields

macro_rules! define_of_fields {
    (
        keys { $($Key:ident $key:ident $key_wire:literal $KeyType:ident;)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// What a request may give for a field.
        pub(super) fn accepted(field: Field) -> Schema {
            let may_be_empty = may_be_empty(field);
            described(field, match field {
                $(Field::$Key => <$KeyType as Form>::accepted(may_be_empty),)*
                $(Field::$Field => <$Type as Form>::accepted(may_be_empty),)*
            })
        }

        /// A value of a field, as it is written; not where there is none.
        pub(super) fn value(field: Field, generator: &mut SchemaGenerator) -> Schema {
            match field {
                $(Field::$Key => generator.subschema_for::<$KeyType>(),)*
                $(Field::$Field => generator.subschema_for::<$Type>(),)*
            }
        }

        /// A value of a field as it is written, `null` where there is none.
        pub(super) fn value_or_null(field: Field, generator: &mut SchemaGenerator) -> Schema {
            match field {
                $(Field::$Key => generator.subschema_for::<Option<$KeyType>>(),)*
                $(Field::$Field => generator.subschema_for::<Option<$Type>>(),)*
            }
        }
    };
}
with_fields!(define_of_fields);

/// The schema, with what the field means.
pub(super) fn described(field: Field, mut schema: Schema) -> Schema {
    schema.insert("description".to_owned(), field.meaning().into());
    schema
}

/// Whether a request may give `null` or `""` for the field: to clear it, or to say nothing of it. What is
/// never cleared is required when adding, so it may not; an id that is empty says that it is an add.
fn may_be_empty(field: Field) -> bool {
    field == Field::Id || !always_has_a_value(field)
}

/// Whether every opportunity has a value for the field.
pub(super) fn always_has_a_value(field: Field) -> bool {
    field.clearing() == Clearing::Never
}

/// The details to which a rule applies when an opportunity is added.
pub(super) fn on_add(rule: OnAdd) -> Vec<Field> {
    Field::DETAILS.iter().copied().filter(|field| field.on_add() == Some(rule)).collect()
}

/// The details that are cleared by a rule.
pub(super) fn clearing(rule: Clearing) -> Vec<Field> {
    Field::DETAILS.iter().copied().filter(|field| field.clearing() == rule).collect()
}
