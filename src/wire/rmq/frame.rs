//! AMQP's frames: cut from a stream, put together to messages, and written.

use std::collections::HashMap;

use bytes::Bytes;

use super::method::{Method, Route};
use super::properties::Properties;
use super::value::{Malformed, Reader};

/// What a client says first: the protocol and its version, 0-9-1.
pub const GREETING: &[u8; 8] = b"AMQP\0\0\x09\x01";

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// The last byte of every frame.
const END: u8 = 0xCE;
/// Type, channel and size before the payload, one byte behind it.
const AROUND: usize = 8;

/// The class of all that has a body.
const BASIC: u16 = 60;

/// No message of RabbitMQ's is larger (`max_message_size` ends at 512 MiB).
const MOST: u64 = 512 << 20;

const UNASKED: Malformed = Malformed("a message's body came without its beginning");

/// The largest frame that a peer may send; RabbitMQ's default is 128 KiB.
const LARGEST_FRAME: usize = 64 << 20;

/// What came on one channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A method alone.
    Method(Method),
    /// A method with a message.
    Message(Method, Box<Properties>, Bytes),
    /// The same with a body of so many bytes, which a [`Decoder::bounded`] did not keep.
    Oversized(Method, Box<Properties>, usize),
    /// A sign of life.
    Heartbeat,
}

/// Cuts a stream of bytes into what was said in it. Bodies are put together per channel.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Everything before this place in `buffer` has been read.
    read: usize,
    open: Messages,
}

/// The messages that are not complete yet.
#[derive(Debug)]
struct Messages {
    by_channel: HashMap<u16, Open>,
    /// What they hold, in bytes.
    held: usize,
    /// How much they may hold together.
    most: usize,
}

/// A message that is not complete yet.
#[derive(Debug)]
struct Open {
    method: Method,
    content: Option<Content>,
}

#[derive(Debug)]
struct Content {
    properties: Box<Properties>,
    size: usize,
    /// How much of the body has come.
    come: usize,
    /// The body, as long as it is kept.
    body: Option<Vec<u8>>,
    /// What the properties took in their frame.
    head: usize,
}

impl Content {
    fn held(&self) -> usize {
        self.head + self.body.as_ref().map_or(0, Vec::len)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl Decoder {
    /// One that holds at most `most` bytes of messages that are not complete: for whoever only looks on.
    pub fn bounded(most: usize) -> Self {
        let open = Messages { by_channel: HashMap::new(), held: 0, most };
        Self { buffer: Vec::new(), read: 0, open }
    }

    /// Takes what was read from the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.read == self.buffer.len() {
            self.buffer.clear();
            self.read = 0;
        } else if self.read > self.buffer.len() / 2 {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Skips `count` bytes of what was fed: a client's greeting.
    pub fn skip(&mut self, count: usize) {
        self.read = (self.read + count).min(self.buffer.len());
    }

    /// What was fed and not read yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.read..]
    }

    /// Whether the stream ended in the middle of something.
    pub fn is_halfway(&self) -> bool {
        !self.rest().is_empty() || !self.open.by_channel.is_empty()
    }

    /// The next thing that was said, with its channel; `None` until more is fed.
    ///
    /// # Errors
    /// Bytes that are not AMQP. Nothing after them can be read.
    pub fn advance(&mut self) -> Result<Option<(u16, Incoming)>, Malformed> {
        loop {
            let mut reader = Reader(&self.buffer[self.read..]);
            let rest = reader.0.len();
            let Some(&kind) = reader.0.first() else { return Ok(None) };
            if !matches!(kind, METHOD | HEADER | BODY | HEARTBEAT) {
                return Err(Malformed("a frame is of a type that AMQP 0-9-1 does not have"));
            }
            if rest < AROUND {
                return Ok(None);
            }
            let (_, channel, size) = (reader.u8()?, reader.u16()?, reader.u32()?);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > LARGEST_FRAME {
                return Err(Malformed("a frame is larger than any AMQP peer sends"));
            }
            if rest < size + AROUND {
                return Ok(None);
            }
            let payload = reader.take(size)?;
            if reader.u8()? != END {
                return Err(Malformed("a frame does not end where it says it does"));
            }
            let told = self.open.see(kind, channel, payload)?;
            self.read += size + AROUND;
            if let Some(incoming) = told {
                return Ok(Some((channel, incoming)));
            }
        }
    }
}

impl Messages {
    fn see(&mut self, kind: u8, channel: u16, payload: &[u8]) -> Result<Option<Incoming>, Malformed> {
        match kind {
            HEARTBEAT => Ok(Some(Incoming::Heartbeat)),
            METHOD => {
                let method = Method::decode(payload)?;
                if !method.has_content() {
                    return Ok(Some(Incoming::Method(method)));
                }
                let left = self.by_channel.insert(channel, Open { method, content: None });
                self.held -= left.and_then(|open| open.content).map_or(0, |content| content.held());
                Ok(None)
            }
            HEADER => self.head(channel, payload),
            _ => self.body(channel, payload),
        }
    }

