//! TCP framing: `<length>#<JSON>`, the length in UTF-16 code units (`wire.md` §3).

use std::fmt;

/// UTF-16 code units that Nest 11 and 12 hold for one connection before they close it (`wire.md` §3).
pub const MAX_UNITS: usize = 134_217_728;

/// Bytes of room that a decoder keeps between frames.
const KEPT_ROOM: usize = 1 << 20;

/// Writes one frame around `body`, which is UTF-8.
pub fn encode_frame(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(itoa::Buffer::new().format(units(body)).as_bytes());
    out.push(b'#');
    out.extend_from_slice(body);
}

/// UTF-16 code units of UTF-8: one per character, two where it has four bytes.
fn units(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.iter().map(|&byte| usize::from(!is_continuation(byte)) + usize::from(byte >= 0xF0)).sum()
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Why a stream is no sequence of frames: a position, in bytes from the stream's start, and a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Where the frame begins. An invalid byte sequence counts as the U+FFFD that Node reads for it.
    pub offset: u64,
    /// What is wrong with it.
    pub cause: FrameFault,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// What stands before `#` is no number; its beginning.
    Corrupted(String),
    /// The length is zero or less: Nest reads an empty text, which is not JSON, and closes.
    Empty,
    /// More UTF-16 units than the limit, announced or waiting.
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The length ends between the halves of a surrogate pair: it does not count UTF-16 units.
    SplitPair,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match &self.cause {
            FrameFault::Corrupted(length) => {
                write!(f, "the frame at byte {offset} begins with {length:?} instead of a length")
            }
            FrameFault::Empty => write!(f, "the frame at byte {offset} announces an empty body"),
            FrameFault::TooLong { limit } => {
                write!(f, "the frame at byte {offset} is longer than {limit} UTF-16 units")
            }
            FrameFault::SplitPair => write!(
                f,
                "the frame at byte {offset} ends inside a character: its length does not count UTF-16 units"
            ),
        }
    }
}

impl std::error::Error for FrameError {}

/// What of a frame is there when a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Something that no `#` has ended; its beginning.
    Length(String),
    /// A body that lacks this many UTF-16 units.
    Body {
        /// Units that are missing.
        missing: usize,
    },
}

/// Cuts a stream into bodies, as Nest's `JsonSocket` does, however the stream is chunked.
///
/// Feed it, then take every frame before feeding again: it holds what was not taken.
#[derive(Debug)]
pub struct Decoder {
    /// Decoded and not yet dropped; everything before `start` was taken.
    text: String,
    /// Where the current frame's unread part begins: its length, then its body.
    start: usize,
    /// Everything before was searched for `#`, or counted.
    scanned: usize,
    /// The body's length and the units counted of it, once `#` was seen.
    body: Option<Body>,
    /// A character that has begun.
    partial: Vec<u8>,
    /// Bytes of the stream before `text`.
    dropped: u64,
    /// Where the current frame begins in the stream.
    frame: u64,
    limit: usize,
    failed: Option<FrameError>,
}

#[derive(Clone, Copy, Debug)]
struct Body {
    length: usize,
    counted: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(MAX_UNITS)
    }
}

