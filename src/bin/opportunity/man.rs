//! `opportunity man`: pages for `man`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use crate::args::{Arguments, Man, PROGRAM};
use crate::failure::{BAD_USAGE, Failure, STORE_FAILED};
use crate::output::Output;

pub(crate) fn run(arguments: &Man) -> Result<ExitCode, Failure> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Commands get the names of their pages.
    program.build();
    match &arguments.out {
        Some(folder) => {
            let commands = std::iter::once(&program).chain(program.get_subcommands());
            commands.into_iter().try_for_each(|command| write(command, folder))?;
        }
        None => {
            let page = page(&program)
                .map_err(|error| Failure::new(STORE_FAILED, "could not make the page", &error))?;
            let mut output = Output::new();
            output.bytes(page.1.as_bytes())?;
            output.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(command: &Command, folder: &Path) -> Result<(), Failure> {
    let written = page(command).and_then(|(name, page)| fs::write(folder.join(name), page));
    written.map_err(|error| {
        let tried = format!("could not write the pages to {}", folder.display());
        Failure::new(BAD_USAGE, &tried, &error)
    })
}

/// The name of the file of a page, and the page.
fn page(command: &Command) -> io::Result<(String, String)> {
    let source = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
    let man = clap_mangen::Man::new(command.clone()).source(source);
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8(page).map_err(io::Error::other)?;
    // Without more blanks between words than there are: a line may be an example, to be typed.
    let page = page.replacen("\n.SH NAME\n", "\n.ad l\n.SH NAME\n", 1);
    Ok((man.get_filename(), page))
}
