//! The end of a run that goes on until it is told to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::STORE_FAILED;

/// Whether somebody wants the run to end: by ctrl-c, or by the signal that asks a process to.
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Listens from now on. A run that is told twice ends at once: it may hang at an output that nobody reads.
    pub(crate) fn listen() -> io::Result<Self> {
        let is_told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds that nothing was told yet.
            flag::register_conditional_shutdown(signal, STORE_FAILED.into(), Arc::clone(&is_told))?;
            flag::register(signal, Arc::clone(&is_told))?;
        }
        Ok(Self(is_told))
    }

    pub(crate) fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
