//! Callers that are tasks of tokio, for libraries that are asynchronous.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::caller::{Caller, Run};
use crate::workload::{PRELOADED, warm_up};
use crate::{Arguments, Mode, Result, Stored};

/// A library whose answers are awaited.
pub trait Peer: Sized + Send + Sync + 'static {
    /// Opens it in an empty folder.
    fn open(folder: &Path) -> impl Future<Output = Result<Self>> + Send;

    /// Carries out a request and tells the id.
    fn add_or_update(&self, body: &[u8]) -> impl Future<Output = Result<i64>> + Send;

    /// Carries out a batch.
    fn add_or_update_all(
        &self,
        bodies: &[Vec<u8>],
    ) -> impl Future<Output = Result<Vec<i64>>> + Send;

    /// Every row, in the end.
    fn stored(&self) -> impl Future<Output = Result<Vec<Stored>>> + Send;
}

/// The `main` of a peer.
pub fn main<P: Peer>(name: &str) -> Result<()> {
    run::<P>(name, &Arguments::parse()?)
}

pub fn run<P: Peer>(name: &str, arguments: &Arguments) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let peer = Arc::new(P::open(&arguments.folder).await?);
        for batch in warm_up(PRELOADED) {
            peer.add_or_update_all(&batch).await?;
        }
        let started = Instant::now();
        let callers = match arguments.mode {
            Mode::OneCaller => as_tasks(1, arguments, &peer, one_at_a_time).await?,
            Mode::ManyCallers => as_tasks(64, arguments, &peer, one_at_a_time).await?,
            Mode::InFlight => as_tasks(1_000, arguments, &peer, one_at_a_time).await?,
            Mode::Batches => as_tasks(1, arguments, &peer, batches).await?,
        };
        let run = Run::ended(callers, started);
        run.report(name, arguments, peer.stored().await?)
    })
}

async fn as_tasks<P: Peer, F>(
    number: usize,
    arguments: &Arguments,
    peer: &Arc<P>,
    run: impl Fn(Caller, Arc<P>) -> F,
) -> Result<Vec<Caller>>
where
    F: Future<Output = Result<Caller>> + Send + 'static,
{
    let callers = Caller::several(number, arguments).into_iter();
    let tasks: Vec<_> = callers.map(|caller| tokio::spawn(run(caller, Arc::clone(peer)))).collect();
    let mut ended = Vec::with_capacity(number);
    for task in tasks {
        ended.push(task.await??);
    }
    Ok(ended)
}

async fn one_at_a_time<P: Peer>(mut caller: Caller, peer: Arc<P>) -> Result<Caller> {
    while let Some((asked, body)) = caller.next() {
        let started = Instant::now();
        let id = peer.add_or_update(&body).await?;
        caller.answered(asked, id, started);
    }
    Ok(caller)
}

async fn batches<P: Peer>(mut caller: Caller, peer: Arc<P>) -> Result<Caller> {
    while let Some((asked, bodies)) = caller.next_batch() {
        let started = Instant::now();
        let ids = peer.add_or_update_all(&bodies).await?;
        caller.answered_all(&asked, &ids, started);
    }
    Ok(caller)
}
