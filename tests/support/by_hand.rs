//! Changes by hand to rows that have checksums.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Runs statements, and gives the rows of each table that they update or insert into the checksums of what they hold
/// then.
pub(crate) fn change(connection: &Connection, sql: &str) {
    connection.execute_batch(sql).unwrap();
    for table in ["opportunity", "opportunity_change", "idempotency_key"] {
        if ["UPDATE", "INSERT INTO"].iter().any(|verb| sql.contains(&format!("{verb} {table} "))) {
            seal(connection, table);
        }
    }
}

/// Gives each row of a table its checksum. How that is reckoned is said here a second time: a row that the engine has
/// written has the same one, or nothing is right that comes after.
fn seal(connection: &Connection, table: &str) {
    let transaction = connection.unchecked_transaction().unwrap();
    let mut select = connection.prepare(&format!("SELECT rowid, * FROM {table}")).unwrap();
    let mut update =
        connection.prepare(&format!("UPDATE {table} SET checksum = ?2 WHERE rowid = ?1")).unwrap();
    let columns: Vec<_> = select.column_names().map(str::to_owned).collect();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let values = columns.iter().enumerate().skip(1).filter(|(_, name)| *name != "checksum");
        let parts = values.map(|(at, name)| part(name, row.get_ref(at).unwrap()));
        let sum = i64::from(mix(parts.fold(0, u64::wrapping_add), 0) as u32 as i32);
        if row.get::<_, i64>("checksum").unwrap() != sum {
            update.execute([row.get(0).unwrap(), sum]).unwrap();
        }
    }
    drop(rows);
    transaction.commit().unwrap();
}

fn part(column: &str, value: ValueRef<'_>) -> u64 {
    let tag = text(0, column.as_bytes());
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(integer) => mix(mix(tag, integer as u64), tag),
        ValueRef::Real(real) => mix(mix(tag, real.to_bits()), tag),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text(tag, bytes),
    }
}

fn text(start: u64, bytes: &[u8]) -> u64 {
    // One that fills its last eight bytes is followed by eight of zero.
    let mut padded = bytes.to_vec();
    padded.resize((bytes.len() / 8 + 1) * 8, 0);
    let words = padded.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    words.fold(mix(start, bytes.len() as u64), mix)
}

fn mix(one: u64, other: u64) -> u64 {
    let product = (one ^ other).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}
