//! What the engine adds to the fields of the call.

use std::fmt;

/// What the engine itself says of an opportunity, beside the [fields](crate::Field) of the call.
///
/// ```
/// use opportunity_engine::SystemField;
///
/// assert_eq!(SystemField::CreatedAt.wire_name(), "createdAt");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SystemField {
    /// `version`: how often it has been written.
    Version,
    /// `createdAt`: when it was added.
    CreatedAt,
    /// `modifiedAt`: when it was last changed.
    ModifiedAt,
}

impl SystemField {
    /// Every one, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Version, Self::CreatedAt, Self::ModifiedAt];

    /// The key in the JSON form of an [`Opportunity`](crate::Opportunity).
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::CreatedAt => "createdAt",
            Self::ModifiedAt => "modifiedAt",
        }
    }

    /// The one with this key, if there is one.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.wire_name() == name)
    }
}

impl fmt::Display for SystemField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}
