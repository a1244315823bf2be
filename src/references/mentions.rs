//! The ids that a request mentions.

use crate::domain::{
    Command, Field, Rejection, Value, VenueId, Violation, ViolationKind, Violations,
};

/// The ids that a request mentions: the values that it sets of the fields that are
/// [references](Field::is_reference).
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
pub struct Mentions<'a>(&'a Command);

impl<'a> Mentions<'a> {
    /// Those of a command.
    #[must_use]
    pub const fn new(command: &'a Command) -> Self {
        Self(command)
    }

    /// The venue in which they have to be known.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.0.venue()
    }

    /// The id that is mentioned of a field; `None` if there is none.
    #[must_use]
    pub fn id(&self, field: Field) -> Option<Value<'a>> {
        if !field.is_reference() {
            return None;
        }
        match self.0 {
            Command::Add { details, .. } => details.value(field),
            Command::Update { changes, .. } => changes.patch(field).value(),
        }
    }

    /// Every id, in the order of the table of fields: at most one a field.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Value<'a>)> + use<'a> {
        let mentions = *self;
        Field::DETAILS.iter().filter_map(move |&field| Some((field, mentions.id(field)?)))
    }

    /// The refusal of a request with these fields unknown, if it mentions any of them.
    pub(crate) fn refusal(&self, unknown: &[Field]) -> Option<Rejection> {
        let unknown_ids = self.iter().filter(|(field, _)| unknown.contains(field));
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
