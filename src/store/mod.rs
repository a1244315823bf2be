//! The store: commands to rows in one transaction, rows to checked aggregates.
//!
//! It holds no rule of its own: it loads, asks the domain, and writes what the domain says. Its
//! interface (commands in, outcomes out, [`StoreError`]) knows nothing of the driver below it.

mod backup;
mod checkpoint;
mod checksum;
mod companions;
mod connection;
mod done_once;
mod error;
mod findings;
mod folder;
mod history;
mod import;
mod inventory;
mod list;
mod list_statement;
mod look;
mod migrations;
mod order;
mod partial_file;
mod plan;
mod read;
mod read_connection;
mod row;
mod scan;
mod sqlite_error;
mod state;
mod unsynced;
mod venue_index;
mod verify;
mod write;

pub(crate) use backup::back_up_file;
pub(crate) use checkpoint::{Effort, LogSize, Progress};
pub(crate) use connection::{Database, Settings, WriteConnection};
pub(crate) use done_once::DEFAULT_KEY_LIFETIME;
pub use error::{BackupError, OpenError, Operation, StoreError, StoreErrorKind};
pub use findings::{Findings, Problem, Verification};
pub(crate) use import::{Import, Taken};
pub use inventory::Inventory;
pub(crate) use list::{Ahead, ListQuery};
pub(crate) use order::{Once, Order};
pub(crate) use plan::Plan;
pub(crate) use read::ReadPool;
pub(crate) use scan::scan_file;
pub(crate) use verify::verify_file;
pub(crate) use write::{Group, WriteStore};

/// What survives which failure, once a change is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Every acknowledged change survives a crash of the process and a loss of power: each group
    /// of changes is synced to the medium before it is acknowledged.
    #[default]
    Full,
    /// Every acknowledged change survives a crash of the process. A loss of power may undo the
    /// last ones, and never damages the database.
    Normal,
    /// Every acknowledged change survives a crash of the process. A loss of power may damage the
    /// database. For data that can be made again.
    Off,
}

/// The largest request that an engine can be told to accept, in bytes: 16 MiB.
pub(crate) const MAX_REQUEST_BYTES: usize = 16 << 20;

/// The longest line that is imported, in bytes: 64 MiB; its texts fit into a row. No stored text is longer, as one
/// that came with a request is shorter still.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 20;
