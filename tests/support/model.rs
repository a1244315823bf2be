//! What the engine does, told by a plain map.

#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::BTreeMap;

use opportunity_engine::{Field, Opportunity, Patch, Request, Value};

/// What is known of one opportunity: its venue, its version, its values by wire name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) venue: i64,
    version: i64,
    values: BTreeMap<&'static str, Value<'static>>,
}

impl From<&Opportunity> for Row {
    fn from(stored: &Opportunity) -> Self {
        let value = |&field: &Field| Some((field.wire_name(), stored.value(field)?.into_owned()));
        Self {
            venue: stored.venue_id().get(),
            version: stored.version().get(),
            values: Field::DETAILS.iter().filter_map(value).collect(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) rows: BTreeMap<i64, Row>,
}

/// What a request comes to: the id and version, or the code of the refusal.
pub(crate) type Told = Result<(i64, i64), u16>;

/// What an all-or-nothing batch comes to: all results, or the refused requests.
pub(crate) type ToldOfAll = Result<Vec<(i64, i64)>, Vec<(usize, u16)>>;

impl Model {
    /// What becomes of a request of which every value is well formed.
    pub(crate) fn apply(&mut self, request: &Request) -> Told {
        if let Some(code) = refusal(request) {
            return Err(code);
        }
        let integer = |field| match request.patch(field) {
            Patch::Set(Value::Integer(value)) => Some(value),
            _ => None,
        };
        let venue = integer(Field::VenueId).ok_or(24_224_u16)?;
        match integer(Field::Id) {
            None => Ok(self.add(venue, request)),
            Some(id) => self.update(venue, id, request),
        }
    }

    fn add(&mut self, venue: i64, request: &Request) -> (i64, i64) {
        let id = i64::try_from(self.rows.len()).unwrap() + 1;
        self.rows.insert(id, Row { venue, version: 1, values: given(request) });
        (id, 1)
    }

    fn update(&mut self, venue: i64, id: i64, request: &Request) -> Told {
        let row = self.rows.get(&id).filter(|row| row.venue == venue).ok_or(24_222_u16)?;
        let mut next = row.clone();
        for &field in Field::DETAILS {
            if request.patch(field) == Patch::Clear {
                next.values.remove(field.wire_name());
            }
        }
        next.values.extend(given(request));
        if !next.values.contains_key("companyId") && !next.values.contains_key("contactId") {
            return Err(24_224);
        }
        if next.values != row.values {
            next.version += 1;
        }
        let version = next.version;
        self.rows.insert(id, next);
        Ok((id, version))
    }

    pub(crate) fn apply_all(&mut self, requests: &[Request]) -> ToldOfAll {
        let mut next = self.clone();
        let told: Vec<Told> = requests.iter().map(|request| next.apply(request)).collect();
        let refused: Vec<_> =
            (0..).zip(&told).filter_map(|(at, told)| Some((at, told.err()?))).collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        *self = next;
        Ok(told.into_iter().flatten().collect())
    }
}

/// The code with which a request is refused whatever is stored.
fn refusal(request: &Request) -> Option<u16> {
    const REQUIRED: [Field; 4] = [Field::Name, Field::TypeId, Field::StageId, Field::SourceId];

    let is_set = |field: &Field| matches!(request.patch(*field), Patch::Set(_));
    let is_cleared = |field: &Field| request.patch(*field) == Patch::Clear;
    if !Field::ALL.iter().any(is_set) {
        return Some(24_221);
    }
    let breaks_a_rule = if is_set(&Field::Id) {
        REQUIRED.iter().any(is_cleared)
            || is_cleared(&Field::CompanyId) && is_cleared(&Field::ContactId)
    } else {
        let company = [Field::CompanyId, Field::CompanyLeadContactId];
        let owner = if company.iter().any(is_set) { &company[..] } else { &[Field::ContactId] };
        !REQUIRED.iter().chain(owner).all(is_set)
    };
    (breaks_a_rule || !is_set(&Field::VenueId)).then_some(24_224)
}

/// The values that a request sets.
fn given(request: &Request) -> BTreeMap<&'static str, Value<'static>> {
    let set =
        |&field: &Field| Some((field.wire_name(), request.patch(field).value()?.into_owned()));
    Field::DETAILS.iter().filter_map(set).collect()
}
