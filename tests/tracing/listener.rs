//! A listener that keeps all that it hears.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use opportunity_engine::Engine;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What a listener hears: an event, or a span with what was recorded for it by its end.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) level: Level,
    pub(crate) target: String,
    /// The message and the other fields, or the name of the span and its fields.
    pub(crate) text: String,
    /// If it is a span that was not closed yet.
    open: Option<u64>,
}

/// How the listener behaves towards the engine.
#[derive(Default)]
pub(crate) enum Manners {
    #[default]
    Quiet,
    Panics,
    /// Asks this engine how it is doing.
    Asks(Engine),
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    manners: Manners,
}

static STATE: Mutex<State> = Mutex::new(State { heard: Vec::new(), manners: Manners::Quiet });
static LAST_SPAN: AtomicU64 = AtomicU64::new(0);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The listener of this process. One test at a time has it to itself.
pub(crate) struct Listening {
    _turn: MutexGuard<'static, ()>,
}

impl Listening {
    pub(crate) fn start() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        static SET: Once = Once::new();
        let turn = turn(&TURN);
        SET.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
        let before = std::mem::take(&mut *state());
        drop(before);
        Self { _turn: turn }
    }

    #[expect(clippy::unused_self, reason = "only while a test listens")]
    pub(crate) fn behave(&self, manners: Manners) {
        // What was kept before may be an engine, whose end is heard too.
        let before = std::mem::replace(&mut state().manners, manners);
        drop(before);
    }

    /// What was heard since the last call, of spans those that are closed.
    #[expect(clippy::unused_self, reason = "only while a test listens")]
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let mut state = state();
        let (open, heard) =
            std::mem::take(&mut state.heard).into_iter().partition(|it| it.open.is_some());
        state.heard = open;
        heard
    }
}

/// Waits for one's turn, but not for ever: a test that failed may be stuck with it.
fn turn(turns: &'static Mutex<()>) -> MutexGuard<'static, ()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        match turns.try_lock() {
            Ok(turn) => return turn,
            Err(TryLockError::Poisoned(turn)) => return turn.into_inner(),
            Err(TryLockError::WouldBlock) => {
                assert!(Instant::now() < deadline, "another test still has its turn");
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

struct Listener;

impl Listener {
    fn hear(metadata: &Metadata<'_>, text: String, open: Option<u64>) {
        let (level, target) = (*metadata.level(), metadata.target().to_owned());
        let mut state = state();
        state.heard.push(Heard { level, target, text, open });
        let asked = match &state.manners {
            Manners::Quiet => None,
            Manners::Panics => {
                drop(state);
                panic!("a listener that panics");
            }
            Manners::Asks(engine) => Some(engine.clone()),
        };
        drop(state);
        if let Some(engine) = asked {
            assert!(engine.stats().outcomes.total() < 1_000);
            assert!(engine.health().queued < 1_000);
        }
    }

    fn with_span(span: &Id, change: impl FnOnce(&mut Heard)) {
        let mut state = state();
        let mut heard = state.heard.iter_mut();
        if let Some(heard) = heard.find(|it| it.open == Some(span.into_u64())) {
            change(heard);
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let number = LAST_SPAN.fetch_add(1, Relaxed) + 1;
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        Self::hear(span.metadata(), text.0, Some(number));
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        Self::with_span(span, |heard| heard.text += &text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        Self::hear(event.metadata(), text.0, None);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, span: Id) -> bool {
        Self::with_span(&span, |heard| heard.open = None);
        true
    }
}

/// Every field, whatever its type.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}
