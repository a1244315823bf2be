//! A disk that can be told to be slow, or to fail: the calls by which SQLite writes and syncs files.
//!
//! SQLite is linked statically and finds these functions before those of the C library.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// How many of the next syncs fail.
static FAILING_SYNCS: AtomicU32 = AtomicU32::new(0);
/// How many of the next writes to a database fail, those to its log left out.
static FAILING_WRITES: AtomicU32 = AtomicU32::new(0);
/// How many milliseconds each sync takes at least.
static SLOWNESS: AtomicU64 = AtomicU64::new(0);

/// For as long as it lives syncs and writes go wrong.
pub(crate) struct Trouble;

impl Trouble {
    pub(crate) fn failing_syncs(count: u32) -> Self {
        FAILING_SYNCS.store(count, SeqCst);
        Self
    }

    pub(crate) fn failing_writes_to_database() -> Self {
        FAILING_WRITES.store(u32::MAX, SeqCst);
        Self
    }

    pub(crate) fn slow_syncs(duration: Duration) -> Self {
        SLOWNESS.store(duration.as_millis() as u64, SeqCst);
        Self
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        FAILING_SYNCS.store(0, SeqCst);
        FAILING_WRITES.store(0, SeqCst);
        SLOWNESS.store(0, SeqCst);
    }
}

/// Whether a call is one of those that are to fail.
fn fails(left: &AtomicU32) -> bool {
    left.try_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Answers a call in place of the operating system.
fn fail() -> c_int {
    // SAFETY: the address is that of this thread's own variable.
    unsafe { *libc::__errno_location() = libc::EIO };
    -1
}

fn is_database(file: c_int) -> bool {
    let path = std::fs::read_link(format!("/proc/self/fd/{file}"));
    path.is_ok_and(|path| path.extension().is_some_and(|it| it == "db"))
}

/// Replaces that of the C library.
///
/// # Safety
///
/// As for that: `bytes` has `count` readable bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pwrite64(
    file: c_int,
    bytes: *const c_void,
    count: usize,
    offset: i64,
) -> isize {
    if FAILING_WRITES.load(SeqCst) > 0 && is_database(file) && fails(&FAILING_WRITES) {
        return fail() as isize;
    }
    // SAFETY: the caller promises what the call needs.
    let written = unsafe { libc::syscall(libc::SYS_pwrite64, file, bytes, count, offset) };
    written as isize
}

/// Replaces that of the C library.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fsync(_: c_int) -> c_int {
    sync()
}

/// Replaces that of the C library.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fdatasync(_: c_int) -> c_int {
    sync()
}

/// Nothing here is cut off its power, so the real disk may take its time.
fn sync() -> c_int {
    thread::sleep(Duration::from_millis(SLOWNESS.load(SeqCst)));
    if fails(&FAILING_SYNCS) { fail() } else { 0 }
}
