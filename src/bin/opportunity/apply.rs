//! `opportunity apply`: one request a line in, one reply a line out.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use opportunity_engine::{Batch, Decoder, Engine, Rejection, Reply, ReplyTicket, Request};

use crate::args::{Apply, BatchArgument};
use crate::failure::{BAD_USAGE, Failure, REFUSED, STORE_FAILED};
use crate::lines::Lines;
use crate::progress::{self, Input};
use crate::summary::Summary;

/// How many requests are in flight between the input and the replies.
const IN_FLIGHT: usize = 8_192;

pub(crate) fn run(arguments: &Apply) -> Result<ExitCode, Failure> {
    keep_apart(arguments)?;
    let (input, len) = open_input(&arguments.input)?;
    let engine = Engine::options()
        .durability(arguments.durability.into())
        .open(&arguments.db)
        .map_err(|error| Failure::new(STORE_FAILED, "could not open the database", &error))?;
    let mut replies = Replies::open(arguments.replies.as_deref())?;

    let bar = progress::bar(len);
    let lines = Lines::new(progress::watch(input, &bar), Decoder::DEFAULT_MAX_BYTES);
    let done = match arguments.batch {
        BatchArgument::Each => pipeline(&engine, lines, &mut replies),
        BatchArgument::All => all_or_nothing(&engine, lines, &mut replies),
    };
    bar.finish_and_clear();
    let closed = engine.close();
    eprintln!("{}", replies.summary);
    done?;
    closed.map_err(|error| Failure::new(STORE_FAILED, "could not close the database", &error))?;

    Ok(match &replies.summary {
        summary if summary.any_failed() => ExitCode::from(STORE_FAILED),
        summary if arguments.strict && summary.any_refused() => ExitCode::from(REFUSED),
        _ => ExitCode::SUCCESS,
    })
}

/// Refuses to write the replies over the requests or the database.
fn keep_apart(arguments: &Apply) -> Result<(), Failure> {
    let Some(replies) = arguments.replies.as_ref().and_then(|path| path.canonicalize().ok()) else {
        return Ok(());
    };
    for (path, what) in [(&arguments.input, "the requests"), (&arguments.db, "the database")] {
        if path.canonicalize().is_ok_and(|path| path == replies) {
            let error = io::Error::other(format!("it holds {what}"));
            let tried = format!("could not write the replies to {}", replies.display());
            return Err(Failure::new(BAD_USAGE, &tried, &error));
        }
    }
    Ok(())
}

/// Opens the input and tells its size, if it has one.
fn open_input(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let open = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok((file, metadata.is_file().then_some(metadata.len())))
    };
    let (file, len) = open().map_err(|error: io::Error| {
        Failure::new(BAD_USAGE, &format!("could not open {}", path.display()), &error)
    })?;
    Ok((Box::new(file), len))
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

fn not_read(error: &io::Error) -> Failure {
    Failure::new(BAD_USAGE, "could not read the input", error)
}

/// Feeds the engine on one thread and writes its replies on another.
fn pipeline(
    engine: &Engine,
    lines: Lines<Input<'_>>,
    replies: &mut Replies,
) -> Result<(), Failure> {
    let (tickets, in_flight) = sync_channel(IN_FLIGHT);
    thread::scope(|scope| {
        let feeder = scope.spawn(move || feed(engine, lines, &tickets));
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

/// Hands the lines to the engine until the input ends, or nobody wants the replies any more.
fn feed(
    engine: &Engine,
    mut lines: Lines<Input<'_>>,
    tickets: &SyncSender<ReplyTicket>,
) -> io::Result<()> {
    while let Some(line) = lines.next()? {
        if tickets.send(engine.submit_json(line)).is_err() {
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

/// Applies the whole input as one batch. What is kept of a line until its end is the request that
/// it holds, not its text; an input that cannot be read to its end changes nothing.
fn all_or_nothing(
    engine: &Engine,
    mut lines: Lines<Input<'_>>,
    replies: &mut Replies,
) -> Result<(), Failure> {
    let mut requests: Vec<Result<Request, Rejection>> = Vec::new();
    while let Some(line) = lines.next().map_err(|error| not_read(&error))? {
        requests.push(engine.decode(line));
    }
    for reply in engine.reply_to_all(requests, Batch::AllOrNothing) {
        replies.write(&reply)?;
    }
    replies.flush()
}
