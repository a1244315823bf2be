//! The front door in one page: add, update, refuse, batch, await; typed and as JSON.

use opportunity_engine::{Batch, Engine, Error, Outcome, Patch, Request, VenueId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `Engine::open("opportunities.db")` for a database that stays.
    let engine = Engine::in_memory()?;
    let venue = VenueId::new(107)?;

    // JSON, as a client posts it: every outcome is a reply.
    let posted = br#"{"venueId":"107","name":"Lead By API","contactId":"918","typeId":"18",
                      "sourceId":"25","stageId":"69","closedDate":"2017-05-05"}"#;
    let reply = engine.add_or_update_json(posted);
    print_json("added", &reply.to_json())?;

    // A refusal names everything that is wrong, not only the first.
    let reply =
        engine.add_or_update_json(br#"{"venueId":107,"name":"  ","stageId":1.5,"colour":"red"}"#);
    print_json("refused", &reply.to_json())?;

    // Typed: what is not mentioned stays as it is.
    let lead = Request::add(venue).name("Another").company_id(9).company_lead_contact_id(1009);
    let lead = lead.type_id(18).source_id(25).stage_id(69);
    let id = engine.add_or_update(lead)?.id();
    let update = Request::update(venue, id).name("Updated Name").industry_id(Patch::Clear);
    match engine.add_or_update(update) {
        Ok(Outcome::Updated { id, version }) => println!("updated: {id} to version {version}"),
        Ok(other) => println!("not expected: {other:?}"),
        Err(Error::Rejected(rejection)) => println!("refused: {rejection}"),
        Err(failure) => return Err(failure.into()),
    }

    // A batch that changes nothing if one of its requests is refused.
    let batch = [
        Request::update(venue, id).stage_id(70),
        Request::update(venue, id).company_id(Patch::Clear),
    ];
    match engine.add_or_update_all(batch, Batch::AllOrNothing) {
        Ok(outcomes) => println!("not expected: {outcomes:?}"),
        Err(error) => println!("batch: {error}"),
    }

    // Many in flight at once; `ticket.await` works as well, on any runtime.
    let tickets = (1..=3).map(|stage| engine.submit(Request::update(venue, id).stage_id(stage)));
    for ticket in tickets.collect::<Result<Vec<_>, _>>()? {
        println!("in flight: version {}", ticket.wait()?.version());
    }

    let current = engine.get(venue, id)?.ok_or("it was added above")?;
    print_json("now", &serde_json::to_vec(&current)?)?;
    engine.close()?;
    Ok(())
}

fn print_json(what: &str, json: &[u8]) -> Result<(), std::str::Utf8Error> {
    println!("{what}: {}", std::str::from_utf8(json)?);
    Ok(())
}
