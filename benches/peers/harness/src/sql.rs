//! The table and the statements, for libraries that take SQL: those of the crate's baseline.

/// How many connections a pool has. Only one of them can write at a time, so that more bring little:
/// of 1, 4 and 10, no pool was faster with another number by more than runs differ.
pub const CONNECTIONS: u32 = 4;

pub const SCHEMA: &str = "
    CREATE TABLE opportunity (
        id INTEGER PRIMARY KEY, venue_id INTEGER NOT NULL, version INTEGER NOT NULL,
        created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, name TEXT NOT NULL,
        type_id INTEGER NOT NULL, stage_id INTEGER NOT NULL, source_id INTEGER NOT NULL, company_id INTEGER,
        company_lead_contact_id INTEGER, contact_id INTEGER, quality_id INTEGER, industry_id INTEGER,
        confirmed_quote_id INTEGER, confirmed_quote_status INTEGER, cancelled_quote_id INTEGER,
        lost_to_competition INTEGER, closed_date TEXT, owner_user_id INTEGER, stage_reason_id INTEGER,
        channel_id TEXT, description TEXT);
    CREATE INDEX opportunity_by_venue ON opportunity (venue_id);";

/// Takes the venue, the time and the other fields in their order.
pub const INSERT: &str = "INSERT INTO opportunity VALUES (NULL, ?1, 1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                          ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";

/// Takes the id and the venue.
pub const EXISTS: &str = "SELECT 1 FROM opportunity WHERE id = ?1 AND venue_id = ?2";

/// Takes the id, the venue, the time and the fields in the order in which they are here.
pub const UPDATE: &str = "UPDATE opportunity SET version = version + 1, modified_at = ?3, name = coalesce(?4, name), \
                          type_id = coalesce(?5, type_id), stage_id = coalesce(?6, stage_id), \
                          source_id = coalesce(?7, source_id), closed_date = coalesce(?8, closed_date), \
                          description = coalesce(?9, description) WHERE id = ?1 AND venue_id = ?2";

pub const STORED: &str = "SELECT id, venue_id, version FROM opportunity";
