//! What is known to be in a database: what was acknowledged, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use opportunity_engine::{Engine, Opportunity, Outcome, Request};
use rusqlite::Connection;

use crate::support::{id, lead, venue};

/// What a request is to do.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Add(Texts),
    Update(i64, Texts),
    /// Nothing: there is no such opportunity.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Texts {
    name: String,
    description: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    texts: Texts,
    version: i64,
}

impl Effect {
    pub(crate) fn request(&self) -> Request {
        let with = |request: Request, texts: &Texts| {
            request.name(texts.name.as_str()).description(texts.description.as_str())
        };
        match self {
            Self::Add(texts) => with(lead(), texts),
            Self::Update(of, texts) => with(Request::update(venue(), id(*of)), texts),
            Self::Refused => Request::update(venue(), id(i64::MAX)).name("nobody"),
        }
    }

    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }
}

#[derive(Default)]
pub(crate) struct Book {
    rows: BTreeMap<i64, Row>,
    /// How many names were given, so that no two are the same.
    names: u64,
}

impl Book {
    fn texts(&mut self, bytes: usize) -> Texts {
        self.names += 1;
        let name = format!("name {}", self.names);
        // Another text each time, so that every update changes all of it.
        let description = name.chars().cycle().take(bytes).collect();
        Texts { name, description }
    }

    /// An add with a description of so many bytes.
    pub(crate) fn add(&mut self, bytes: usize) -> Effect {
        Effect::Add(self.texts(bytes))
    }

    pub(crate) fn update(&mut self, of: i64, bytes: usize) -> Effect {
        Effect::Update(of, self.texts(bytes))
    }

    /// What is there already.
    pub(crate) fn same(&self, of: i64) -> Effect {
        Effect::Update(of, self.rows[&of].texts.clone())
    }

    pub(crate) fn ids(&self) -> Vec<i64> {
        self.rows.keys().copied().collect()
    }

    fn last_id(&self) -> i64 {
        self.rows.keys().last().copied().unwrap_or_default()
    }

    /// Notes what was acknowledged.
    pub(crate) fn note(&mut self, effect: Effect, outcome: &Outcome) {
        let (of, version) = (outcome.id().get(), outcome.version().get());
        let before = self.rows.get(&of);
        let texts = match (effect, outcome) {
            (Effect::Add(texts), Outcome::Added { .. }) => {
                assert!(before.is_none() && version == 1, "{outcome:?}");
                texts
            }
            (Effect::Update(asked, texts), Outcome::Updated { .. }) => {
                assert_eq!((asked, before.map(|row| row.version + 1)), (of, Some(version)));
                texts
            }
            (Effect::Update(asked, texts), Outcome::Unchanged { .. }) => {
                assert_eq!(asked, of);
                assert_eq!(before, Some(&Row { texts: texts.clone(), version }));
                texts
            }
            (effect, outcome) => panic!("{effect:?} came to {outcome:?}"),
        };
        self.rows.insert(of, Row { texts, version });
    }

    /// Looks which of these are done, in a database that was just opened again.
    pub(crate) fn settle(&mut self, unknown: &[Effect], path: &Path) {
        let stored = stored(path);
        for effect in unknown {
            match effect {
                Effect::Refused => {}
                Effect::Add(texts) => {
                    let found = stored.iter().find(|(_, row)| row.texts == *texts);
                    self.rows.extend(found.map(|(of, row)| (*of, row.clone())));
                }
                Effect::Update(of, texts) => {
                    if stored[of].texts == *texts {
                        self.rows.insert(*of, stored[of].clone());
                    }
                }
            }
        }
    }

    /// Whether an opportunity is the one that must be there.
    pub(crate) fn check_one(&self, of: i64, found: Option<&Opportunity>) {
        let found = found.map(|it| Row {
            texts: Texts {
                name: it.name().as_str().to_owned(),
                description: it.description().map_or("", |text| text.as_str()).to_owned(),
            },
            version: it.version().get(),
        });
        assert!(found.as_ref() == self.rows.get(&of), "{of} is wrong: {found:?}");
    }

    /// Reads the newest opportunities, and that there is none after them.
    pub(crate) fn check_newest(&self, engine: &Engine) {
        let newest = self.rows.keys().rev().take(6).copied();
        for of in newest.chain([self.last_id() + 1]) {
            self.check_one(of, engine.get(venue(), id(of)).unwrap().as_ref());
        }
    }

    /// Compares everything, and the database with itself.
    pub(crate) fn check(&self, path: &Path, what: &str) {
        assert!(stored(path) == self.rows, "{what}: the rows are not what was acknowledged");
        let connection = Connection::open(path).unwrap();
        let sound: String =
            connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{what}");
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("SELECT last_id FROM engine_state"), self.last_id(), "{what}");
        let missing = "
            SELECT count(*) FROM opportunity, engine_state
            WHERE id <= indexed_id AND (venue_id, id) NOT IN (SELECT * FROM opportunity_by_venue)";
        assert_eq!(number(missing), 0, "{what}: the index lacks rows that it claims");
    }
}

fn stored(path: &Path) -> BTreeMap<i64, Row> {
    let connection = Connection::open(path).unwrap();
    let columns = "SELECT id, name, coalesce(description, ''), version FROM opportunity";
    let mut select = connection.prepare(columns).unwrap();
    let rows = select.query_map([], |row| {
        let texts = Texts { name: row.get(1)?, description: row.get(2)? };
        Ok((row.get(0)?, Row { texts, version: row.get(3)? }))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}
