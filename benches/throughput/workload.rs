//! The requests: the same for the engine and for what it is compared with.

use std::io::Write;
use std::sync::Arc;

/// The rows that are there before a run.
pub(crate) const PRELOADED: i64 = 10_000;

pub(crate) const VENUES: u64 = 1_000;

/// The venue of a row that is there before a run.
pub(crate) fn venue_of_preloaded(id: i64) -> i64 {
    1 + id % VENUES as i64
}

/// How often each of these rows is updated before a run, so that the write-ahead log has started
/// over, except with `--quick`: from then on its pages are overwritten, which is what an engine does
/// for most of its life.
const WARM_UPS: u32 = 12;

/// What is sent before a run, in batches. The number of rows is one of thousands.
pub(crate) fn warm_up(rows: i64) -> impl Iterator<Item = Vec<Vec<u8>>> {
    (0..=WARM_UPS).flat_map(move |round| {
        (0..rows / 1_000).map(move |batch| {
            let nth = batch * 1_000..(batch + 1) * 1_000;
            nth.map(|nth| warm_up_request(rows, round, nth)).collect()
        })
    })
}

fn warm_up_request(rows: i64, round: u32, nth: i64) -> Vec<u8> {
    if round == 0 {
        return add(venue_of_preloaded(nth + 1));
    }
    // A prime spreads neighbours over the table.
    let id = 1 + nth * 7_919 % rows;
    update(id, venue_of_preloaded(id), format_args!("Warm-Up {round}"))
}

/// An add like those that clients post.
pub(crate) fn add(venue: i64) -> Vec<u8> {
    let rest = b"\",\"name\":\"Lead By API\",\"contactId\":\"918\",\"typeId\":\"18\",\
                 \"sourceId\":\"25\",\"stageId\":\"69\",\"industryId\":\"77\",\"stageReasonId\":\"127\",\
                 \"closedDate\":\"2017-05-05\"}";
    let mut body = Vec::with_capacity(192);
    write!(body, "{{\"venueId\":\"{venue}").expect("a vector takes everything");
    body.extend_from_slice(rest);
    body
}

/// An update that is effective if no two have the same name.
pub(crate) fn update(id: i64, venue: i64, name: impl std::fmt::Display) -> Vec<u8> {
    let mut body = Vec::with_capacity(96);
    write!(body, "{{\"id\":{id},\"venueId\":\"{venue}\",\"name\":\"{name}\"}}")
        .expect("a vector takes everything");
    body
}

/// What one request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Add { venue: i64 },
    Update { id: i64 },
}

/// The requests of one caller: half adds over 1,000 venues, half updates of a random opportunity
/// that was there before or that the caller has added.
pub(crate) struct Caller {
    random: u64,
    /// Makes each name another, so that each update is effective.
    serial: u64,
    there: Arc<Rows>,
    acknowledged: Acknowledged,
}

impl Caller {
    /// No two callers that write to one database may have the same seed.
    pub(crate) fn new(seed: u64, there: Arc<Rows>) -> Self {
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            serial: seed << 32,
            there,
            acknowledged: Acknowledged::default(),
        }
    }

    pub(crate) fn next(&mut self) -> (Asked, Vec<u8>) {
        if self.draw(2) == 0 {
            let venue = 1 + self.draw(VENUES) as i64;
            return (Asked::Add { venue }, add(venue));
        }
        let (there, own) = (self.there.last_id() as usize, self.acknowledged.adds.len());
        let nth = self.draw((there + own) as u64) as usize;
        let (id, venue) = match nth.checked_sub(there) {
            Some(own) => self.acknowledged.adds[own],
            None => {
                let id = nth as i64 + 1;
                (id, self.there.venue(id))
            }
        };
        self.serial += 1;
        let name = format_args!("Updated Name {:x}", self.serial);
        (Asked::Update { id }, update(id, venue, name))
    }

    /// Remembers what was acknowledged.
    pub(crate) fn note(&mut self, asked: Asked, id: i64) {
        self.acknowledged.note(asked, id);
    }

    pub(crate) fn into_acknowledged(self) -> Acknowledged {
        self.acknowledged
    }

    fn draw(&mut self, below: u64) -> u64 {
        // xorshift64*: fast, and the same on every machine.
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

/// What was acknowledged in a run.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Ids and venues.
    adds: Vec<(i64, i64)>,
    updates: Vec<i64>,
}

impl Acknowledged {
    pub(crate) fn note(&mut self, asked: Asked, id: i64) {
        match asked {
            Asked::Add { venue } => self.adds.push((id, venue)),
            Asked::Update { id: expected } => {
                assert_eq!(id, expected, "the reply is about another opportunity");
                self.updates.push(id);
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.adds.len() + self.updates.len()
    }
}

/// The opportunities that must be there, by their ids.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The one with id 1 comes first.
    rows: Vec<Row>,
}

/// Small, as there may be ten million.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    venue: u32,
    /// 0 if there is no such row.
    version: u32,
}

impl Rows {
    /// Those that [`warm_up`] leaves.
    pub(crate) fn after_warm_up(rows: i64) -> Self {
        let row = |id| Row { venue: venue_of_preloaded(id) as u32, version: 1 + WARM_UPS };
        Self { rows: (1..=rows).map(row).collect() }
    }

    pub(crate) fn last_id(&self) -> i64 {
        self.rows.len() as i64
    }

    /// The venue of one that is there.
    pub(crate) fn venue(&self, id: i64) -> i64 {
        i64::from(self.rows[id as usize - 1].venue)
    }

    /// Brings them up to date. Adds come first, as updates may be of what was added in the same run.
    pub(crate) fn apply<'a>(&mut self, callers: impl Iterator<Item = &'a Acknowledged> + Clone) {
        for &(id, venue) in callers.clone().flat_map(|caller| &caller.adds) {
            let nth = usize::try_from(id - 1).expect("ids begin with 1");
            if nth >= self.rows.len() {
                self.rows.resize(nth + 1, Row::default());
            }
            let row = &mut self.rows[nth];
            assert_eq!(row.version, 0, "id {id} was given twice");
            *row = Row { venue: venue as u32, version: 1 };
        }
        for &id in callers.flat_map(|caller| &caller.updates) {
            self.rows[id as usize - 1].version += 1;
        }
    }

    /// Compares what is stored (id, venue, version) with them: every row.
    pub(crate) fn check(&self, stored: impl IntoIterator<Item = (i64, i64, i64)>) {
        let mut found = 0;
        for (id, venue, version) in stored {
            let expected = self.rows.get(id as usize - 1).copied().unwrap_or_default();
            let expected = (i64::from(expected.venue), i64::from(expected.version));
            assert_eq!((venue, version), expected, "opportunity {id}");
            found += 1;
        }
        let expected = self.rows.iter().filter(|row| row.version > 0).count();
        assert_eq!(found, expected, "rows are missing");
    }
}
