//! What processes have told, put together by command.

use std::collections::{BTreeMap, HashMap, HashSet};

use opportunity_engine::OpportunityId;

use super::content::{Command, Token};
use super::record::{Answer, Call, Line};

/// What is known to have become of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It may or may not be there: it had no answer yet, or *unknown* was the answer.
    Unsettled,
    Done {
        id: OpportunityId,
        version: i64,
    },
    /// It was refused or aborted.
    Nothing,
}

impl Fate {
    pub(crate) const fn is_done(self) -> bool {
        matches!(self, Self::Done { .. })
    }

    pub(crate) const fn is_unsettled(self) -> bool {
        matches!(self, Self::Unsettled)
    }
}

/// What was asked and answered between two looks at a database.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) commands: BTreeMap<Token, (Command, Fate)>,
    answers: HashMap<Token, Answer>,
    updates: HashMap<OpportunityId, Updates>,
    pub(crate) complaints: Vec<String>,
}

/// The updates of one opportunity.
#[derive(Debug, Default, Clone)]
pub(crate) struct Updates {
    /// Those that are done, by the version that they made.
    pub(crate) done: BTreeMap<i64, Token>,
    pub(crate) unsettled: Vec<Token>,
}

impl History {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut history = Self::default();
        for line in lines {
            match line {
                Line::Asked(call) => history.ask(call),
                Line::Answered(answers) => {
                    answers.iter().for_each(|(token, answer)| history.answer(*token, answer));
                }
                Line::Opened | Line::NotOpened(_) | Line::Closing | Line::Closed(_) => {}
            }
        }
        history.gather_updates();
        history
    }

    fn ask(&mut self, call: &Call) {
        self.calls.push(call.clone());
        for command in &call.commands {
            if self.commands.insert(command.token, (*command, Fate::Unsettled)).is_some() {
                self.complaints.push(format!("{:?} was asked for twice", command.token));
            }
        }
    }

    /// An answer, or a further one to a command that was sent again under its key.
    fn answer(&mut self, token: Token, answer: &Answer) {
        if *answer == Answer::Unchanged {
            self.complaints.push(format!("{token:?} changed nothing"));
        }
        let answer = match self.answers.get(&token) {
            Some(earlier) => self.both(token, earlier.clone(), answer.clone()),
            None => answer.clone(),
        };
        let fate = match answer {
            Answer::Done { id, version } => Fate::Done { id, version },
            Answer::Refused | Answer::Aborted(_) | Answer::Unchanged => Fate::Nothing,
            Answer::Unknown(_) => Fate::Unsettled,
        };
        match self.commands.get_mut(&token) {
            Some((_, known)) => *known = fate,
            None => self.complaints.push(format!("{token:?} was answered and never asked for")),
        }
        self.answers.insert(token, answer);
    }

    /// What two answers tell together: what is done is done, whatever is said of the other attempt.
    fn both(&mut self, token: Token, one: Answer, other: Answer) -> Answer {
        const fn weight(answer: &Answer) -> u8 {
            match answer {
                Answer::Aborted(_) => 0,
                Answer::Unknown(_) => 1,
                Answer::Refused => 2,
                Answer::Done { .. } | Answer::Unchanged => 3,
            }
        }
        let is_final = |answer: &Answer| weight(answer) > 1;
        if token.key().is_none() || (is_final(&one) && is_final(&other) && one != other) {
            self.complaints.push(format!("{token:?} was answered by {one:?} and by {other:?}"));
        }
        if weight(&other) > weight(&one) { other } else { one }
    }

    /// Commands that were sent under a key and may be sent again by themselves: not those of an
    /// all-or-nothing batch that nobody has answered.
    pub(crate) fn keyed(&self, is_wanted: impl Fn(Fate) -> bool) -> Vec<Command> {
        let whole = self.calls.iter().filter(|call| call.all_or_nothing);
        let of_whole: HashSet<Token> =
            whole.flat_map(|call| &call.commands).map(|command| command.token).collect();
        let keyed = self.commands.values().filter(|(command, fate)| {
            let may_be_sent = fate.is_done() || !of_whole.contains(&command.token);
            command.token.key().is_some() && may_be_sent && is_wanted(*fate)
        });
        keyed.map(|(command, _)| *command).collect()
    }

    fn gather_updates(&mut self) {
        for (token, (command, fate)) in &self.commands {
            let Some(asked) = command.id else { continue };
            let updates = self.updates.entry(asked).or_default();
            match fate {
                Fate::Nothing => {}
                Fate::Unsettled => updates.unsettled.push(*token),
                Fate::Done { id, version } => {
                    if *id != asked {
                        self.complaints.push(format!("{command:?} was done to {id}"));
                    }
                    if let Some(other) = updates.done.insert(*version, *token) {
                        self.complaints.push(format!(
                            "{other:?} and {token:?} both made version {version} of {id}"
                        ));
                    }
                }
            }
        }
    }

    pub(crate) fn updates_of(&self, id: OpportunityId) -> Updates {
        self.updates.get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn fate(&self, token: Token) -> Option<(Command, Fate)> {
        self.commands.get(&token).copied()
    }

    pub(crate) fn count(&self, wanted: impl Fn(Fate) -> bool) -> usize {
        self.commands.values().filter(|(_, fate)| wanted(*fate)).count()
    }
}
