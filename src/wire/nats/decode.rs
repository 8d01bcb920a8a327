//! What a broker sends, cut out of a stream of bytes.

use std::fmt;
use std::ops::Range;

use super::headers::Block;

/// The longest line: `INFO` names every server of a cluster.
const LONGEST_LINE: usize = 1 << 20;
/// The largest message; no broker can be set to pass more than 64 MiB.
const LARGEST: usize = 128 << 20;

/// What a broker says.
#[derive(Debug)]
pub enum Op<'a> {
    /// What it is; JSON.
    Info(&'a str),
    /// A message for one of our subscriptions.
    Message(Inbound<'a>),
    /// It wants a `PONG`.
    Ping,
    /// It has read all that stood before our `PING`.
    Pong,
    /// It did not like something; often it then closes.
    Error(&'a str),
    /// `+OK`, which is said only to those who asked for it.
    Ok,
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// Where it was sent to.
    pub subject: &'a str,
    /// Our subscription's number.
    pub sid: u64,
    /// Where an answer goes.
    pub reply: Option<&'a str>,
    /// The header block, empty where there is none.
    pub block: &'a [u8],
    /// The body.
    pub payload: &'a [u8],
}

impl Inbound<'_> {
    /// Its headers, read.
    pub fn headers(&self) -> Block {
        if self.block.is_empty() { Block::default() } else { Block::parse(self.block) }
    }
}

/// The stream is no broker's.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled(String);

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Garbled {}

/// Cuts a stream of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// What stands before has been handed out.
    start: usize,
    /// What stands before holds no line end.
    looked: usize,
    current: Frame,
}

/// Where the parts of the current operation stand in the buffer.
#[derive(Clone, Debug, Default)]
enum Frame {
    #[default]
    Ok,
    Ping,
    Pong,
    Info(Range<usize>),
    Error(Range<usize>),
    Message {
        subject: Range<usize>,
        sid: u64,
        reply: Option<Range<usize>>,
        block: Range<usize>,
        payload: Range<usize>,
    },
}

impl Decoder {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.looked -= self.start;
            self.start = 0;
            // One large message must not keep its memory for ever.
            if self.buffer.is_empty() {
                self.buffer.shrink_to(1 << 20);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether another whole operation is there; [`Decoder::current`] then gives it.
    ///
    /// # Errors
    /// What came is not NATS.
    pub fn advance(&mut self) -> Result<bool, Garbled> {
        let Some(line) = self.line()? else { return Ok(false) };
        let Some((frame, end)) = self.parse(line)? else { return Ok(false) };
        self.current = frame;
        self.start = end;
        self.looked = end;
        Ok(true)
    }

    /// The operation that [`Decoder::advance`] found.
    pub fn current(&self) -> Op<'_> {
        let text = |range: &Range<usize>| {
            // Checked when the line was parsed.
            std::str::from_utf8(&self.buffer[range.clone()]).unwrap_or_default()
        };
        match &self.current {
            Frame::Ok => Op::Ok,
            Frame::Ping => Op::Ping,
            Frame::Pong => Op::Pong,
            Frame::Info(range) => Op::Info(text(range)),
            Frame::Error(range) => Op::Error(text(range)),
            Frame::Message { subject, sid, reply, block, payload } => Op::Message(Inbound {
                subject: text(subject),
                sid: *sid,
                reply: reply.as_ref().map(text),
                block: &self.buffer[block.clone()],
                payload: &self.buffer[payload.clone()],
            }),
        }
    }

    /// Whether the middle of an operation is all that is left.
    pub fn is_halfway(&self) -> bool {
        self.start < self.buffer.len()
    }

    /// The next line without its end.
    fn line(&mut self) -> Result<Option<Range<usize>>, Garbled> {
        let from = self.looked.max(self.start);
        let Some(found) = self.buffer[from..].iter().position(|&byte| byte == b'\n') else {
            self.looked = self.buffer.len();
            if self.looked - self.start > LONGEST_LINE {
                return Err(Garbled("a line without an end".to_owned()));
            }
            return Ok(None);
        };
        // The line is looked for again while its payload is on the way: it is found at once.
        self.looked = from + found;
        let end = if self.buffer[self.start..from + found].ends_with(b"\r") {
            from + found - 1
        } else {
            from + found
        };
        Ok(Some(self.start..end))
    }

    /// The operation that begins with `line`, and where it ends; `None` while its body is not all there.
    fn parse(&self, line: Range<usize>) -> Result<Option<(Frame, usize)>, Garbled> {
        let bytes = &self.buffer[line.clone()];
        let garbled = || Garbled(format!("`{}` is no NATS", bytes[..bytes.len().min(80)].escape_ascii()));
        let text = std::str::from_utf8(bytes).map_err(|_| garbled())?;
        let word = text.split([' ', '\t']).next().unwrap_or_default();
        let rest = line.start + text.len() - text[word.len()..].trim_start().len()..line.end;
        let after = self.looked + 1;
        let frame = match word.to_ascii_uppercase().as_str() {
            "MSG" => return self.message(&text[word.len()..], &line, false).ok_or_else(garbled)?,
            "HMSG" => return self.message(&text[word.len()..], &line, true).ok_or_else(garbled)?,
            "PING" => Frame::Ping,
            "PONG" => Frame::Pong,
            "+OK" => Frame::Ok,
            "INFO" => Frame::Info(rest),
            "-ERR" => {
                let quoted =
                    self.buffer[rest.clone()].starts_with(b"'") && self.buffer[rest.clone()].ends_with(b"'");
                Frame::Error(if quoted && rest.len() > 1 { rest.start + 1..rest.end - 1 } else { rest })
            }
            _ => return Err(garbled()),
        };
        Ok(Some((frame, after)))
    }

    /// `MSG subject sid [reply] size` or `HMSG subject sid [reply] headers size`, then as many bytes; `None` where
    /// the line is wrong.
    fn message(
        &self,
        arguments: &str,
        line: &Range<usize>,
        has_headers: bool,
    ) -> Option<Result<Option<(Frame, usize)>, Garbled>> {
        let offset = line.end - arguments.len();
        let mut words = [""; 5];
        let mut count = 0;
        for word in arguments.split_ascii_whitespace() {
            *words.get_mut(count)? = word;
            count += 1;
        }
        let place = |word: &str| {
            let start = offset + (word.as_ptr() as usize - arguments.as_ptr() as usize);
            start..start + word.len()
        };
        let sizes = if has_headers { 2 } else { 1 };
        let has_reply = count == 3 + sizes;
        if !has_reply && count != 2 + sizes {
            return None;
        }
        let size: usize = words[count - 1].parse().ok()?;
        let headers: usize = if has_headers { words[count - 2].parse().ok()? } else { 0 };
        if headers > size {
            return None;
        }
        if size > LARGEST {
            return Some(Err(Garbled(format!("a message of {size} bytes"))));
        }
        let sid = words[1].parse().ok()?;
        let body = self.looked + 1;
        let end = body + size + 2;
        if self.buffer.len() < end {
            return Some(Ok(None));
        }
        let frame = Frame::Message {
            subject: place(words[0]),
            sid,
            reply: has_reply.then(|| place(words[2])),
            block: body..body + headers,
            payload: body + headers..body + size,
        };
        Some(Ok(Some((frame, end))))
    }
}
