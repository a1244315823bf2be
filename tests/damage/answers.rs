//! What an engine says of a database, and where that is not what a commit had left.

use fastrand::Rng;
use opportunity_engine::{
    Engine, Field, IdempotencyKey, Opportunity, OpportunityId, Sequence, StoreError,
    StoreErrorKind, VenueId,
};

use crate::companions::Companions;
use crate::template::{Contents, Template, venues};
use crate::whole::Whole;

/// What an engine says of a database.
pub(crate) struct Answers {
    pub(crate) rows: Vec<Row>,
    lists: Vec<(VenueId, Told<Vec<OpportunityId>>)>,
    whole: Whole,
    companions: Companions,
}

/// An opportunity that was asked for, and what was told.
pub(crate) struct Row {
    pub(crate) venue: VenueId,
    pub(crate) id: OpportunityId,
    pub(crate) told: Told<Option<Opportunity>>,
}

/// An answer, or nothing but that the database is damaged.
pub(crate) type Told<T> = Result<T, Damaged>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// An answer; no error but that of damage will do.
pub(crate) fn told<T>(result: Result<T, StoreError>) -> Told<T> {
    result.map_err(|error| damaged(&error))
}

/// Damage has one name, whatever SQLite makes of it.
pub(crate) fn damaged(error: &StoreError) -> Damaged {
    let source = std::error::Error::source(error).map(ToString::to_string);
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}: {source:?}");
    Damaged
}

/// Where an answer is not what a commit had left.
#[derive(Debug, PartialEq)]
pub(crate) enum Difference {
    /// These fields of an opportunity have other values.
    Values(OpportunityId, Vec<String>),
    /// An opportunity is missing, or there is one too many.
    Row(OpportunityId),
    /// The list of a venue is another one.
    List(VenueId),
    /// This record of a change says something else.
    Record(Sequence),
    /// The feed has come to another record.
    End,
    /// Records are missing, or there are some too many.
    Feed,
    /// What was sent under a key is answered otherwise.
    Answer(IdempotencyKey),
    /// It is not known any more that something was done under a key.
    Forgotten(IdempotencyKey),
}

impl Difference {
    /// Whether it is a value that came back as another, as opposed to something that was not found where it
    /// belongs.
    pub(crate) const fn is_of_values(&self) -> bool {
        match self {
            Self::Values(..) | Self::Record(_) | Self::Answer(_) => true,
            Self::Row(_) | Self::List(_) | Self::End | Self::Feed | Self::Forgotten(_) => false,
        }
    }
}

impl Answers {
    /// Asks for opportunities, for some that do not exist, for the ids of every venue, and for one more of what
    /// takes longer: pages of lists and all that are written out, what is recorded, what was done under keys.
    pub(crate) fn of(engine: &Engine, template: &Template, rng: &mut Rng) -> Self {
        let contents = template.contents();
        let all = contents.rows.values().map(|row| (row.venue_id(), row.id()));
        let mut asked = rng.choose_multiple(all, template.looks);
        let next = OpportunityId::new(contents.last_id() + 1).unwrap();
        asked.extend(venues().map(|venue| (venue, next)));
        let list = |venue| (venue, told(engine.ids(venue, None, usize::MAX)));
        let mut answers = Self {
            rows: asked.into_iter().map(|(venue, id)| Row::ask(engine, venue, id)).collect(),
            lists: venues().map(list).collect(),
            whole: Whole::default(),
            companions: Companions::default(),
        };
        match rng.u8(0..3) {
            0 => answers.whole = Whole::ask(engine, template),
            1 if template.has_history => answers.companions = Companions::ask_for_changes(engine),
            _ => answers.companions = Companions::ask_for_keys(engine, template, rng),
        }
        answers
    }

    /// Asks for the same again.
    pub(crate) fn again(&self, engine: &Engine) -> Self {
        let rows = self.rows.iter().map(|row| Row::ask(engine, row.venue, row.id)).collect();
        Self { rows, lists: Vec::new(), whole: Whole::default(), companions: Companions::default() }
    }

    /// Sends what was done under keys again, and tells whether all of it is answered as it was known to be.
    pub(crate) fn send_again(&self, engine: &Engine) -> Told<bool> {
        self.companions.send_again(engine)
    }

    pub(crate) fn tell_of_damage(&self) -> bool {
        self.rows.iter().any(|row| row.told.is_err())
            || self.lists.iter().any(|(_, list)| list.is_err())
            || self.whole.tells_of_damage()
            || self.companions.tell_of_damage()
    }

    /// Where these answers are not what a commit had left; errors are no answers.
    pub(crate) fn differences(&self, contents: &Contents) -> Vec<Difference> {
        let of_row = |row: &Row| {
            let told = row.told.as_ref().ok()?.as_ref();
            difference(row.id, told, contents.get(row.venue, row.id))
        };
        let of_list = |(venue, list): &(VenueId, Told<Vec<OpportunityId>>)| {
            let list = list.as_ref().ok()?;
            (*list != contents.ids(*venue)).then_some(Difference::List(*venue))
        };
        let lists = self.lists.iter().filter_map(of_list);
        let mut differences: Vec<_> = self.rows.iter().filter_map(of_row).chain(lists).collect();
        let others = [self.whole.differences(contents), self.companions.differences(contents)];
        // What is asked for in several ways is told in each.
        for other in others.into_iter().flatten() {
            if !differences.contains(&other) {
                differences.push(other);
            }
        }
        differences
    }
}

impl Row {
    fn ask(engine: &Engine, venue: VenueId, id: OpportunityId) -> Self {
        let answer = told(engine.get(venue, id));
        match &answer {
            Ok(Some(row)) => {
                assert_eq!((row.venue_id(), row.id()), (venue, id), "not what was asked for");
            }
            Ok(None) => {}
            Err(Damaged) => {
                let again = told(engine.get(venue, id));
                assert_eq!(again, Err(Damaged), "damage is told only once");
            }
        }
        Self { venue, id, told: answer }
    }
}

/// The difference between what was told of an opportunity and what is expected.
pub(crate) fn difference(
    id: OpportunityId,
    told: Option<&Opportunity>,
    expected: Option<&Opportunity>,
) -> Option<Difference> {
    match (told, expected) {
        (Some(told), Some(expected)) if told != expected => {
            Some(Difference::Values(id, differing(told, expected)))
        }
        (Some(_), Some(_)) | (None, None) => None,
        (Some(_), None) | (None, Some(_)) => Some(Difference::Row(id)),
    }
}

/// The fields in which two opportunities differ.
pub(crate) fn differing(one: &Opportunity, other: &Opportunity) -> Vec<String> {
    let differ = Field::ALL.iter().filter(|&&field| one.value(field) != other.value(field));
    let mut names: Vec<String> = differ.map(ToString::to_string).collect();
    let system = [
        ("version", one.version() == other.version()),
        ("createdAt", one.created_at() == other.created_at()),
        ("modifiedAt", one.modified_at() == other.modified_at()),
    ];
    names.extend(system.iter().filter(|(_, same)| !same).map(|(name, _)| (*name).to_owned()));
    names
}
