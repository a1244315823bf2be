//! Verifying a database: its format by SQLite, its rows by the rules, its counters and its index
//! against its rows, and what is kept beside them. All in one snapshot, a row at a time.

use std::path::Path;

use rusqlite::{Connection, Error, ffi};

use super::connection::{Database, Settings};
use super::error::{OpenError, Operation, StoreError, StoreErrorKind};
use super::findings::{Findings, Problem, Verification};
use super::row::{self, SELECTS};
use super::sqlite_error::{failed, kind, kind_of_code};
use super::state::State;
use super::venue_index::{select_missing, select_wrong};
use super::{done_once, history, migrations};

/// Verifies a database that need not be opened: a backup, say.
pub(crate) fn verify_file(
    path: &Path,
    settings: Settings,
    verification: Verification,
) -> Result<Findings, OpenError> {
    let database = Database::at(path, settings)?;
    let connection = database.inspect()?;
    verify(&connection, verification).map_err(|error| database.open_error(error))
}

/// Verifies what a connection sees at this moment. Damage is no error but a finding.
pub(super) fn verify(
    connection: &Connection,
    verification: Verification,
) -> Result<Findings, StoreError> {
    let snapshot = connection.unchecked_transaction().map_err(failed(Operation::Verify))?;
    let mut verifier = Verifier { connection: &snapshot, findings: Findings::default() };
    verifier.run(Verifier::check_version)?;
    match verification {
        Verification::Quick => {
            verifier.run(|it| it.check_format("quick_check", Findings::MAX_PROBLEMS))?;
            verifier.run(Verifier::count_rows)?;
        }
        Verification::Full => {
            verifier.run(|it| it.check_format("integrity_check", Findings::MAX_PROBLEMS))?;
            verifier.run(Verifier::check_rows)?;
            verifier.run(Verifier::check_counters)?;
            verifier.run(Verifier::check_index)?;
            verifier.run(|it| history::verify(it.connection, &mut it.findings))?;
            verifier.run(|it| done_once::verify(it.connection, &mut it.findings))?;
        }
    }
    Ok(verifier.findings)
}

/// The first problem that a quick check finds.
pub(super) fn first_problem(connection: &Connection) -> Result<Option<Problem>, StoreError> {
    let mut verifier = Verifier { connection, findings: Findings::default() };
    verifier.run(|it| it.check_format("quick_check", 1))?;
    Ok(verifier.findings.problems.into_iter().next())
}

struct Verifier<'c> {
    connection: &'c Connection,
    findings: Findings,
}

impl Verifier<'_> {
    /// Runs one of the checks. If the damage is such that SQLite gives it up, that is a finding too.
    fn run(
        &mut self,
        check: impl FnOnce(&mut Self) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        match check(self) {
            Err(error) if shows_damage(&error) => {
                self.findings.push(Problem::Format(words(error)));
                Ok(())
            }
            result => result.map_err(failed(Operation::Verify)),
        }
    }

    fn check_format(&mut self, check: &str, limit: usize) -> rusqlite::Result<()> {
        let mut lines = Vec::new();
        let mut result = self.read_check(check, limit, &mut lines);
        if lines.iter().any(|line| lacks_a_page(line)) {
            // Why is not said. If it was for lack of memory, it is there by now or the lack of it is told.
            lines.clear();
            result = self.read_check(check, limit, &mut lines);
        }
        for line in lines {
            if let Some(failure) = unreadable(&line) {
                return Err(Error::SqliteFailure(failure, Some(line)));
            }
            self.findings.push(Problem::Format(line));
        }
        result
    }

    /// What SQLite finds in the format, line by line, as far as it comes.
    fn read_check(
        &self,
        check: &str,
        limit: usize,
        lines: &mut Vec<String>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&format!("PRAGMA {check}({limit})"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // Several problems may come in one text, below a headline.
            let text = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?);
            let problems =
                text.lines().filter(|line| *line != "ok" && !line.starts_with("*** in database"));
            lines.extend(problems.map(str::to_owned));
        }
        Ok(())
    }

    fn check_version(&mut self) -> rusqlite::Result<()> {
        let version = migrations::version(self.connection)?;
        if !migrations::fits(version, self.connection)? {
            self.findings.push(Problem::Version { version });
        }
        Ok(())
    }

    fn count_rows(&mut self) -> rusqlite::Result<()> {
        let count = "SELECT count(*) FROM opportunity";
        let count: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        self.findings.opportunities = u64::try_from(count).unwrap_or_default();
        Ok(())
    }

    fn check_rows(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&SELECTS.of(self.connection)?.all)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.findings.opportunities += 1;
            if let Err(damage) = row::read(row) {
                let (id, column) = (row.get(0)?, damage.column());
                self.findings.push(Problem::Value { id, column });
            }
        }
        Ok(())
    }

    fn check_counters(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(State::SELECT)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            self.findings.push(Problem::NoCounters);
            return Ok(());
        };
        let (last_id, reach) = (row.get("last_id")?, row.get("run_id")?);
        let highest_id =
            self.connection
                .query_row("SELECT ifnull(max(id), 0) FROM opportunity", [], |row| row.get(0))?;
        if highest_id > last_id {
            self.findings.push(Problem::CounterBehind { last_id, highest_id });
        }
        if reach > last_id {
            self.findings.push(Problem::IndexAhead { reach, last_id });
        } else if let Err(damage) = State::from_row(row) {
            self.findings.push(Problem::Counter { column: damage.column() });
        }
        Ok(())
    }

    fn check_index(&mut self) -> rusqlite::Result<()> {
        if self.findings.problems.contains(&Problem::NoCounters) {
            // Without them nothing tells what should be in it.
            return Ok(());
        }
        for (venue, id) in self.entries(&select_missing())? {
            self.findings.push(Problem::NotIndexed { venue, id });
        }
        for (venue, id) in self.entries(&select_wrong())? {
            self.findings.push(Problem::WronglyIndexed { venue, id });
        }
        Ok(())
    }

    /// The venues and ids that a statement finds, as many as may be told.
    fn entries(&self, sql: &str) -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut statement = self.connection.prepare(sql)?;
        let limit = Findings::MAX_PROBLEMS as i64;
        let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }
}

/// Among the problems SQLite also tells that it could not get a page, and why: for lack of memory, say,
/// which is no damage.
fn unreadable(line: &str) -> Option<ffi::Error> {
    if lacks_a_page(line) {
        return Some(ffi::Error::new(ffi::SQLITE_IOERR_READ));
    }
    let code = line.split_once("unable to get the page. error code=")?.1;
    let failure = ffi::Error::new(code.parse().ok()?);
    (kind_of_code(Operation::Verify, &failure) != StoreErrorKind::Damaged).then_some(failure)
}

/// Whether SQLite could not get a page of a chain that is within the file, for a reason that it keeps to
/// itself. A page beyond the end of the file, which is damage, is told in other words.
fn lacks_a_page(line: &str) -> bool {
    line.contains("failed to get page ")
}

/// Whether a check failed because of what is in the file, and not because it could not be read.
fn shows_damage(error: &Error) -> bool {
    kind(Operation::Verify, error) == StoreErrorKind::Damaged
}

/// What SQLite says, without the statement that it says it of.
fn words(error: Error) -> String {
    match error {
        Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    }
}
