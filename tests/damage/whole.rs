//! Opportunities that are not asked for by their ids: a page of each venue's list, and all that are written out.

use std::collections::BTreeSet;

use opportunity_engine::{
    Engine, ExportError, Filter, ListError, Opportunity, OpportunityId, VenueId,
};

use crate::answers::{Difference, Told, damaged, difference, told};
use crate::template::{Contents, Template, venues};

/// What an engine says of many opportunities at once.
#[derive(Default)]
pub(crate) struct Whole {
    lists: Vec<List>,
    /// All of them; not asked for where not all are looked at.
    export: Option<Told<Vec<Opportunity>>>,
}

/// The first page of a venue's list, and how many it has.
struct List {
    venue: VenueId,
    page_size: usize,
    page: Told<Vec<Opportunity>>,
    count: Told<u64>,
}

impl Whole {
    pub(crate) fn ask(engine: &Engine, template: &Template) -> Self {
        let lists = venues().map(|venue| List::ask(engine, venue, template.looks));
        let is_asked = template.looks == template.contents().rows.len();
        Self { lists: lists.collect(), export: is_asked.then(|| export(engine)) }
    }

    pub(crate) fn tells_of_damage(&self) -> bool {
        self.lists.iter().any(|list| list.page.is_err() || list.count.is_err())
            || self.export.as_ref().is_some_and(Result::is_err)
    }

    pub(crate) fn differences(&self, contents: &Contents) -> Vec<Difference> {
        let mut differences: Vec<_> =
            self.lists.iter().flat_map(|list| list.differences(contents)).collect();
        if let Some(Ok(export)) = &self.export {
            let exported: BTreeSet<_> = export.iter().map(Opportunity::id).collect();
            let missing = contents.rows.keys().filter(|id| !exported.contains(id));
            differences.extend(missing.map(|id| Difference::Row(*id)));
            let of_row =
                |row: &Opportunity| difference(row.id(), Some(row), contents.rows.get(&row.id()));
            differences.extend(export.iter().filter_map(of_row));
        }
        differences
    }
}

impl List {
    fn ask(engine: &Engine, venue: VenueId, page_size: usize) -> Self {
        let listing = engine.list(venue, Filter::new()).page_size(page_size);
        let page = listing.page().map(|page| page.items).map_err(|error| match error {
            ListError::Store(error) => damaged(&error),
            other => panic!("{other:?}"),
        });
        if let Ok(rows) = &page {
            assert!(rows.iter().all(|row| row.venue_id() == venue), "another venue's");
            assert!(rows.is_sorted_by_key(Opportunity::id), "out of order");
        }
        Self { venue, page_size, page, count: told(listing.count()) }
    }

    fn differences(&self, contents: &Contents) -> Vec<Difference> {
        let ids = contents.ids(self.venue);
        let mut differences = Vec::new();
        let is_counted = self.count.as_ref().is_ok_and(|count| *count == ids.len() as u64);
        if !is_counted && self.count.is_ok() {
            differences.push(Difference::List(self.venue));
        }
        if let Ok(rows) = &self.page {
            let listed = rows.iter().map(Opportunity::id);
            let expected: &[OpportunityId] = &ids[..ids.len().min(self.page_size)];
            if !listed.eq(expected.iter().copied()) {
                differences.push(Difference::List(self.venue));
            }
            let of_row = |row: &Opportunity| {
                difference(row.id(), Some(row), contents.get(self.venue, row.id()))
            };
            differences.extend(rows.iter().filter_map(of_row));
        }
        differences
    }
}

fn export(engine: &Engine) -> Told<Vec<Opportunity>> {
    let mut lines = Vec::new();
    match engine.export(&mut lines) {
        Ok(count) => {
            let rows: Vec<Opportunity> = lines
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect();
            assert_eq!(rows.len() as u64, count);
            Ok(rows)
        }
        Err(ExportError::Store(error)) => Err(damaged(&error)),
        Err(other) => panic!("{other:?}"),
    }
}
