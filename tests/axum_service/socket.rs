//! A connection on which every byte is one's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::client::{CALL, JSON};
use super::service::PATIENCE;

pub(crate) struct Socket(BufReader<TcpStream>);

impl Socket {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a whole request of the published call, with a key.
    pub(crate) fn call(&mut self, body: &str, key: &str) {
        self.send(head(&[("Content-Type", JSON), ("Idempotency-Key", key)], body.len()) + body);
    }

    /// Begins a request of the published call, and waits until the service wants to have its body.
    pub(crate) fn begin_call(&mut self, length: usize) {
        self.send(head(&[("Content-Type", JSON), ("Expect", "100-continue")], length));
        let wanted = self.read_head();
        assert_eq!(wanted, ["http/1.1 100 continue"]);
    }

    /// Reads one answer, with a body of a given length: its status and its body.
    pub(crate) fn answer(&mut self) -> (u16, String) {
        let head = self.read_head();
        let status = head.first().and_then(|line| line.split(' ').nth(1));
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (status.unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
    }

    fn read_head(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    /// A line of the head; `None` at its end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let line = line.trim_end();
        (!line.is_empty()).then(|| line.to_ascii_lowercase())
    }

    /// Whether the other side has closed it, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

/// The head of a request of the published call.
pub(crate) fn head(headers: &[(&str, &str)], length: usize) -> String {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    format!("POST {CALL} HTTP/1.1\r\nHost: it\r\n{headers}Content-Length: {length}\r\n\r\n")
}
