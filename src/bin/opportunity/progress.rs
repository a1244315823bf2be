//! The progress bar.

use std::io::{self, BufReader, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much of the input is read at once, in bytes; the bar is moved no more often.
const CHUNK: usize = 64 << 10;

/// An input that moves a bar while it is read.
pub(crate) type Input<'i> = BufReader<Watched<'i>>;

/// A bar on stderr if that is a terminal, none otherwise. `len` is the size of the input in bytes,
/// where it has one.
pub(crate) fn bar(len: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::stderr());
    let template = match len {
        Some(_) => "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes} {bytes_per_sec}, {elapsed}",
    };
    // A template that does not parse would be a slip in this file; the bar then keeps its default.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Reads from `input` and moves the bar.
pub(crate) fn watch(input: Box<dyn Read + Send>, bar: &ProgressBar) -> Input<'_> {
    BufReader::with_capacity(CHUNK, Watched { input, bar })
}

pub(crate) struct Watched<'i> {
    input: Box<dyn Read + Send>,
    bar: &'i ProgressBar,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.bar.inc(bytes as u64);
        Ok(bytes)
    }
}
