//! The front door, through the package as it would be published: a database is opened at the path that is given,
//! written to and read by both doors, closed, opened again.

use std::error::Error;
use std::path::Path;

use opportunity_engine::{Batch, Code, Engine, Outcome, Request, VenueId};

const POSTED: &[u8] = br#"{"venueId":"107","name":"Lead By API","contactId":"918","typeId":"18","sourceId":"25","stageId":"69"}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the database to be created")?;
    write(Path::new(&path))?;
    read_again(Path::new(&path))?;
    println!("the packaged crate works");
    Ok(())
}

fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(path)?;
    let venue = VenueId::new(107)?;

    // JSON.
    let reply = engine.add_or_update_json(POSTED);
    assert_eq!((reply.status(), reply.to_json()), (200, br#"{"success":true,"id":1}"#.to_vec()));
    let reply = engine.add_or_update_json(br#"{"venueId":107,"id":7,"name":"Nobody"}"#);
    let text = String::from_utf8(reply.to_json())?;
    assert!(reply.status() == 404 && text.contains(r#""specificCode":24222"#), "{text}");

    // Typed.
    let lead =
        Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    let added = engine.add_or_update(lead.clone())?;
    assert!(matches!(added, Outcome::Added { .. }) && added.id().get() == 2, "{added:?}");
    let update = Request::update(venue, added.id()).name("Updated Name").closed_date("2017-05-05");
    assert_eq!(engine.add_or_update(update)?.version().get(), 2);
    let rejection = opportunity_engine::decide(Request::add(venue).name("Lead")).unwrap_err();
    assert_eq!((rejection.code(), rejection.violations().len()), (Code::Invalid, 4));

    // Together, and as tickets.
    let results = engine.add_or_update_all([lead.clone(), lead.clone()], Batch::AllOrNothing)?;
    assert_eq!(results.len(), 2);
    assert_eq!(engine.submit(lead)?.wait()?.id().get(), 5);
    engine.close()?;
    Ok(())
}

fn read_again(path: &Path) -> Result<(), Box<dyn Error>> {
    let engine = Engine::options().create(false).open(path)?;
    let venue = VenueId::new(107)?;
    let ids = engine.ids(venue, None, 100)?;
    assert_eq!(ids.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let stored = engine.get(venue, ids[1])?.ok_or("it was added")?;
    assert_eq!(stored.name().as_str(), "Updated Name");
    assert_eq!(stored.closed_date().map(ToString::to_string).as_deref(), Some("2017-05-05"));
    assert_eq!(engine.get(VenueId::new(108)?, ids[1])?, None);
    Ok(())
}
