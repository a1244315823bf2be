//! Where `serde_json` stopped, and why, apart: its own text has both in one.

/// Where a text stops being what it should be.
#[derive(Debug)]
pub(crate) struct JsonError {
    /// From 1.
    pub(crate) line: usize,
    /// The byte within the line, from 1 (0 just after a line break).
    pub(crate) column: usize,
    /// What is wrong there.
    pub(crate) reason: Box<str>,
}

impl From<&serde_json::Error> for JsonError {
    fn from(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let reason = text.strip_suffix(&format!(" at line {line} column {column}"));
        Self { line, column, reason: reason.unwrap_or(&text).into() }
    }
}
