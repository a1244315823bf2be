//! Lines of an input, read in bounded memory.

use std::io::{self, BufRead};

/// Reads lines that end with LF or CR LF. Of one that is longer than `max_bytes` only the beginning
/// is kept, a little more than `max_bytes`, so that whoever gets it sees that it is too long.
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    max_bytes: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(input: R, max_bytes: usize) -> Self {
        Self { input, line: Vec::new(), max_bytes }
    }

    /// The next line that is not blank, without its end.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            if !self.read()? {
                return Ok(None);
            }
            self.line.pop_if(|last| *last == b'\r');
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }

    /// Reads up to the end of a line; `false` at the end of the input.
    fn read(&mut self) -> io::Result<bool> {
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            // One byte to show that the line is too long, one for a CR.
            let room = (self.max_bytes + 2).saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(input: &[u8], max_bytes: usize) -> Vec<String> {
        // A small buffer, so that lines are put together from many reads.
        let mut lines = Lines::new(BufReader::with_capacity(3, input), max_bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(String::from_utf8(line.to_owned()).unwrap());
        }
        all
    }

    #[test]
    fn blank_lines_are_skipped_and_the_last_line_needs_no_end() {
        assert_eq!(lines(b"", 9), [""; 0]);
        assert_eq!(lines(b"\n \t\r\n\r\n", 9), [""; 0]);
        assert_eq!(lines(b"a\n\nb\r\n  c", 9), ["a", "b", "  c"]);
    }

    #[test]
    fn a_line_that_is_too_long_stays_too_long_and_the_next_one_is_whole() {
        let read = lines(b"12345\n123456\n1234567890\nab\n", 5);
        assert_eq!(read, ["12345", "123456", "1234567", "ab"]);
        let read = lines(b"12345\r\n123456\r\n12345\r7\r\n", 5);
        assert_eq!(read, ["12345", "123456", "12345\r7"]);
    }
}
