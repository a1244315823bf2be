//! Exactly once: what became of a request is kept under its key, in its transaction.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement, params};

use super::checksum::{Checksums, Columns, PerChecksums};
use super::error::{Operation, StoreError};
use super::findings::{Findings, Problem};
use super::migrations;
use super::order::{Once, Order};
use super::sqlite_error::{damaged, failed};
use crate::domain::{
    Conflict, Damage, IdempotencyKey, OpportunityId, Outcome, Rejection, Timestamp, VenueId,
    Version,
};

/// How long a key is kept unless the embedder says otherwise.
pub(crate) const DEFAULT_KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

static COLUMNS: Columns<7> = Columns::new([
    "venue_id",
    "key",
    "request",
    "outcome",
    "opportunity_id",
    "version",
    "expires_at",
]);

/// Reads what is kept under key ?2 of venue ?1.
static SELECT: PerChecksums<String> = PerChecksums::new(|checksums| {
    let selected = COLUMNS.selected(checksums);
    format!("SELECT {selected} FROM idempotency_key WHERE venue_id = ?1 AND key = ?2")
});

/// Finds the opportunity that an answer names, in the version that it names or a later one.
const SELECT_MADE: &str =
    "SELECT 1 FROM opportunity WHERE id = ?1 AND venue_id = ?2 AND version >= ?3";

const EXPIRE: &str = "
    DELETE FROM idempotency_key WHERE rowid IN (
        SELECT rowid FROM idempotency_key WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

/// How many expired keys go for each new one, at most: the table shrinks, and no transaction is long.
const EXPIRED_FOR_EACH: i64 = 2;

/// What was answered to a request under the same key: an outcome, or a conflict.
pub(super) type Recalled = Result<Outcome, Rejection>;

/// What earlier requests of an all-or-nothing batch will leave under their keys.
pub(super) type PendingKeys<'o> = HashMap<(VenueId, &'o IdempotencyKey), (&'o str, Outcome)>;

/// The writer's side: `recall` before a command is planned, `record` when it is done, `expire` at the end of
/// the transaction.
pub(super) struct DoneOnce<'c> {
    select: Statement<'c>,
    record: Statement<'c>,
    expire: Statement<'c>,
    lifetime: Duration,
    /// How many keys the transaction has recorded.
    recorded: i64,
}

impl<'c> DoneOnce<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            select: connection.prepare(SELECT.of(connection)?)?,
            // One that has expired may still be there.
            record: connection.prepare(&format!(
                "INSERT OR REPLACE INTO {}",
                COLUMNS.insertion("idempotency_key")
            ))?,
            expire: connection.prepare(EXPIRE)?,
            lifetime: DEFAULT_KEY_LIFETIME,
            recorded: 0,
        })
    }

    pub(super) const fn set_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    pub(super) const fn begin(&mut self) {
        self.recorded = 0;
    }

    /// What was answered before, if the order has a key that is known.
    pub(super) fn recall(
        &mut self,
        order: &Order,
        pending: Option<&PendingKeys<'_>>,
        at: Timestamp,
    ) -> Result<Option<Recalled>, StoreError> {
        let Some(once) = &order.once else { return Ok(None) };
        let pending = pending.and_then(|pending| pending.get(&(order.venue(), &once.key)));
        if let Some((request, outcome)) = pending {
            return Ok(Some(answer(once, request, *outcome)));
        }
        look_up(&mut self.select, order.venue(), once, at)
    }

    /// Keeps what is answered, if the order has a key.
    pub(super) fn record(
        &mut self,
        order: &Order,
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(once) = &order.once else { return Ok(()) };
        let (id, version) = (outcome.id().get(), outcome.version().get());
        let venue = order.venue().get();
        let (key, request) = (once.key.as_str(), once.request.as_str());
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = at.as_millis().saturating_add(lifetime);
        let row = [
            ValueRef::Integer(venue),
            ValueRef::Text(key.as_bytes()),
            ValueRef::Text(request.as_bytes()),
            ValueRef::Text(name(outcome).as_bytes()),
            ValueRef::Integer(id),
            ValueRef::Integer(version),
            ValueRef::Integer(expires_at),
        ];
        COLUMNS.write_row(&mut self.record, row).map_err(failed(Operation::Apply))?;
        self.recorded += 1;
        Ok(())
    }

    /// Forgets some keys that have expired, if there are new ones.
    pub(super) fn expire(&mut self, at: Timestamp) -> Result<(), StoreError> {
        if self.recorded > 0 {
            let limit = self.recorded.saturating_mul(EXPIRED_FOR_EACH);
            let expired = self.expire.execute([at.as_millis(), limit]);
            expired.map_err(failed(Operation::Apply))?;
        }
        Ok(())
    }
}

