use serde::{Deserialize, Serialize};

use crate::{Body, Required, Result, now};

/// A row of stores that take bytes: the columns that the others have, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opportunity {
    pub venue_id: i64,
    pub version: i64,
    created_at: i64,
    modified_at: i64,
    name: String,
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
    closed_date: Option<String>,
    owner_user_id: Option<i64>,
    stage_reason_id: Option<i64>,
    channel_id: Option<String>,
    description: Option<String>,
}

impl Opportunity {
    /// What an add makes.
    pub fn added(body: Body) -> Result<Self> {
        let Required { venue_id, name, type_id, stage_id, source_id } = body.required()?;
        let (name, now) = (name.to_owned(), now());
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
            closed_date: body.closed_date,
            owner_user_id: body.owner_user_id,
            stage_reason_id: body.stage_reason_id,
            channel_id: body.channel_id,
            description: body.description,
        })
    }

    /// What an update makes of it: the columns that the baseline updates.
    pub fn updated(self, body: Body) -> Result<Self> {
        if body.venue()? != self.venue_id {
            return Err("the opportunity does not exist".into());
        }
        Ok(Self {
            version: self.version + 1,
            modified_at: now(),
            name: body.name.unwrap_or(self.name),
            type_id: body.type_id.unwrap_or(self.type_id),
            stage_id: body.stage_id.unwrap_or(self.stage_id),
            source_id: body.source_id.unwrap_or(self.source_id),
            closed_date: body.closed_date.or(self.closed_date),
            description: body.description.or(self.description),
            ..self
        })
    }
}
