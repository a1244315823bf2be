//! A folder, and the program run in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use opportunity_engine::{Engine, Options, Timestamp};
use tempfile::TempDir;

/// A folder with a database path in it.
pub(crate) struct Place(TempDir);

/// The moment at which every change of [`Place::engine`] is made.
pub(crate) const NOW: &str = "2017-05-05T14:30:00.123Z";

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What the program is told to use as `a.db`.
    pub(crate) fn db(&self) -> PathBuf {
        self.path("a.db")
    }

    /// An engine in this process on the database.
    pub(crate) fn engine(&self, options: Options) -> Engine {
        let now = Timestamp::try_from(NOW.to_owned()).unwrap();
        options.clock(move || now).open(self.db()).unwrap()
    }

    /// The program, in the folder.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opportunity"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    /// Runs the program with what it reads from standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: impl AsRef<[u8]> + Send) -> Output {
        let mut child = start(&mut self.program(arguments));
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // The program may end before it has read all.
                let _ignored = stdin.write_all(input.as_ref()).is_err();
            });
            child.wait_with_output().unwrap()
        })
    }

    /// Runs the program, which is to succeed, and gives back what it prints.
    pub(crate) fn print(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }

    /// `apply`, fed through standard input.
    pub(crate) fn applying(&self, arguments: &[&str]) -> Command {
        let fixed = ["apply", "-", "--db", "a.db", "--durability", "off"];
        self.program(&[&fixed, arguments].concat())
    }

    /// Applies requests of JSON.
    pub(crate) fn apply(&self, arguments: &[&str], input: impl AsRef<[u8]> + Send) -> Output {
        let fixed = ["apply", "-", "--db", "a.db", "--durability", "off"];
        self.run(&[&fixed, arguments].concat(), input)
    }

    /// Every opportunity of a database, as JSON.
    pub(crate) fn export(&self, db: &str) -> String {
        self.print(&["export", "--db", db])
    }

    /// The files that there are, by name.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

pub(crate) fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(crate) fn lines(bytes: &[u8]) -> Vec<&str> {
    text(bytes).lines().collect()
}
