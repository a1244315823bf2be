//! sqlx with its pool.

use std::path::Path;
use std::time::Duration;

use peer_harness::tasks::{self, Peer};
use peer_harness::{Body, Result, Stored, now, sql};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

struct Pooled(SqlitePool);

impl Peer for Pooled {
    async fn open(folder: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("sqlx.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(30));
        let pool = SqlitePoolOptions::new()
            .max_connections(sql::CONNECTIONS)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(sql::SCHEMA).execute(&pool).await?;
        Ok(Self(pool))
    }

    async fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        let id = apply(&mut transaction, &body).await?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        let mut ids = Vec::with_capacity(bodies.len());
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        for body in &bodies {
            ids.push(apply(&mut transaction, body).await?);
        }
        transaction.commit().await?;
        Ok(ids)
    }

    async fn stored(&self) -> Result<Vec<Stored>> {
        Ok(sqlx::query_as(sql::STORED).fetch_all(&self.0).await?)
    }
}

async fn apply(connection: &mut SqliteConnection, body: &Body) -> Result<i64> {
    match body.id {
        Some(id) => update(connection, id, body).await,
        None => insert(connection, body).await,
    }
}

async fn insert(connection: &mut SqliteConnection, body: &Body) -> Result<i64> {
    let required = body.required()?;
    let insert = sqlx::query(sql::INSERT)
        .bind(required.venue_id)
        .bind(now())
        .bind(required.name)
        .bind(required.type_id)
        .bind(required.stage_id)
        .bind(required.source_id)
        .bind(body.company_id)
        .bind(body.company_lead_contact_id)
        .bind(body.contact_id)
        .bind(body.quality_id)
        .bind(body.industry_id)
        .bind(body.confirmed_quote_id)
        .bind(body.confirmed_quote_status)
        .bind(body.cancelled_quote_id)
        .bind(body.lost_to_competition)
        .bind(body.closed_date.as_deref())
        .bind(body.owner_user_id)
        .bind(body.stage_reason_id)
        .bind(body.channel_id.as_deref())
        .bind(body.description.as_deref());
    Ok(insert.execute(connection).await?.last_insert_rowid())
}

async fn update(connection: &mut SqliteConnection, id: i64, body: &Body) -> Result<i64> {
    let venue = body.venue()?;
    let exists = sqlx::query(sql::EXISTS).bind(id).bind(venue);
    if exists.fetch_optional(&mut *connection).await?.is_none() {
        return Err("the opportunity does not exist".into());
    }
    let update = sqlx::query(sql::UPDATE)
        .bind(id)
        .bind(venue)
        .bind(now())
        .bind(body.name.as_deref())
        .bind(body.type_id)
        .bind(body.stage_id)
        .bind(body.source_id)
        .bind(body.closed_date.as_deref())
        .bind(body.description.as_deref());
    update.execute(connection).await?;
    Ok(id)
}

fn main() -> Result<()> {
    tasks::main::<Pooled>("sqlx")
}
