//! Lines of an input, each read in bounded memory.

use std::io::{self, BufRead, Read};

/// Reads lines up to the first one that is too long.
pub(crate) struct Lines<R> {
    input: R,
    max_bytes: usize,
    line: Vec<u8>,
    number: u64,
}

/// Why there is no further line.
#[derive(Debug)]
pub(crate) enum LineError {
    TooLong,
    Input(io::Error),
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `max_bytes`, their end not counted.
    pub(crate) const fn new(input: R, max_bytes: usize) -> Self {
        Self { input, max_bytes, line: Vec::new(), number: 0 }
    }

    /// The number of the line that was read last, or that could not be read; from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The next line that is not blank.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, LineError> {
        loop {
            self.line.clear();
            self.number += 1;
            // One byte for the end of the line.
            let limit = self.max_bytes as u64 + 1;
            let mut input = (&mut self.input).take(limit);
            let read = input.read_until(b'\n', &mut self.line).map_err(LineError::Input)?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.pop_if(|last| *last == b'\n').is_none() && self.line.len() > self.max_bytes
            {
                return Err(LineError::TooLong);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_counted_blank_ones_too_up_to_one_that_is_too_long() {
        // A small buffer, so that lines are put together from many reads.
        let input = BufReader::with_capacity(3, &b"12345\n\n \r\nab\r\n123456\nab"[..]);
        let mut lines = Lines::new(input, 5);
        assert_eq!(lines.next().unwrap(), Some(&b"12345"[..]));
        assert_eq!(lines.next().unwrap(), Some(&b"ab\r"[..]));
        assert_eq!(lines.number(), 4);
        assert!(matches!(lines.next(), Err(LineError::TooLong)));
        assert_eq!(lines.number(), 5);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        for (input, expected) in
            [(&b""[..], None), (b"\n\n", None), (b"\n12345", Some(&b"12345"[..]))]
        {
            let mut lines = Lines::new(input, 5);
            assert_eq!(lines.next().unwrap(), expected);
            assert_eq!(lines.next().unwrap(), None);
        }
    }
}
