//! `kill -9` at any moment: while the database is created or opened, at work, while it is closed.

use std::fmt::{self, Debug, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use opportunity_engine::{Batch, Durability, Engine, OpportunityId, VenueId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::content::{Command, Row, Token};
use super::database::{keeps_history, look, look_at_lists};
use super::for_each_seed;
use super::history::{Fate, History};
use super::invariant::Rows;
use super::process::Process;
use super::record::{Line, failures};
use super::support::runs;
use super::work::{Job, Synced, VENUES};

/// How many processes are killed on one database, one after the other.
const KILLS_A_DATABASE: u32 = 6;

/// When a process is killed: so long after it has reached a stage.
#[derive(Debug, Clone, Copy)]
struct Moment {
    stage: Stage,
    pause: Duration,
}

/// How far a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Started,
    Opened,
    Answered,
    Closing,
}

impl Stage {
    fn is_told_by(self, line: &Line) -> bool {
        match self {
            Self::Started => true,
            Self::Opened => *line == Line::Opened,
            Self::Answered => matches!(line, Line::Answered(_)),
            Self::Closing => *line == Line::Closing,
        }
    }
}

impl Moment {
    fn random(random: &mut Rng) -> Self {
        let (stage, longest_micros) = match random.u32(..10) {
            0..3 => (Stage::Started, 25_000),
            3..8 => (Stage::Opened, 50_000),
            _ => (Stage::Closing, 3_000),
        };
        Self::after(stage, longest_micros, random)
    }

    fn after(stage: Stage, longest_micros: u64, random: &mut Rng) -> Self {
        Self { stage, pause: Duration::from_micros(random.u64(..longest_micros)) }
    }

    /// Starts a process, and kills it then.
    fn kill(self, job: Job) -> Vec<Line> {
        // Only one that is to be killed while it closes the engine comes to that.
        let calls = if self.stage == Stage::Closing { 3 } else { usize::MAX };
        let mut process = Process::start(&Job { calls, ..job });
        if self.stage != Stage::Started {
            process.wait_for(|line| self.stage.is_told_by(line));
        }
        process.kill_after(self.pause)
    }
}

/// What was seen, to be added up.
#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    kills: usize,
    before_it_was_open: usize,
    at_work: usize,
    while_closing: usize,
    acknowledged: usize,
    unsettled: usize,
}

impl Figures {
    fn of(record: &[Line], history: &History) -> Self {
        let has = |line: &Line| record.contains(line);
        let is_open = has(&Line::Opened);
        let is_closing = has(&Line::Closing);
        Self {
            kills: 1,
            before_it_was_open: usize::from(!is_open),
            at_work: usize::from(is_open && !is_closing),
            while_closing: usize::from(is_closing && !has(&Line::Closed(None))),
            acknowledged: history.count(Fate::is_done),
            unsettled: history.count(Fate::is_unsettled),
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            kills: self.kills + other.kills,
            before_it_was_open: self.before_it_was_open + other.before_it_was_open,
            at_work: self.at_work + other.at_work,
            while_closing: self.while_closing + other.while_closing,
            acknowledged: self.acknowledged + other.acknowledged,
            unsettled: self.unsettled + other.unsettled,
        }
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} of them before the database was open, {} at work, {} while it was closed; {} changes \
             acknowledged, {} without an answer",
            self.kills,
            self.before_it_was_open,
            self.at_work,
            self.while_closing,
            self.acknowledged,
            self.unsettled,
        )
    }
}

/// A database and the processes that are killed on it.
struct Victim {
    seed: u64,
    random: Rng,
    /// Removed at the end.
    _folder: TempDir,
    path: PathBuf,
    rows: Rows,
    processes: u32,
}