    fn head(&mut self, channel: u16, payload: &[u8]) -> Result<Option<Incoming>, Malformed> {
        let open = self.by_channel.get_mut(&channel).ok_or(UNASKED)?;
        let mut reader = Reader(payload);
        let (_class, _weight, size) = (reader.u16()?, reader.u16()?, reader.u64()?);
        if size > MOST {
            return Err(Malformed("a message is larger than any that RabbitMQ carries"));
        }
        let properties = Box::new(Properties::decode(&mut reader)?);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let body = (size <= self.most).then(Vec::new);
        let content = Content { properties, size, come: 0, body, head: payload.len() };
        self.held += content.held();
        if let Some(twice) = open.content.replace(content) {
            self.held -= twice.held();
        }
        Ok(self.complete(channel))
    }

    fn body(&mut self, channel: u16, payload: &[u8]) -> Result<Option<Incoming>, Malformed> {
        let open = self.by_channel.get_mut(&channel).ok_or(UNASKED)?;
        let content = open.content.as_mut().ok_or(UNASKED)?;
        content.come += payload.len();
        if content.come > content.size {
            return Err(Malformed("a message is longer than it says"));
        }
        if self.held + payload.len() > self.most {
            let given_up = content.body.take();
            self.held -= given_up.map_or(0, |body| body.len());
        } else if let Some(body) = &mut content.body {
            body.extend_from_slice(payload);
            self.held += payload.len();
        }
        Ok(self.complete(channel))
    }

    /// The message of `channel`, if all of it has come.
    fn complete(&mut self, channel: u16) -> Option<Incoming> {
        let content = self.by_channel.get(&channel)?.content.as_ref()?;
        if content.come < content.size {
            return None;
        }
        let Open { method, content } = self.by_channel.remove(&channel)?;
        let content = content?;
        self.held -= content.held();
        let Content { properties, size, body, .. } = content;
        Some(match body {
            Some(body) => Incoming::Message(method, properties, Bytes::from(body)),
            None => Incoming::Oversized(method, properties, size),
        })
    }
}

/// Writes one frame, whose payload is what `write` writes.
fn frame(out: &mut Vec<u8>, kind: u8, channel: u16, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let size = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    out.push(END);
}

/// Writes a method.
pub fn encode_method(out: &mut Vec<u8>, channel: u16, method: &Method) {
    frame(out, METHOD, channel, |out| method.encode(out));
}

/// Writes a sign of life.
pub fn encode_heartbeat(out: &mut Vec<u8>) {
    frame(out, HEARTBEAT, 0, |_| {});
}

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub route: &'a Route,
    /// Whether the broker tells when no queue takes it.
    pub mandatory: bool,
    /// Its properties.
    pub properties: &'a Properties,
    /// Its body.
    pub body: &'a [u8],
}

/// Writes a message, in frames of at most `frame_max` bytes (0 = any size).
pub fn encode_publish(out: &mut Vec<u8>, channel: u16, publish: &Publish<'_>, frame_max: usize) {
    let Publish { route, mandatory, properties, body } = *publish;
    let method = Method::Publish { route: route.clone(), mandatory };
    encode_method(out, channel, &method);
    frame(out, HEADER, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(body.len() as u64).to_be_bytes());
        properties.encode(out);
    });
    let most = if frame_max == 0 { usize::MAX } else { frame_max.saturating_sub(AROUND).max(1) };
    for part in body.chunks(most) {
        frame(out, BODY, channel, |out| out.extend_from_slice(part));
    }
}
