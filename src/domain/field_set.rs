//! Sets of fields, so that a rule over many fields is said at once: *required, and not given*.
//!
//! A set is an integer: to decide a request that breaks no rule takes about a tenth less than it does with
//! a loop over the table for each rule.

use std::ops::{BitAnd, BitOr, Sub};

use super::field::{Clearing, Field, OnAdd};

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldSet(u32);

// One bit a field.
const _: () = assert!(Field::ALL.len() <= u32::BITS as usize);

impl FieldSet {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) const fn of(field: Field) -> Self {
        Self(1 << field as u32)
    }

    /// The details for which an add has this rule.
    pub(super) const fn on_add(rule: OnAdd) -> Self {
        let mut set = Self::EMPTY;
        let mut rest = Field::ALL;
        while let [field, others @ ..] = rest {
            let holds = matches!(field.on_add(), Some(of_field) if of_field as u8 == rule as u8);
            set = set.with_if(holds, *field);
            rest = others;
        }
        set
    }

    /// The fields that an update clears by this rule.
    pub(super) const fn clearing(rule: Clearing) -> Self {
        let mut set = Self::EMPTY;
        let mut rest = Field::ALL;
        while let [field, others @ ..] = rest {
            set = set.with_if(field.clearing() as u8 == rule as u8, *field);
            rest = others;
        }
        set
    }

    /// The same set, and this field too if the condition holds.
    pub(super) const fn with_if(self, condition: bool, field: Field) -> Self {
        Self(self.0 | (condition as u32) << field as u32)
    }

    pub(super) const fn contains(self, field: Field) -> bool {
        self.0 & Self::of(field).0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its fields, in the order of the table.
    pub(super) fn iter(self) -> impl Iterator<Item = Field> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let first = Field::ALL.get(rest.trailing_zeros() as usize)?;
            rest -= Self::of(*first).0;
            Some(*first)
        })
    }
}

/// The fields that are in either.
impl BitOr for FieldSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The fields that are in both.
impl BitAnd for FieldSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The fields that are in the first alone.
impl Sub for FieldSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields.into_iter().fold(Self::EMPTY, |set, field| set.with_if(true, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_the_table_says_in_its_order() {
        for &field in Field::ALL {
            assert_eq!(FieldSet::of(field).iter().collect::<Vec<_>>(), [field]);
            for rule in [OnAdd::Required, OnAdd::ForCompany, OnAdd::ForContact, OnAdd::Optional] {
                assert_eq!(FieldSet::on_add(rule).contains(field), field.on_add() == Some(rule));
            }
            for rule in [Clearing::Never, Clearing::WhileOwned, Clearing::Always] {
                assert_eq!(FieldSet::clearing(rule).contains(field), field.clearing() == rule);
            }
        }
        let all: FieldSet = Field::ALL.iter().copied().rev().collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), Field::ALL);
    }

    #[test]
    fn sets_are_joined_and_cut_as_sets_are() {
        let both: FieldSet = [Field::Id, Field::Name].into_iter().collect();
        let id = FieldSet::of(Field::Id);
        assert_eq!(both - id, FieldSet::of(Field::Name));
        assert_eq!(both & id, id);
        assert_eq!((both - id) | id, both);
        assert!((id - both).is_empty() && !both.is_empty());
    }
}
