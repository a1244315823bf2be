//! Stored data that breaks the rules.

/// A stored value that no rule allows: something other than this crate wrote it, or the medium
/// lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored value of {column} breaks the rules")]
pub(crate) struct Damage {
    column: &'static str,
}

impl Damage {
    pub(crate) const fn of(column: &'static str) -> Self {
        Self { column }
    }

    /// The column that holds the value.
    pub(crate) const fn column(self) -> &'static str {
        self.column
    }
}
