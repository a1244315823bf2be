//! Between SQLite and the operating system: the calls through which it changes files.
//!
//! SQLite is linked statically and finds these functions before those of the C library. While nothing
//! is recorded they pass every call on.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::recorder::{Recorder, recorder};

/// Answers a call in place of the operating system.
fn fail(errno: c_int) -> c_int {
    // SAFETY: the address is that of this thread's own variable.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// Where an open file is in the file system.
fn path_of(file: c_int) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{file}")).ok()
}

/// Passes a call on, unless it concerns a folder that is recorded.
fn intercept<T>(
    path: impl FnOnce() -> Option<PathBuf>,
    pass_on: impl FnOnce() -> T,
    record: impl FnOnce(&mut Recorder, &Path) -> T,
) -> T {
    // Held during the call, so that calls are recorded in the order in which they are carried out.
    let mut recorder = recorder();
    if let Some(recorder) = &mut *recorder
        && let Some(path) = path()
        && path.starts_with(recorder.folder())
    {
        return record(recorder, &path);
    }
    drop(recorder);
    pass_on()
}

fn write(file: c_int, bytes: &[u8], offset: i64) -> isize {
    // SAFETY: the address and the length are those of a slice.
    let written =
        unsafe { libc::syscall(libc::SYS_pwrite64, file, bytes.as_ptr(), bytes.len(), offset) };
    written as isize
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
    // SAFETY: the caller promises it.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) };
    intercept(
        || path_of(file),
        || write(file, bytes, offset),
        |recorder, path| match recorder.fault_of_write(path, bytes.len()) {
            Some(Err(errno)) => fail(errno) as isize,
            fault => {
                let accepted = match fault {
                    Some(Ok(count)) => &bytes[..count],
                    _ => bytes,
                };
                let written = write(file, accepted, offset);
                assert_eq!(written, accepted.len() as isize, "the real disk does its part");
                recorder.written(path, offset as u64, accepted);
                written
            }
        },
    )
}

/// Replaces that of the C library.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fsync(file: c_int) -> c_int {
    sync(file, libc::SYS_fsync)
}

/// Replaces that of the C library.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fdatasync(file: c_int) -> c_int {
    sync(file, libc::SYS_fdatasync)
}

fn sync(file: c_int, call: i64) -> c_int {
    intercept(
        || path_of(file),
        // SAFETY: the call takes nothing but a file.
        || unsafe { libc::syscall(call, file) as c_int },
        // What is recorded is all that is known to be durable, so the real disk may take its time.
        |recorder, path| match recorder.synced(path, file) {
            Ok(()) => 0,
            Err(errno) => fail(errno),
        },
    )
}

/// Replaces that of the C library.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn ftruncate64(file: c_int, length: i64) -> c_int {
    // SAFETY: the call takes nothing but a file and a length.
    let truncate = || unsafe { libc::syscall(libc::SYS_ftruncate, file, length) as c_int };
    intercept(
        || path_of(file),
        truncate,
        |recorder, path| {
            assert_eq!(truncate(), 0, "the real disk does its part");
            recorder.truncated(path, length as u64);
            0
        },
    )
}

/// Replaces that of the C library.
///
/// # Safety
///
/// As for that: `path` ends with a zero.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller promises it.
    let unlink = || unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) as c_int };
    // SAFETY: the caller promises it.
    let name = unsafe { CStr::from_ptr(path) };
    intercept(
        || Some(PathBuf::from(OsStr::from_bytes(name.to_bytes()))),
        unlink,
        |recorder, path| {
            let result = unlink();
            if result == 0 {
                recorder.unlinked(path);
            }
            result
        },
    )
}

/// Replaces that of the C library.
///
/// # Safety
///
/// As for that: `path` and `new` end with a zero.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn linkat(
    folder: c_int,
    path: *const c_char,
    new_folder: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    let link = || {
        // SAFETY: the caller promises it.
        let result =
            unsafe { libc::syscall(libc::SYS_linkat, folder, path, new_folder, new, flags) };
        result as c_int
    };
    // SAFETY: the caller promises it.
    let [name, new_name] = [path, new].map(|path| unsafe { CStr::from_ptr(path) });
    let [name, new_name] =
        [name, new_name].map(|it| PathBuf::from(OsStr::from_bytes(it.to_bytes())));
    intercept(
        || Some(name),
        link,
        |recorder, path| {
            let result = link();
            if result == 0 {
                recorder.linked(path, &new_name);
            }
            result
        },
    )
}
