//! The queue between the callers and the writer: bounded, in order.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::job::Job;
use super::sync::thread::{self, ThreadId};
use super::sync::{Condvar, Mutex, MutexGuard};

/// Jobs that wait for the writer.
///
/// A job is taken in while the queue is below both bounds, so the last one may overshoot them:
/// no batch is too large to be taken, and none starves behind smaller ones.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Rung when there is work, or no more to come.
    work: Condvar,
    /// Rung when there is room, or no more to come.
    room: Condvar,
    max_commands: usize,
    max_bytes: usize,
}

/// The queue takes no more jobs.
pub(super) struct Closed;

struct State {
    jobs: VecDeque<Job>,
    commands: usize,
    bytes: usize,
    is_open: bool,
    /// The thread that takes jobs out.
    taker: Option<ThreadId>,
}

impl Queue {
    pub(super) fn new(max_commands: usize, max_bytes: usize) -> Self {
        let state =
            State { jobs: VecDeque::new(), commands: 0, bytes: 0, is_open: true, taker: None };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            room: Condvar::new(),
            max_commands,
            max_bytes,
        }
    }

    /// Adds a job, waiting for room; refuses it if the queue is closed. The thread that takes jobs out,
    /// which comes here by a waker that it calls, does not wait for itself.
    pub(super) fn push(&self, job: Job) -> Result<(), Closed> {
        let mut state = self.lock();
        while state.is_open && self.is_full(&state) && !state.is_taken_out_here() {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.take_in(state, job)
    }

    /// Adds a job, room or not; refuses it if the queue is closed.
    pub(super) fn push_without_waiting(&self, job: Job) -> Result<(), Closed> {
        self.take_in(self.lock(), job)
    }

    fn take_in(&self, mut state: MutexGuard<'_, State>, job: Job) -> Result<(), Closed> {
        if !state.is_open {
            return Err(Closed);
        }
        state.commands += job.len();
        state.bytes += job.bytes();
        state.jobs.push_back(job);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Whether a job would have to wait.
    pub(super) fn has_room(&self) -> bool {
        let state = self.lock();
        !(state.is_open && self.is_full(&state))
    }

    /// Takes the next jobs, waiting for one: as many as there are, up to about `max_commands` and
    /// to the bytes that the queue may hold.
    /// `None` when the queue is closed and empty.
    pub(super) fn take(&self, max_commands: usize) -> Option<Vec<Job>> {
        let mut state = self.lock();
        state.taker = Some(thread::current().id());
        while state.is_open && state.jobs.is_empty() {
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let jobs = self.take_out(state, max_commands, self.max_bytes);
        (!jobs.is_empty()).then_some(jobs)
    }

    /// Takes the jobs that are there, without waiting: as many as could have been taken together with
    /// those that were `taken` before.
    pub(super) fn take_more(&self, max_commands: usize, taken: &[Job]) -> Vec<Job> {
        let commands = taken.iter().map(Job::len).sum();
        let bytes = taken.iter().map(Job::bytes).sum();
        let max_bytes = self.max_bytes.saturating_sub(bytes);
        self.take_out(self.lock(), max_commands.saturating_sub(commands), max_bytes)
    }

    fn take_out(
        &self,
        mut state: MutexGuard<'_, State>,
        max_commands: usize,
        max_bytes: usize,
    ) -> Vec<Job> {
        let (mut commands, mut bytes) = (0, 0);
        let mut taken = 0;
        for job in &state.jobs {
            if commands >= max_commands || bytes >= max_bytes {
                break;
            }
            commands += job.len();
            bytes += job.bytes();
            taken += 1;
        }
        state.commands -= commands;
        state.bytes -= bytes;
        let jobs: Vec<Job> = state.jobs.drain(..taken).collect();
        drop(state);
        if !jobs.is_empty() {
            self.room.notify_all();
        }
        jobs
    }

    /// Takes no more jobs in; those inside are still handed out.
    pub(super) fn close(&self) {
        self.lock().is_open = false;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// How many commands wait, and how many bytes they hold.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.commands, state.bytes)
    }

    const fn is_full(&self, state: &State) -> bool {
        state.commands >= self.max_commands || state.bytes >= self.max_bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock but the allocator, before anything is changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_taken_out_here(&self) -> bool {
        self.taker == Some(thread::current().id())
    }
}
