//! One mutant: what an engine makes of it, and whether that is what is promised.
//!
//! - Nothing panics and nobody waits for ever; an error says that the database is damaged.
//! - Of a damaged log the commits before the first byte that is wrong are left, exactly: SQLite checks
//!   sums. That is so as long as nothing of the log is in the database.
//! - In a database, and so where the log and what is in the database must fit, rows have sums. An opportunity, a
//!   record of a change, or what was done under a key comes back as it was written, or not at all; as it was once
//!   written, if a page was replaced by what it was before.
//! - An opportunity may not be found, a list or the change feed may have a hole, what was done under a key may be
//!   forgotten, where SQLite follows a page that leads astray. That it is so the full check tells.

use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use opportunity_engine::{Durability, Engine, Error, OpenError, Outcome, Request, Timestamp};

use crate::answers::{Answers, Damaged, Difference, Row, damaged, differing, told};
use crate::full_check::full_check;
use crate::mutation::{Mutation, Shape};
use crate::template::{self, NOW, Template, beside, venues};

/// What an engine made of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Every answer was right.
    Right,
    /// Every answer was right once, at an earlier commit.
    Earlier,
    /// It was not opened.
    Refused,
    /// Some answers told of damage, and the others were right.
    Reported,
    /// Values came back as they once were: a whole page did.
    PastValues,
    /// Opportunities were not found where they belong; the full check tells.
    Lost,
}

/// A damaged copy of a template.
pub(crate) struct Mutant<'t> {
    pub(crate) template: &'t Template,
    pub(crate) shape: Shape,
    pub(crate) mutation: Mutation,
}

impl Mutant<'_> {
    /// The bytes of the database and of the log.
    fn files(&self) -> (Vec<u8>, Vec<u8>) {
        let Template { database, log, earlier, .. } = self.template;
        match self.shape {
            Shape::Database => (self.mutation.apply(database, earlier), log.clone()),
            Shape::Log => (database.clone(), self.mutation.apply(log, earlier)),
        }
    }

    fn write(&self, path: &Path) {
        let (database, log) = self.files();
        template::write(path, &database, &log);
    }

    fn assert_is_as_written(&self, path: &Path) {
        let (database, log) = self.files();
        assert!(std::fs::read(path).unwrap() == database, "the database was changed");
        let found = std::fs::read(beside(path, "-wal")).unwrap_or_default();
        assert!(found == log, "the log was changed");
    }

    /// Opens it, reads, writes, closes it.
    pub(crate) fn examine(&self, path: &Path, rng: &mut Rng) -> Verdict {
        self.write(path);
        let options = Engine::options()
            .create(false)
            .durability(Durability::Off)
            // So that no key has expired.
            .clock(|| Timestamp::from_millis(NOW))
            .busy_timeout(Duration::from_secs(1));
        let engine = match options.open(path) {
            Ok(engine) => engine,
            Err(error) => {
                assert_is_a_refusal(&error);
                self.assert_is_as_written(path);
                return Verdict::Refused;
            }
        };
        let answers = Answers::of(&engine, self.template, rng);
        let written = write_some(&engine, &answers, rng);
        let again = answers.send_again(&engine);
        let closed = told(engine.close());
        match self.judge(&answers) {
            Verdict::Lost => self.judge_lost(&answers, path),
            _ if written == Written::AndLost || again == Ok(false) => {
                self.write(path);
                assert!(full_check(path).is_err(), "nobody notices what is lost");
                Verdict::Lost
            }
            Verdict::Right | Verdict::Earlier
                if answers.tell_of_damage()
                    || written == Written::Damaged
                    || again.is_err()
                    || closed.is_err() =>
            {
                Verdict::Reported
            }
            verdict => verdict,
        }
    }

    /// Whether SQLite has sums for every byte that is not what was written.
    fn is_checked(&self) -> bool {
        let Template { database, earlier, .. } = self.template;
        matches!(self.shape, Shape::Log) && database == earlier
    }

    fn judge(&self, answers: &Answers) -> Verdict {
        let differences = answers.differences(self.template.contents());
        if self.is_checked() {
            let left = answers.differences(self.template.contents_up_to(self.sound_len()));
            assert!(left.is_empty(), "not what the sound part of the log says: {left:?}");
        }
        if differences.is_empty() {
            return Verdict::Right;
        }
        let mut commits = self.template.history.iter().rev().skip(1);
        if commits.any(|commit| answers.differences(&commit.contents).is_empty()) {
            return Verdict::Earlier;
        }
        let (values, places): (Vec<_>, Vec<_>) =
            differences.into_iter().partition(Difference::is_of_values);
        let is_past = matches!(&self.mutation, Mutation::Past(_));
        assert!(values.is_empty() || is_past, "not what was written: {values:?}");
        if places.is_empty() { Verdict::PastValues } else { Verdict::Lost }
    }

    /// How many bytes of the log are what they were, from its beginning.
    fn sound_len(&self) -> usize {
        let (_, log) = self.files();
        let pairs = log.iter().zip(&self.template.log);
        pairs.take_while(|(one, other)| one == other).count()
    }

    /// Where something is missing, or too much, a full check tells of damage.
    fn judge_lost(&self, answers: &Answers, path: &Path) -> Verdict {
        assert!(!self.is_checked(), "a log loses nothing but its end");
        self.write(path);
        let differences = || answers.differences(self.template.contents());
        assert!(full_check(path).is_err(), "nobody notices: {:?}", differences());
        Verdict::Lost
    }
}

