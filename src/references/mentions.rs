//! The ids that a request mentions.

use crate::domain::{
    Command, Field, Opportunity, Patch, Rejection, Value, VenueId, Violation, ViolationKind,
    Violations,
};

/// The ids that a request mentions: the values that it sets of the fields that are
/// [references](Field::is_reference); and beside one of a pair that it changes, the other one that is stored.
///
/// ```
/// use opportunity_engine::{Field, Mentions, Request, Value, VenueId, OpportunityId, decide};
///
/// let venue = VenueId::new(107)?;
/// let update = Request::update(venue, OpportunityId::new(755)?).name("Lead").stage_id(69);
/// let command = decide(update)?;
/// let mentions = Mentions::new(&command);
/// assert_eq!(mentions.venue(), venue);
/// assert_eq!(mentions.iter().collect::<Vec<_>>(), [(Field::StageId, Value::Integer(69))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Mentions<'a> {
    command: &'a Command,
    /// What the command updates, if that is known.
    stored: Option<&'a Opportunity>,
}

impl<'a> Mentions<'a> {
    /// Those of a command alone.
    #[must_use]
    pub const fn new(command: &'a Command) -> Self {
        Self { command, stored: None }
    }

    /// Those of an update, beside the opportunity that it updates.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Field, Mentions, Request, Value, VenueId, decide};
    ///
    /// let engine = Engine::in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let id = engine.add_or_update(lead)?.id();
    /// let stored = engine.get(venue, id)?.unwrap();
    ///
    /// let command = decide(Request::update(venue, id).stage_reason_id(4))?;
    /// let mentions = Mentions::new(&command).beside(&stored);
    /// let (stage, reason) = (Value::Integer(69), Value::Integer(4));
    /// let expected = [(Field::StageId, stage), (Field::StageReasonId, reason)];
    /// assert_eq!(mentions.iter().collect::<Vec<_>>(), expected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn beside(self, stored: &'a Opportunity) -> Self {
        Self { stored: Some(stored), ..self }
    }

    /// The venue in which they have to be known.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.command.venue()
    }

    /// The id that is mentioned of a field; `None` if there is none.
    #[must_use]
    pub fn id(&self, field: Field) -> Option<Value<'a>> {
        if !field.is_reference() {
            return None;
        }
        self.given(field).or_else(|| self.kept_beside_its_partner(field))
    }

    /// What an update relies on that gives one of a pair alone: that the other one stays what it is; or, if it gives
    /// what is there already, that this stays so, and the pair as it is.
    pub(crate) fn relied_on(self) -> impl Iterator<Item = (Field, Option<Value<'a>>)> {
        let stored = move |field| self.stored.and_then(|stored| stored.value(field));
        Field::DETAILS.iter().filter_map(move |&field| {
            let partner = field.partner().filter(|_| self.is_kept_beside_its_partner(field))?;
            let is_changed = self.given(partner) != stored(partner);
            let relied_on = if is_changed { field } else { partner };
            Some((relied_on, stored(relied_on)))
        })
    }

    fn given(&self, field: Field) -> Option<Value<'a>> {
        match self.command {
            Command::Add { details, .. } => details.value(field),
            Command::Update { changes, .. } => changes.patch(field).value(),
        }
    }

    fn is_kept_beside_its_partner(&self, field: Field) -> bool {
        let Command::Update { changes, .. } = self.command else { return false };
        let is_given = |partner| self.given(partner).is_some();
        changes.patch(field) == Patch::Keep && field.partner().is_some_and(is_given)
    }

    /// What is stored of a field that the update leaves as it is, if it changes the other one of the pair.
    fn kept_beside_its_partner(&self, field: Field) -> Option<Value<'a>> {
        let stored = self.stored.filter(|_| self.is_kept_beside_its_partner(field))?;
        let partner = field.partner()?;
        let is_changed = self.given(partner) != stored.value(partner);
        stored.value(field).filter(|_| is_changed)
    }

    /// Every id, in the order of the table of fields: at most one a field.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Value<'a>)> + use<'a> {
        let mentions = *self;
        Field::DETAILS.iter().filter_map(move |&field| Some((field, mentions.id(field)?)))
    }

    /// The refusal of a request with these fields unknown, if it mentions any of them. That a stage or a company
    /// is unknown that is stored already is no fault of the request.
    pub(crate) fn refusal(&self, unknown: &[Field]) -> Option<Rejection> {
        let is_its_fault =
            |field: Field| self.given(field).is_some() || field.belongs_within().is_some();
        let unknown_ids =
            self.iter().filter(|(field, _)| unknown.contains(field) && is_its_fault(*field));
        let violations = unknown_ids.map(|(field, id)| {
            let within =
                field.belongs_within().filter(|it| self.id(*it).is_some() && !unknown.contains(it));
            let (venue, id) = (self.venue(), id.into_owned());
            Violation::of_field(field, ViolationKind::UnknownReference { venue, id, within })
        });
        Violations::new(violations.collect()).map(Rejection::Invalid)
    }
}

/// Names the fields alone: what is logged in passing tells no value.
impl std::fmt::Debug for Mentions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(field, _)| field)).finish()
    }
}
