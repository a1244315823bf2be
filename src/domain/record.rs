//! A stored opportunity as it was written down somewhere: its values by key, and the rules that make an
//! opportunity of them.

use super::decide::OWNERS;
use super::field::{Field, OnAdd};
use super::field_set::FieldSet;
use super::id::Version;
use super::opportunity::Opportunity;
use super::rejection::{Violation, ViolationKind, Violations};
use super::request::Request;
use super::system_field::SystemField;
use super::timestamp::Timestamp;
use super::value::{FieldValue, Given, InvalidValue};

/// The values that were written down of an opportunity, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The fields of the call: they are read, and checked one by one, as those of a request.
    fields: Request,
    version: Option<Version>,
    created_at: Option<Timestamp>,
    modified_at: Option<Timestamp>,
    given: Vec<SystemField>,
    /// How many keys were given that are not known, and not kept.
    left_out: usize,
    /// What is wrong with the system fields.
    violations: Vec<Violation>,
}

/// How many keys that are not known are kept. A line is far longer than a request may be: with all of them told, what
/// is wrong with it would take twenty times its memory.
const MAX_UNKNOWN_KEYS: usize = 100;

impl Record {
    /// Takes a value. What is wrong with it is kept, to be told with the rest.
    pub(crate) fn give(&mut self, key: &str, given: Given<'_>) {
        if let Some(field) = Field::from_wire_name(key) {
            self.fields.give(field, given);
        } else if let Some(field) = SystemField::from_wire_name(key) {
            self.give_system_field(field, given);
        } else if !self.fields.give_unknown_up_to(MAX_UNKNOWN_KEYS, key) {
            self.left_out += 1;
        }
    }

    fn give_system_field(&mut self, field: SystemField, given: Given<'_>) {
        if self.given.contains(&field) {
            self.note(field, ViolationKind::Duplicate);
        } else {
            self.given.push(field);
        }
        let taken = match field {
            SystemField::Version => Version::from_given(given).map(|it| self.version = Some(it)),
            SystemField::CreatedAt => moment(&given).map(|it| self.created_at = Some(it)),
            SystemField::ModifiedAt => moment(&given).map(|it| self.modified_at = Some(it)),
        };
        if let Err(invalid) = taken {
            self.note(field, ViolationKind::Malformed(invalid));
        }
    }

    fn note(&mut self, field: SystemField, kind: ViolationKind) {
        let violation = Violation::of_system_field(field, kind);
        // A field breaks few rules, so the list stays short however long the input is.
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// The opportunity, if no rule is broken; a field that was not given has no value.
    pub(crate) fn check(self) -> Result<Opportunity, Violations> {
        self.check_with(FieldSet::EMPTY)
    }

    /// The opportunity, if no rule is broken and every field was given, be it as empty.
    pub(crate) fn check_complete(self) -> Result<Opportunity, Violations> {
        let all: FieldSet = Field::ALL.iter().copied().collect();
        let mentioned = self.fields.given() | self.fields.cleared();
        self.check_with(all - mentioned)
    }

    fn check_with(mut self, absent: FieldSet) -> Result<Opportunity, Violations> {
        let missing = absent | without_value(self.fields.given());
        let mut violations = self.fields.take_violations();
        violations.append(&mut self.violations);
        violations.extend(
            missing.iter().map(|field| Violation::of_field(field, ViolationKind::Required)),
        );
        for field in SystemField::ALL {
            if !self.given.contains(&field) {
                violations.push(Violation::of_system_field(field, ViolationKind::Required));
            }
        }
        if self.modified_at.is_some() && self.modified_at < self.created_at {
            let kind = ViolationKind::BeforeCreation;
            violations.push(Violation::of_system_field(SystemField::ModifiedAt, kind));
        }
        match Violations::new(violations) {
            Some(violations) => Err(violations.leaving_out(self.left_out)),
            None => self.opportunity(),
        }
    }

    /// The opportunity of a record that breaks no rule; without a field that all have, there is none.
    fn opportunity(self) -> Result<Opportunity, Violations> {
        let missing = |field| Violations::from(Violation::of_field(field, ViolationKind::Required));
        let lacking =
            |field| Violations::from(Violation::of_system_field(field, ViolationKind::Required));
        Ok(Opportunity::of_checked_parts(
            self.fields.id.value().ok_or_else(|| missing(Field::Id))?,
            self.fields.venue.value().ok_or_else(|| missing(Field::VenueId))?,
            self.version.ok_or_else(|| lacking(SystemField::Version))?,
            self.created_at.ok_or_else(|| lacking(SystemField::CreatedAt))?,
            self.modified_at.ok_or_else(|| lacking(SystemField::ModifiedAt))?,
            self.fields.draft.into_details().map_err(missing)?,
        ))
    }
}

/// The fields of which every opportunity has a value, and that have none here: an owner among them, for
/// which the contact stands.
fn without_value(given: FieldSet) -> FieldSet {
    const REQUIRED: FieldSet =
        FieldSet::on_add(OnAdd::Required).with_if(true, Field::Id).with_if(true, Field::VenueId);
    const FOR_CONTACT: FieldSet = FieldSet::on_add(OnAdd::ForContact);

    let owner = if (given & OWNERS).is_empty() { FOR_CONTACT } else { FieldSet::EMPTY };
    (REQUIRED - given) | owner
}

fn moment(given: &Given<'_>) -> Result<Timestamp, InvalidValue> {
    match given {
        Given::Text(text) => Timestamp::from_text(text),
        _ => Err(InvalidValue::Timestamp),
    }
}
