//! sea-orm on sqlx with its pool.

use std::path::Path;
use std::time::Duration;

use peer_harness::tasks::{self, Peer};
use peer_harness::{Body, Result, Stored, sql};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::opportunity::{ActiveModel, Column, Entity};

mod opportunity;

struct Pooled(DatabaseConnection);

impl Pooled {
    async fn begin(&self) -> Result<DatabaseTransaction> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(self.0.begin_with_options(immediate).await?)
    }
}

impl Peer for Pooled {
    async fn open(folder: &Path) -> Result<Self> {
        let url = format!("sqlite://{}?mode=rwc", folder.join("sea-orm.db").display());
        let mut options = ConnectOptions::new(url);
        options.max_connections(sql::CONNECTIONS).sqlx_logging(false).map_sqlx_sqlite_opts(
            |options| {
                options
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(Duration::from_secs(30))
            },
        );
        let pool = Database::connect(options).await?;
        pool.execute_unprepared(sql::SCHEMA).await?;
        Ok(Self(pool))
    }

    async fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        let transaction = self.begin().await?;
        let id = apply(&transaction, body).await?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        let mut ids = Vec::with_capacity(bodies.len());
        let transaction = self.begin().await?;
        for body in bodies {
            ids.push(apply(&transaction, body).await?);
        }
        transaction.commit().await?;
        Ok(ids)
    }

    async fn stored(&self) -> Result<Vec<Stored>> {
        let columns = [Column::Id, Column::VenueId, Column::Version];
        let rows = Entity::find().select_only().columns(columns).into_tuple();
        Ok(rows.all(&self.0).await?)
    }
}

async fn apply(transaction: &DatabaseTransaction, body: Body) -> Result<i64> {
    let Some(id) = body.id else {
        let insert = Entity::insert(ActiveModel::added(body)?);
        return Ok(insert.exec(transaction).await?.last_insert_id);
    };
    let of_venue = Entity::find_by_id(id).filter(Column::VenueId.eq(body.venue()?));
    let found = of_venue.one(transaction).await?.ok_or("the opportunity does not exist")?;
    found.updated(body).update(transaction).await?;
    Ok(id)
}

fn main() -> Result<()> {
    tasks::main::<Pooled>("sea-orm")
}
