//! Stored data that breaks the rules, or is not what was written.

use std::fmt;

/// A stored value that no rule allows, or a row with values other than those that were written: something
/// other than this crate wrote it, or the medium lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    column: &'static str,
}

impl Damage {
    /// The column with the sum of the others. No rule says which value it has, but it fits no values except those
    /// that were written.
    pub(crate) const CHECKSUM: &'static str = "checksum";

    pub(crate) const fn of(column: &'static str) -> Self {
        Self { column }
    }

    /// The column that holds the value.
    pub(crate) const fn column(self) -> &'static str {
        self.column
    }
}

impl std::error::Error for Damage {}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Self::CHECKSUM => {
                f.write_str("the stored values do not have the checksum that was written with them")
            }
            column => write!(f, "the stored value of {column} breaks the rules"),
        }
    }
}
