//! Callers of an engine, and a ledger of what they ask. What they are told goes into the history.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use opportunity_engine::{
    Batch, Engine, Error, IdempotencyKey, OpportunityId, Outcome, Request, Ticket, VenueId,
};

use super::history::{Event, Number};
use super::recorder::note;

/// Opportunities that any caller may update are in the venues before it, those of all-or-nothing
/// batches in it.
pub(crate) const BATCH_VENUE: i64 = 4;

/// One request: its number is in each of its values, so that a row tells which request it is from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) number: Number,
    pub(crate) venue: i64,
    /// What it updates; an add has none.
    pub(crate) target: Option<i64>,
    /// The number of the first request of its all-or-nothing batch.
    pub(crate) batch: Option<Number>,
}

impl Asked {
    /// Whether it is sent under a key: every third is, so also some in the middle of batches.
    pub(crate) const fn has_key(self) -> bool {
        self.number % 3 == 0
    }

    pub(crate) fn request(self) -> Request {
        let venue = VenueId::new(self.venue).unwrap();
        let request = match self.target {
            None => Request::add(venue),
            Some(id) => Request::update(venue, OpportunityId::new(id).unwrap()),
        };
        let number = self.number;
        let request = match IdempotencyKey::new(number.to_string()) {
            Ok(key) if self.has_key() => request.idempotency_key(key),
            _ => request,
        };
        request
            .name(number.to_string())
            .type_id(number)
            .stage_id(number)
            .source_id(number)
            .contact_id(number)
            .description(description(number))
    }
}

/// A text that tells the number; every eighth spreads over several pages.
pub(crate) fn description(number: Number) -> String {
    let times = if number % 8 == 0 { 600 } else { number % 10 + 1 };
    format!("{number} ").repeat(times as usize)
}

/// Everything that was asked, and what is there to be updated.
#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    /// Venue and id.
    added: Vec<(i64, i64)>,
}

impl State {
    fn next(&self) -> Number {
        self.asked.len() as Number + 1
    }

    fn ask(&mut self, venue: i64, target: Option<i64>, batch: Option<Number>) -> Asked {
        let asked = Asked { number: self.next(), venue, target, batch };
        self.asked.push(asked);
        asked
    }
}

impl Ledger {
    /// What was asked; the number of the first is 1.
    pub(crate) fn into_asked(self) -> Vec<Asked> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).asked
    }

    /// An add, or an update of what somebody has added.
    fn ask_any(&self, rng: &mut Rng) -> Asked {
        let mut state = self.lock();
        let known = rng.choice(&state.added).copied();
        match known.filter(|_| rng.bool()) {
            Some((venue, id)) => state.ask(venue, Some(id), None),
            None => state.ask(rng.i64(1..BATCH_VENUE), None, None),
        }
    }

    /// Three adds, and an update of the first add of the batch before.
    fn ask_batch(&self, last_add: Option<i64>) -> Vec<Asked> {
        let mut state = self.lock();
        let batch = Some(state.next());
        let mut asked: Vec<_> = (0..3).map(|_| state.ask(BATCH_VENUE, None, batch)).collect();
        if last_add.is_some() {
            asked.push(state.ask(BATCH_VENUE, last_add, batch));
        }
        asked
    }

    fn told(&self, asked: Asked, answer: &Result<Outcome, Error>) {
        let number = asked.number;
        note(match answer {
            Ok(done) => Event::Done { number, id: done.id().get(), version: done.version().get() },
            Err(Error::Aborted(_)) => Event::Aborted { number },
            Err(Error::Unknown(_)) => Event::Unknown,
            Err(other) => panic!("nothing is wrong with {asked:?}: {other}"),
        });
        if let (Ok(Outcome::Added { id, .. }), None) = (answer, asked.batch) {
            self.lock().added.push((asked.venue, id.get()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds that nobody asks about, to the venues before that of batches.
pub(crate) fn preload(engine: &Engine, count: i64) {
    let add =
        |nth| Asked { number: 1, venue: 1 + nth % (BATCH_VENUE - 1), target: None, batch: None };
    let requests = (0..count).map(|nth| add(nth).request());
    engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap();
}

/// Several callers at once, each of which takes some steps.
pub(crate) fn run(engine: &Engine, ledger: &Ledger, seed: u64, callers: u64, steps: usize) {
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let rng = Rng::with_seed(seed * callers + caller);
            scope.spawn(move || Caller { engine, ledger, rng, last_add: None }.take(steps));
        }
    });
}

struct Caller<'e> {
    engine: &'e Engine,
    ledger: &'e Ledger,
    rng: Rng,
    /// The first add of its last all-or-nothing batch.
    last_add: Option<i64>,
}

impl Caller<'_> {
    fn take(mut self, steps: usize) {
        for _ in 0..steps {
            match self.rng.u8(..5) {
                0 | 1 => self.one(),
                2 => self.several_in_flight(),
                3 => self.batch_of_each(),
                _ => self.batch_of_all(),
            }
        }
    }

    fn one(&mut self) {
        let asked = self.ledger.ask_any(&mut self.rng);
        self.ledger.told(asked, &self.engine.add_or_update(asked.request()));
    }

    fn several_in_flight(&mut self) {
        let asked = self.several();
        let submit = |asked: &Asked| (*asked, self.engine.submit(asked.request()));
        let tickets: Vec<_> = asked.iter().map(submit).collect();
        for (asked, ticket) in tickets {
            self.ledger.told(asked, &ticket.and_then(Ticket::wait));
        }
    }

    fn batch_of_each(&mut self) {
        let asked = self.several();
        let requests: Vec<_> = asked.iter().map(|asked| asked.request()).collect();
        let answers = self.engine.add_or_update_all(requests, Batch::EachOnItsOwn);
        for (asked, answer) in asked.into_iter().zip(answers.unwrap()) {
            self.ledger.told(asked, &answer);
        }
    }

    fn batch_of_all(&mut self) {
        let asked = self.ledger.ask_batch(self.last_add);
        let requests: Vec<_> = asked.iter().map(|asked| asked.request()).collect();
        let answers = self.engine.add_or_update_all(requests, Batch::AllOrNothing);
        let answers = answers.unwrap_or_else(|error| {
            let error: Error = match error {
                opportunity_engine::BatchError::Aborted(error) => Error::Aborted(error),
                opportunity_engine::BatchError::Unknown(error) => Error::Unknown(error),
                other => panic!("nothing is wrong with the batch: {other}"),
            };
            vec![Err(error); asked.len()]
        });
        if let Ok(first) = &answers[0] {
            self.last_add = Some(first.id().get());
        }
        for (asked, answer) in asked.into_iter().zip(answers) {
            self.ledger.told(asked, &answer);
        }
    }

    fn several(&mut self) -> Vec<Asked> {
        let count = self.rng.usize(1..8);
        (0..count).map(|_| self.ledger.ask_any(&mut self.rng)).collect()
    }
}
