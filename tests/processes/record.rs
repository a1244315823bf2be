//! What a process tells of its work while it goes on, line by line through a pipe.

use std::io::Write;

use opportunity_engine::{OpenError, OpportunityId, StoreError};
use serde::{Deserialize, Serialize};

use super::content::{Command, Token};

/// Lines of the test harness, which prints to the same pipe, do not begin with it.
const MARK: &str = "> ";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Line {
    Opened,
    /// The engine could not be opened, for this reason.
    NotOpened(String),
    /// Told before the engine is asked.
    Asked(Call),
    /// Told as soon as the engine has answered.
    Answered(Vec<(Token, Answer)>),
    Closing,
    /// How closing failed, if it did.
    Closed(Option<String>),
}

/// What the engine is asked in one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) all_or_nothing: bool,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done {
        id: OpportunityId,
        version: i64,
    },
    /// Said of a command that changes something: it is not known any more that it was done.
    Unchanged,
    Refused,
    /// With the kind of the failure.
    Aborted(String),
    /// With the kind of the failure.
    Unknown(String),
}

impl Line {
    pub(crate) fn tell(&self) {
        let text = format!("{MARK}{}\n", serde_json::to_string(self).unwrap());
        // In one piece, and at once.
        std::io::stdout().lock().write_all(text.as_bytes()).unwrap();
    }

    /// Reads what [`Line::tell`] wrote; `None` for a line of somebody else's, and for one that a kill
    /// has cut off.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix(MARK)?.strip_suffix('\n')?;
        Some(serde_json::from_str(text).expect("a line is told in one piece"))
    }
}

/// All failures of the store that a record tells of: the kind alone of those that were answered as
/// aborted, a text that says more of the others.
pub(crate) fn failures(record: &[Line]) -> Vec<String> {
    let of_line = |line: &Line| match line {
        Line::NotOpened(_) | Line::Closed(Some(_)) => vec![format!("{line:?}")],
        Line::Answered(answers) => {
            answers.iter().filter_map(|(_, answer)| answer.failure()).collect()
        }
        Line::Opened | Line::Asked(_) | Line::Closing | Line::Closed(None) => Vec::new(),
    };
    record.iter().flat_map(of_line).collect()
}

impl Answer {
    fn failure(&self) -> Option<String> {
        match self {
            Self::Aborted(kind) => Some(kind.clone()),
            Self::Unknown(_) => Some(format!("{self:?}")),
            Self::Done { .. } | Self::Unchanged | Self::Refused => None,
        }
    }
}

/// The name of a kind of failure.
pub(crate) fn kind(error: &StoreError) -> String {
    format!("{:?}", error.kind())
}

/// Why an engine was not opened: a kind of failure, or else the whole text.
pub(crate) fn kind_of_open_error(error: &OpenError) -> String {
    match error {
        OpenError::Store { source, .. } => kind(source),
        other => other.to_string(),
    }
}
