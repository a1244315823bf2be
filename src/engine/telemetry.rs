//! What the engine tells `tracing`, with the feature of that name; without it the functions here are empty.
//!
//! Whoever listens is told of groups, of failures and of what is slow, never anything of a request or an
//! opportunity: kinds of failures, counts, times and, when an opening is refused, the path. A listener is
//! foreign code on the engine's threads, so nothing is told under a lock, and its panics are caught.

#[cfg(feature = "tracing")]
mod spoken;

#[cfg(feature = "tracing")]
pub(super) use spoken::*;

#[cfg(not(feature = "tracing"))]
pub(super) use silent::*;

#[cfg(not(feature = "tracing"))]
mod silent {
    use std::time::Duration;

    use crate::engine::health::Writes;
    use crate::engine::job::Job;
    use crate::store::{OpenError, StoreError};

    pub(in crate::engine) struct GroupSpan;

    impl GroupSpan {
        pub(in crate::engine) const fn enter() -> Self {
            Self
        }

        pub(in crate::engine) const fn end(self, _: &[Job], _: Duration) {}
    }

    pub(in crate::engine) const fn committed(_: usize, _: Duration) {}

    pub(in crate::engine) const fn commit_failed(_: &StoreError, _is_settled: bool) {}

    pub(in crate::engine) const fn group_failed(_: &StoreError, _: &[Job]) {}

    pub(in crate::engine) const fn writes_are(_: Writes) {}

    pub(in crate::engine) const fn checkpoint_failed(_: &StoreError) {}

    pub(in crate::engine) const fn checkpoints_go_on() {}

    pub(in crate::engine) const fn open_refused(_: &OpenError) {}
}
