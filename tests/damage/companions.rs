//! What is kept beside the opportunities: the records of their changes, and what was done under keys.

use std::collections::BTreeMap;

use fastrand::Rng;
use opportunity_engine::{
    Change, Conflict, Engine, Error, Forecast, IdempotencyKey, Outcome, Rejection, Request,
    Sequence,
};

use crate::answers::{Difference, Told, damaged, told};
use crate::template::{Contents, Template};

/// How many requests are sent again.
const SENT_AGAIN: usize = 6;

const KEY_CONFLICT: Rejection = Rejection::Conflict(Conflict::IdempotencyKey);

/// What an engine says of them.
#[derive(Default)]
pub(crate) struct Companions {
    changes: Option<Told<Vec<Change>>>,
    last_change: Option<Told<Option<Sequence>>>,
    keyed: Vec<(Request, Told<Known>)>,
}

/// What is known of a request that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Done(Outcome),
    /// Another request was done under its key.
    Other,
    Nothing,
}

impl Companions {
    /// Asks for the records, and how far they go.
    pub(crate) fn ask_for_changes(engine: &Engine) -> Self {
        Self {
            changes: Some(told(engine.changes(None, usize::MAX))),
            last_change: Some(told(engine.last_change())),
            keyed: Vec::new(),
        }
    }

    /// Asks whether it is known what was done under keys.
    pub(crate) fn ask_for_keys(engine: &Engine, template: &Template, rng: &mut Rng) -> Self {
        let done = template.contents().done.iter().map(|(request, _)| request.clone());
        let keyed = rng.choose_multiple(done, SENT_AGAIN);
        let keyed = keyed.into_iter().map(|it| (it.clone(), known(engine, it)));
        Self { keyed: keyed.collect(), ..Self::default() }
    }

    /// Sends them again, and tells whether each that is known is answered so. What is not known any more is carried
    /// out, with which a damaged index of what has expired can make others forgotten.
    pub(crate) fn send_again(&self, engine: &Engine) -> Told<bool> {
        let mut is_well = true;
        for (request, before) in &self.keyed {
            let answer = match engine.add_or_update(request.clone()) {
                Ok(outcome) => Known::Done(outcome),
                Err(Error::Rejected(KEY_CONFLICT)) => Known::Other,
                Err(Error::Rejected(_)) => Known::Nothing,
                Err(Error::Aborted(error) | Error::Unknown(error)) => return Err(damaged(&error)),
                Err(other) => panic!("{other:?}"),
            };
            let was_known = matches!(before, Ok(Known::Done(_) | Known::Other));
            is_well &= !was_known || Ok(answer) == *before;
        }
        Ok(is_well)
    }

    pub(crate) fn tell_of_damage(&self) -> bool {
        matches!(self.changes, Some(Err(_)))
            || matches!(self.last_change, Some(Err(_)))
            || self.keyed.iter().any(|(_, known)| known.is_err())
    }

    pub(crate) fn differences(&self, contents: &Contents) -> Vec<Difference> {
        let mut differences = Vec::new();
        if let Some(Ok(changes)) = &self.changes {
            differences.extend(of_records(changes, &contents.changes));
        }
        if let Some(Ok(last)) = self.last_change
            && last != contents.changes.last().map(|change| change.sequence)
        {
            differences.push(Difference::End);
        }
        let by_key: BTreeMap<_, _> =
            contents.done.iter().map(|(request, outcome)| (key(request), *outcome)).collect();
        for (request, known) in &self.keyed {
            match (known, by_key.get(&key(request))) {
                (Ok(Known::Done(told)), Some(expected)) if told == expected => {}
                (Ok(Known::Nothing), None) | (Err(_), _) => {}
                (Ok(Known::Nothing), Some(_)) => {
                    differences.push(Difference::Forgotten(key(request).clone()));
                }
                (Ok(Known::Done(_) | Known::Other), _) => {
                    differences.push(Difference::Answer(key(request).clone()));
                }
            }
        }
        differences
    }
}

fn key(request: &Request) -> &IdempotencyKey {
    request.once_under().unwrap()
}

fn of_records(told: &[Change], expected: &[Change]) -> Vec<Difference> {
    let sequences = |changes: &[Change]| changes.iter().map(|it| it.sequence).collect::<Vec<_>>();
    assert!(told.is_sorted_by(|one, next| one.sequence < next.sequence), "out of order");
    let is_feed = sequences(told) == sequences(expected);
    let are_others = told.iter().filter(|change| !expected.contains(change));
    let records = are_others.map(|change| Difference::Record(change.sequence));
    records.chain((!is_feed).then_some(Difference::Feed)).collect()
}

fn known(engine: &Engine, request: Request) -> Told<Known> {
    match engine.check(request) {
        Ok(Forecast::Repeated(outcome)) => Ok(Known::Done(outcome)),
        Err(Error::Rejected(KEY_CONFLICT)) => Ok(Known::Other),
        Ok(_) | Err(Error::Rejected(_)) => Ok(Known::Nothing),
        Err(Error::Aborted(error)) => Err(damaged(&error)),
        Err(other) => panic!("{other:?}"),
    }
}
