//! Somebody who listens to what the engine tells, at every level.

use std::hint::black_box;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Metadata, Subscriber};

use super::used::Used;

/// A process has one subscriber for good; whether it listens can be changed.
static LISTENS: AtomicBool = AtomicBool::new(false);

/// Listens as long as it is there.
pub(super) struct Listener;

impl Used for Listener {
    const NAME: &'static str = "a listener";
}

impl Default for Listener {
    fn default() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            set_global_default(Counter::default()).expect("there is no other");
        });
        LISTENS.store(true, Ordering::Relaxed);
        Self
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENS.store(false, Ordering::Relaxed);
    }
}

/// Looks at every value that it is told.
#[derive(Default)]
struct Counter {
    spans: AtomicU64,
}

impl Subscriber for Counter {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LISTENS.load(Ordering::Relaxed)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Look);
        Id::from_u64(1 + self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Look);
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Look);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Look;

impl Visit for Look {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        black_box((field.name(), value));
    }
}
