//! Bodies that are posted one after the other, one a line, lead where a plain map says.

use std::collections::BTreeSet;

use opportunity_engine::{Engine, Error, OpportunityId, Reply, Request, VenueId};

use crate::plain::{Model, Row, Told};

/// Panics if the engine and the map disagree on a reply or on the end.
pub(crate) fn check(bodies: &[u8]) {
    let engine = Engine::in_memory().unwrap();
    let mut model = Model::default();
    for body in bodies.split(|&byte| byte == b'\n') {
        let told = told(&engine.add_or_update_json(body));
        match engine.decode(body) {
            Err(rejection) => assert_eq!(told, Err(rejection.code().number().unwrap())),
            Ok(request) if is_ill_formed(&request) => {
                assert!(matches!(told, Err(24_221 | 24_224)), "{told:?} for {request:?}");
            }
            Ok(request) => assert_eq!(told, model.apply(&request), "{request:?}"),
        }
    }
    check_rows(&engine, &model);
}

/// Whether a value of it breaks a rule, or a key of it.
fn is_ill_formed(request: &Request) -> bool {
    // Only a request without violations has a serialised form.
    serde_json::to_value(request).is_err()
}

fn told(reply: &Reply) -> Told {
    match reply.result() {
        Ok(outcome) => Ok((outcome.id().get(), outcome.version().get())),
        Err(Error::Rejected(rejection)) => Err(rejection.code().number().unwrap()),
        Err(failure) => panic!("{failure:?}"),
    }
}

/// Every opportunity is as the map has it, in its venue, and there is no other.
fn check_rows(engine: &Engine, model: &Model) {
    let venues: BTreeSet<i64> = model.rows.values().map(|row| row.venue).collect();
    for venue in venues {
        let of_venue = model.rows.iter().filter(|(_, row)| row.venue == venue);
        let ids: Vec<i64> = of_venue.map(|(id, _)| *id).collect();
        let venue = VenueId::new(venue).unwrap();
        let listed = engine.ids(venue, None, usize::MAX).unwrap();
        assert_eq!(listed.iter().map(|id| id.get()).collect::<Vec<_>>(), ids);
        for id in ids {
            let stored = engine.get(venue, OpportunityId::new(id).unwrap()).unwrap();
            assert_eq!(stored.as_ref().map(Row::from).as_ref(), model.rows.get(&id));
        }
    }
}
