//! Several processes that send the very same requests, under the same keys, on one file at the same time.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use opportunity_engine::VenueId;

use super::content::{Command, Token};
use super::database::look;
use super::for_each_seed;
use super::history::{Fate, History};
use super::invariant::Rows;
use super::process::Process;
use super::races::start_together;
use super::record::{Call, Line};
use super::support::runs;
use super::work::{Job, VENUES, go};

/// The number of the process that made up the script: none of those that run.
const AUTHOR: u32 = 100;

/// Calls of one command and of several, each of which adds or updates what is there, under a key.
fn script(rows: &Rows, random: &mut Rng) -> Vec<Call> {
    let mut tokens = (0..).map(|serial| Token::new(AUTHOR, serial)).filter(|it| it.key().is_some());
    let mut command = |random: &mut Rng| {
        let token = tokens.next().unwrap();
        match random.choice(rows).filter(|_| random.bool()) {
            Some((id, row)) => Command { token, venue: row.venue, id: Some(*id) },
            None => {
                let venue = VenueId::new(random.i64(1..=VENUES)).unwrap();
                Command { token, venue, id: None }
            }
        }
    };
    let mut call = |random: &mut Rng| {
        let count = if random.bool() { 1 } else { random.usize(2..6) };
        let commands = (0..count).map(|_| command(random)).collect();
        Call { all_or_nothing: random.bool(), commands }
    };
    (0..random.usize(3..8)).map(|_| call(random)).collect()
}

/// Lets racers go at the same moment, of whom one may be killed; then one sends all of it again. Tells how many
/// commands there were.
fn race(seed: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let rows = start_together(&path, seed);
    let mut random = Rng::with_seed(seed);
    let script = script(&rows, &mut random);
    let racer = |number| Job { script: script.clone(), ..Job::new(path.clone(), number, seed) };
    let mut racers: Vec<_> =
        (2..=random.u32(3..=4)).map(|number| Process::start(&racer(number))).collect();
    for racer in &mut racers {
        racer.wait_for(|line| *line == Line::Opened);
    }
    File::create(go(&path)).unwrap();
    let killed = random.bool().then(|| racers.pop()).flatten();
    let pause = Duration::from_micros(random.u64(..10_000));
    let killed = killed.map(|racer| thread::spawn(move || racer.kill_after(pause)));
    let mut told: Vec<Line> = racers.into_iter().flat_map(Process::finish).collect();
    told.extend(killed.into_iter().flat_map(|killed| killed.join().unwrap()));
    told.extend(Process::start(&racer(10)).finish());
    examine(&path, &rows, &script, told).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong:#?}"))
}

fn examine(
    path: &Path,
    before: &Rows,
    script: &[Call],
    told: Vec<Line>,
) -> Result<usize, Vec<String>> {
    let asked = script.iter().cloned().map(Line::Asked);
    let record: Vec<_> = asked.chain(told).collect();
    look(path, before, &record)?;
    let history = History::of(&record);
    let count = script.iter().map(|call| call.commands.len()).sum();
    // The last racer was alone: nothing kept it from an answer.
    if history.count(Fate::is_done) == count {
        Ok(count)
    } else {
        Err(vec![format!("not everything was done: {:?}", history.commands)])
    }
}

/// Seen to catch: a look at the key before `BEGIN` instead of in the transaction.
#[test]
fn of_doubles_that_processes_send_at_the_same_time_one_is_carried_out() {
    let counts = for_each_seed(runs(50, 1_000), race);
    println!("{} races of doubles; {} commands", counts.len(), counts.iter().sum::<usize>());
}
