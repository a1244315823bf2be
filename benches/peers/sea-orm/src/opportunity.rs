//! The entity.

use peer_harness::{Body, Required, Result, now};
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "opportunity")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub venue_id: i64,
    pub version: i64,
    pub created_at: i64,
    pub modified_at: i64,
    pub name: String,
    pub type_id: i64,
    pub stage_id: i64,
    pub source_id: i64,
    pub company_id: Option<i64>,
    pub company_lead_contact_id: Option<i64>,
    pub contact_id: Option<i64>,
    pub quality_id: Option<i64>,
    pub industry_id: Option<i64>,
    pub confirmed_quote_id: Option<i64>,
    pub confirmed_quote_status: Option<i64>,
    pub cancelled_quote_id: Option<i64>,
    pub lost_to_competition: Option<i64>,
    pub closed_date: Option<String>,
    pub owner_user_id: Option<i64>,
    pub stage_reason_id: Option<i64>,
    pub channel_id: Option<String>,
    pub description: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    /// What an add makes.
    pub fn added(body: Body) -> Result<Self> {
        let Required { venue_id, name, type_id, stage_id, source_id } = body.required()?;
        let (name, now) = (name.to_owned(), now());
        Ok(Self {
            venue_id: Set(venue_id),
            version: Set(1),
            created_at: Set(now),
            modified_at: Set(now),
            name: Set(name),
            type_id: Set(type_id),
            stage_id: Set(stage_id),
            source_id: Set(source_id),
            company_id: Set(body.company_id),
            company_lead_contact_id: Set(body.company_lead_contact_id),
            contact_id: Set(body.contact_id),
            quality_id: Set(body.quality_id),
            industry_id: Set(body.industry_id),
            confirmed_quote_id: Set(body.confirmed_quote_id),
            confirmed_quote_status: Set(body.confirmed_quote_status),
            cancelled_quote_id: Set(body.cancelled_quote_id),
            lost_to_competition: Set(body.lost_to_competition),
            closed_date: Set(body.closed_date),
            owner_user_id: Set(body.owner_user_id),
            stage_reason_id: Set(body.stage_reason_id),
            channel_id: Set(body.channel_id),
            description: Set(body.description),
            ..Default::default()
        })
    }
}

impl Model {
    /// What an update makes of it: the columns that the baseline updates, if they are given.
    pub fn updated(self, body: Body) -> ActiveModel {
        let version = self.version + 1;
        let mut model = ActiveModel::from(self);
        model.version = Set(version);
        model.modified_at = Set(now());
        if let Some(name) = body.name {
            model.name = Set(name);
        }
        if let Some(type_id) = body.type_id {
            model.type_id = Set(type_id);
        }
        if let Some(stage_id) = body.stage_id {
            model.stage_id = Set(stage_id);
        }
        if let Some(source_id) = body.source_id {
            model.source_id = Set(source_id);
        }
        if body.closed_date.is_some() {
            model.closed_date = Set(body.closed_date);
        }
        if body.description.is_some() {
            model.description = Set(body.description);
        }
        model
    }
}
