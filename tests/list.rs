//! Lists: what they hold, told by a plain look at every opportunity; how they come in pages, while writes go on,
//! and what they cost.

mod support;

#[path = "list/filtering.rs"]
mod filtering;
#[path = "list/paging.rs"]
mod paging;
#[path = "list/world.rs"]
mod world;
