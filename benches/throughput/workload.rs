//! The requests: the same for the engine and for what it is compared with.

use std::collections::HashMap;

/// The rows that are there before a run.
pub(crate) const PRELOADED: i64 = 10_000;

const VENUES: u64 = 1_000;

/// The venue of a row that is there before a run.
pub(crate) fn venue_of_preloaded(id: i64) -> i64 {
    1 + id % VENUES as i64
}

/// How often each of these rows is updated before a run, so that the write-ahead log has started
/// over: from then on its pages are overwritten, which is what an engine does for most of its life.
const WARM_UPS: i64 = 8;

/// What is sent before a run, in batches.
pub(crate) fn warm_up() -> impl Iterator<Item = Vec<Vec<u8>>> {
    (0..=WARM_UPS).flat_map(|round| {
        (0..PRELOADED / 1_000).map(move |batch| {
            let nth = batch * 1_000..(batch + 1) * 1_000;
            nth.map(|nth| warm_up_request(round, nth)).collect()
        })
    })
}

fn warm_up_request(round: i64, nth: i64) -> Vec<u8> {
    if round == 0 {
        return add(venue_of_preloaded(nth + 1));
    }
    // A prime spreads neighbours over the table.
    let id = 1 + nth * 7_919 % PRELOADED;
    update(id, venue_of_preloaded(id), &format!("Warm-Up {round}"))
}

/// An add like those that clients post.
pub(crate) fn add(venue: i64) -> Vec<u8> {
    format!(
        "{{\"venueId\":\"{venue}\",\"name\":\"Lead By API\",\"contactId\":\"918\",\"typeId\":\"18\",\
         \"sourceId\":\"25\",\"stageId\":\"69\",\"industryId\":\"77\",\"stageReasonId\":\"127\",\
         \"closedDate\":\"2017-05-05\"}}"
    )
    .into_bytes()
}

fn update(id: i64, venue: i64, name: &str) -> Vec<u8> {
    format!("{{\"id\":{id},\"venueId\":\"{venue}\",\"name\":\"{name}\"}}").into_bytes()
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
    added: Vec<(i64, i64)>,
}

impl Caller {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            serial: seed << 32,
            added: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self) -> (Asked, Vec<u8>) {
        if self.draw(2) == 0 {
            let venue = 1 + self.draw(VENUES) as i64;
            return (Asked::Add { venue }, add(venue));
        }
        let nth = self.draw(PRELOADED as u64 + self.added.len() as u64) as i64;
        let (id, venue) = match nth.checked_sub(PRELOADED) {
            Some(own @ 0..) => self.added[own as usize],
            _ => (nth + 1, venue_of_preloaded(nth + 1)),
        };
        self.serial += 1;
        let name = format!("Updated Name {:x}", self.serial);
        (Asked::Update { id }, update(id, venue, &name))
    }

    /// Remembers what an acknowledged add has made.
    pub(crate) fn acknowledge(&mut self, asked: Asked, id: i64) {
        if let Asked::Add { venue } = asked {
            self.added.push((id, venue));
        }
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
    pub(crate) adds: Vec<(i64, i64)>,
    pub(crate) updates: Vec<i64>,
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

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.adds.extend(other.adds);
        self.updates.extend(other.updates);
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.adds.len() + self.updates.len()
    }

    /// Compares what is stored (id, venue, version) with what was acknowledged: every row.
    pub(crate) fn check(&self, stored: impl IntoIterator<Item = (i64, i64, i64)>) {
        let mut expected: HashMap<i64, (i64, i64)> =
            (1..=PRELOADED).map(|id| (id, (venue_of_preloaded(id), 1 + WARM_UPS))).collect();
        for &(id, venue) in &self.adds {
            assert!(expected.insert(id, (venue, 1)).is_none(), "id {id} was given twice");
        }
        for id in &self.updates {
            expected.get_mut(id).expect("only what is there is updated").1 += 1;
        }
        let mut found = 0;
        for (id, venue, version) in stored {
            assert_eq!(expected.get(&id), Some(&(venue, version)), "opportunity {id}");
            found += 1;
        }
        assert_eq!(found, expected.len(), "rows are missing");
    }
}
