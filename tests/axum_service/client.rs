//! A client with a connection of its own, which it keeps.

use std::net::SocketAddr;

use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, AsSendBody, Body, Error};

use super::forms::is_as_told;
use super::service::PATIENCE;

/// The path, and the action, of the published call.
pub(crate) const CALL: &str = "/api/1.0/venue?action=addOrUpdateOpportunity";

pub(crate) const JSON: &str = "application/json";

pub(crate) struct Client {
    agent: Agent,
    base: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The environment may name one.
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build();
        Self { agent: config.into(), base: format!("http://{address}") }
    }

    /// Posts a request of the published call as JSON.
    pub(crate) fn call(&self, body: &str) -> Answer {
        self.try_call(body, None).unwrap()
    }

    /// Fails if there is no answer.
    pub(crate) fn try_call(&self, body: &str, key: Option<&str>) -> Result<Answer, Error> {
        let key = key.map(|key| ("Idempotency-Key", key));
        let headers: Vec<_> = key.into_iter().chain([("Content-Type", JSON)]).collect();
        self.post(CALL, &headers, body.as_bytes())
    }

    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Answer, Error> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        request.send(body)?.try_into()
    }

    /// Posts nothing at all.
    pub(crate) fn post_empty(&self, headers: &[(&str, &str)]) -> Answer {
        let request = self.agent.post(format!("{}{CALL}", self.base));
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        request.send_empty().unwrap().try_into().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        answer.unwrap().try_into().unwrap()
    }
}

impl TryFrom<Response<Body>> for Answer {
    type Error = Error;

    /// Every answer of the service is JSON, and each to a call is as its OpenAPI document says.
    fn try_from(response: Response<Body>) -> Result<Self, Error> {
        let (head, mut body) = response.into_parts();
        let body = body.read_to_vec()?;
        let json = serde_json::from_slice(&body);
        let json =
            json.unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&body)));
        let answer = Self { status: head.status.as_u16(), headers: head.headers, json };
        assert_eq!(answer.header("content-type"), Some(JSON));
        if answer.json.get("success").is_some() {
            assert_eq!(answer.json["success"] == true, answer.status == 200, "{answer:?}");
            let code = answer.json.get("errorCode").and_then(Value::as_u64);
            assert_eq!(code.unwrap_or(200), u64::from(answer.status), "{answer:?}");
            assert!(is_as_told(answer.status, &answer.json), "{answer:?}");
        }
        Ok(answer)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The id of what was done.
    pub(crate) fn id(&self) -> i64 {
        assert_eq!(self.status, 200, "{self:?}");
        self.json["id"].as_i64().unwrap()
    }

    /// The status, and the number of the published call for it.
    pub(crate) fn codes(&self) -> (u16, Option<u64>) {
        (self.status, self.json["specificCode"].as_u64())
    }
}