/// What was answered before, for who only reads.
pub(super) fn recall(
    connection: &Connection,
    order: &Order,
    at: Timestamp,
) -> Result<Option<Recalled>, StoreError> {
    let Some(once) = &order.once else { return Ok(None) };
    let prepare = || connection.prepare_cached(SELECT.of(connection)?);
    let mut select = prepare().map_err(failed(Operation::Read))?;
    look_up(&mut select, order.venue(), once, at)
}

/// Verifies what is recorded, by the rules and against the opportunities.
pub(super) fn verify(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    if !migrations::has(connection, "idempotency_key")? {
        return Ok(());
    }
    let selected = COLUMNS.selected(Checksums::of(connection)?);
    let mut select = connection.prepare(&format!("SELECT {selected} FROM idempotency_key"))?;
    let mut select_made = connection.prepare(SELECT_MADE)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let venue: i64 = row.get("venue_id")?;
        let recorded = Recorded::from_row(row).and_then(|recorded| {
            let key = row.get_ref("key").ok().and_then(|key| key.as_str().ok());
            let key = key.and_then(|key| IdempotencyKey::new(key).ok()).ok_or(Damage::of("key"));
            key?;
            COLUMNS.check(row)?;
            Ok(recorded.outcome)
        });
        match recorded {
            Err(damage) => findings.push(Problem::Key { venue, column: damage.column() }),
            Ok(outcome) => {
                let (id, version) = (outcome.id().get(), outcome.version().get());
                if !select_made.exists([id, venue, version])? {
                    findings.push(Problem::KeyOfNothing { venue, id, version });
                }
            }
        }
    }
    Ok(())
}

fn look_up(
    select: &mut Statement<'_>,
    venue: VenueId,
    once: &Once,
    at: Timestamp,
) -> Result<Option<Recalled>, StoreError> {
    let read = failed(Operation::Read);
    let mut rows = select.query(params![venue.get(), once.key.as_str()]).map_err(&read)?;
    let Some(row) = rows.next().map_err(&read)? else { return Ok(None) };
    let recorded = Recorded::from_row(row).map_err(damaged(Operation::Read))?;
    COLUMNS.check(row).map_err(damaged(Operation::Read))?;
    let is_alive = recorded.expires_at >= at.as_millis();
    Ok(is_alive.then(|| answer(once, recorded.request, recorded.outcome)))
}

/// What is kept under a key.
struct Recorded<'r> {
    request: &'r str,
    outcome: Outcome,
    /// In milliseconds since 1970.
    expires_at: i64,
}

impl<'r> Recorded<'r> {
    /// Checks each value by itself.
    fn from_row(row: &'r Row<'_>) -> Result<Self, Damage> {
        let text = |column| {
            row.get_ref(column).ok().and_then(|it| it.as_str().ok()).ok_or(Damage::of(column))
        };
        let id = row.get("opportunity_id").ok().and_then(|id| OpportunityId::new(id).ok());
        let id = id.ok_or(Damage::of("opportunity_id"))?;
        let version = row.get("version").ok().and_then(|version| Version::new(version).ok());
        let version = version.ok_or(Damage::of("version"))?;
        let outcome = text("outcome")?;
        let outcomes = [
            Outcome::Added { id, version },
            Outcome::Updated { id, version },
            Outcome::Unchanged { id, version },
        ];
        Ok(Self {
            request: text("request")?,
            outcome: outcomes
                .into_iter()
                .find(|it| name(*it) == outcome)
                .ok_or(Damage::of("outcome"))?,
            expires_at: row.get("expires_at").map_err(|_| Damage::of("expires_at"))?,
        })
    }
}

fn answer(once: &Once, request: &str, outcome: Outcome) -> Recalled {
    if once.request == request {
        Ok(outcome)
    } else {
        Err(Rejection::Conflict(Conflict::IdempotencyKey))
    }
}

const fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Added { .. } => "added",
        Outcome::Updated { .. } => "updated",
        Outcome::Unchanged { .. } => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where many keys are alive, none of them is looked at. Seen to fail without the index by expiry.
    #[test]
    fn keys_that_have_expired_are_found_by_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../schema.sql")).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {EXPIRE}")).unwrap();
        let steps = explain.query_map([0, 2], |row| row.get("detail")).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(
            steps.iter().all(|step| !step.contains("SCAN") && !step.contains("TEMP")),
            "{steps:?}"
        );
        assert!(steps.iter().any(|step| step.contains("idempotency_key_by_expiry")), "{steps:?}");
    }
}
