//! Callers that are threads, for libraries that block.

use std::path::Path;
use std::thread;
use std::time::Instant;

use crate::caller::{Caller, Run};
use crate::workload::{PRELOADED, warm_up};
use crate::{Arguments, Mode, Result, Stored};

/// A library that blocks until a change is durable.
pub trait Peer: Sized + Sync {
    /// Opens it in an empty folder.
    fn open(folder: &Path) -> Result<Self>;

    /// Carries out a request and tells the id.
    fn add_or_update(&self, body: &[u8]) -> Result<i64>;

    /// Carries out a batch.
    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>>;

    /// Every row, in the end.
    fn stored(self) -> Result<Vec<Stored>>;
}

/// The `main` of a peer.
pub fn main<P: Peer>(name: &str) -> Result<()> {
    run::<P>(name, &Arguments::parse()?)
}

pub fn run<P: Peer>(name: &str, arguments: &Arguments) -> Result<()> {
    let peer = P::open(&arguments.folder)?;
    for batch in warm_up(PRELOADED) {
        peer.add_or_update_all(&batch)?;
    }
    let started = Instant::now();
    let callers = match arguments.mode {
        Mode::OneCaller => on_threads(1, arguments, |caller| one_at_a_time(caller, &peer))?,
        Mode::ManyCallers => on_threads(64, arguments, |caller| one_at_a_time(caller, &peer))?,
        // What blocks has no more in flight than it has threads; two, as in the crate's own benchmark.
        Mode::InFlight => on_threads(2, arguments, |caller| one_at_a_time(caller, &peer))?,
        Mode::Batches => on_threads(1, arguments, |caller| batches(caller, &peer))?,
    };
    let run = Run::ended(callers, started);
    run.report(name, arguments, peer.stored()?)
}

fn on_threads(
    number: usize,
    arguments: &Arguments,
    run: impl Fn(Caller) -> Result<Caller> + Sync,
) -> Result<Vec<Caller>> {
    let run = &run;
    thread::scope(|scope| {
        let callers = Caller::several(number, arguments).into_iter();
        let threads: Vec<_> = callers.map(|caller| scope.spawn(move || run(caller))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no caller panics")).collect()
    })
}

fn one_at_a_time(mut caller: Caller, peer: &impl Peer) -> Result<Caller> {
    while let Some((asked, body)) = caller.next() {
        let started = Instant::now();
        let id = peer.add_or_update(&body)?;
        caller.answered(asked, id, started);
    }
    Ok(caller)
}

fn batches(mut caller: Caller, peer: &impl Peer) -> Result<Caller> {
    while let Some((asked, bodies)) = caller.next_batch() {
        let started = Instant::now();
        let ids = peer.add_or_update_all(&bodies)?;
        caller.answered_all(&asked, &ids, started);
    }
    Ok(caller)
}
