//! Venues are apart: whatever one of them sends, by either door, alone or in batches, with its own ids or
//! another's, it neither changes nor learns anything of the other. Ids alone are shared: they count the
//! adds of all venues.

mod support;

use std::path::PathBuf;

use opportunity_engine::strategies::mixed_request;
use opportunity_engine::{
    Batch, Durability, Engine, Field, Filter, ListOrder, Opportunity, OpportunityId, Patch, Reply,
    Request, Timestamp, Value, VenueId,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use support::runs;
use tempfile::TempDir;

/// The venue that is looked at.
const OURS: i64 = 107;

/// The venue that tries.
const THEIRS: i64 = 108;

/// Further than any id that is asked for.
const FAR: i64 = 1_000_000;

fn venue(number: i64) -> VenueId {
    VenueId::new(number).unwrap()
}

/// How requests are sent. Every way ends in replies, so that all can be compared byte for byte.
#[derive(Debug, Clone, Copy)]
enum Way {
    Typed,
    Json,
    TypedBatch(Batch),
    JsonBatch(Batch),
}

const WAYS: [Way; 6] = [
    Way::Typed,
    Way::Json,
    Way::TypedBatch(Batch::EachOnItsOwn),
    Way::TypedBatch(Batch::AllOrNothing),
    Way::JsonBatch(Batch::EachOnItsOwn),
    Way::JsonBatch(Batch::AllOrNothing),
];

/// What a venue sends at once.
#[derive(Debug, Clone)]
struct Step {
    venue: i64,
    way: Way,
    requests: Vec<Request>,
}

/// Small ids, which soon are somebody's: those of the sender, of the other, of nobody.
fn any_id() -> impl Strategy<Value = OpportunityId> {
    (1..=16_i64).prop_map(|id| OpportunityId::new(id).unwrap())
}

/// Requests under a venue. The update that asks for nothing, which is among them, tells an id that exists from one
/// that does not without changing it.
fn request(number: i64) -> impl Strategy<Value = Request> {
    mixed_request((Just(venue(number)), any_id()))
}

fn step(number: i64) -> impl Strategy<Value = Step> {
    (proptest::sample::select(&WAYS[..]), vec(request(number), 1..5))
        .prop_map(move |(way, requests)| Step { venue: number, way, requests })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(prop_oneof![step(OURS).boxed(), step(THEIRS).boxed()], 2..16)
}

/// An engine, and its file for what the engine does not do.
struct World {
    engine: Engine,
    path: PathBuf,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let options = Engine::options().durability(Durability::Off);
        let engine = options.clock(|| Timestamp::from_millis(0)).open(&path).unwrap();
        Self { engine, path, _folder: folder }
    }

    fn send(&self, step: &Step) -> Vec<Reply> {
        let requests = step.requests.iter().cloned();
        let bodies = || step.requests.iter().map(|request| serde_json::to_vec(request).unwrap());
        match step.way {
            Way::Typed => {
                requests.map(|request| self.engine.add_or_update(request).into()).collect()
            }
            Way::Json => bodies().map(|body| self.engine.add_or_update_json(&body)).collect(),
            Way::TypedBatch(batch) => self.engine.reply_to_all(requests.map(Ok), batch),
            Way::JsonBatch(batch) => {
                self.engine.reply_to_all(bodies().map(|body| self.engine.decode(&body)), batch)
            }
        }
    }

    /// What a venue finds, id by id, and what it finds listed.
    fn seen(&self, number: i64) -> (Vec<Opportunity>, Vec<OpportunityId>) {
        let get = |id| self.engine.get(venue(number), OpportunityId::new(id).unwrap()).unwrap();
        let found: Vec<_> = (1..=80).filter_map(get).collect();
        let all = self.engine.list(venue(number), Filter::new());
        let changed = all.clone().order(ListOrder::LastChange).page_size(7);
        for listing in [all, changed] {
            // The clock stands still, so that both orders are the same.
            let listed: Result<Vec<_>, _> = listing.iter().collect();
            assert_eq!(listed.unwrap(), found);
            assert_eq!(listing.count().unwrap(), found.len() as u64);
        }
        (found, self.engine.ids(venue(number), None, usize::MAX).unwrap())
    }

    /// Gives what our venue has other ids, by hand: those that it had are nobody's then, and stay used up.
    fn move_ours(&self, by: i64) {
        let other = Connection::open(&self.path).unwrap();
        let sql = "UPDATE opportunity SET id = id + ?1 WHERE venue_id = ?2";
        other.execute(sql, [by, OURS]).unwrap();
    }
}

