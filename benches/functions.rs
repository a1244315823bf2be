//! Single functions of the hot path: `cargo bench --bench functions`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use opportunity_engine::{
    Command, Decoder, Engine, Opportunity, OpportunityId, Request, Timestamp, VenueId, decide,
};

const ADD: &[u8] = br#"{"venueId":"107","name":"Lead By API","contactId":"918","typeId":"18","sourceId":"25","stageId":"69","industryId":"77","stageReasonId":"127","closedDate":"2017-05-05"}"#;
const UPDATE: &[u8] = br#"{"id":755,"venueId":"107","name":"Updated Name"}"#;

fn decode(body: &[u8]) -> Request {
    Decoder::new().decode(body).expect("the body is well formed")
}

fn decoding(c: &mut Criterion) {
    for (name, body) in [("decode an add", ADD), ("decode an update", UPDATE)] {
        c.bench_function(name, |b| b.iter(|| decode(black_box(body))));
    }
}

fn deciding(c: &mut Criterion) {
    for (name, body) in [("decide an add", ADD), ("decide an update", UPDATE)] {
        let request = decode(body);
        c.bench_function(name, |b| {
            b.iter_batched(
                || request.clone(),
                |request| decide(black_box(request)),
                BatchSize::SmallInput,
            );
        });
    }
}

fn updating(c: &mut Criterion) {
    let at = Timestamp::from_millis(1_493_994_600_000);
    let (Ok(Command::Add { venue, details, .. }), Ok(Command::Update { changes, .. })) =
        (decide(decode(ADD)), decide(decode(UPDATE)))
    else {
        panic!("the bodies break no rule");
    };
    let id = OpportunityId::new(755).expect("755 is an id");
    let opportunity = Opportunity::create(id, venue, details, at);
    c.bench_function("update the aggregate", |b| {
        b.iter(|| black_box(&opportunity).update(black_box(&changes), at));
    });
}

fn replying(c: &mut Criterion) {
    let engine = Engine::in_memory().expect("there is a temporary folder");
    for (name, body) in [("reply to success", ADD), ("reply to a refusal", &b"{\"venueId\":1}"[..])]
    {
        let reply = engine.add_or_update_json(body);
        c.bench_function(name, |b| b.iter(|| black_box(&reply).to_json()));
    }
}

fn reading(c: &mut Criterion) {
    let engine = Engine::in_memory().expect("there is a temporary folder");
    let id = *engine.add_or_update_json(ADD).result().expect("the add breaks no rule");
    let venue = VenueId::new(107).expect("107 is an id");
    c.bench_function("get by id", |b| b.iter(|| engine.get(venue, black_box(id.id()))));
}

criterion_group!(benches, decoding, deciding, updating, replying, reading);
criterion_main!(benches);
