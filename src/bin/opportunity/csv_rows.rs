//! Requests as rows of CSV, below a header with the names of the fields.

use std::io::{self, Read};

use csv::StringRecord;
use opportunity_engine::Request;
use serde::Deserialize;
use serde::de::value::{Error, MapDeserializer};

/// Reads rows as requests. A cell is what a text is in JSON: an integer may be one, and an empty cell is an
/// empty field.
pub(crate) struct CsvRows<R> {
    reader: csv::Reader<Rationed<R>>,
    row: StringRecord,
    max_bytes: usize,
}

impl<R: Read> CsvRows<R> {
    /// Rows of at most about `max_bytes`. A longer one cannot be passed over: where it ends, only a reader
    /// of all of it can tell.
    pub(crate) fn new(input: R, max_bytes: usize) -> Self {
        let reader = csv::Reader::from_reader(Rationed { input, left: 0 });
        Self { reader, row: StringRecord::new(), max_bytes }
    }

    /// The next request.
    pub(crate) fn next(&mut self) -> io::Result<Option<Request>> {
        // Before the first row, one ration serves the header too.
        self.reader.get_mut().left = self.max_bytes;
        if !self.reader.read_record(&mut self.row)? {
            return Ok(None);
        }
        let header = self.reader.headers()?;
        let cells = MapDeserializer::<_, Error>::new(header.iter().zip(&self.row));
        Request::deserialize(cells).map(Some).map_err(io::Error::other)
    }
}

/// An input of which no more can be read at a time than is left of a ration.
struct Rationed<R> {
    input: R,
    left: usize,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("a row is too long"));
        }
        let bytes = buffer.len().min(self.left);
        let read = self.input.read(&mut buffer[..bytes])?;
        self.left -= read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use opportunity_engine::{Field, Patch, Value};

    use super::*;

    #[test]
    fn a_cell_is_a_text_whatever_it_looks_like() {
        let mut rows =
            CsvRows::new(&b"name,description,channelId,typeId\n1e3,true,007,18\n"[..], 99);
        let request = rows.next().unwrap().unwrap();
        for (field, text) in
            [(Field::Name, "1e3"), (Field::Description, "true"), (Field::ChannelId, "007")]
        {
            assert_eq!(request.patch(field), Patch::Set(Value::Text(text.into())));
        }
        assert_eq!(request.patch(Field::TypeId), Patch::Set(Value::Integer(18)));
        assert!(rows.next().unwrap().is_none());
    }

    /// Seen to fail for a ration that is not renewed.
    #[test]
    fn a_row_that_is_too_long_ends_the_reading_and_many_rows_do_not() {
        let input =
            b"name\n".iter().copied().chain(std::iter::repeat_n(*b"abcd\n", 9_999).flatten());
        let input: Vec<u8> = input.collect();
        let mut rows = CsvRows::new(&*input, 20);
        for _ in 0..9_999 {
            assert!(rows.next().unwrap().is_some());
        }
        assert!(rows.next().unwrap().is_none());

        let mut rows = CsvRows::new(b"name\n".chain(io::repeat(b'a')), 1_000);
        assert_eq!(rows.next().unwrap_err().to_string(), "a row is too long");
    }
}