impl Decoder {
    /// A decoder that refuses frames longer than `limit` UTF-16 units.
    pub fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            start: 0,
            scanned: 0,
            body: None,
            partial: Vec::new(),
            dropped: 0,
            frame: 0,
            limit,
            failed: None,
        }
    }

    /// Takes the next bytes of the stream. What is not UTF-8 becomes U+FFFD, as in Node's `StringDecoder`.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.compact();
        while !self.partial.is_empty() && !bytes.is_empty() {
            self.partial.push(bytes[0]);
            match std::str::from_utf8(&self.partial) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.partial.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    // The byte does not belong to the character that had begun: it is looked at again.
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.partial.clear();
                    continue;
                }
            }
            bytes = &bytes[1..];
        }
        self.decode(bytes);
    }

    fn decode(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.text.push_str(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    self.text.push_str(&String::from_utf8_lossy(valid));
                    let Some(length) = error.error_len() else {
                        self.partial.extend_from_slice(rest);
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    bytes = &rest[length..];
                }
            }
        }
    }

    /// Drops what was taken, once it is at least as long as what would have to be moved.
    fn compact(&mut self) {
        if self.start > 0 && self.start >= self.text.len() / 2 {
            self.text.drain(..self.start);
            self.dropped += self.start as u64;
            self.scanned -= self.start;
            self.start = 0;
            // One huge frame must not hold its room for as long as the connection lives.
            self.text.shrink_to(self.text.len().max(KEPT_ROOM));
        }
    }

    /// The body of the next frame, if all of it is there.
    ///
    /// # Errors
    /// What no frame can begin with. It stays: nothing after it can be cut.
    pub fn next_frame(&mut self) -> Result<Option<&str>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.advance() {
            Ok(Some(range)) => Ok(Some(&self.text[range])),
            Ok(None) => Ok(None),
            Err(cause) => {
                let error = FrameError { offset: self.frame, cause };
                self.failed = Some(error.clone());
                self.text = String::new();
                self.partial.clear();
                (self.start, self.scanned, self.body) = (0, 0, None);
                Err(error)
            }
        }
    }

    /// Bytes held: what was not taken, and what was and is not dropped yet.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.text.len() + self.partial.len()
    }

    /// What is left over; `None` between two frames.
    pub fn pending(&self) -> Option<Pending> {
        match self.body {
            Some(body) => Some(Pending::Body { missing: body.length - body.counted }),
            None if self.start == self.text.len() && self.partial.is_empty() => None,
            None => Some(Pending::Length(beginning(&self.text[self.start..]))),
        }
    }

    fn advance(&mut self) -> Result<Option<std::ops::Range<usize>>, FrameFault> {
        let mut body = match self.body {
            Some(body) => body,
            None => match self.length()? {
                Some(length) => Body { length, counted: 0 },
                None => return Ok(None),
            },
        };
        let bytes = self.text.as_bytes();
        // No character has more units than bytes, so what is missing in units is safe to count in bytes.
        while body.counted < body.length && self.scanned < bytes.len() {
            let end = bytes.len().min(self.scanned + (body.length - body.counted));
            body.counted += units(&bytes[self.scanned..end]);
            self.scanned = end;
        }
        if body.counted > body.length {
            return Err(FrameFault::SplitPair);
        }
        while bytes.get(self.scanned).copied().is_some_and(is_continuation) {
            self.scanned += 1;
        }
        self.body = Some(body);
        if body.counted < body.length {
            return Ok(None);
        }
        let range = self.start..self.scanned;
        self.body = None;
        self.start = range.end;
        self.frame = self.dropped + range.end as u64;
        Ok(Some(range))
    }

    /// Reads the length, once its `#` is there.
    fn length(&mut self) -> Result<Option<usize>, FrameFault> {
        let too_long = FrameFault::TooLong { limit: self.limit };
        let found = self.text[self.scanned..].find('#').map(|at| self.scanned + at);
        self.scanned = found.unwrap_or(self.text.len());
        if self.scanned - self.start > self.limit {
            return Err(too_long);
        }
        let Some(at) = found else { return Ok(None) };
        let length = &self.text[self.start..at];
        match parse_int(length) {
            None => Err(FrameFault::Corrupted(beginning(length))),
            Some(Length::NotPositive) => Err(FrameFault::Empty),
            Some(Length::Units(units)) if units > self.limit => Err(too_long),
            Some(Length::Units(units)) => {
                self.start = at + 1;
                self.scanned = at + 1;
                Ok(Some(units))
            }
        }
    }
}

/// As much of a text as an error message can carry.
fn beginning(text: &str) -> String {
    text.chars().take(24).collect()
}

enum Length {
    NotPositive,
    /// Saturates.
    Units(usize),
}

/// JavaScript's `parseInt(text, 10)`: leading white space and a sign, then digits, then anything.
fn parse_int(text: &str) -> Option<Length> {
    // JavaScript's white space has U+FEFF and lacks U+0085.
    let text = text.trim_start_matches(|c: char| c == '\u{FEFF}' || (c.is_whitespace() && c != '\u{85}'));
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut digits = digits.bytes().take_while(u8::is_ascii_digit).peekable();
    digits.peek()?;
    let units = digits
        .fold(0_usize, |units, digit| units.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
    Some(if is_negative || units == 0 { Length::NotPositive } else { Length::Units(units) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(stream: &[u8]) -> (u64, FrameFault) {
        let mut decoder = Decoder::new(10);
        decoder.feed(stream);
        loop {
            match decoder.next_frame() {
                Ok(body) => assert!(body.is_some(), "the stream was taken"),
                Err(error) => {
                    decoder.feed(b"1#5");
                    assert_eq!(decoder.next_frame(), Err(error.clone()), "it must stay broken");
                    return (error.offset, error.cause);
                }
            }
        }
    }

    #[test]
    fn a_broken_stream_says_where_and_why() {
        assert_eq!(fault(b"1#5abc#{}"), (3, FrameFault::Corrupted("abc".to_owned())));
        assert_eq!(fault(b"0x27#{}"), (0, FrameFault::Empty));
        assert_eq!(fault(b"1#5\n-1#{}"), (3, FrameFault::Empty));
        assert_eq!(fault("2#\"😀\"".as_bytes()), (0, FrameFault::SplitPair));
        assert_eq!(fault(b"11#"), (0, FrameFault::TooLong { limit: 10 }));
        assert_eq!(fault(b"99999999999999999999999#"), (0, FrameFault::TooLong { limit: 10 }));
        assert_eq!(fault(b"GET / HTTP/1.1"), (0, FrameFault::TooLong { limit: 10 }));
    }

    #[test]
    fn what_is_not_utf8_is_read_as_node_reads_it() {
        let mut decoder = Decoder::default();
        decoder.feed(b"3#\"\xE2\x82");
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.feed(b"\"");
        assert_eq!(decoder.next_frame(), Ok(Some("\"\u{fffd}\"")));
    }

    #[test]
    fn a_remainder_says_what_is_missing() {
        let pending = |stream: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.feed(stream);
            while decoder.next_frame().expect("frames").is_some() {}
            decoder.pending()
        };
        assert_eq!(pending(b"1#5"), None);
        assert_eq!(pending(b"1#5\n"), Some(Pending::Length("\n".to_owned())));
        assert_eq!(pending(b"50#{\"pat"), Some(Pending::Body { missing: 45 }));
        assert_eq!(pending("5#\"é😀".as_bytes()), Some(Pending::Body { missing: 1 }));
    }
}
