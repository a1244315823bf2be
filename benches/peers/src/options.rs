use std::env;
use std::path::PathBuf;

use peer_harness::Result;

use crate::peer::Workshop;

/// What is given on the command line.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// Also measure what each peer brings; slow, for each is built anew.
    pub(crate) costs: bool,
    /// The databases are made in it, so it says which file system is measured.
    pub(crate) databases: PathBuf,
    pub(crate) out: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(workshop: &Workshop) -> Result<Self> {
        let mut options = Self {
            rounds: 5,
            seconds: 4.0,
            costs: false,
            databases: workshop.databases(),
            out: None,
        };
        let mut given = env::args().skip(1);
        while let Some(option) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--rounds" => options.rounds = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--quick" => (options.rounds, options.seconds) = (1, 0.5),
                "--costs" => options.costs = true,
                "--dir" => options.databases = value()?.into(),
                "--out" => options.out = Some(value()?.into()),
                _ => return Err(format!("there is no option {option}").into()),
            }
        }
        if options.rounds == 0 {
            return Err("at least one round".into());
        }
        Ok(options)
    }
}
