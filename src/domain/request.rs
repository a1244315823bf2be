//! A request to add or to update, before the rules have seen it.

use std::collections::BTreeSet;

use super::closed_date::ClosedDate;
use super::details::Draft;
use super::field::{Field, with_fields};
use super::field_set::FieldSet;
use super::id::*; // so that the table of fields may name any of them
use super::idempotency_key::IdempotencyKey;
use super::patch::{IntoPatch, Patch};
use super::rejection::{Violation, ViolationKind};
use super::text::{ChannelId, Name, Text};
use super::value::{FieldValue, Given, Value};

/// A request to add an opportunity, or to update one: what is said of each field.
///
/// A value that is not well formed does not stop the building of a request; it is kept as a
/// violation, and [`decide`](crate::decide) reports all of them together. A setter called again
/// replaces what it said before.
///
/// ```
/// use opportunity_engine::{Patch, Request, VenueId, OpportunityId};
///
/// let venue = VenueId::new(107)?;
/// let add = Request::add(venue)
///     .name("Lead By API")
///     .contact_id(918)
///     .type_id(18)
///     .source_id(25)
///     .stage_id(69);
///
/// let update = Request::update(venue, OpportunityId::new(755)?)
///     .closed_date("2017-05-05")
///     .quality_id(Patch::Clear);
/// # Ok::<(), opportunity_engine::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "a request does nothing until it is given to an engine"]
pub struct Request {
    pub(super) id: Patch<OpportunityId>,
    pub(super) venue: Patch<VenueId>,
    pub(super) draft: Draft,
    pub(super) expected_version: Option<Version>,
    idempotency_key: Option<IdempotencyKey>,
    /// What is wrong with fields already: values that are not well formed, keys given twice.
    violations: Vec<Violation>,
    unknown_keys: BTreeSet<Box<str>>,
}

impl Request {
    /// A request to add an opportunity to a venue.
    pub fn add(venue: VenueId) -> Self {
        Self { venue: Patch::Set(venue), ..Self::default() }
    }

    /// A request to update an opportunity of a venue.
    pub fn update(venue: VenueId, id: OpportunityId) -> Self {
        Self { id: Patch::Set(id), ..Self::add(venue) }
    }