fn bytes(replies: &[Reply]) -> Vec<(u16, String)> {
    let text = |reply: &Reply| String::from_utf8(reply.to_json()).unwrap();
    replies.iter().map(|reply| (reply.status(), text(reply))).collect()
}

/// Our ids, as the first, second … of ours: what is left of them when somebody else uses up others.
struct Ours(Vec<OpportunityId>);

impl Ours {
    /// The request, its id taken as the place among ours; an id of nobody where there is no such place.
    fn translate(&self, request: &Request) -> Request {
        let Patch::Set(Value::Integer(place)) = request.patch(Field::Id) else {
            return request.clone();
        };
        let place = usize::try_from(place).unwrap() - 1;
        let id = self.0.get(place).map_or(FAR + place as i64, |id| id.get());
        let mut json = serde_json::to_value(request).unwrap();
        json["id"] = id.into();
        serde_json::from_value(json).unwrap()
    }

    /// The replies, without ids but for the places of ours.
    fn told(&mut self, replies: &[Reply]) -> Vec<String> {
        let tell = |reply: &Reply| match reply.result() {
            Ok(outcome) => {
                let known = self.0.iter().position(|id| *id == outcome.id());
                let place = known.unwrap_or_else(|| {
                    self.0.push(outcome.id());
                    self.0.len() - 1
                });
                let what = std::mem::discriminant(outcome);
                format!("{place} {what:?} {}", outcome.version())
            }
            // None of ours is named: the one that is not found is nobody's.
            Err(_) => String::from_utf8(reply.to_json()).unwrap(),
        };
        replies.iter().map(tell).collect()
    }

    /// What we have, without ids.
    fn values(&self, found: &[Opportunity]) -> Vec<(usize, serde_json::Value)> {
        let value = |opportunity: &Opportunity| {
            let place = self.0.iter().position(|id| *id == opportunity.id()).unwrap();
            let mut json = serde_json::to_value(opportunity).unwrap();
            json["id"] = 0.into();
            (place, json)
        };
        found.iter().map(value).collect()
    }
}

/// What we are told in the end, and at each step, when these steps are taken.
type Told = (Vec<Vec<String>>, Vec<(usize, serde_json::Value)>, Vec<usize>);

fn told_ours(steps: &[Step], with_theirs: bool) -> Told {
    let (world, mut ours, mut told) = (World::new(), Ours(Vec::new()), Vec::new());
    for step in steps {
        if step.venue == THEIRS {
            if with_theirs {
                world.send(step);
            }
            continue;
        }
        let requests = step.requests.iter().map(|request| ours.translate(request)).collect();
        let replies = world.send(&Step { requests, ..step.clone() });
        told.push(ours.told(&replies));
    }
    let (found, listed) = world.seen(OURS);
    let places = listed.iter().map(|id| ours.0.iter().position(|it| it == id).unwrap()).collect();
    (told, ours.values(&found), places)
}

fn config() -> ProptestConfig {
    let cases = u32::try_from(runs(96, 10_000)).unwrap();
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_local_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// Seen to fail for an update, for ids that are listed, and for a list, that look for the id alone.
    #[test]
    fn a_venue_sees_what_it_would_see_without_the_other(steps in steps()) {
        prop_assert_eq!(told_ours(&steps, true), told_ours(&steps, false));
    }

    /// Their replies are the same, byte for byte, if our ids exist and if they do not. Two worlds take the
    /// same steps; in the second all that is ours has other ids, given by hand, while it is their turn.
    ///
    /// Seen to fail for an update that looks for the id alone, and for one that answers an id of another
    /// venue's with a code, or a text, of its own.
    #[test]
    fn a_venue_cannot_tell_an_id_of_the_other_from_one_of_nobody(steps in steps()) {
        let (with_ours, without) = (World::new(), World::new());
        for step in &steps {
            if step.venue == OURS {
                prop_assert_eq!(bytes(&with_ours.send(step)), bytes(&without.send(step)));
                continue;
            }
            without.move_ours(FAR);
            prop_assert_eq!(bytes(&with_ours.send(step)), bytes(&without.send(step)));
            without.move_ours(-FAR);
            let (found, listed) = with_ours.seen(THEIRS);
            prop_assert!(found.iter().all(|it| it.venue_id() == venue(THEIRS)));
            prop_assert_eq!(found.iter().map(Opportunity::id).collect::<Vec<_>>(), listed.clone());
            prop_assert_eq!((found, listed), without.seen(THEIRS));
        }
    }
}
