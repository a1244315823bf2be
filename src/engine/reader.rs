//! Reading a database without an engine.

use std::path::Path;

use super::Engine;
use super::list::Listing;
use crate::domain::{Change, Filter, Opportunity, OpportunityId, Sequence, VenueId};
use crate::store::{Inventory, OpenError, ReadPool, StoreError};

/// Reads a database without opening it as an engine does: nothing is created, upgraded or taken over from a log,
/// and no history is turned on or off. Good for backups too.
///
/// Others may have the database open, and what they commit is seen by the next read; but for what
/// [`Engine::verify_file`] says of files that may not be written. Reads have no deadline: as long as one lasts, the
/// write-ahead log grows as with [`Engine::backup_to`].
///
/// A service that writes reads through its [`Engine`]; this is for what looks at its database from outside.
///
/// ```
/// use opportunity_engine::{Engine, Filter, Reader, Request, VenueId};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("opportunities.db");
/// let engine = Engine::options().history(true).open(&path)?;
/// let venue = VenueId::new(107)?;
/// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
/// let id = engine.add_or_update(lead)?.id();
///
/// let reader = Reader::open(&path)?; // in this process or in another
/// assert_eq!(reader.get(venue, id)?, engine.get(venue, id)?);
/// assert_eq!(reader.list(venue, Filter::new()).count()?, 1);
/// engine.add_or_update(Request::update(venue, id).stage_id(70))?;
/// assert_eq!(reader.changes(None, 100)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    readers: ReadPool,
}

impl Reader {
    /// Looks at the database at a path.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when there is no such database, or it could not be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let settings = Engine::options().create(false).database;
        Ok(Self { readers: ReadPool::of_file(path.as_ref(), settings)? })
    }

    /// The opportunity with this id in this venue: see [`Engine::get`].
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the stored row is damaged.
    pub fn get(
        &self,
        venue: VenueId,
        id: OpportunityId,
    ) -> Result<Option<Opportunity>, StoreError> {
        self.readers.get(venue, id)
    }

    /// The opportunities of a venue that a filter takes up: see [`Engine::list`].
    pub const fn list(&self, venue: VenueId, filter: Filter) -> Listing<'_> {
        Listing::of(&self.readers, venue, filter)
    }

    /// The recorded changes of all venues after a sequence: see [`Engine::changes`]. There are none in a database
    /// of the time before changes could be recorded.
    ///
    /// To follow them, ask again: nobody tells this process of what others commit. It is cheap while there is
    /// nothing new.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when a record is damaged.
    pub fn changes(
        &self,
        after: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.readers.changes(after, limit)
    }

    /// The sequence of the last change that was recorded: see [`Engine::last_change`].
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the database is damaged.
    pub fn last_change(&self) -> Result<Option<Sequence>, StoreError> {
        self.readers.last_change()
    }

    /// Whether changes are recorded, by whoever writes: see [`Options::history`](crate::Options::history).
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the database is damaged.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Reader};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("opportunities.db");
    /// Engine::open(&path)?.close()?;
    /// assert!(!Reader::open(&path)?.keeps_history()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keeps_history(&self) -> Result<bool, StoreError> {
        self.readers.keeps_history()
    }

    /// What is in the database, and how large it is.
    ///
    /// Everything is counted anew each time, which takes a look at every opportunity: less than half a second for a
    /// million that are in memory.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the database is damaged.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Reader, Request, VenueId};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("opportunities.db");
    /// let engine = Engine::open(&path)?;
    /// let lead = Request::add(VenueId::new(107)?).name("Lead").contact_id(918);
    /// engine.add_or_update(lead.type_id(18).source_id(25).stage_id(69))?;
    /// engine.close()?;
    ///
    /// let inventory = Reader::open(&path)?.inventory()?;
    /// assert_eq!((inventory.opportunities, inventory.venues), (1, 1));
    /// assert!(!inventory.keeps_history);
    /// println!("{} of {} bytes are free", inventory.free_bytes(), inventory.file_bytes);
    /// println!("{}", serde_json::to_string(&inventory)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inventory(&self) -> Result<Inventory, StoreError> {
        self.readers.inventory()
    }
}
