//! HTTP/1.1 read on the side, as it passes: whole requests and responses from the bytes of one direction.
//!
//! Framing is that of RFC 9112 §6; heads are read by `httparse`.

use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::events;
use crate::message::Reply;

/// A head that is longer is none.
const MOST_HEAD: usize = 256 << 10;
const MOST_HEADERS: usize = 256;
/// More of a body is passed on, and not kept.
const MOST_BODY: usize = 64 << 20;

/// What a message begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method and target, as they were sent.
    Request(String, String),
    /// The status.
    Response(StatusCode),
}

/// A message, or one event of a response of events.
#[derive(Debug)]
pub enum Part {
    /// A whole message.
    Whole(Whole),
    /// One reply of a response that is a stream of events.
    Event(StatusCode, Reply),
    /// The end of such a stream.
    End(StatusCode),
    /// From here on these are not HTTP messages: an upgrade, or a tunnel.
    Upgraded(StatusCode),
}

/// A whole message.
#[derive(Debug)]
pub struct Whole {
    /// Request or response.
    pub start: Start,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it was sent; empty where it is too large to be kept.
    pub body: Vec<u8>,
    /// How many bytes the body had.
    pub size: usize,
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From a client.
    Requests,
    /// From a server.
    Responses,
}

/// How much of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Bytes(u64),
    Chunks(Chunk),
    UntilClosed,
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

#[derive(Debug)]
struct Body {
    start: Start,
    headers: HeaderMap,
    left: Left,
    kept: Vec<u8>,
    size: usize,
    events: Option<events::Decoder>,
}

/// Reads one direction of a connection.
#[derive(Debug)]
pub struct Reader {
    side: Side,
    buffer: BytesMut,
    body: Option<Body>,
    is_over: bool,
}

impl Reader {
    /// Reads what goes one way.
    pub fn new(side: Side) -> Self {
        Self { side, buffer: BytesMut::new(), body: None, is_over: false }
    }

    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.is_over {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether it ended within a message.
    pub fn is_within(&self) -> bool {
        let is_open = |body: &Body| body.left != Left::UntilClosed;
        !self.is_over && (!self.buffer.is_empty() || self.body.as_ref().is_some_and(is_open))
    }

    /// The next part there is. `asked` tells the method of the request that a response answers, and is called once
    /// for each response.
    ///
    /// # Errors
    /// What is not HTTP/1, in words; nothing can be read after that.
    pub fn next_part(&mut self, mut asked: impl FnMut() -> Option<String>) -> Result<Option<Part>, String> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                match self.head(&mut asked).inspect_err(|_| self.is_over = true)? {
                    Some(Some(part)) => return Ok(Some(part)),
                    Some(None) => continue,
                    None => return Ok(None),
                }
            };
            if let Some(reply) = body.events.as_mut().and_then(events::Decoder::next_event) {
                return Ok(Some(Part::Event(status(&body.start), reply)));
            }
            let before = self.buffer.len();
            let is_done = body.take(&mut self.buffer).inspect_err(|_| self.is_over = true)?;
            if let Some(reply) = body.events.as_mut().and_then(events::Decoder::next_event) {
                return Ok(Some(Part::Event(status(&body.start), reply)));
            }
            if is_done {
                return Ok(self.body.take().map(Body::end));
            }
            if self.buffer.len() == before {
                return Ok(None);
            }
        }
    }

    /// The connection has ended this way: what a body that lasts until then was.
    pub fn finish(&mut self) -> Option<Part> {
        let body = self.body.take_if(|body| body.left == Left::UntilClosed)?;
        Some(body.end())
    }

    /// Reads a head. `Some(None)`: it was one that nothing is to be told of.
    #[expect(clippy::option_option, reason = "nothing yet, nothing to tell, and something are three")]
    fn head(&mut self, asked: &mut impl FnMut() -> Option<String>) -> Result<Option<Option<Part>>, String> {
        let Some((start, headers, length)) = parse(self.side, &self.buffer)? else {
            if self.buffer.len() > MOST_HEAD {
                return Err(format!("a head of more than {MOST_HEAD} bytes"));
            }
            return Ok(None);
        };
        self.buffer.advance(length);
        let left = match &start {
            Start::Request(..) => request_body(&headers)?,
            Start::Response(status) if status.as_u16() == 101 => {
                self.is_over = true;
                return Ok(Some(Some(Part::Upgraded(*status))));
            }
            // `100 Continue` and the like stand before the response itself.
            Start::Response(status) if status.is_informational() => return Ok(Some(None)),
            Start::Response(status) => match asked().as_deref() {
                Some("CONNECT") if status.is_success() => {
                    self.is_over = true;
                    return Ok(Some(Some(Part::Upgraded(*status))));
                }
                Some("HEAD") => Left::Bytes(0),
                _ if matches!(status.as_u16(), 204 | 304) => Left::Bytes(0),
                _ => response_body(&headers)?,
            },
        };
        let is_events = matches!(start, Start::Response(status) if status.is_success())
            && super::text(&headers, &header::CONTENT_TYPE)
                .is_some_and(|kind| kind.trim_start().starts_with(events::CONTENT_TYPE))
            && !headers.contains_key(header::CONTENT_ENCODING);
        let events = is_events.then(events::Decoder::default);
        self.body = Some(Body { start, headers, left, kept: Vec::new(), size: 0, events });
        Ok(Some(None))
    }
}

