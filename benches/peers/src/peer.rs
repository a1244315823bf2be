//! The peers, and how they are built and run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use peer_harness::{Measured, Mode, Result};

use crate::options::Options;

pub(crate) struct Peer {
    /// Also the name of its folder.
    pub(crate) name: &'static str,
    /// Whether more requests can be in flight than there are threads.
    in_flight: bool,
}

impl Peer {
    const fn blocking(name: &'static str) -> Self {
        Self { name, in_flight: false }
    }

    const fn asynchronous(name: &'static str) -> Self {
        Self { name, in_flight: true }
    }

    /// The baseline is run in all modes, for what the others do is divided by it.
    pub(crate) fn supports(&self, mode: Mode) -> bool {
        mode != Mode::InFlight || self.in_flight || self.name == BASELINE
    }

    pub(crate) fn package(&self) -> String {
        format!("peer-{}", self.name)
    }
}

pub(crate) const BASELINE: &str = "baseline";

/// In the order in which they run; the baseline first.
pub(crate) const PEERS: [Peer; 9] = [
    Peer::blocking(BASELINE),
    Peer::asynchronous("engine"),
    Peer::blocking("rusqlite-r2d2"),
    Peer::asynchronous("tokio-rusqlite"),
    Peer::asynchronous("sqlx"),
    Peer::blocking("diesel"),
    Peer::asynchronous("sea-orm"),
    Peer::blocking("redb"),
    Peer::blocking("fjall"),
];

/// Where peers come from and where they are built.
pub(crate) struct Workshop {
    sources: PathBuf,
    target: PathBuf,
}

impl Workshop {
    pub(crate) fn new() -> Result<Self> {
        // This program is in `release` of the target folder, wherever cargo was told to put that.
        let program = env::current_exe()?;
        let target = program.ancestors().nth(2).ok_or("this program is not in a target folder")?;
        Ok(Self { sources: env!("CARGO_MANIFEST_DIR").into(), target: target.to_owned() })
    }

    pub(crate) fn databases(&self) -> PathBuf {
        self.target.join("databases")
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Cargo in the folder of a peer, from where it finds the profile in `.cargo`.
    pub(crate) fn cargo(&self, peer: &Peer, subcommand: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg(subcommand).current_dir(self.sources.join(peer.name));
        cargo
    }

    pub(crate) fn build(&self, peer: &Peer) -> Result<()> {
        let mut build = self.cargo(peer, "build");
        build.args(["--release", "--quiet", "--target-dir"]).arg(self.target.join("peers"));
        succeed(&mut build)?;
        Ok(())
    }

    /// Runs a peer on an empty folder.
    pub(crate) fn run(
        &self,
        peer: &Peer,
        mode: Mode,
        round: usize,
        options: &Options,
    ) -> Result<Measured> {
        fs::create_dir_all(&options.databases)?;
        let folder = tempfile::tempdir_in(&options.databases)?;
        let mut program = Command::new(self.target.join("peers/release").join(peer.package()));
        program.arg(mode.name()).arg(options.seconds.to_string()).arg(round.to_string());
        let printed = succeed(program.arg(folder.path()))?;
        Ok(serde_json::from_str(&printed)?)
    }
}

/// Runs a program and takes what it prints; it fails if the program does.
pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} has failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
