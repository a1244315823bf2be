//! Paths, methods, actions, and the statuses of answers.

use opportunity_engine::schema;

use super::client::{CALL, Client, JSON};
use super::leads::{lead, renamed};
use super::service::Service;

/// The document is what clients are made from: it names the path that is called. That answers look as it says is seen
/// wherever a client gets one.
#[test]
fn the_service_is_called_as_its_open_api_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    let document = client.get("/openapi.json");
    assert_eq!((document.status, &document.json), (200, &schema::open_api()));
    let document = document.json;
    let (path, item) = document["paths"].as_object().unwrap().iter().next().unwrap();
    let operation = &item["post"];
    let (action, key) = (&operation["parameters"][0], &operation["parameters"][1]);
    let query = format!(
        "{}={}",
        action["name"].as_str().unwrap(),
        action["schema"]["const"].as_str().unwrap()
    );
    let url = format!("{path}?{query}");
    assert_eq!(url, CALL);

    let body = operation["requestBody"]["content"][JSON]["examples"]["add"]["value"].to_string();
    let key = (key["name"].as_str().unwrap(), "a key");
    let post =
        |body: &str| client.post(&url, &[key, ("Content-Type", JSON)], body.as_bytes()).unwrap();
    let id = post(&body).id();
    for (body, status) in [
        (body.clone(), 200),
        (renamed(id, "Updated Name"), 409),
        ("{}".to_owned(), 400),
        (lead("  "), 400),
        (renamed(id + 1, "Updated Name"), 409),
    ] {
        assert_eq!(post(&body).status, status, "{body}");
    }
}

#[test]
fn an_update_finds_what_was_added_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("a.db"));
    let client = Client::of(service.address);
    let id = client.call(&lead("Lead By API")).id();
    assert_eq!(client.call(&renamed(id, "Updated Name")).id(), id);
    assert_eq!(client.call(&renamed(id + 1, "Updated Name")).codes(), (404, Some(24222)));
    let refused = client.call("{\"venueId\":107,\"name\":\"  \"}");
    assert_eq!(refused.codes(), (400, Some(24224)));
    assert!(refused.json["additionalMessages"].as_array().unwrap().len() > 1, "{refused:?}");
}

/// Seen to fail for a service that takes any action, and for one that takes the last of two.
#[test]
fn another_action_method_or_path_is_refused_and_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("a.db");
    let service = Service::start(&db);
    let client = Client::of(service.address);
    let path = "/api/1.0/venue";
    for other in [
        "/api/1.0/venue",
        "/api/1.0/venue?action",
        "/api/1.0/venue?action=",
        "/api/1.0/venue?action=getOpportunity",
        "/api/1.0/venue?action=addorupdateopportunity",
        "/api/1.0/venue?action=addOrUpdateOpportunity&action=getOpportunity",
        "/api/1.0/venue?action=getOpportunity&action=addOrUpdateOpportunity",
        "/api/1.0/venue?action=addOrUpdateOpportunity&action=addOrUpdateOpportunity",
        "/api/1.0/venue/?action=addOrUpdateOpportunity",
        "/api/1.0/venues?action=addOrUpdateOpportunity",
        "/?action=addOrUpdateOpportunity",
    ] {
        let answer = client.post(other, &[("Content-Type", JSON)], lead("other").as_bytes());
        assert_eq!(answer.unwrap().codes(), (404, None), "{other}");
    }
    let answer = client.get(CALL);
    assert_eq!((answer.codes(), answer.header("allow")), ((405, None), Some("POST")));
    assert_eq!(client.post("/health", &[], &b""[..]).unwrap().status, 405);
    let further = format!("{path}?x=1&action=addOrUpdateOpportunity");
    let first = client.post(&further, &[("Content-Type", JSON)], lead("first").as_bytes());
    assert_eq!(first.unwrap().id(), 1, "nothing was added before");
}
