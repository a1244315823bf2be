//! x
mod domain;
mod engine;
mod store;
mod wire;

pub use domain::{
    BelongsTo, Changes, ChannelId, Clearing, ClosedDate, Code, Command, CompanyId, ContactId,
    Details, Field, IndustryId, IntoPatch, InvalidValue, LostReasonId, Name, OnAdd, Opportunity,
    OpportunityId, Outcome, Patch, QualityId, QuoteId, QuoteStatus, Rejection, Request, SourceId,
    StageId, StageReasonId, Subject, Text, Timestamp, TypeId, UserId, Value, VenueId, Version,
    Violation, ViolationKind, Violations, decide,
};
pub use engine::{
    Batch, BatchError, Engine, Error, Health, Options, Reply, ReplyTicket, Ticket, TrySubmitError,
    Writes,
};
pub use store::{Durability, OpenError, Operation, StoreError, StoreErrorKind};
pub use wire::{Decoder, UnknownKeys};
