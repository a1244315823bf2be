//! What happens to the bytes of a file.

use std::ops::Range;

use fastrand::Rng;

/// The size of a page, and of half of one, which many disks write at once.
const PAGE: usize = 1_024;
const SECTOR: usize = 512;

/// The size of a page in a log, with its header, and what stands before the first.
const FRAME: usize = 24 + PAGE;
const LOG_HEADER: usize = 32;

/// Bytes that are not what was written.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    /// These bits of these bytes.
    Flipped(Vec<(usize, u8)>),
    /// Something else from here on.
    Overwritten(usize, Vec<u8>),
    /// Nothing but zeros here.
    Zeroed(Range<usize>),
    /// The end is missing.
    CutAt(usize),
    /// Something behind the end.
    Extended(Vec<u8>),
    /// Two places of this size have each other's bytes: both writes went astray.
    Swapped(usize, usize, usize),
    /// A place has the bytes of another one too: a write went astray.
    Copied(usize, usize, usize),
    /// A place has the bytes that it had some commits before: a write was lost.
    Past(Range<usize>),
}

/// How a file is built, so that what matters in it is hit often.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Database,
    Log,
}

impl Mutation {
    /// One of a file with this many bytes.
    pub(crate) fn random(rng: &mut Rng, shape: Shape, len: usize) -> Self {
        match rng.u8(0..16) {
            0..=5 => {
                let count = if rng.bool() { 1 } else { rng.usize(2..=64) };
                let bit = |rng: &mut Rng| (shape.position(rng, len), rng.u8(0..8));
                Self::Flipped((0..count).map(|_| bit(rng)).collect())
            }
            6..=7 => {
                let count = rng.usize(1..=16);
                Self::Overwritten(shape.position(rng, len), random_bytes(rng, count))
            }
            8 => Self::Zeroed(shape.part(rng, len)),
            9 => {
                let part = shape.part(rng, len);
                Self::Overwritten(part.start, random_bytes(rng, part.len()))
            }
            10 => Self::CutAt(rng.usize(0..len)),
            11 => {
                let count = rng.usize(1..=3 * PAGE);
                Self::Extended(random_bytes(rng, count))
            }
            12 => Self::Swapped(shape.unit(rng, len), shape.unit(rng, len), shape.unit_len()),
            13 => Self::Copied(shape.unit(rng, len), shape.unit(rng, len), shape.unit_len()),
            14 if matches!(shape, Shape::Database) => {
                let at = shape.unit(rng, len);
                Self::Past(at..at + shape.unit_len())
            }
            _ => {
                let at = rng.usize(0..len);
                Self::Zeroed(at..(at + rng.usize(1..=64)).min(len))
            }
        }
    }

    /// One bit of one of the pages that begin here.
    pub(crate) fn of_pages(rng: &mut Rng, pages: &[usize]) -> Self {
        let page = *rng.choice(pages).unwrap();
        Self::Flipped(vec![(page + rng.usize(0..PAGE), rng.u8(0..8))])
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Flipped(bits) if bits.len() == 1 => "one bit flipped",
            Self::Flipped(_) => "many bits flipped",
            Self::Overwritten(..) => "overwritten",
            Self::Zeroed(_) => "zeroed",
            Self::CutAt(_) => "cut off",
            Self::Extended(_) => "extended",
            Self::Swapped(..) => "pages swapped",
            Self::Copied(..) => "page astray",
            Self::Past(_) => "page of the past",
        }
    }

    /// The bytes after it happened; `earlier` are those of the past.
    pub(crate) fn apply(&self, bytes: &[u8], earlier: &[u8]) -> Vec<u8> {
        let mut mutant = bytes.to_vec();
        match *self {
            Self::Flipped(ref bits) => bits.iter().for_each(|&(at, bit)| mutant[at] ^= 1 << bit),
            Self::Overwritten(at, ref with) => {
                let len = with.len().min(bytes.len() - at);
                mutant[at..at + len].copy_from_slice(&with[..len]);
            }
            Self::Zeroed(ref range) => mutant[range.clone()].fill(0),
            Self::CutAt(len) => mutant.truncate(len),
            Self::Extended(ref with) => mutant.extend_from_slice(with),
            Self::Swapped(one, other, len) => {
                mutant[one..one + len].copy_from_slice(&bytes[other..other + len]);
                mutant[other..other + len].copy_from_slice(&bytes[one..one + len]);
            }
            Self::Copied(from, to, len) => mutant.copy_within(from..from + len, to),
            Self::Past(ref range) => {
                if let Some(past) = earlier.get(range.clone()) {
                    mutant[range.clone()].copy_from_slice(past);
                }
            }
        }
        mutant
    }
}

impl Shape {
    /// What is written as one.
    const fn unit_len(self) -> usize {
        match self {
            Self::Database => PAGE,
            Self::Log => FRAME,
        }
    }

    const fn header_len(self) -> usize {
        match self {
            Self::Database => 0,
            Self::Log => LOG_HEADER,
        }
    }

    /// Where a page or a frame begins.
    fn unit(self, rng: &mut Rng, len: usize) -> usize {
        self.header_len() + rng.usize(0..len / self.unit_len()) * self.unit_len()
    }

    /// A byte: anywhere, at the beginning of the file, or at that of a page or frame.
    fn position(self, rng: &mut Rng, len: usize) -> usize {
        match rng.u8(0..8) {
            0 => rng.usize(0..100),
            1..=3 => self.unit(rng, len) + rng.usize(0..32),
            _ => rng.usize(0..len),
        }
    }

    /// A page or frame, or a sector.
    fn part(self, rng: &mut Rng, len: usize) -> Range<usize> {
        if rng.bool() {
            let at = self.unit(rng, len);
            return at..at + self.unit_len();
        }
        let at = rng.usize(0..len / SECTOR) * SECTOR;
        at..(at + SECTOR).min(len)
    }
}

fn random_bytes(rng: &mut Rng, count: usize) -> Vec<u8> {
    std::iter::repeat_with(|| rng.u8(..)).take(count).collect()
}
