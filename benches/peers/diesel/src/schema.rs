//! The table, and what is written to it.

use diesel::prelude::*;
use peer_harness::{Body, Required, Result, now};

diesel::table! {
    opportunity (id) {
        id -> BigInt,
        venue_id -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        modified_at -> BigInt,
        name -> Text,
        type_id -> BigInt,
        stage_id -> BigInt,
        source_id -> BigInt,
        company_id -> Nullable<BigInt>,
        company_lead_contact_id -> Nullable<BigInt>,
        contact_id -> Nullable<BigInt>,
        quality_id -> Nullable<BigInt>,
        industry_id -> Nullable<BigInt>,
        confirmed_quote_id -> Nullable<BigInt>,
        confirmed_quote_status -> Nullable<BigInt>,
        cancelled_quote_id -> Nullable<BigInt>,
        lost_to_competition -> Nullable<BigInt>,
        closed_date -> Nullable<Text>,
        owner_user_id -> Nullable<BigInt>,
        stage_reason_id -> Nullable<BigInt>,
        channel_id -> Nullable<Text>,
        description -> Nullable<Text>,
    }
}

/// The row of an add. With defaults for what is missing, no two adds would be the same statement.
#[derive(Insertable)]
#[diesel(table_name = opportunity, treat_none_as_default_value = false)]
pub(crate) struct Added<'a> {
    venue_id: i64,
    version: i64,
    created_at: i64,
    modified_at: i64,
    name: &'a str,
    type_id: i64,
    stage_id: i64,
    source_id: i64,
    company_id: Option<i64>,
    company_lead_contact_id: Option<i64>,
    contact_id: Option<i64>,
    quality_id: Option<i64>,
    industry_id: Option<i64>,
    confirmed_quote_id: Option<i64>,
    confirmed_quote_status: Option<i64>,
    cancelled_quote_id: Option<i64>,
    lost_to_competition: Option<i64>,
    closed_date: Option<&'a str>,
    owner_user_id: Option<i64>,
    stage_reason_id: Option<i64>,
    channel_id: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Added<'a> {
    pub(crate) fn new(body: &'a Body) -> Result<Self> {
        let Required { venue_id, name, type_id, stage_id, source_id } = body.required()?;
        let now = now();
        Ok(Self {
            venue_id,
            version: 1,
            created_at: now,
            modified_at: now,
            name,
            type_id,
            stage_id,
            source_id,
            company_id: body.company_id,
            company_lead_contact_id: body.company_lead_contact_id,
            contact_id: body.contact_id,
            quality_id: body.quality_id,
            industry_id: body.industry_id,
            confirmed_quote_id: body.confirmed_quote_id,
            confirmed_quote_status: body.confirmed_quote_status,
            cancelled_quote_id: body.cancelled_quote_id,
            lost_to_competition: body.lost_to_competition,
            closed_date: body.closed_date.as_deref(),
            owner_user_id: body.owner_user_id,
            stage_reason_id: body.stage_reason_id,
            channel_id: body.channel_id.as_deref(),
            description: body.description.as_deref(),
        })
    }
}

/// The columns of an update; what is none is left as it is.
#[derive(AsChangeset)]
#[diesel(table_name = opportunity)]
pub(crate) struct Changes<'a> {
    modified_at: i64,
    name: Option<&'a str>,
    type_id: Option<i64>,
    stage_id: Option<i64>,
    source_id: Option<i64>,
    closed_date: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(body: &'a Body) -> Self {
        Self {
            modified_at: now(),
            name: body.name.as_deref(),
            type_id: body.type_id,
            stage_id: body.stage_id,
            source_id: body.source_id,
            closed_date: body.closed_date.as_deref(),
            description: body.description.as_deref(),
        }
    }
}
