//! Single functions of the hot path: `cargo bench --bench functions`.
//!
//! With `-- --test` each runs once, and the allocations are counted; nothing is timed. How a row is read and
//! written is not public: `get by id` and `update by id` are those with SQLite and the queue around them.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group};
use opportunity_engine::{
    Batch, Command, Decoder, Engine, Filter, ListOrder, Opportunity, OpportunityId, Request,
    Timestamp, VenueId, decide,
};

#[path = "functions/comparison.rs"]
mod comparison;

const ADD: &[u8] = br#"{"venueId":"107","name":"Lead By API","contactId":"918","typeId":"18","sourceId":"25","stageId":"69","industryId":"77","stageReasonId":"127","closedDate":"2017-05-05"}"#;
const UPDATE: &[u8] = br#"{"id":755,"venueId":"107","name":"Updated Name"}"#;

fn decode(body: &[u8]) -> Request {
    Decoder::new().decode(body).expect("the body is well formed")
}

fn command(body: &[u8]) -> Command {
    decide(decode(body)).expect("the body breaks no rule")
}

/// The bodies, what they become, and how many texts that holds.
const BODIES: [(&str, &[u8], u64); 2] = [("an add", ADD, 1), ("an update", UPDATE, 1)];

fn commanding(c: &mut Criterion) {
    for (name, body, _) in BODIES {
        let mut group = c.benchmark_group(format!("bytes of {name}"));
        group.bench_function("to a command", |b| b.iter(|| command(black_box(body))));
        group.bench_function("into the plain struct of the baseline", |b| {
            b.iter(|| comparison::decode_plain(black_box(body)));
        });
    }
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

fn by_id(c: &mut Criterion) {
    let engine = Engine::in_memory().expect("there is a temporary folder");
    let id = engine.add_or_update_json(ADD).result().expect("the add breaks no rule").id();
    let venue = VenueId::new(107).expect("107 is an id");
    c.bench_function("get by id", |b| b.iter(|| engine.get(venue, black_box(id))));
    let mut stage = 0;
    c.bench_function("update by id", |b| {
        b.iter(|| {
            stage = stage % 100 + 1; // another one each time, so that a row is written
            engine.add_or_update(Request::update(venue, id).stage_id(stage))
        });
    });
}

/// A page of 100 out of a venue of 10,000 in each order, and the count, of those that a filter takes up.
fn listing(c: &mut Criterion) {
    let engine = Engine::in_memory().expect("there is a temporary folder");
    let adds = std::iter::repeat_n(decode(ADD), 10_000);
    engine.add_or_update_all(adds, Batch::AllOrNothing).expect("the adds break no rule");
    let venue = VenueId::new(107).expect("107 is an id");
    let leads = Filter::new().name_starts_with("lead").owner_user_id(None);
    let list = engine.list(venue, leads);
    c.bench_function("list a page by id", |b| b.iter(|| black_box(&list).page()));
    let by_change = list.clone().order(ListOrder::LastChange);
    c.bench_function("list a page by last change", |b| b.iter(|| black_box(&by_change).page()));
    c.bench_function("count a list", |b| b.iter(|| black_box(&list).count()));
}

criterion_group!(benches, commanding, decoding, deciding, updating, replying, by_id, listing);

fn main() {
    for (name, body, texts) in BODIES {
        comparison::assert_allocations(name, body, command, texts);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    if given("--bench") && !given("--test") {
        for (name, body, _) in BODIES {
            comparison::assert_ratio(name, body, command);
        }
    }
}
