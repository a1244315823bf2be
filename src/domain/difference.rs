//! In what two states of an opportunity differ.

use std::borrow::Cow;

use super::details::Details;
use super::field::Field;
use super::value::Value;

/// A field that has another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldChange {
    /// The field: one of [`Field::DETAILS`].
    pub field: Field,
    /// Its value before; `None` if it had none.
    pub old: Option<Value<'static>>,
    /// Its value since; `None` if it was cleared.
    pub new: Option<Value<'static>>,
}

/// Changed fields that serialise to an object: the wire name of each, with its old and its new value.
pub(crate) struct ChangedFields<'a>(pub(crate) Cow<'a, [FieldChange]>);

/// The fields that differ, in the order of the table; all that have a value if there was nothing before.
pub(crate) fn differences(before: Option<&Details>, after: &Details) -> Vec<FieldChange> {
    let difference = |&field: &Field| {
        let old = before.and_then(|before| before.value(field));
        let new = after.value(field);
        let own = |value: Option<Value<'_>>| value.map(Value::into_owned);
        (old != new).then(|| FieldChange { field, old: own(old), new: own(new) })
    };
    Field::DETAILS.iter().filter_map(difference).collect()
}