impl Victim {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let random = Rng::with_seed(seed);
        Self { seed, random, _folder: folder, path, rows: Rows::new(), processes: 0 }
    }

    /// With so many opportunities that the index by venue is about to be caught up.
    fn before_a_run_of_the_index(seed: u64) -> Self {
        const ROWS: u32 = 16_380;
        let mut victim = Self::new(seed);
        let options = Engine::options().durability(Durability::Off).history(victim.has_history());
        let engine = options.open(&victim.path).unwrap();
        let commands: Vec<Command> = (0..ROWS)
            .map(|number| Command {
                // None with a long description.
                token: Token::new(0, 16 * number + 1),
                venue: VenueId::new(1 + i64::from(number) % VENUES).unwrap(),
                id: None,
            })
            .collect();
        let requests = commands.iter().map(Command::request);
        engine.add_or_update_all(requests, Batch::AllOrNothing).unwrap();
        engine.close().unwrap();
        let ids = (1..).map(|id| OpportunityId::new(id).unwrap());
        victim.rows = ids.zip(commands.iter().map(Row::added_by)).collect();
        victim
    }

    const fn has_history(&self) -> bool {
        self.seed % 2 == 1
    }

    fn next_job(&mut self, synced: Synced) -> Job {
        self.processes += 1;
        let mut job = Job::new(self.path.clone(), self.processes, self.random.u64(..1 << 32));
        job.synced = synced;
        // The first that comes to write has the history of half of the databases kept, the others go on with it.
        job.history = self.has_history() && self.rows.is_empty();
        if self.random.bool() {
            // Checkpoints go on all the time.
            job.log_cap_bytes = 256 << 10;
        }
        job
    }

    /// Looks at what a process left behind.
    fn examine(&mut self, moment: impl Debug, record: &[Line]) -> Figures {
        let history = History::of(record);
        let found = look(&self.path, &self.rows, record);
        self.rows = found.unwrap_or_else(|complaints| {
            let (seed, process) = (self.seed, self.processes);
            panic!("seed {seed}, process {process}, killed {moment:?}: {complaints:#?}");
        });
        assert!(failures(record).is_empty(), "seed {}: {:?}", self.seed, failures(record));
        let is_kept = keeps_history(&Connection::open(&self.path).unwrap());
        assert!(is_kept == self.has_history() || self.rows.is_empty(), "seed {}", self.seed);
        Figures::of(record, &history)
    }

    fn kill_one(&mut self, synced: Synced) -> Figures {
        let moment = match self.processes {
            // While it creates the database, say.
            0 => Moment::after(Stage::Started, 20_000, &mut self.random),
            _ => Moment::random(&mut self.random),
        };
        let record = moment.kill(self.next_job(synced));
        self.examine(moment, &record)
    }
}

/// A kill of the process loses nothing at any durability: what was written is with the operating system.
///
/// Seen to catch: commits that wait for the next group, while their answers do not; all-or-nothing
/// batches in two transactions; the counter in a transaction after that of the rows; the schema created in
/// several; the records of changes, or what was done under keys, written with the next group.
#[test]
fn a_kill_at_any_moment_loses_nothing_and_leaves_nothing_half_done() {
    let databases = runs(300, 10_000).div_ceil(KILLS_A_DATABASE as usize);
    let figures = for_each_seed(databases, |seed| {
        let synced = match seed % 6 {
            4 => Synced::Normal,
            5 => Synced::Off,
            _ => Synced::Full,
        };
        let mut victim = Victim::new(seed);
        let kills = (0..KILLS_A_DATABASE).map(|_| victim.kill_one(synced));
        kills.fold(Figures::default(), Figures::plus)
    });
    let figures = figures.into_iter().fold(Figures::default(), Figures::plus);
    println!("{figures}; losses: 0");
    let Figures { before_it_was_open, at_work, while_closing, acknowledged, unsettled, .. } =
        figures;
    let seen = [before_it_was_open, at_work, while_closing, acknowledged, unsettled];
    assert!(!seen.contains(&0), "some moments were never met: {figures:?}");
}

/// Seen to catch: how far the index has come, committed before its entries.
#[test]
fn a_kill_while_the_index_by_venue_is_caught_up_leaves_every_list_right() {
    const KILLS: usize = 10;
    let during_a_run = for_each_seed(runs(2, 100), |seed| {
        let mut victim = Victim::before_a_run_of_the_index(seed);
        let mut told = Vec::new();
        let mut during_a_run = 0;
        for kill in 0..KILLS {
            // The first group of a process reads and sorts the run: nearly all would be killed at that.
            let moment = Moment::after(Stage::Answered, 8_000, &mut victim.random);
            // Without syncs it is mostly SQLite that is killed, and not the wait for the disk.
            told.extend(moment.kill(victim.next_job(Synced::Off)));
            assert_eq!(look_at_lists(&victim.path), [""; 0], "seed {seed}, kill {kill}");
            during_a_run += usize::from(has_a_run(&victim.path));
        }
        victim.examine("several times", &told);
        during_a_run
    });
    let during_a_run: usize = during_a_run.into_iter().sum();
    println!("{during_a_run} kills while the index was caught up; wrong lists: 0");
    assert!(during_a_run > KILLS / 2, "the index was caught up during {during_a_run} kills only");
}

fn has_a_run(path: &Path) -> bool {
    let connection = Connection::open(path).unwrap();
    let has_run = "SELECT run_id > indexed_id FROM engine_state";
    connection.query_row(has_run, [], |row| row.get(0)).unwrap()
}
