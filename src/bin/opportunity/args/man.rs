//! The arguments of `opportunity man`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
Examples:
  opportunity man | man -l -
  opportunity man --out ~/.local/share/man/man1";

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for the program and one for each of its commands to this folder, which has to exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}
