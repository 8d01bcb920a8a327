//! Server-sent events: a stream of replies to one request (HTML, "Server-sent events", 9.2.6).

use crate::message::{Data, HeaderValue, Headers, Reply, ReplyKind};

/// What a response of events is called.
pub const CONTENT_TYPE: &str = "text/event-stream";
/// A line that is longer is no event of anybody's.
const MOST: usize = 16 << 20;

/// Events, from the bytes of a body.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the first line begins that was not read.
    at: usize,
    is_begun: bool,
    data: Option<String>,
    fields: Headers,
}

impl Decoder {
    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether more waits for its end than any event has.
    pub fn is_flooded(&self) -> bool {
        self.buffer.len() - self.at > MOST || self.data.as_ref().is_some_and(|data| data.len() > MOST)
    }

    /// The next event that is whole: its data as a value, its other fields as headers.
    pub fn next_event(&mut self) -> Option<Reply> {
        while let Some(line) = self.next_line() {
            if !line.is_empty() {
                self.field(&line);
                continue;
            }
            let fields = std::mem::take(&mut self.fields);
            // One without data is none.
            let Some(data) = self.data.take() else { continue };
            let data = Data::classify(data.as_bytes());
            return Some(Reply { kind: ReplyKind::Next { last: false }, data: Some(data), headers: fields });
        }
        None
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            "event" | "id" | "retry" => {
                self.fields.push((name.to_owned(), HeaderValue::Text(value.to_owned())));
            }
            // A comment, or something that nobody knows.
            _ => {}
        }
    }

    /// A line that has its end: `\n`, `\r\n` or `\r`.
    fn next_line(&mut self) -> Option<String> {
        let rest = &self.buffer[self.at..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let length = match (rest[end], rest.get(end + 1)) {
            (b'\r', Some(b'\n')) => 2,
            // What follows may be the other half of this end.
            (b'\r', None) => return None,
            _ => 1,
        };
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + length;
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        Some(if is_first { line.trim_start_matches('\u{feff}').to_owned() } else { line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expected: &[&str]) {
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for piece in pieces {
            decoder.feed(piece.as_bytes());
            while let Some(reply) = decoder.next_event() {
                let data = reply
                    .data
                    .map_or_else(String::new, |data| String::from_utf8_lossy(data.as_bytes()).into_owned());
                let fields: Vec<_> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
                found.push(format!("{data}{}", fields.join("+")));
            }
        }
        assert_eq!(found, expected, "{pieces:?}");
    }

    #[test]
    fn events_end_with_an_empty_line() {
        check(&["data: {\"n\":1}\n\n", "data: 2\n\n"], &["{\"n\":1}", "2"]);
        check(&["data: a\ndata:  b\n\n"], &["a\n b"]);
        check(&["\u{feff}data: a\r", "\n\r\ndata: b\r\n\r\n"], &["a", "b"]);
        check(&["data: a\r\rdata: b\r\r "], &["a", "b"]);
        check(&["id: 1\nevent: x\ndata: 7\n\n"], &["7id+event"]);
        check(&[": comment\n\nid: 1\n\nretry\n\n", "data\n\n", "data: half\n"], &[""]);
        for split in 1..16 {
            let (one, two) = "data: ab\r\n\r\ndata: c\n\n".split_at(split);
            check(&[one, two], &["ab", "c"]);
        }
    }
}
