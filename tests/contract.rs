//! The contract, case by case, through both doors: typed and JSON.

use opportunity_engine::{
    Engine, Error, Field, ManualClock, Opportunity, OpportunityId, Outcome, Rejection, Request,
    Timestamp, VenueId, ViolationKind,
};

#[path = "contract/answers.rs"]
mod answers;
#[path = "contract/batches.rs"]
mod batches;
#[path = "contract/fields.rs"]
mod fields;
#[path = "contract/forms.rs"]
mod forms;
#[path = "contract/owners.rs"]
mod owners;
#[path = "contract/rows.rs"]
mod rows;
#[path = "contract/values.rs"]
mod values;

/// Two engines that get the same requests, one typed, the other as JSON, and must agree.
struct World {
    typed: Engine,
    json: Engine,
    /// The clock of both.
    clock: ManualClock,
}

type Answer = Result<Outcome, Rejection>;

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_000));
        let engine = || Engine::options().clock(clock.source()).in_memory().unwrap();
        Self { typed: engine(), json: engine(), clock }
    }

    /// A world with opportunity 1 in venue 107, which belongs to contact 918.
    fn with_a_lead() -> Self {
        let world = Self::new();
        world.send(lead(), &LEAD.replace('\'', "\"")).unwrap();
        world
    }

    fn at(&self, millis: i64) -> &Self {
        self.clock.set(Timestamp::from_millis(millis));
        self
    }

    /// Sends a request through both doors. Single quotes in the JSON stand for double ones.
    fn send(&self, typed: Request, json: &str) -> Answer {
        let by_json = self.post(json);
        let by_type = plain(self.typed.add_or_update(typed));
        assert_eq!(by_type, by_json, "the doors disagree on {json}");
        by_json
    }

    /// Sends JSON alone: for what has no typed form.
    fn post(&self, json: &str) -> Answer {
        self.post_bytes(json.replace('\'', "\"").as_bytes())
    }

    fn post_bytes(&self, json: &[u8]) -> Answer {
        plain(self.json.add_or_update_json(json).into())
    }

    /// The reply to JSON, byte for byte.
    fn reply(&self, json: &str) -> String {
        let reply = self.json.add_or_update_json(json.replace('\'', "\"").as_bytes());
        String::from_utf8(reply.to_json()).unwrap()
    }

    /// Opportunity 1 of venue 107, the same in both engines.
    fn stored(&self) -> Opportunity {
        let [by_type, by_json] = [&self.typed, &self.json]
            .map(|engine| engine.get(venue(107), opportunity(1)).unwrap().unwrap());
        assert_eq!(by_type, by_json);
        by_json
    }
}

const LEAD: &str =
    "{'venueId':107,'name':'Lead By API','contactId':918,'typeId':18,'sourceId':25,'stageId':69}";

fn lead() -> Request {
    Request::add(venue(107))
        .name("Lead By API")
        .contact_id(918)
        .type_id(18)
        .source_id(25)
        .stage_id(69)
}

/// An update of opportunity 1 in venue 107.
fn update() -> Request {
    Request::update(venue(107), opportunity(1))
}

/// The same in JSON, with these further members.
fn update_json(members: &str) -> String {
    format!("{{'id':1,'venueId':107{}{members}}}", if members.is_empty() { "" } else { "," })
}

fn venue(id: i64) -> VenueId {
    VenueId::new(id).unwrap()
}

fn opportunity(id: i64) -> OpportunityId {
    OpportunityId::new(id).unwrap()
}

fn plain(result: Result<Outcome, Error>) -> Answer {
    result.map_err(|error| match error {
        Error::Rejected(rejection) => rejection,
        failure => panic!("the store failed: {failure:?}"),
    })
}

/// What was added, updated or left unchanged, and its version.
fn done(answer: Answer) -> (&'static str, i64, i64) {
    let outcome = answer.unwrap();
    let what = match outcome {
        Outcome::Added { .. } => "added",
        Outcome::Updated { .. } => "updated",
        Outcome::Unchanged { .. } => "unchanged",
        other => panic!("{other:?}"),
    };
    (what, outcome.id().get(), outcome.version().get())
}

/// The code of a refusal.
fn code(answer: Answer) -> u16 {
    answer.unwrap_err().code().number().unwrap()
}

/// The violations of a refusal with code 24224, as data.
fn violations(answer: Answer) -> Vec<(Option<Field>, ViolationKind)> {
    let rejection = answer.unwrap_err();
    assert_eq!(rejection.code().number(), Some(24_224), "{rejection}");
    rejection.violations().iter().map(|it| (it.field(), it.kind().clone())).collect()
}

/// The violations of a refusal with code 24224, as texts.
fn messages(answer: Answer) -> Vec<String> {
    let rejection = answer.unwrap_err();
    assert_eq!(rejection.code().number(), Some(24_224), "{rejection}");
    rejection.violations().iter().map(ToString::to_string).collect()
}
