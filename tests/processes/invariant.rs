//! The invariant: what may be in a database, given what was in it before and what was told since.
//!
//! Every acknowledged change is there; no command is half-applied; nothing that was refused or aborted
//! is there; what had no answer is there as a whole or not at all. That the change feed agrees with the rows is
//! checked in [`feed`](super::feed), that keys are remembered by [`send_again`](super::again::send_again).

use std::collections::{BTreeMap, HashMap, HashSet};

use opportunity_engine::OpportunityId;

use super::content::{Command, Row, Token};
use super::history::{Fate, History, Updates};

/// The opportunities of a database.
pub(crate) type Rows = BTreeMap<OpportunityId, Row>;

/// Everything that contradicts the invariant.
pub(crate) fn complaints(before: &Rows, history: &History, after: &Rows) -> Vec<String> {
    let mut check = Check { before, history, after, complaints: history.complaints.clone() };
    check.ids_have_no_gap();
    check.nothing_known_has_vanished();
    check.adds();
    check.updates();
    check.batches();
    check.complaints
}

struct Check<'c> {
    before: &'c Rows,
    history: &'c History,
    after: &'c Rows,
    complaints: Vec<String>,
}

impl Check<'_> {
    fn require(&mut self, is_so: bool, complaint: impl FnOnce() -> String) {
        if !is_so {
            self.complaints.push(complaint());
        }
    }

    /// The counter is part of each transaction, so not even a failed one leaves a gap.
    fn ids_have_no_gap(&mut self) {
        let ids: Vec<i64> = self.after.keys().map(|id| id.get()).collect();
        let expected: Vec<i64> = (1..).take(ids.len()).collect();
        self.require(ids == expected, || "the ids have a gap".to_owned());
    }

    fn nothing_known_has_vanished(&mut self) {
        for (id, before) in self.before {
            let after = self.after.get(id);
            let is_there =
                after.is_some_and(|row| (row.venue, row.added) == (before.venue, before.added));
            self.require(is_there, || format!("{id} was {before:?} and is {after:?}"));
        }
    }

    fn adds(&mut self) {
        let mut seen = HashSet::new();
        for (id, row) in self.after.range(self.first_new_id()..) {
            self.require(seen.insert(row.added), || format!("{:?} was added twice", row.added));
            let told = self.history.fate(row.added);
            let is_told = match told {
                Some((command, fate)) => {
                    let may_be_there = match fate {
                        Fate::Unsettled => true,
                        Fate::Done { id: told, version } => (told, version) == (*id, 1),
                        Fate::Nothing => false,
                    };
                    may_be_there && command.id.is_none() && command.venue == row.venue
                }
                None => false,
            };
            self.require(is_told, || format!("{id} was added by {told:?}"));
        }
        for (command, fate) in self.history.commands.values() {
            if let (None, Fate::Done { id, .. }) = (command.id, fate) {
                let found = self.after.get(id).map(|row| row.added);
                self.require(found == Some(command.token), || {
                    format!("lost: {command:?} was added as {id}, and there is {found:?}")
                });
            }
        }
    }

    fn updates(&mut self) {
        for id in self.history.commands.values().filter_map(|(command, _)| command.id) {
            let is_lost =
                !self.after.contains_key(&id) && !self.history.updates_of(id).done.is_empty();
            self.require(!is_lost, || format!("lost: {id} was updated and is not there"));
        }
        for (id, row) in self.after {
            if let Some(first) = self.first(*id, row) {
                let updates = self.history.updates_of(*id);
                self.versions(*id, &first, row, &updates);
                self.values(*id, &first, row, &updates);
            }
        }
    }

    /// Each version has been made by one update.
    fn versions(&mut self, id: OpportunityId, first: &Row, row: &Row, updates: &Updates) {
        let range = first.version + 1..=row.version;
        for (version, token) in &updates.done {
            self.require(range.contains(version), || {
                format!("lost: {token:?} made version {version} of {id}, and there is {row:?}")
            });
        }
        let unexplained = self.unexplained(id);
        self.require((0..=updates.unsettled.len() as i64).contains(&unexplained), || {
            format!("{id}: {unexplained} versions of {row:?} after {first:?} were made by nobody")
        });
    }

    /// The values are those of the update that made the last version, or the last one of its lane.
    fn values(&mut self, id: OpportunityId, first: &Row, row: &Row, updates: &Updates) {
        let in_lane = |lane| move |token: &Token| token.lane() == lane;
        let any_unsettled =
            |token: Token| self.unexplained(id) > 0 && updates.unsettled.contains(&token);
        let is_written = match updates.done.get(&row.version) {
            Some(token) => row.written == *token,
            None if row.version == first.version => row.written == first.written,
            None => any_unsettled(row.written),
        };
        let are_lanes = [0, 1].into_iter().all(|lane| {
            let last = updates.done.values().rev().copied().find(in_lane(lane));
            let found = row.lanes[lane];
            found == last.unwrap_or(first.lanes[lane]) || any_unsettled(found)
        });
        let is_whole = row.version == 1 || row.lanes[row.written.lane()] == row.written;
        self.require(is_written && are_lanes && is_whole, || {
            format!("{id}: {row:?} is not what {updates:?} make of {first:?}")
        });
    }

    /// All of an all-or-nothing batch is there, or none of it.
    fn batches(&mut self) {
        let added: HashMap<Token, OpportunityId> =
            self.after.iter().map(|(id, row)| (row.added, *id)).collect();
        for call in self.history.calls.iter().filter(|call| call.all_or_nothing) {
            let is_there = |command: &Command| self.is_there(command, &added);
            let there: Vec<_> = call.commands.iter().map(is_there).collect();
            let is_whole = !(there.contains(&Some(true)) && there.contains(&Some(false)));
            self.require(is_whole, || format!("of a batch there is a part: {call:?}: {there:?}"));
        }
    }

    /// Whether a command is there, as far as one can tell: another one may have written over it.
    fn is_there(&self, command: &Command, added: &HashMap<Token, OpportunityId>) -> Option<bool> {
        let Some(id) = command.id else { return Some(added.contains_key(&command.token)) };
        let is_shown =
            |row: &Row| row.written == command.token || row.lanes.contains(&command.token);
        match self.history.fate(command.token)? {
            (_, Fate::Done { .. }) => Some(true),
            (_, Fate::Nothing) => Some(false),
            (_, Fate::Unsettled) if self.after.get(&id).is_some_and(is_shown) => Some(true),
            (_, Fate::Unsettled) => (self.unexplained(id) == 0).then_some(false),
        }
    }

    /// How many versions of an opportunity no answer speaks of.
    fn unexplained(&self, id: OpportunityId) -> i64 {
        let Some(row) = self.after.get(&id) else { return 0 };
        let Some(first) = self.first(id, row) else { return 0 };
        row.version - first.version - self.history.updates_of(id).done.len() as i64
    }

    /// The first version since the last look.
    fn first(&self, id: OpportunityId, row: &Row) -> Option<Row> {
        let before = self.before.get(&id).copied();
        let added = || self.history.fate(row.added).map(|(command, _)| Row::added_by(&command));
        before.or_else(added)
    }

    fn first_new_id(&self) -> OpportunityId {
        let last = self.before.keys().next_back().map_or(0, |id| id.get());
        OpportunityId::new(last + 1).unwrap()
    }
}
