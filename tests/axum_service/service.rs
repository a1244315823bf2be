//! The example as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Far more than anything here needs, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(is_so_by(Instant::now() + PATIENCE, is_so).is_some(), "still not so: {what}");
}

/// Waits until something is so, or until it is too late for that: `None`.
pub(crate) fn is_so_by(deadline: Instant, mut is_so: impl FnMut() -> bool) -> Option<()> {
    while !is_so() {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(())
}

/// A free port of the loopback address.
pub(crate) const LOOPBACK: &str = "127.0.0.1:0";

/// A running service. Dropped before it has ended it is killed.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Service {
    pub(crate) fn start(db: &Path) -> Self {
        Self::start_with(db, &[])
    }

    pub(crate) fn start_with(db: &Path, further: &[&str]) -> Self {
        Self::spawn(Command::new(binary()), db, further)
    }

    /// Starts one that writes no file beyond this many blocks of 512 bytes.
    pub(crate) fn start_with_file_size_limit(db: &Path, blocks: u32) -> Self {
        let mut shell = Command::new("sh");
        // Without the trap a write past the limit ends the process, with it the write fails.
        shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
        shell.arg(blocks.to_string()).arg(binary());
        Self::spawn(shell, db, &[])
    }

    /// What one that cannot start says.
    pub(crate) fn fail_to_start(db: &Path, listen: &str) -> String {
        let mut command = Command::new(binary());
        let command = command.arg("--db").arg(db).args(["--listen", listen]);
        let output = command.output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn spawn(mut command: Command, db: &Path, further: &[&str]) -> Self {
        command.arg("--db").arg(db).args(["--listen", LOOPBACK]).args(further);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
        let address = told.trim_end().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("it did not start, but told: {told:?}"));
        Self { address: address.parse().unwrap(), child }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; it goes on for as long as it has to.
    pub(crate) fn tell_to_stop(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{name}")).arg(self.child.id().to_string());
        assert!(kill.status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> ExitStatus {
        let mut status = None;
        wait_until("it has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Tells it to stop, waits, and wants it to have ended well, with everything in the database.
    pub(crate) fn stop(self, db: &Path) {
        self.tell_to_stop();
        assert!(self.end().success());
        assert!(!db.with_extension("db-wal").exists(), "the engine was not closed");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It fails only for one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The example, which `cargo test` builds beside the program. A single test target does not bring it along.
fn binary() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_opportunity"));
    let binary = program.with_file_name("examples").join("axum_service");
    let built = modified(&binary);
    let named = std::fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let sources = sources(&named);
    // A source that is gone is newer than any binary.
    let is_older = |source: &PathBuf| modified(source).is_some_and(|it| Some(it) <= built);
    let is_current = !sources.is_empty() && sources.iter().all(is_older);
    assert!(
        is_current,
        "run `cargo build --example axum_service` first, or all tests: {binary:?} is old"
    );
    binary
}

/// The sources of a binary, which cargo names in a file beside it: first the binary, then those, with a `\` before each
/// blank that belongs to a path.
fn sources(named: &str) -> Vec<PathBuf> {
    // No path holds a NUL.
    let named = named.trim_end().replace("\\ ", "\0");
    named.split(' ').skip(1).map(|path| path.replace('\0', " ").into()).collect()
}

/// `None` if there is no such file.
fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|it| it.modified()).ok()
}

/// Seen to fail for one that splits at each blank.
#[test]
fn sources_may_have_blanks_in_their_paths() {
    let named = "/a\\ b/x: /a\\ b/c\\ \\ d/x.rs /e.rs /a\\ b/schema.sql\n";
    let expected = ["/a b/c  d/x.rs", "/e.rs", "/a b/schema.sql"];
    assert_eq!(sources(named), expected.map(PathBuf::from));
    assert!(sources("").is_empty());
}
