//! SQLite's allocator, which fails when it is told to.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

/// The functions that SQLite would use by itself.
struct Original {
    allocate: unsafe extern "C" fn(c_int) -> *mut c_void,
    reallocate: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
}

static ORIGINAL: OnceLock<Original> = OnceLock::new();

/// Which allocation fails, counted from when that was said; 0 for none.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// How many fail from there on.
static TIMES: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);
/// How many were seen while something ran.
static LATELY: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Which allocations fail, while something runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The first of them, from 1.
    pub(crate) first: u64,
    /// How many in a row.
    pub(crate) times: u64,
}

impl Fault {
    pub(crate) const NONE: Self = Self { first: 0, times: 0 };

    pub(crate) fn during<T>(self, run: impl FnOnce() -> T) -> T {
        SEEN.store(0, Ordering::SeqCst);
        TIMES.store(self.times, Ordering::SeqCst);
        FIRST.store(self.first, Ordering::SeqCst);
        let result = run();
        FIRST.store(0, Ordering::SeqCst);
        LATELY.store(SEEN.load(Ordering::SeqCst), Ordering::SeqCst);
        result
    }
}

/// How many allocations have failed since this was last asked.
pub(crate) fn failures() -> u64 {
    FAILED.swap(0, Ordering::SeqCst)
}

/// How many there were while something ran.
pub(crate) fn seen() -> u64 {
    LATELY.load(Ordering::SeqCst)
}

fn fails() -> bool {
    let first = FIRST.load(Ordering::SeqCst);
    let position = SEEN.fetch_add(1, Ordering::SeqCst) + 1;
    let fails = first != 0 && position >= first && position - first < TIMES.load(Ordering::SeqCst);
    FAILED.fetch_add(fails.into(), Ordering::SeqCst);
    fails
}

unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    match ORIGINAL.get() {
        // SAFETY: SQLite calls this as it would call the original.
        Some(original) if !fails() => unsafe { (original.allocate)(bytes) },
        _ => null_mut(),
    }
}

unsafe extern "C" fn reallocate(memory: *mut c_void, bytes: c_int) -> *mut c_void {
    match ORIGINAL.get() {
        // SAFETY: SQLite calls this as it would call the original, with memory that came from it.
        Some(original) if !fails() => unsafe { (original.reallocate)(memory, bytes) },
        _ => null_mut(),
    }
}

/// Puts it in the place of SQLite's own, for the whole process and before anything else uses SQLite.
/// SQLite's stocks of small blocks and of pages are turned off, so that each allocation comes here.
pub(crate) fn install() {
    let mut methods = MaybeUninit::<ffi::sqlite3_mem_methods>::zeroed();
    // SAFETY: SQLite is not initialised yet and no other thread uses it. The option takes a pointer to
    // methods, which it fills in; they are optional functions and a pointer, for which zero is a value.
    let mut methods = unsafe {
        let got = ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, methods.as_mut_ptr());
        assert_eq!(got, ffi::SQLITE_OK);
        methods.assume_init()
    };
    let original = Original {
        allocate: methods.xMalloc.expect("SQLite has an allocator"),
        reallocate: methods.xRealloc.expect("SQLite has an allocator"),
    };
    assert!(ORIGINAL.set(original).is_ok(), "it is installed once");
    methods.xMalloc = Some(allocate);
    methods.xRealloc = Some(reallocate);
    let nothing: c_int = 0;
    // SAFETY: SQLite is not initialised yet and no other thread uses it. The first option takes a pointer
    // to methods, which it copies; the second two sizes; the third a pointer, which may be null, and two
    // sizes.
    let set = unsafe {
        [
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods),
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOOKASIDE, nothing, nothing),
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_PAGECACHE, null::<c_void>(), nothing, nothing),
        ]
    };
    assert_eq!(set, [ffi::SQLITE_OK; 3], "SQLite was in use already");
}
