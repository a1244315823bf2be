//! The body of a request, as the crate's baseline reads it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::Result;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Body {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub venue_id: Option<i64>,
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub type_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub stage_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub source_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub company_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub company_lead_contact_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub contact_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub quality_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub industry_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub confirmed_quote_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub confirmed_quote_status: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub cancelled_quote_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub lost_to_competition: Option<i64>,
    pub closed_date: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub owner_user_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub stage_reason_id: Option<i64>,
    pub channel_id: Option<String>,
    pub description: Option<String>,
}

/// What every opportunity has.
#[derive(Debug)]
pub struct Required<'a> {
    pub venue_id: i64,
    pub name: &'a str,
    pub type_id: i64,
    pub stage_id: i64,
    pub source_id: i64,
}

impl Body {
    pub fn decode(json: &[u8]) -> Result<Self> {
        Ok(serde_json::from_slice(json)?)
    }

    pub fn decode_all(bodies: &[Vec<u8>]) -> Result<Vec<Self>> {
        bodies.iter().map(|json| Self::decode(json)).collect()
    }

    pub fn venue(&self) -> Result<i64> {
        self.venue_id.ok_or_else(|| "venueId is required".into())
    }

    /// What an add must have, if all of it is there.
    pub fn required(&self) -> Result<Required<'_>> {
        let of_company = self.company_id.is_some() && self.company_lead_contact_id.is_some();
        if self.contact_id.is_none() && !of_company {
            return Err("it belongs to nobody".into());
        }
        let missing = "a required field is missing";
        Ok(Required {
            venue_id: self.venue()?,
            name: self.name.as_deref().ok_or(missing)?,
            type_id: self.type_id.ok_or(missing)?,
            stage_id: self.stage_id.ok_or(missing)?,
            source_id: self.source_id.ok_or(missing)?,
        })
    }
}

/// The time in milliseconds, for when a row was created or modified.
pub fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("and not that far")
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<'a> {
    Number(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

/// A number, or its digits in a string; an empty string is none.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Lenient<'de>>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Lenient::Number(number)) => Ok(Some(number)),
        Some(Lenient::Text(text)) if text.is_empty() => Ok(None),
        Some(Lenient::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}
