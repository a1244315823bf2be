//! What happens to the files of one folder, in order, and which calls are made to fail.

use std::collections::{HashMap, HashSet};
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::history::{Event, FileNumber, History, Op};

/// The one recording in progress: the calls that are intercepted are those of the whole process.
static RECORDER: Mutex<Option<Recorder>> = Mutex::new(None);

/// Held by a test as long as it records, so that the next one waits.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) fn recorder() -> MutexGuard<'static, Option<Recorder>> {
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A recording. It ends when it is dropped.
pub(crate) struct Recording {
    _turn: MutexGuard<'static, ()>,
}

impl Recording {
    /// Starts to record what happens in a folder; what is there already counts as durable.
    pub(crate) fn of(folder: &Path) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Paths of open files are told without symbolic links.
        let folder = folder.canonicalize().unwrap();
        let history = History::starting_with(&folder);
        let recorder_of_folder = Recorder {
            files: history.names(),
            folder,
            history,
            log: Log::default(),
            faults: Vec::new(),
            calls: 0,
        };
        *recorder() = Some(recorder_of_folder);
        Self { _turn: turn }
    }

    /// Makes calls fail from now on, in place of those that were to fail before.
    #[expect(clippy::unused_self, reason = "only while something is recorded")]
    pub(crate) fn fail(&self, faults: impl Into<Vec<Fault>>) {
        let mut recorder = recorder();
        let recorder = recorder.as_mut().unwrap();
        recorder.faults = faults.into();
        recorder.log.untold.clear();
        recorder.calls = 0;
    }

    /// How many calls the present faults have matched so far, failed or not.
    #[expect(clippy::unused_self, reason = "only while something is recorded")]
    pub(crate) fn calls(&self) -> usize {
        recorder().as_ref().unwrap().calls
    }

    pub(crate) fn end(self) -> History {
        recorder().take().unwrap().history
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        drop(recorder().take());
    }
}

/// Notes what a caller was told, between the calls before and after it.
pub(crate) fn note(event: Event) {
    if let Some(recorder) = &mut *recorder() {
        recorder.history.push(event);
    }
}

pub(crate) struct Recorder {
    folder: PathBuf,
    history: History,
    /// The files that have a name.
    files: HashMap<String, FileNumber>,
    log: Log,
    faults: Vec<Fault>,
    calls: usize,
}

/// The write-ahead log, as far as it was written while it is recorded.
#[derive(Debug, Default)]
struct Log {
    length: u64,
    /// How often it was synced since it has started over with what was written before behind it.
    syncs_since_start: Option<usize>,
    /// The descriptors by which it was synced.
    descriptors: HashSet<c_int>,
    /// Those that have not been told yet that a sync by another one has failed. Linux tells each of them once: what
    /// the writer has written is lost for it too when it was the checkpoint that tried to sync it.
    untold: HashMap<c_int, c_int>,
}

impl Log {
    fn written(&mut self, offset: u64, length: u64) {
        if offset == 0 && self.length > 0 {
            self.syncs_since_start = Some(0);
        }
        self.length = self.length.max(offset + length);
    }

    fn truncated(&mut self, length: u64) {
        (self.length, self.syncs_since_start) = (length, None);
    }

    /// Counts a sync; tells how many there were before it.
    fn synced(&mut self) -> Option<usize> {
        let before = self.syncs_since_start;
        self.syncs_since_start = before.map(|syncs| syncs + 1);
        before
    }

    /// How a sync by a descriptor ends that would end so if it were the only one.
    fn told(&mut self, descriptor: c_int, failure: Option<Failure>) -> Option<Failure> {
        self.descriptors.insert(descriptor);
        let untold = self.untold.remove(&descriptor).map(Failure::Error);
        if let Some(Failure::Error(errno)) = failure {
            let others = self.descriptors.iter().filter(|it| **it != descriptor);
            self.untold.extend(others.map(|other| (*other, errno)));
        }
        failure.or(untold)
    }
}

/// Which calls fail, and how.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) call: Call,
    /// The call that fails first, from 0.
    pub(crate) first: usize,
    /// How many fail from there on.
    pub(crate) count: usize,
    pub(crate) failure: Failure,
}

