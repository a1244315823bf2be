//! What the OpenAPI document of the service says about its answers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use opportunity_engine::schema;
use serde_json::Value;

use super::client::JSON;

/// By status, and `default` for any other.
static FORMS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let document = schema::open_api();
    let path = document["paths"].as_object().unwrap().values().next().unwrap();
    let responses = path["post"]["responses"].as_object().unwrap();
    let form = |response: &Value| {
        let mut form = response["content"][JSON]["schema"].clone();
        form["components"] = document["components"].clone();
        jsonschema::validator_for(&form).unwrap()
    };
    responses.iter().map(|(status, response)| (status.clone(), form(response))).collect()
});

/// Whether an answer with this status has the form that clients were told of.
pub(crate) fn is_as_told(status: u16, answer: &Value) -> bool {
    let form = FORMS.get(&status.to_string()).unwrap_or(&FORMS["default"]);
    form.is_valid(answer)
}
