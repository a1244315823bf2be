//! The arguments of `opportunity get`.

use std::path::PathBuf;

use clap::Args;
use opportunity_engine::{OpportunityId, VenueId};

pub(crate) const HELP: &str = "Example:\n  opportunity get 107 755 --db opportunities.db";

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The venue of the opportunity.
    pub(crate) venue: VenueId,

    /// The id of the opportunity.
    pub(crate) id: OpportunityId,

    /// The database, or a backup; it has to exist.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: PathBuf,
}
