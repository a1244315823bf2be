//! What options cost: B and D with each of them, beside the engine without.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use opportunity_engine::{Batch, Catalog, Engine, IdempotencyKey, Options, Reply, Request};
use serde_json::{Map, json};

use crate::arguments::{Arguments, BATCHES, MANY_CALLERS, Mode};
use crate::fresh::on_fresh_database;
use crate::measured::Comparison;
use crate::report::Report;
use crate::runs::Limit;
use crate::subject::{Subject, id_of};
use crate::workload::VENUES;

pub(crate) fn options(arguments: &Arguments, report: &Report) {
    compare::<History>(arguments, report);
    compare::<Keys>(arguments, report);
    compare::<References>(arguments, report);
}

/// The engine with an option stands in the place of the engine, the one without in that of the baseline.
fn compare<O: Used>(arguments: &Arguments, report: &Report) {
    let limit = Limit::of_time(arguments.duration());
    for mode in [MANY_CALLERS, BATCHES] {
        let Mode::Requests(mode, sending) = mode else { continue };
        let mut compared = Comparison::default();
        for round in 0..arguments.rounds() {
            let without = on_fresh_database::<Engine>(arguments, sending, limit, round);
            let with = on_fresh_database::<With<O>>(arguments, sending, limit, round);
            compared.add(Some(without), with);
        }
        let point = [("of", json!(mode)), ("option", json!(O::NAME))];
        report.comparison("options", &point, &format!("{mode} with {}", O::NAME), &compared);
    }
}

/// An option, and what requests need to use it.
trait Used: Default + Sync {
    const NAME: &'static str;

    fn options() -> Options {
        Engine::options()
    }

    fn prepare(&self, request: Request) -> Request {
        request
    }
}

#[derive(Default)]
struct History;

impl Used for History {
    const NAME: &'static str = "a history";

    fn options() -> Options {
        Engine::options().history(true)
    }
}

/// Every request has a key of its own.
#[derive(Default)]
struct Keys {
    last: AtomicU64,
}

impl Used for Keys {
    const NAME: &'static str = "keys";

    fn prepare(&self, request: Request) -> Request {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        // As long as a UUID.
        let key = IdempotencyKey::new(format!("{number:036}")).expect("it is short");
        request.idempotency_key(key)
    }
}

#[derive(Default)]
struct References;

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

struct With<O> {
    engine: Engine,
    option: O,
}

impl<O: Used> Subject for With<O> {
    fn open(folder: &Path) -> Self {
        let engine = O::options().open(Self::database(folder)).expect("it can be created");
        Self { engine, option: O::default() }
    }

    fn database(folder: &Path) -> PathBuf {
        <Engine as Subject>::database(folder)
    }

    fn send(&self, body: &[u8]) -> i64 {
        let request = self.engine.decode(body).expect("no request breaks a rule");
        id_of(&Reply::from(self.engine.add_or_update(self.option.prepare(request))))
    }

    fn send_all(&self, bodies: &[Vec<u8>]) -> Vec<i64> {
        let prepare = |request| self.option.prepare(request);
        let requests = bodies.iter().map(|body| self.engine.decode(body).map(prepare));
        self.engine.reply_to_all(requests, Batch::EachOnItsOwn).iter().map(id_of).collect()
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }

    fn close(self) {
        self.engine.close().expect("it can be closed");
    }
}
