//! What each peer brings into a program.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use peer_harness::Result;
use serde::Serialize;

use crate::peer::{Peer, Workshop, succeed};

#[derive(Serialize)]
pub(crate) struct Costs {
    pub(crate) peer: &'static str,
    pub(crate) crates: usize,
    pub(crate) build_s: f64,
    pub(crate) binary_bytes: u64,
}

impl Costs {
    /// Without default features, which are only what the benchmark needs besides.
    pub(crate) fn measure(workshop: &Workshop, peer: &Peer) -> Result<Self> {
        eprintln!("measuring the costs of {}", peer.name);
        let crates = crates(workshop, peer)?;
        // What has to be downloaded has been when it was built to be run.
        let target = tempfile::tempdir_in(workshop.target())?;
        let mut build = workshop.cargo(peer, "build");
        build.args(["--release", "--quiet", "--no-default-features", "--target-dir"]);
        let started = Instant::now();
        succeed(build.arg(target.path()))?;
        let build_s = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let binary = target.path().join("release").join(peer.package());
        Ok(Self { peer: peer.name, crates, build_s, binary_bytes: fs::metadata(binary)?.len() })
    }
}

/// How many crates are in the tree, without the peer itself and the harness.
fn crates(workshop: &Workshop, peer: &Peer) -> Result<usize> {
    let mut tree = workshop.cargo(peer, "tree");
    let tree =
        succeed(tree.args(["--no-default-features", "-e", "normal,build", "--prefix", "none"]))?;
    // A line is a name and a version, and perhaps more in brackets, such as that it was there before.
    let crates: BTreeSet<_> = tree
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("peer-"))
        .map(|line| line.split(" (").next())
        .collect();
    Ok(crates.len())
}