    /// Refuses the update with [`Conflict::Version`](super::Conflict::Version) if the opportunity has
    /// another version when it is its turn: what was read has been changed meanwhile.
    ///
    /// ```
    /// use opportunity_engine::{Code, Engine, Error, Request, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let added = engine.add_or_update(lead)?;
    ///
    /// let update = Request::update(venue, added.id()).expected_version(added.version());
    /// engine.add_or_update(update.clone().name("Won"))?;
    /// let error = engine.add_or_update(update.name("Lost")).unwrap_err();
    /// assert!(matches!(&error, Error::Rejected(rejection) if rejection.code() == Code::Conflict));
    /// assert_eq!(error.to_string(), "opportunity 1 has version 2, not the expected 1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn expected_version(mut self, version: Version) -> Self {
        self.expected_version = Some(version);
        self
    }

    /// Carries the request out once, however often it is sent under this key: again, because its answer was
    /// lost or [`unknown`](crate::Error::Unknown), from several threads, or in a batch. What became of it is
    /// recorded with the change itself, and the same request is given the same answer again, and changes
    /// nothing, until the key expires: see [`Options::key_lifetime`](crate::Options::key_lifetime).
    /// Another request under the key is refused with
    /// [`Conflict::IdempotencyKey`](super::Conflict::IdempotencyKey). It is the same if it says the same of each
    /// field, where on an add `null` says as little as no field at all, and expects the same version.
    ///
    /// Requests with keys are carried out at about a third of the rate of those without
    /// (`benches/RESULTS.md`).
    ///
    /// A request that is refused is not recorded: it has changed nothing, and may be sent again under its key.
    /// With `None` it has no key.
    ///
    /// ```
    /// use opportunity_engine::{Engine, IdempotencyKey, Request, VenueId};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let lead = lead.idempotency_key(IdempotencyKey::new("5f2b2c7e")?);
    ///
    /// let outcome = engine.add_or_update(lead.clone())?;
    /// assert_eq!(engine.add_or_update(lead.clone())?, outcome);
    /// assert_eq!(engine.ids(venue, None, 100)?, [outcome.id()]);
    ///
    /// let error = engine.add_or_update(lead.name("Another")).unwrap_err();
    /// assert_eq!(error.to_string(), "the idempotency key was used for another request");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idempotency_key(mut self, key: impl Into<Option<IdempotencyKey>>) -> Self {
        self.idempotency_key = key.into();
        self
    }

    /// The key under which it is carried out once: see [`Request::idempotency_key`].
    #[must_use]
    pub const fn once_under(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// The version that it expects: see [`Request::expected_version`].
    #[must_use]
    pub const fn expects(&self) -> Option<Version> {
        self.expected_version
    }

    /// What is said of a field. A field whose value is not well formed counts as absent here.
    #[must_use]
    pub fn patch(&self, field: Field) -> Patch<Value<'_>> {
        match field {
            Field::Id => self.id.map(|id| Value::Integer(id.get())),
            Field::VenueId => self.venue.map(|venue| Value::Integer(venue.get())),
            detail => self.draft.patch(detail),
        }
    }

    /// What is said of a field, as far as it makes a difference: an add has nothing to clear.
    pub(crate) fn meant(&self, field: Field) -> Patch<Value<'_>> {
        match self.patch(field) {
            Patch::Clear if self.id.value().is_none() => Patch::Keep,
            patch => patch,
        }
    }

    /// The bytes of all texts that it holds.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.draft.text_bytes()
    }

    /// Takes what a client gave for a field. A second value is a violation, and checked like the
    /// first.
    pub(crate) fn give(&mut self, field: Field, given: Given<'_>) {
        if self.mentions(field) {
            self.note(field, ViolationKind::Duplicate);
            if given.is_empty() {
                return;
            }
        }
        let taken = match field {
            Field::Id => FieldValue::patch(given).map(|id| self.id = id),
            Field::VenueId => FieldValue::patch(given).map(|venue| self.venue = venue),
            detail => self.draft.give(detail, given),
        };
        if let Err(invalid) = taken {
            self.note(field, ViolationKind::Malformed(invalid));
        }
    }

    /// Says nothing of a field any more, and nothing of what was wrong with it.
    #[cfg(feature = "proptest")]
    pub(crate) fn forget(&mut self, field: Field) {
        self.forget_violations(field);
        match field {
            Field::Id => self.id = Patch::Keep,
            Field::VenueId => self.venue = Patch::Keep,
            detail => self.draft.forget(detail),
        }
    }

    fn forget_violations(&mut self, field: Field) {
        self.violations.retain(|violation| violation.field() != Some(field));
    }

    /// Whether something is wrong with the request already, before any rule was asked.
    pub(crate) fn has_violations(&self) -> bool {
        !self.violations.is_empty() || !self.unknown_keys.is_empty()
    }

    /// Takes out what is wrong with the request already.
    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        let mut violations = std::mem::take(&mut self.violations);
        let unknown_keys = std::mem::take(&mut self.unknown_keys);
        violations.extend(unknown_keys.into_iter().map(Violation::unknown_key));
        violations
    }

    /// Takes a key that is not in the table: a violation.
    pub(crate) fn give_unknown(&mut self, key: &str) {
        if !self.unknown_keys.contains(key) {
            self.unknown_keys.insert(key.into());
        }
    }

    /// Takes such a key if there are not so many already; tells whether it is among them.
    pub(super) fn give_unknown_up_to(&mut self, most: usize, key: &str) -> bool {
        if self.unknown_keys.len() < most {
            self.give_unknown(key);
        }
        self.unknown_keys.contains(key)
    }

    /// Whether there are keys that are not in the table.
    pub(super) fn has_unknown_keys(&self) -> bool {
        !self.unknown_keys.is_empty()
    }

    /// The fields for which a value was given, well formed or not.
    pub(super) fn given(&self) -> FieldSet {
        let set = self.draft.set();
        let set = set.with_if(matches!(self.id, Patch::Set(_)), Field::Id);
        let set = set.with_if(matches!(self.venue, Patch::Set(_)), Field::VenueId);
        set | self.malformed()
    }

    /// The fields that are empty.
    pub(super) fn cleared(&self) -> FieldSet {
        let cleared = self.draft.cleared();
        let cleared = cleared.with_if(self.id == Patch::Clear, Field::Id);
        cleared.with_if(self.venue == Patch::Clear, Field::VenueId)
    }

    fn state(&self, field: Field) -> Patch<()> {
        match field {
            Field::Id => self.id.map(|_| ()),
            Field::VenueId => self.venue.map(|_| ()),
            detail => self.draft.state(detail),
        }
    }

    fn mentions(&self, field: Field) -> bool {
        self.state(field) != Patch::Keep || self.malformed().contains(field)
    }

    /// The fields with a value that is not well formed.
    fn malformed(&self) -> FieldSet {
        let malformed =
            |violation: &&Violation| matches!(violation.kind(), ViolationKind::Malformed(_));
        self.violations.iter().filter(malformed).filter_map(Violation::field).collect()
    }

    fn note(&mut self, field: Field, kind: ViolationKind) {
        let violation = Violation::of_field(field, kind);
        // A field breaks few rules, so the list stays short however long the request is.
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

macro_rules! define_setters {
    (
        keys { $($keys:tt)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// One setter a field of the details; see [`IntoPatch`] for what they take.
        impl Request {
            $(
                #[doc = concat!("`", $wire, "`: ", $doc)]
                pub fn $member(mut self, value: impl IntoPatch<$Type>) -> Self {
                    self.forget_violations(Field::$Field);
                    match value.into_patch() {
                        Ok(patch) => self.draft.$member = patch,
                        Err(invalid) => {
                            self.draft.$member = Patch::Keep;
                            self.note(Field::$Field, ViolationKind::Malformed(invalid));
                        }
                    }
                    self
                }
            )*
        }
    };
}
with_fields!(define_setters);
