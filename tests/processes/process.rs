//! Processes: this test binary, run again to do a job.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::record::Line;
use super::work::{JOB, Job};

/// Far more than any process needs, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGKILL: i32 = 9;

/// A process that does its job. Dropped before it has ended it is killed.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<Line>,
    /// What it has told so far.
    record: Vec<Line>,
}

impl Process {
    pub(crate) fn start(job: &Job) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()), job)
    }

    /// Starts a process that writes no file beyond this many blocks of 512 bytes.
    pub(crate) fn start_with_file_size_limit(job: &Job, blocks: u64) -> Self {
        let mut shell = Command::new("sh");
        // Without the trap a write past the limit ends the process, with it the write fails.
        shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
        shell.arg(blocks.to_string()).arg(std::env::current_exe().unwrap());
        Self::spawn(shell, job)
    }

    fn spawn(mut command: Command, job: &Job) -> Self {
        command.args(["--exact", "a_process_does_its_job", "--ignored", "--nocapture"]);
        command.env(JOB, serde_json::to_string(job).unwrap());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut text = String::new();
            while told.read_line(&mut text).unwrap() > 0 {
                if let Some(line) = Line::read(&text) {
                    // Whoever has no use for it any more has dropped the process.
                    drop(sender.send(line));
                }
                text.clear();
            }
        });
        Self { child, lines, record: Vec::new() }
    }

    /// Waits until it has told such a line, or has ended.
    pub(crate) fn wait_for(&mut self, is_wanted: impl Fn(&Line) -> bool) {
        while self.next_line().is_some_and(|line| !is_wanted(&line)) {}
    }

    /// Kills it after a pause, unless it has ended, and gives back what it told until then.
    pub(crate) fn kill_after(mut self, pause: Duration) -> Vec<Line> {
        thread::sleep(pause);
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert!(
            status.success() || status.signal() == Some(SIGKILL),
            "it ended by itself: {status}"
        );
        self.rest()
    }

    /// Waits until it has ended, and gives back what it told.
    pub(crate) fn finish(mut self) -> Vec<Line> {
        let record = self.rest();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        record
    }

    fn rest(&mut self) -> Vec<Line> {
        while self.next_line().is_some() {}
        std::mem::take(&mut self.record)
    }

    fn next_line(&mut self) -> Option<Line> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.record.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the process hangs"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only for one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
