//! The body of a request as the baseline reads it: serde into a plain struct.

use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) venue_id: Option<i64>,
    pub(crate) name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) type_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) stage_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) source_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) company_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) company_lead_contact_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) contact_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) quality_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) industry_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) confirmed_quote_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) confirmed_quote_status: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) cancelled_quote_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) lost_to_competition: Option<i64>,
    pub(crate) closed_date: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) owner_user_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) stage_reason_id: Option<i64>,
    pub(crate) channel_id: Option<String>,
    pub(crate) description: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<'a> {
    Number(i64),
    Text(&'a str),
}

fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Option::<Lenient<'de>>::deserialize(deserializer)? {
        None | Some(Lenient::Text("")) => None,
        Some(Lenient::Number(number)) => Some(number),
        Some(Lenient::Text(digits)) => Some(digits.parse().map_err(serde::de::Error::custom)?),
    })
}

pub(crate) fn decode(body: &[u8]) -> Body {
    serde_json::from_slice(body).expect("the body is well formed")
}
