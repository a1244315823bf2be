//! What is used, and what requests need for it.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opportunity_engine::{
    Catalog, Engine, Field, Filter, IdempotencyKey, OpportunityId, Options, Patch, Request,
    Sequence, Value, VenueId,
};
use serde_json::{Map, json};

use crate::arguments::{BATCHES, MANY_CALLERS, Mode};
use crate::workload::VENUES;

pub(super) trait Used: Default + Sync {
    const NAME: &'static str;
    const MODES: &'static [Mode] = &[MANY_CALLERS, BATCHES];

    fn options() -> Options {
        Engine::options()
    }

    fn prepare(&self, _engine: &Engine, request: Request) -> Request {
        request
    }

    /// What a thread does over and over meanwhile.
    fn beside() -> Option<fn(&Engine)> {
        None
    }
}

#[derive(Default)]
pub(super) struct History;

impl Used for History {
    const NAME: &'static str = "a history";

    fn options() -> Options {
        Engine::options().history(true)
    }
}

/// Somebody takes over every change, a thousand at a time.
#[derive(Default)]
pub(super) struct Follower;

impl Used for Follower {
    const NAME: &'static str = "a history and a follower";

    fn options() -> Options {
        History::options()
    }

    fn beside() -> Option<fn(&Engine)> {
        thread_local! {
            static SEEN: Cell<Option<Sequence>> = const { Cell::new(None) };
        }
        Some(|engine| {
            let next = engine.next_change(SEEN.get());
            if next.wait_for(Duration::from_millis(10)).expect("it is read") {
                let changes = engine.changes(SEEN.get(), 1_000).expect("they are read");
                SEEN.set(changes.last().map(|it| it.sequence));
            }
        })
    }
}

/// Whatever is recorded is deleted.
#[derive(Default)]
pub(super) struct Pruning;

impl Used for Pruning {
    const NAME: &'static str = "a history that is pruned";

    fn options() -> Options {
        History::options()
    }

    fn beside() -> Option<fn(&Engine)> {
        Some(|engine| {
            if let Some(last) = engine.last_change().expect("it is read") {
                engine.prune_changes(last).expect("they are deleted");
            }
        })
    }
}

/// Every request has a key of its own.
#[derive(Default)]
pub(super) struct Keys {
    last: AtomicU64,
}

impl Used for Keys {
    const NAME: &'static str = "keys";

    fn prepare(&self, _engine: &Engine, request: Request) -> Request {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        // As long as a UUID.
        let key = IdempotencyKey::new(format!("{number:036}")).expect("it is short");
        request.idempotency_key(key)
    }
}

/// After a second as many expire as there are new ones, as in a database that has been in use for a day.
#[derive(Default)]
pub(super) struct ExpiringKeys(Keys);

impl Used for ExpiringKeys {
    const NAME: &'static str = "keys that live a second";

    fn options() -> Options {
        Engine::options().key_lifetime(Duration::from_secs(1))
    }

    fn prepare(&self, engine: &Engine, request: Request) -> Request {
        self.0.prepare(engine, request)
    }
}

/// What is updated is read before, and expected to be as it was then. Not in batches, in which an opportunity may
/// be updated twice.
#[derive(Default)]
pub(super) struct Versions;

impl Used for Versions {
    const NAME: &'static str = "a read and its version";
    const MODES: &'static [Mode] = &[MANY_CALLERS];

    fn prepare(&self, engine: &Engine, request: Request) -> Request {
        let given = |field| match request.patch(field) {
            Patch::Set(Value::Integer(number)) => Some(number),
            _ => None,
        };
        let (Some(id), Some(venue)) = (given(Field::Id), given(Field::VenueId)) else {
            return request;
        };
        let venue = VenueId::new(venue).expect("it was decoded");
        let id = OpportunityId::new(id).expect("it was decoded");
        let found = engine.get(venue, id).expect("it can be read");
        request.expected_version(found.expect("it was added").version())
    }
}

/// Every request is checked before.
#[derive(Default)]
pub(super) struct DryRuns;

impl Used for DryRuns {
    const NAME: &'static str = "a dry run before";

    fn prepare(&self, engine: &Engine, request: Request) -> Request {
        engine.check(request.clone()).expect("it breaks no rule");
        request
    }
}

#[derive(Default)]
pub(super) struct References;

impl Used for References {
    const NAME: &'static str = "references";

    fn options() -> Options {
        let venue = json!({
            "types": [18], "stages": {"69": [127]}, "sources": [25], "industries": [77], "contacts": [918],
        });
        let venues: Map<_, _> = (1..=VENUES).map(|it| (it.to_string(), venue.clone())).collect();
        let catalog = serde_json::to_vec(&venues).expect("it is JSON");
        Engine::options().references(Catalog::from_json(&catalog).expect("it is a catalog"))
    }
}

/// Updates give a stage, so each of them is looked up, and held against the reason that is there.
#[derive(Default)]
pub(super) struct ReferencesOfUpdates;

impl Used for ReferencesOfUpdates {
    const NAME: &'static str = "references, also of updates";

    fn options() -> Options {
        References::options()
    }

    fn prepare(&self, _engine: &Engine, request: Request) -> Request {
        request.stage_id(69)
    }
}

/// A list of a venue, whole, with a filter that looks at each name.
#[derive(Default)]
pub(super) struct Lists;

impl Used for Lists {
    const NAME: &'static str = "lists beside";

    fn beside() -> Option<fn(&Engine)> {
        Some(|engine| {
            let venue = VenueId::new(VENUES as i64 / 2).expect("it is one of them");
            let filter = Filter::new().name_contains("updated");
            engine.list(venue, filter).iter().for_each(|found| drop(found.expect("it is read")));
        })
    }
}

/// One after the other, so that the log can hardly start over: batches bring it to its cap, where they are refused.
#[derive(Default)]
pub(super) struct Exports;

impl Used for Exports {
    const NAME: &'static str = "exports beside";
    const MODES: &'static [Mode] = &[MANY_CALLERS];

    fn beside() -> Option<fn(&Engine)> {
        Some(|engine| {
            engine.export(io::sink()).expect("it is read");
        })
    }
}
