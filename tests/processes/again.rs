//! What was sent under a key, sent again: what is done is answered as it was, and what nobody knows is
//! carried out once, now or before.

use opportunity_engine::Engine;

use super::content::{Command, Token};
use super::history::{Fate, History};
use super::record::Answer;
use super::work::answer;

/// How many of those that are done are sent again, and of those of which nobody knows: the last ones.
const SENT_AGAIN: usize = 12;

/// What the engine answers.
pub(crate) type Told = Vec<(Token, Answer)>;

/// Sends some of what was told again. Whether the answers are right, the history and the rows tell.
pub(crate) fn send_again(engine: &Engine, history: &History) -> Told {
    let last =
        |is_wanted: fn(Fate) -> bool| history.keyed(is_wanted).into_iter().rev().take(SENT_AGAIN);
    let commands = last(Fate::is_unsettled).chain(last(Fate::is_done));
    let send = |command: Command| answer(engine.add_or_update(command.request()));
    commands.map(|command| (command.token, send(command))).collect()
}
