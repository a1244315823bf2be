//! How thoroughly a database is verified, and what that finds.

use std::fmt;

use crate::domain::Damage;

/// How thoroughly a database is verified. See [`Engine::verify`](crate::Engine::verify).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verification {
    /// The format of the file, and the type and the constraints of every stored value, by SQLite's
    /// `quick_check`. About a second for a million opportunities.
    Quick,
    /// All of that by SQLite's `integrity_check`; then every opportunity by the rules that it had to
    /// meet when it was written and by its checksum, the counters, and against the opportunities the index by venue, the recorded
    /// changes and the idempotency keys. About five seconds for a million opportunities, without changes.
    Full,
}

/// What a verification has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Findings {
    /// How many opportunities were looked at: all of them, if no damage was in the way.
    pub opportunities: u64,
    /// What is wrong, at most [`MAX_PROBLEMS`](Self::MAX_PROBLEMS). If there are that many there may be
    /// more.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a database. Its text names records and columns, never what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The format of the file is broken, or a stored value has the wrong type: what SQLite says of it.
    #[error("{0}")]
    Format(String),
    /// The version of the schema is not that of the tables.
    #[error("the schema version is said to be {version}, and the tables are of another")]
    Version {
        /// What is said.
        version: i64,
    },
    /// A stored value of an opportunity breaks the rules, or is not the one that was written.
    #[error("opportunity {id}: {}", Damage::of(column))]
    Value {
        /// The id of the row.
        id: i64,
        /// The column; `checksum` if each value by itself keeps the rules.
        column: &'static str,
    },
    /// The row of counters is missing.
    #[error("the row of counters is missing")]
    NoCounters,
    /// One of the counters does not fit the others: the engine refuses to go by them.
    #[error("the counter {column} does not fit the others")]
    Counter {
        /// The column.
        column: &'static str,
    },
    /// The counter of ids is behind: the next opportunity would get an id that is taken.
    #[error("the last id is said to be {last_id}, but there is opportunity {highest_id}")]
    CounterBehind {
        /// The id that is said to have been assigned last.
        last_id: i64,
        /// The highest id of an opportunity.
        highest_id: i64,
    },
    /// The index by venue claims opportunities that are still to come: they would be missing in lists.
    #[error(
        "the index by venue is said to reach opportunity {reach}, but the last id is {last_id}"
    )]
    IndexAhead {
        /// The id up to which the index is said to reach.
        reach: i64,
        /// The id that was assigned last.
        last_id: i64,
    },
    /// The index by venue lacks an opportunity that it claims to hold: it is missing in lists.
    #[error("the index by venue lacks opportunity {id} of venue {venue}")]
    NotIndexed {
        /// The venue of the row.
        venue: i64,
        /// The id of the row.
        id: i64,
    },
    /// The row that says how far the change feed has come is missing.
    #[error("the row of the change feed is missing")]
    NoChangeFeed,
    /// The counter of the change feed is behind: the next change would get a sequence that is taken.
    #[error(
        "the last change is said to be {last_sequence}, but there is change {highest_sequence}"
    )]
    ChangeFeedBehind {
        /// The sequence that is said to have been assigned last.
        last_sequence: i64,
        /// The highest sequence of a recorded change.
        highest_sequence: i64,
    },
    /// A stored value of a recorded change breaks the rules, or is not the one that was written.
    #[error("change {sequence}: {}", Damage::of(column))]
    Change {
        /// The sequence of the change.
        sequence: i64,
        /// The column; `checksum` if each value by itself keeps the rules.
        column: &'static str,
    },
    /// A change is recorded of an opportunity that is not there, or has not come to that version.
    #[error("change {sequence} made version {version} of opportunity {id}, which is not there")]
    ChangeOfNothing {
        /// The sequence of the change.
        sequence: i64,
        /// The id that it names.
        id: i64,
        /// The version that it names.
        version: i64,
    },
    /// A stored value of an idempotency key breaks the rules, or is not the one that was written.
    #[error("an idempotency key of venue {venue}: {}", Damage::of(column))]
    Key {
        /// The venue of the key.
        venue: i64,
        /// The column; `checksum` if each value by itself keeps the rules.
        column: &'static str,
    },
    /// Under an idempotency key stands the outcome of an opportunity that is not there, or has not come to
    /// that version.
    #[error(
        "an idempotency key of venue {venue} tells of version {version} of opportunity {id}, which is not there"
    )]
    KeyOfNothing {
        /// The venue of the key.
        venue: i64,
        /// The id that it names.
        id: i64,
        /// The version that it names.
        version: i64,
    },
    /// The index by venue has an entry that it should not have: of no opportunity, in a venue that it is
    /// not in, or of one that is not due yet.
    #[error("the index by venue wrongly lists opportunity {id} in venue {venue}")]
    WronglyIndexed {
        /// The venue of the entry.
        venue: i64,
        /// The id of the entry.
        id: i64,
    },
}

impl Findings {
    /// How many problems are told at most.
    pub const MAX_PROBLEMS: usize = 100;

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.problems.len() >= Self::MAX_PROBLEMS
    }
}

/// One line: whether it is sound, and how much was looked at.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opportunities = Count(self.opportunities, "opportunity", "opportunities");
        if self.is_sound() {
            return write!(f, "sound: {opportunities}");
        }
        let problems = Count(self.problems.len() as u64, "problem", "problems");
        let more = if self.is_full() { " or more" } else { "" };
        write!(f, "damaged: {problems}{more} in {opportunities}")
    }
}

/// A number and what it counts.
struct Count(u64, &'static str, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, one, many) = self;
        write!(f, "{count} {}", if *count == 1 { one } else { many })
    }
}