/// The calls that a fault matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Sync,
    /// The sync of the log that comes so many syncs after it has started over.
    SyncOfRestartedLog(usize),
    /// The sync of the database file alone.
    SyncOfDatabase,
    Write,
    /// Writes to the database file alone.
    WriteToDatabase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Error(c_int),
    /// Half of the bytes are written, and the call says so.
    Short,
}

impl Recorder {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a write is to fail, and with which error, or how many bytes it takes all the same.
    pub(crate) fn fault_of_write(
        &mut self,
        path: &Path,
        length: usize,
    ) -> Option<Result<usize, c_int>> {
        let name = self.name_of(path);
        let is_of_database = !name.contains('-');
        let failure = self.failure_of(|call| match call {
            Call::Sync | Call::SyncOfRestartedLog(_) | Call::SyncOfDatabase => false,
            Call::Write => true,
            Call::WriteToDatabase => is_of_database,
        })?;
        Some(match failure {
            Failure::Error(errno) => Err(errno),
            Failure::Short => Ok(length / 2),
        })
    }

    /// Notes a sync, which may be one that is to fail.
    pub(crate) fn synced(&mut self, path: &Path, descriptor: c_int) -> Result<(), c_int> {
        if path == self.folder {
            self.note_names();
        }
        let nth = if is_log(path) { self.log.synced() } else { None };
        let is_database = path != self.folder && !self.name_of(path).contains('-');
        let failure = self.failure_of(|call| match call {
            Call::Sync => true,
            Call::SyncOfRestartedLog(wanted) => nth == Some(wanted),
            Call::SyncOfDatabase => is_database,
            Call::Write | Call::WriteToDatabase => false,
        });
        let failure = if is_log(path) { self.log.told(descriptor, failure) } else { failure };
        let event = match (path == self.folder, failure) {
            (true, None) => Event::FolderSynced,
            (true, Some(_)) => Event::FolderSyncFailed,
            (false, None) => Event::Synced(self.file(path)),
            (false, Some(_)) => Event::SyncFailed(self.file(path)),
        };
        self.history.push(event);
        match failure {
            None => Ok(()),
            Some(Failure::Error(errno)) => Err(errno),
            Some(Failure::Short) => unreachable!("a sync is not short"),
        }
    }

    pub(crate) fn written(&mut self, path: &Path, offset: u64, bytes: &[u8]) {
        if is_log(path) {
            self.log.written(offset, bytes.len() as u64);
        }
        let file = self.file(path);
        self.history.push(Event::Changed(file, Op::Write { offset, bytes: bytes.into() }));
    }

    pub(crate) fn truncated(&mut self, path: &Path, length: u64) {
        if is_log(path) {
            self.log.truncated(length);
        }
        let file = self.file(path);
        self.history.push(Event::Changed(file, Op::Truncate { length }));
    }

    /// Notes a second name for a file.
    pub(crate) fn linked(&mut self, path: &Path, new: &Path) {
        let file = self.file(path);
        let name = self.name_of(new);
        self.files.insert(name.clone(), file);
        self.history.push(Event::Linked(name, file));
    }

    pub(crate) fn unlinked(&mut self, path: &Path) {
        if is_log(path) {
            self.log.truncated(0);
        }
        let name = self.name_of(path);
        self.files.remove(&name);
        self.history.push(Event::Unlinked(name));
    }

    /// Notes the files that were created and not changed yet: that of a new database has its name before
    /// anything is in it.
    fn note_names(&mut self) {
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            self.file(&entry.unwrap().path());
        }
    }

    fn failure_of(&mut self, matches: impl Fn(Call) -> bool) -> Option<Failure> {
        let mut failure = None;
        let mut is_matched = false;
        for fault in self.faults.iter().filter(|fault| matches(fault.call)) {
            is_matched = true;
            if (fault.first..fault.first.saturating_add(fault.count)).contains(&self.calls) {
                failure = Some(fault.failure);
            }
        }
        self.calls += usize::from(is_matched);
        failure
    }

    /// The file with this name; one that was not seen before has just been created.
    fn file(&mut self, path: &Path) -> FileNumber {
        let name = self.name_of(path);
        if let Some(&file) = self.files.get(&name) {
            return file;
        }
        let file = self.history.create(name.clone());
        self.files.insert(name, file);
        file
    }

    fn name_of(&self, path: &Path) -> String {
        let name = path.strip_prefix(&self.folder).unwrap();
        name.to_str().unwrap().to_owned()
    }
}

fn is_log(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-wal")
}
