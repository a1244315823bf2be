//! Refusals: what is wrong with a request, as data and as text.

use std::fmt;

use serde::Serialize;

use super::field::{Clearing, Field};
use super::id::{OpportunityId, VenueId, Version};
use super::system_field::SystemField;
use super::value::{InvalidValue, Value};

/// The class of a refusal: one of the three codes of the published call, or a conflict, which only
/// the conditions of this crate can lead to. Serialised it is its name, such as `notFound`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Code {
    /// 24221: the request is empty.
    Empty,
    /// 24222: the opportunity does not exist in that venue.
    NotFound,
    /// 24224: the opportunity details are invalid.
    Invalid,
    /// What the request relies on is not so. The published call has no number for it.
    Conflict,
}

impl Code {
    /// Every code, in ascending order.
    pub const ALL: [Self; 4] = [Self::Empty, Self::NotFound, Self::Invalid, Self::Conflict];

    /// The number on the wire, `specificCode`.
    #[must_use]
    pub const fn number(self) -> Option<u16> {
        match self {
            Self::Empty => Some(24221),
            Self::NotFound => Some(24222),
            Self::Invalid => Some(24224),
            Self::Conflict => None,
        }
    }

    /// The class of the outcome in terms of HTTP, `errorCode`.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Empty | Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
        }
    }
}

/// Why a request was refused. Nothing was changed; but for a [`Conflict::Pair`], the same request will be refused
/// again until it, or the opportunity it names, is another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Nothing was given: no bytes, only white space, `null`, `{}`, `[]`, or only empty fields.
    #[error("the request is empty")]
    Empty,
    /// There is no such opportunity in that venue.
    #[error("opportunity {id} does not exist in venue {venue}")]
    NotFound {
        /// The venue that was searched.
        venue: VenueId,
        /// The id that was not found there.
        id: OpportunityId,
    },
    /// The details break rules.
    #[error("the opportunity details are invalid: {0}")]
    Invalid(Violations),
    /// What the request relies on is not so.
    #[error(transparent)]
    Conflict(Conflict),
}

/// What a request relies on, and what is so instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The opportunity was changed since: it has another version than
    /// [`Request::expected_version`](super::Request::expected_version) says.
    #[error("opportunity {id} has version {current}, not the expected {expected}")]
    Version {
        /// The opportunity.
        id: OpportunityId,
        /// The version that the request expects.
        expected: Version,
        /// The version that it has: read it, look at what has changed, and send another request.
        current: Version,
    },
    /// Another request was carried out under the same
    /// [`Request::idempotency_key`](super::Request::idempotency_key).
    #[error("the idempotency key was used for another request")]
    IdempotencyKey,
    /// The update gives one of a pair, a stage or its reason say, and was held against the other one that was there; by
    /// its turn somebody, or an earlier request of the same batch, has changed that. See
    /// [`References`](crate::References#pairs).
    #[error(
        "'{field}' of opportunity {id} was changed after the request was held against it; send it again, or give \
         both of the pair"
    )]
    Pair {
        /// The opportunity.
        id: OpportunityId,
        /// The field that was changed.
        field: Field,
    },
}

impl Rejection {
    /// The code of the published call.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Empty => Code::Empty,
            Self::NotFound { .. } => Code::NotFound,
            Self::Invalid(_) => Code::Invalid,
            Self::Conflict(_) => Code::Conflict,
        }
    }

    /// Every violation, in the order of the table; none unless the code is [`Code::Invalid`].
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            Self::Empty | Self::NotFound { .. } | Self::Conflict(_) => &[],
        }
    }

    /// What happened, without the violations: the `message` on the wire.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::Invalid(_) => "the opportunity details are invalid".to_owned(),
            Self::Empty | Self::NotFound { .. } | Self::Conflict(_) => self.to_string(),
        }
    }

    /// A refusal for one violation of the request as a whole.
    pub(crate) fn of_request(kind: ViolationKind) -> Self {
        Self::Invalid(Violation::of_request(kind).into())
    }
}

/// The violations of one request: at least one, in the order of the table, keys that are not in
/// the table after it in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    told: Vec<Violation>,
    left_out: usize,
}

impl Violations {
    /// Puts violations in order; `None` if there are none.
    pub(crate) fn new(mut violations: Vec<Violation>) -> Option<Self> {
        violations.sort();
        (!violations.is_empty()).then_some(Self { told: violations, left_out: 0 })
    }

    /// With so many keys that are not known, and not among them.
    pub(crate) fn leaving_out(self, keys: usize) -> Self {
        Self { left_out: keys, ..self }
    }

    /// How many further keys were given that are not in the table: of an opportunity that is
    /// [imported](crate::Engine::import), or deserialised, the first hundred are told. Of a request all are.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self { told: vec![violation], left_out: 0 }
    }
}

impl std::ops::Deref for Violations {
    type Target = [Violation];

    fn deref(&self) -> &[Violation] {
        &self.told
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.told.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        match self.left_out {
            0 => Ok(()),
            left_out => write!(f, "; and {left_out} more that are not known fields"),
        }
    }
}

/// One rule that a request breaks. Its `Display` is the text for `additionalMessages`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    subject: Subject,
    kind: ViolationKind,
}

