//! The change feed of a database, held against its opportunities.

use std::collections::BTreeSet;

use opportunity_engine::{Change, Engine, StoreError};

use super::invariant::Rows;

/// Every version of every opportunity has one record, and sequences go 1, 2, 3 …
pub(crate) fn feed(engine: &Engine, rows: &Rows) -> Vec<String> {
    let changes = match changes(engine) {
        Ok(changes) => changes,
        Err(error) => return vec![format!("the feed cannot be read: {error:?}")],
    };
    let mut complaints = Vec::new();
    if !changes.iter().map(|change| change.sequence.get()).eq(1..=changes.len() as i64) {
        complaints.push("the feed has a gap".to_owned());
    }
    let mut recorded = BTreeSet::new();
    for change in &changes {
        let made = (change.id, change.venue, change.version.get());
        if !recorded.insert(made) {
            complaints.push(format!("there are two records of {made:?}"));
        }
    }
    let versions = rows.iter().flat_map(|(&id, row)| {
        let venue = row.venue;
        (1..=row.version).map(move |version| (id, venue, version))
    });
    let expected: BTreeSet<_> = versions.collect();
    complaints.extend(expected.difference(&recorded).map(|it| format!("no record of {it:?}")));
    complaints.extend(recorded.difference(&expected).map(|it| format!("a record of {it:?}")));
    complaints
}

/// All of them, page by page.
fn changes(engine: &Engine) -> Result<Vec<Change>, StoreError> {
    let mut all: Vec<Change> = Vec::new();
    loop {
        let page = engine.changes(all.last().map(|change| change.sequence), usize::MAX)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