fn assert_is_a_refusal(error: &OpenError) {
    match error {
        OpenError::Store { source, .. } => assert_eq!(damaged(source), Damaged),
        // What was hit is the mark of the file, its version, a setting in it, or its very size.
        OpenError::Foreign { .. }
        | OpenError::Newer { .. }
        | OpenError::Setting { name: "auto_vacuum", .. }
        | OpenError::Missing { .. }
        | OpenError::LogAlone { .. } => {}
        other => panic!("{other:?}"),
    }
}

/// What became of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    /// All were made, and nothing else.
    Well,
    /// Some answers told of damage.
    Damaged,
    /// Something was not found after it was changed, or was changed although nobody had asked for it.
    AndLost,
}

/// Updates some of what was read, adds, and reads again.
fn write_some(engine: &Engine, answers: &Answers, rng: &mut Rng) -> Written {
    let updated = rng.choose_multiple(answers.rows.iter(), 3);
    let mut written = Written::Well;
    for row in &updated {
        written = written.max(update(engine, row));
    }
    written = written.max(add(engine, answers));
    if rng.u8(0..4) > 0 {
        return written;
    }
    let again = answers.again(engine);
    for (before, after) in answers.rows.iter().zip(&again.rows) {
        let is_changed = updated.iter().any(|row| row.id == before.id)
            || matches!(after.told, Ok(Some(ref row)) if row.name().as_str() == NEW);
        written = written.max(match (&before.told, &after.told) {
            _ if is_changed => Written::Well,
            (Err(Damaged), _) | (_, Err(Damaged)) => Written::Damaged,
            (before, after) if before == after => Written::Well,
            _ => Written::AndLost,
        });
    }
    written
}

/// The name that an update gives, and that an added opportunity has.
const UPDATED: &str = "written on a mutant";
const NEW: &str = "new on a mutant";

fn update(engine: &Engine, row: &Row) -> Written {
    let request = Request::update(row.venue, row.id).name(UPDATED);
    let updated = engine.add_or_update(request);
    let after = told(engine.get(row.venue, row.id));
    match (&row.told, updated, after) {
        (Ok(Some(before)), Ok(Outcome::Updated { version, .. }), Ok(Some(after))) => {
            assert_eq!((version, after.version()), (before.version().next(), version));
            assert_eq!(after.name().as_str(), UPDATED);
            let mut changed = differing(before, &after);
            // It may lie in the future of this clock.
            changed.retain(|field| field != "modifiedAt");
            assert_eq!(changed, ["name", "version"]);
            assert!(before.modified_at() <= after.modified_at());
            Written::Well
        }
        (Ok(None), Err(Error::Rejected(_)), Ok(None)) => Written::Well,
        (_, Ok(Outcome::Updated { .. }) | Err(Error::Rejected(_)), Ok(None)) => Written::AndLost,
        (_, Ok(Outcome::Updated { .. }), Err(Damaged)) => Written::Damaged,
        (before, Err(Error::Aborted(error) | Error::Unknown(error)), after) => {
            assert_eq!(damaged(&error), Damaged);
            assert!(before.is_err() || after.is_err() || *before == after, "it is half there");
            Written::Damaged
        }
        (before, updated, after) => panic!("{updated:?}: it was {before:?} and is {after:?}"),
    }
}

fn add(engine: &Engine, answers: &Answers) -> Written {
    let venue = venues().next().unwrap();
    let request =
        Request::add(venue).name(NEW).contact_id(918).type_id(18).source_id(25).stage_id(69);
    match engine.add_or_update(request) {
        Ok(Outcome::Added { id, .. }) => {
            let was =
                answers.rows.iter().find(|row| row.id == id && matches!(row.told, Ok(Some(_))));
            assert!(was.is_none(), "an id was given twice");
            match told(engine.get(venue, id)) {
                Ok(Some(row)) => {
                    assert_eq!(row.name().as_str(), NEW);
                    Written::Well
                }
                Ok(None) => Written::AndLost,
                Err(Damaged) => Written::Damaged,
            }
        }
        Err(Error::Aborted(error) | Error::Unknown(error)) => {
            assert_eq!(damaged(&error), Damaged);
            Written::Damaged
        }
        other => panic!("{other:?}"),
    }
}
