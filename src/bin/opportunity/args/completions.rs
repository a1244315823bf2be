//! The arguments of `opportunity completions`.

use clap::Args;
use clap_complete::Shell;

pub(crate) const HELP: &str = "\
Example, for bash, of one user:
  opportunity completions bash > ~/.local/share/bash-completion/completions/opportunity";

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
