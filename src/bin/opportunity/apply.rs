//! `opportunity apply`: requests in, one reply a line out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use opportunity_engine::{Batch, Engine, Rejection, Reply, ReplyTicket, Request};

use crate::args::{Apply, BatchArgument};
use crate::failure::{BAD_USAGE, Failure, REFUSED, STORE_FAILED};
use crate::input::{self, not_read};
use crate::progress;
use crate::requests::Requests;
use crate::statistics::Statistics;
use crate::summary::Summary;

/// How many requests are in flight between the input and the replies.
const IN_FLIGHT: usize = 8_192;

pub(crate) fn run(arguments: &Apply) -> Result<ExitCode, Failure> {
    keep_apart(arguments)?;
    let (input, len) = input::open(&arguments.input)?;
    let options = Engine::options().durability(arguments.durability.into());
    let options = match arguments.history {
        Some(history) => options.history(history.into()),
        None => options,
    };
    let engine = options
        .open(&arguments.db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    // Once more: a link that led nowhere may lead to the database, now that there is one.
    keep_apart(arguments)?;
    let mut replies = Replies::open(arguments.replies.as_deref())?;

    let bar = progress::bar(len);
    let requests = Requests::of(arguments, progress::watch(input, &bar));
    let done = match arguments.batch {
        BatchArgument::Each => pipeline(&engine, requests, &mut replies),
        BatchArgument::All => all_or_nothing(&engine, requests, &mut replies),
    };
    bar.finish_and_clear();
    let statistics = arguments.stats.then(|| Statistics(engine.stats()));
    let closed = engine.close();
    eprintln!("{}", replies.summary);
    if let Some(statistics) = statistics {
        eprintln!("{statistics}");
    }
    done?;
    closed.map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;

    Ok(match &replies.summary {
        summary if summary.any_failed() => ExitCode::from(STORE_FAILED),
        summary if arguments.strict && summary.any_refused() => ExitCode::from(REFUSED),
        _ => ExitCode::SUCCESS,
    })
}

/// Refuses to write the replies over the requests, the database, or what SQLite keeps beside it.
fn keep_apart(arguments: &Apply) -> Result<(), Failure> {
    let Some(replies) = arguments.replies.as_deref().and_then(place) else { return Ok(()) };
    let files = place(&arguments.db).into_iter().flat_map(|db| {
        ["", "-wal", "-shm", "-journal"].map(|suffix| {
            let mut file = db.clone().into_os_string();
            file.push(suffix);
            (PathBuf::from(file), "the database")
        })
    });
    let requests = place(&arguments.input).map(|it| (it, "the requests"));
    match requests.into_iter().chain(files).find(|(file, _)| is_same(file, &replies)) {
        None => Ok(()),
        Some((_, what)) => {
            let error = io::Error::other(format!("it holds {what}"));
            let tried = format!("could not write the replies to {}", replies.display());
            Err(Failure::new(BAD_USAGE, &tried, &error))
        }
    }
}

/// Whether two paths lead to one file: it may have several names.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) {
        use std::os::unix::fs::MetadataExt;
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    one == other
}

/// Where a file is, or would be if it were created.
fn place(path: &Path) -> Option<PathBuf> {
    let to_be_created = || {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(to_be_created)
}

/// Where replies go, and what they say in numbers.
struct Replies {
    output: BufWriter<Box<dyn Write>>,
    summary: Summary,
}

impl Replies {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let output: Box<dyn Write> = match path {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(File::create(path).map_err(|error| {
                Failure::new(BAD_USAGE, &format!("could not create {}", path.display()), &error)
            })?),
        };
        Ok(Self { output: BufWriter::new(output), summary: Summary::new() })
    }

    fn write(&mut self, reply: &Reply) -> Result<(), Failure> {
        self.summary.count(reply);
        let mut line = reply.to_json();
        line.push(b'\n');
        self.output.write_all(&line).map_err(|error| not_written(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| not_written(&error))
    }
}

fn not_written(error: &io::Error) -> Failure {
    Failure::new(STORE_FAILED, "could not write the replies", error)
}

/// Feeds the engine on one thread and writes its replies on another.
fn pipeline(engine: &Engine, requests: Requests<'_>, replies: &mut Replies) -> Result<(), Failure> {
    let (tickets, in_flight) = sync_channel(IN_FLIGHT);
    thread::scope(|scope| {
        let feeder = scope.spawn(move || feed(engine, requests, &tickets));
        let written = answer(&in_flight, replies);
        // If the replies cannot be written the feeder must not wait for room for further ones.
        drop(in_flight);
        let read = match feeder.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        written?;
        read.map_err(|error| not_read(&error))
    })
}

/// Hands the requests to the engine until the input ends, or nobody wants the replies any more.
fn feed(
    engine: &Engine,
    mut requests: Requests<'_>,
    tickets: &SyncSender<ReplyTicket>,
) -> io::Result<()> {
    while let Some(request) = requests.next(engine)? {
        if tickets.send(engine.reply_to(request)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes the replies in order. Nothing stays in the buffer while there is nothing to wait for but
/// the input.
fn answer(in_flight: &Receiver<ReplyTicket>, replies: &mut Replies) -> Result<(), Failure> {
    loop {
        let ticket = match in_flight.try_recv() {
            Ok(ticket) => ticket,
            Err(TryRecvError::Disconnected) => return replies.flush(),
            Err(TryRecvError::Empty) => {
                replies.flush()?;
                match in_flight.recv() {
                    Ok(ticket) => ticket,
                    Err(_) => return Ok(()),
                }
            }
        };
        replies.write(&ticket.wait())?;
    }
}

/// Applies the whole input as one batch. What is kept until its end are the requests, not their
/// text; an input that cannot be read to its end changes nothing.
fn all_or_nothing(
    engine: &Engine,
    mut input: Requests<'_>,
    replies: &mut Replies,
) -> Result<(), Failure> {
    let mut requests: Vec<Result<Request, Rejection>> = Vec::new();
    while let Some(request) = input.next(engine).map_err(|error| not_read(&error))? {
        requests.push(request);
    }
    for reply in engine.reply_to_all(requests, Batch::AllOrNothing) {
        replies.write(&reply)?;
    }
    replies.flush()
}
