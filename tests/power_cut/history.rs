//! A recorded history, and what a disk may hold if the power fails at some point of it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fastrand::Rng;

/// A file, whatever its name is: one that is removed and made again is another.
pub(crate) type FileNumber = usize;

/// The number of a request, see the workload.
pub(crate) type Number = i64;

#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A file was created under a name, or got another.
    Linked(String, FileNumber),
    Unlinked(String),
    Changed(FileNumber, Op),
    Synced(FileNumber),
    SyncFailed(FileNumber),
    FolderSynced,
    FolderSyncFailed,
    /// A caller was told that its request is done.
    Done {
        number: Number,
        id: i64,
        version: i64,
    },
    /// A caller was told that nothing was changed.
    Aborted {
        number: Number,
    },
    /// A caller was told that nobody knows.
    Unknown,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Write { offset: u64, bytes: Box<[u8]> },
    Truncate { length: u64 },
}

impl Op {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Truncate { length } => contents.resize(*length as usize, 0),
            Self::Write { offset, bytes } => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[start..end].copy_from_slice(bytes);
            }
        }
    }
}

/// What happened in a folder.
#[derive(Debug)]
pub(crate) struct History {
    /// What was there from the start.
    initial: Vec<(String, Vec<u8>)>,
    events: Vec<Event>,
    files: FileNumber,
}

impl History {
    pub(crate) fn starting_with(folder: &Path) -> Self {
        let initial: Vec<_> = Image::read_from(folder).files.into_iter().collect();
        Self { files: initial.len(), initial, events: Vec::new() }
    }

    /// The files that were there from the start.
    pub(crate) fn names(&self) -> HashMap<String, FileNumber> {
        self.initial.iter().enumerate().map(|(file, (name, _))| (name.clone(), file)).collect()
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn create(&mut self, name: String) -> FileNumber {
        self.files += 1;
        self.push(Event::Linked(name, self.files - 1));
        self.files - 1
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// What the disk may hold when the power fails after this many events.
    pub(crate) fn image(&self, cut: usize, rng: &mut Rng) -> Image {
        let mut disk = Disk::new(self);
        for event in &self.events[..cut] {
            disk.carry_out(event, rng);
        }
        disk.after_power_cut(rng)
    }
}

impl History {
    /// What the disk holds if it keeps everything.
    pub(crate) fn image_of_everything(&self) -> Image {
        let mut disk = Disk::new(self);
        for event in &self.events {
            disk.carry_out(event, &mut Rng::with_seed(0));
        }
        disk.settle_names(|| true);
        disk.settle_files(|_| Fate::Kept, &mut Rng::with_seed(0));
        disk.into_image()
    }
}

/// A disk with a cache that it empties in any order it likes.
struct Disk {
    files: Vec<File>,
    /// The names that are certain.
    names: BTreeMap<String, FileNumber>,
    /// Changes of names that the disk may or may not have.
    pending_names: Vec<(String, Option<FileNumber>)>,
}

#[derive(Debug, Clone, Default)]
struct File {
    /// What is certain.
    durable: Vec<u8>,
    /// Changes that the disk may or may not have, in part or in whole, in any order.
    pending: Vec<Op>,
}

impl Disk {
    fn new(history: &History) -> Self {
        let mut files = vec![File::default(); history.files];
        for (file, (_, contents)) in files.iter_mut().zip(&history.initial) {
            file.durable.clone_from(contents);
        }
        Self { files, names: history.names().into_iter().collect(), pending_names: Vec::new() }
    }

    fn carry_out(&mut self, event: &Event, rng: &mut Rng) {
        match event {
            Event::Linked(name, file) => self.pending_names.push((name.clone(), Some(*file))),
            Event::Unlinked(name) => self.pending_names.push((name.clone(), None)),
            Event::Changed(file, op) => self.files[*file].pending.push(op.clone()),
            Event::Synced(file) => self.files[*file].settle(Fate::Kept, rng),
            // Linux gives up what it could not write and says so once: a later sync that succeeds
            // does not speak for it.
            Event::SyncFailed(file) => self.files[*file].settle(Fate::any(rng), rng),
            Event::FolderSynced => self.settle_names(|| true),
            // Unlike the contents of a file, names are tried again with the next ones.
            Event::FolderSyncFailed
            | Event::Done { .. }
            | Event::Aborted { .. }
            | Event::Unknown => {}
        }
    }

    fn settle_names(&mut self, mut keeps: impl FnMut() -> bool) {
        for (name, file) in self.pending_names.drain(..) {
            match file {
                _ if !keeps() => {}
                Some(file) => drop(self.names.insert(name, file)),
                None => drop(self.names.remove(&name)),
            }
        }
    }

    fn after_power_cut(mut self, rng: &mut Rng) -> Image {
        let keeps_names = Fate::any(rng);
        self.settle_names(|| match keeps_names {
            Fate::Kept => true,
            Fate::Dropped => false,
            _ => rng.bool(),
        });
        self.settle_files(Fate::any, rng);
        self.into_image()
    }

    fn settle_files(&mut self, mut fate: impl FnMut(&mut Rng) -> Fate, rng: &mut Rng) {
        for file in &mut self.files {
            file.settle(fate(rng), rng);
        }
    }

    fn into_image(self) -> Image {
        let contents =
            |(name, file): (String, FileNumber)| (name, self.files[file].durable.clone());
        Image { files: self.names.into_iter().map(contents).collect() }
    }
}

/// What becomes of the changes in the cache of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// Those up to some point are kept.
    Prefix,
    /// Any of them are kept, in order.
    Some,
    /// Any of them are kept, in any order.
    Reordered,
    /// Any sectors of any of them are kept.
    Torn,
}

/// What a disk writes as a whole, in bytes.
const SECTOR: u64 = 512;

impl Fate {
    const ALL: [Self; 6] =
        [Self::Kept, Self::Dropped, Self::Prefix, Self::Some, Self::Reordered, Self::Torn];

    fn any(rng: &mut Rng) -> Self {
        Self::ALL[rng.usize(..Self::ALL.len())]
    }

    fn select(self, mut ops: Vec<Op>, rng: &mut Rng) -> Vec<Op> {
        match self {
            Self::Kept => {}
            Self::Dropped => ops.clear(),
            Self::Prefix => ops.truncate(rng.usize(..=ops.len())),
            Self::Some => ops.retain(|_| rng.bool()),
            Self::Reordered => {
                ops.retain(|_| rng.bool());
                rng.shuffle(&mut ops);
            }
            Self::Torn => {
                ops = ops.into_iter().flat_map(sectors).collect();
                ops.retain(|_| rng.bool());
            }
        }
        ops
    }
}

/// A change in pieces of which each is done as a whole.
fn sectors(op: Op) -> Vec<Op> {
    let Op::Write { mut offset, bytes } = op else { return vec![op] };
    let mut rest = &*bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let length = ((SECTOR - offset % SECTOR) as usize).min(rest.len());
        pieces.push(Op::Write { offset, bytes: rest[..length].into() });
        offset += length as u64;
        rest = &rest[length..];
    }
    pieces
}

impl File {
    fn settle(&mut self, fate: Fate, rng: &mut Rng) {
        for op in fate.select(std::mem::take(&mut self.pending), rng) {
            op.apply(&mut self.durable);
        }
    }
}

/// What a disk holds after the power has failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    pub(crate) fn read_from(folder: &Path) -> Self {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        });
        Self { files: files.collect() }
    }

    pub(crate) fn write_to(&self, folder: &Path) {
        for (name, contents) in &self.files {
            std::fs::write(folder.join(name), contents).unwrap();
        }
    }
}
