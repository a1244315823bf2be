//! What is around the one call costs: B and D with each of it, beside the engine without.

#[path = "options/listener.rs"]
mod listener;
#[path = "options/used.rs"]
mod used;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use opportunity_engine::{Batch, Code, Engine, Error, Reply, Request};
use serde_json::json;

use crate::arguments::{Arguments, Mode};
use crate::fresh::on_fresh_database;
use crate::measured::Comparison;
use crate::report::Report;
use crate::runs::Limit;
use crate::subject::{Subject, id_of};
use used::Used;

pub(crate) fn options(arguments: &Arguments, report: &Report) {
    compare::<used::History>(arguments, report);
    compare::<used::Follower>(arguments, report);
    compare::<used::Pruning>(arguments, report);
    compare::<used::Keys>(arguments, report);
    compare::<used::ExpiringKeys>(arguments, report);
    compare::<used::Versions>(arguments, report);
    compare::<used::DryRuns>(arguments, report);
    compare::<used::References>(arguments, report);
    compare::<used::ReferencesOfUpdates>(arguments, report);
    compare::<used::Lists>(arguments, report);
    compare::<used::Exports>(arguments, report);
    compare::<listener::Listener>(arguments, report);
}

/// The engine with an option stands in the place of the engine, the one without in that of the baseline.
fn compare<O: Used>(arguments: &Arguments, report: &Report) {
    let limit = Limit::of_time(arguments.duration());
    for &mode in O::MODES {
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

struct With<O> {
    engine: Engine,
    option: O,
    beside: Option<Beside>,
}

/// A thread that does something over and over.
struct Beside {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Beside {
    fn start(engine: Engine, work: fn(&Engine)) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_told = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !is_told.load(Ordering::Relaxed) {
                work(&engine);
            }
        });
        Self { is_over, thread }
    }

    fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("nothing of it fails");
    }
}

impl<O: Used> With<O> {
    fn prepare(&self, body: &[u8]) -> Request {
        let request = self.engine.decode(body).expect("no request breaks a rule");
        self.option.prepare(&self.engine, request)
    }
}

impl<O: Used> Subject for With<O> {
    fn open(folder: &Path) -> Self {
        let engine = O::options().open(Self::database(folder)).expect("it can be created");
        let beside = O::beside().map(|work| Beside::start(engine.clone(), work));
        Self { engine, option: O::default(), beside }
    }

    fn database(folder: &Path) -> PathBuf {
        <Engine as Subject>::database(folder)
    }

    fn send(&self, body: &[u8]) -> i64 {
        loop {
            match self.engine.add_or_update(self.prepare(body)) {
                // Somebody was faster.
                Err(Error::Rejected(rejection)) if rejection.code() == Code::Conflict => {}
                result => return id_of(&Reply::from(result)),
            }
        }
    }

    fn send_all(&self, bodies: &[Vec<u8>]) -> Vec<i64> {
        let requests = bodies.iter().map(|body| Ok(self.prepare(body)));
        self.engine.reply_to_all(requests, Batch::EachOnItsOwn).iter().map(id_of).collect()
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }

    fn close(self) {
        if let Some(beside) = self.beside {
            beside.stop();
        }
        drop(self.option);
        self.engine.close().expect("it can be closed");
    }
}