fn status(start: &Start) -> StatusCode {
    match start {
        Start::Response(status) => *status,
        Start::Request(..) => StatusCode::OK,
    }
}

/// What `buffer` begins with, and how long that is; `None` where the head is not whole.
fn parse(side: Side, buffer: &[u8]) -> Result<Option<(Start, HeaderMap, usize)>, String> {
    let mut slots = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let told = |error: httparse::Error| error.to_string();
    let (length, start, parsed) = match side {
        Side::Requests => {
            let mut request = httparse::Request::new(&mut slots);
            let httparse::Status::Complete(length) = request.parse(buffer).map_err(told)? else {
                return Ok(None);
            };
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (length, Start::Request(text(request.method), text(request.path)), request.headers)
        }
        Side::Responses => {
            let mut response = httparse::Response::new(&mut slots);
            let httparse::Status::Complete(length) = response.parse(buffer).map_err(told)? else {
                return Ok(None);
            };
            let code = response.code.and_then(|code| StatusCode::from_u16(code).ok());
            (length, Start::Response(code.ok_or("a status that is none")?), response.headers)
        }
    };
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_bytes(header.value).map_err(|error| error.to_string())?;
        headers.append(name, value);
    }
    Ok(Some((start, headers, length)))
}

fn request_body(headers: &HeaderMap) -> Result<Left, String> {
    Ok(framing(headers)?.unwrap_or(Left::Bytes(0)))
}

fn response_body(headers: &HeaderMap) -> Result<Left, String> {
    Ok(framing(headers)?.unwrap_or(Left::UntilClosed))
}

fn framing(headers: &HeaderMap) -> Result<Option<Left>, String> {
    if let Some(coding) = super::text(headers, &header::TRANSFER_ENCODING) {
        let is_chunked = coding.to_ascii_lowercase().trim_end().ends_with("chunked");
        return if is_chunked {
            Ok(Some(Left::Chunks(Chunk::Size)))
        } else {
            Err(format!("the transfer encoding `{coding}`"))
        };
    }
    let Some(length) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = length.to_str().ok().and_then(|text| text.trim().parse().ok());
    length
        .map(|length| Some(Left::Bytes(length)))
        .ok_or_else(|| "a content length that is no number".to_owned())
}

impl Body {
    /// Takes what of `buffer` is its own; says whether it is whole.
    fn take(&mut self, buffer: &mut BytesMut) -> Result<bool, String> {
        loop {
            match &mut self.left {
                Left::Bytes(0) => return Ok(true),
                Left::Bytes(left) => {
                    let taken = portion(buffer, left);
                    if taken.is_empty() {
                        return Ok(false);
                    }
                    self.keep(&taken);
                }
                Left::UntilClosed => {
                    let taken = buffer.split();
                    self.keep(&taken);
                    return Ok(false);
                }
                Left::Chunks(chunk) => {
                    let Some((next, taken)) = take_chunk(*chunk, buffer)? else { return Ok(false) };
                    let Some(next) = next else {
                        self.left = Left::Bytes(0);
                        return Ok(true);
                    };
                    self.left = Left::Chunks(next);
                    self.keep(&taken);
                }
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
        if let Some(events) = &mut self.events {
            if !events.is_flooded() {
                events.feed(bytes);
            }
        } else if self.size <= MOST_BODY {
            self.kept.extend_from_slice(bytes);
        } else {
            self.kept = Vec::new();
        }
    }

    fn end(self) -> Part {
        match self.events {
            Some(_) => Part::End(status(&self.start)),
            None => Part::Whole(Whole {
                start: self.start,
                headers: self.headers,
                body: self.kept,
                size: self.size,
            }),
        }
    }
}

/// As much of `buffer` as is there of the `left` that are awaited.
fn portion(buffer: &mut BytesMut, left: &mut u64) -> BytesMut {
    let there = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= there as u64;
    buffer.split_to(there)
}

/// One step in a chunked body: what is next (`None`: it is whole) and the data taken. `None`: too little is there.
fn take_chunk(chunk: Chunk, buffer: &mut BytesMut) -> Result<Option<(Option<Chunk>, BytesMut)>, String> {
    let nothing = BytesMut::new();
    Ok(match chunk {
        Chunk::Size => match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((length, size))) => {
                buffer.advance(length);
                Some((Some(if size == 0 { Chunk::Trailers } else { Chunk::Data(size) }), nothing))
            }
            Ok(httparse::Status::Partial) => None,
            Err(_) => return Err("a chunk without its size".to_owned()),
        },
        Chunk::Data(mut left) => {
            let taken = portion(buffer, &mut left);
            let next = if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) };
            (!taken.is_empty()).then_some((Some(next), taken))
        }
        Chunk::DataEnd if buffer.len() < 2 => None,
        Chunk::DataEnd if buffer.starts_with(b"\r\n") => {
            buffer.advance(2);
            Some((Some(Chunk::Size), nothing))
        }
        Chunk::DataEnd => return Err("a chunk that is longer than it says".to_owned()),
        Chunk::Trailers => {
            let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
                return if buffer.len() > MOST_HEAD {
                    Err("trailers without an end".to_owned())
                } else {
                    Ok(None)
                };
            };
            let line = buffer.split_to(end + 1);
            let is_last = matches!(&line[..], b"\r\n" | b"\n");
            Some(((!is_last).then_some(Chunk::Trailers), nothing))
        }
    })
}
