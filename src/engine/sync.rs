//! What the queue and the promises synchronise threads with. `tests/models` puts in its place what can
//! try every order in which threads may run.

pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(super) use std::thread;
