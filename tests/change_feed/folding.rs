//! The table as the feed tells it, and as it is.

use std::collections::BTreeMap;

use opportunity_engine::{
    Change, ChangeKind, Engine, Field, OpportunityId, Value, VenueId, Version,
};

/// What a reader of the feed knows of an opportunity.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    venue: VenueId,
    pub(crate) version: Version,
    created_at: i64,
    modified_at: i64,
    values: BTreeMap<Field, Value<'static>>,
}

/// The table as the feed tells it. Whatever does not fit to what came before fails.
pub(crate) fn fold(changes: &[Change]) -> BTreeMap<OpportunityId, Row> {
    let mut rows = BTreeMap::<_, Row>::new();
    for change in changes {
        let row = match change.kind {
            ChangeKind::Added => {
                let values = BTreeMap::new();
                let (venue, version) = (change.venue, change.version);
                let created_at = change.created_at.unwrap().as_millis();
                let new = Row { venue, version, created_at, modified_at: 0, values };
                assert!(rows.insert(change.id, new).is_none(), "{change:?}");
                rows.get_mut(&change.id).unwrap()
            }
            ChangeKind::Updated => {
                let row = rows.get_mut(&change.id).unwrap();
                assert_eq!((row.venue, row.version.next()), (change.venue, change.version));
                assert_eq!(change.created_at, None);
                row
            }
            other => panic!("{other:?}"),
        };
        row.version = change.version;
        row.modified_at = change.changed_at.as_millis();
        for field in &change.fields {
            assert_ne!(field.old, field.new, "{change:?}");
            assert_eq!(row.values.remove(&field.field), field.old, "{change:?}");
            row.values.extend(field.new.clone().map(|new| (field.field, new)));
        }
    }
    rows
}

/// The table as it is.
pub(crate) fn table(engine: &Engine, venues: &[VenueId]) -> BTreeMap<OpportunityId, Row> {
    let ids = |&venue| {
        engine.ids(venue, None, usize::MAX).unwrap().into_iter().map(move |id| (venue, id))
    };
    let row = |(venue, id)| {
        let stored = engine.get(venue, id).unwrap().unwrap();
        let value = |&field: &Field| Some((field, stored.value(field)?.into_owned()));
        let values = Field::DETAILS.iter().filter_map(value).collect();
        let (created_at, modified_at) = (stored.created_at(), stored.modified_at());
        let (created_at, modified_at) = (created_at.as_millis(), modified_at.as_millis());
        (id, Row { venue, version: stored.version(), created_at, modified_at, values })
    };
    venues.iter().flat_map(ids).map(row).collect()
}