impl Violation {
    /// What the violation is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The field that it is about, if it is about one.
    #[must_use]
    pub const fn field(&self) -> Option<Field> {
        match self.subject {
            Subject::Field(field) => Some(field),
            Subject::Request | Subject::System(_) | Subject::UnknownKey(_) => None,
        }
    }

    /// Which rule is broken.
    #[must_use]
    pub const fn kind(&self) -> &ViolationKind {
        &self.kind
    }

    pub(crate) const fn of_field(field: Field, kind: ViolationKind) -> Self {
        Self { subject: Subject::Field(field), kind }
    }

    pub(crate) const fn of_system_field(field: SystemField, kind: ViolationKind) -> Self {
        Self { subject: Subject::System(field), kind }
    }

    pub(crate) const fn of_request(kind: ViolationKind) -> Self {
        Self { subject: Subject::Request, kind }
    }

    pub(crate) const fn unknown_key(key: Box<str>) -> Self {
        Self { subject: Subject::UnknownKey(key), kind: ViolationKind::UnknownKey }
    }
}

/// What a violation is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// The request as a whole.
    Request,
    /// A field of the table.
    Field(Field),
    /// What the engine adds to a row. No request has it, but an opportunity that is imported.
    System(SystemField),
    /// A key that is not in the table, as it was given.
    UnknownKey(Box<str>),
}

/// Which rule a violation breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ViolationKind {
    /// The field is required and was not given.
    Required,
    /// The value is not well formed.
    Malformed(InvalidValue),
    /// The field may not be cleared.
    NotClearable,
    /// The time of the last change is before that of the addition.
    BeforeCreation,
    /// Clearing the field would leave the opportunity without an owner.
    LastOwner,
    /// The key was given more than once.
    Duplicate,
    /// The key is not in the table.
    UnknownKey,
    /// What the field names does not exist in the venue, as far as the references that were given to the
    /// engine tell: see [`References`](crate::References).
    UnknownReference {
        /// The venue.
        venue: VenueId,
        /// The id that is not known there.
        id: Value<'static>,
        /// The field, itself known, to whose value the id has to belong, if there is one: the stage of a
        /// reason, the company of a lead contact. One of the two may be stored already, and not in the request.
        within: Option<Field>,
    },
    /// The request is JSON, but not an object.
    NotAnObject,
    /// The request is not JSON.
    MalformedJson {
        /// Where it stops being JSON: the line, from 1.
        line: usize,
        /// Where it stops being JSON: the byte within the line, from 1 (0 just after a line break).
        column: usize,
        /// What is wrong there.
        reason: Box<str>,
    },
    /// An add expects a version: what is added has none before.
    ExpectsVersion,
    /// The request is larger than the engine accepts.
    TooLarge {
        /// The most that it accepts, in bytes.
        limit: usize,
    },
}

/// A text that a client sent, as a message repeats it: its beginning, quoted.
struct Excerpt<'a>(&'a str);

impl Excerpt<'_> {
    /// The longest part that is repeated, in characters.
    const MAX: usize = 64;
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(Self::MAX).map_or(self.0.len(), |(at, _)| at);
        let (excerpt, rest) = self.0.split_at(end);
        let ellipsis = if rest.is_empty() { "" } else { "…" };
        write!(f, "'{}{ellipsis}'", excerpt.escape_debug())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("the request"),
            Self::Field(field) => write!(f, "'{field}'"),
            Self::System(field) => write!(f, "'{field}'"),
            Self::UnknownKey(key) => Excerpt(key).fmt(f),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.subject)?;
        match &self.kind {
            ViolationKind::Required => f.write_str("is required"),
            ViolationKind::Malformed(invalid) => f.write_str(&invalid.requirement()),
            ViolationKind::NotClearable => f.write_str("may not be cleared"),
            ViolationKind::BeforeCreation => {
                write!(f, "must not be before '{}'", SystemField::CreatedAt)
            }
            ViolationKind::LastOwner => {
                f.write_str("may be cleared only if ")?;
                let others = Field::ALL.iter().filter(|other| {
                    other.clearing() == Clearing::WhileOwned && Some(**other) != self.field()
                });
                for other in others {
                    write!(f, "'{other}' ")?;
                }
                f.write_str("remains")
            }
            ViolationKind::Duplicate => f.write_str("is given more than once"),
            ViolationKind::UnknownKey => f.write_str("is not a known field"),
            ViolationKind::UnknownReference { venue, id, within } => {
                match id {
                    Value::Integer(id) => id.fmt(f)?,
                    Value::Text(id) => Excerpt(id).fmt(f)?,
                    Value::Date(date) => date.fmt(f)?,
                }
                write!(f, " is unknown in venue {venue}")?;
                within.map_or(Ok(()), |within| write!(f, " for its '{within}'"))
            }
            ViolationKind::NotAnObject => f.write_str("must be one JSON object"),
            ViolationKind::MalformedJson { line, column, reason } => {
                write!(f, "is not valid JSON at line {line}, column {column}: {reason}")
            }
            ViolationKind::ExpectsVersion => {
                f.write_str("must not expect a version of what it adds")
            }
            ViolationKind::TooLarge { limit } => write!(f, "must be at most {limit} bytes"),
        }
    }
}
