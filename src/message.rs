//! The words all layers share: what a message is, before it is bytes and after it was.
//!
//! Payloads stay the text they came as (`wire.md` §11.13: lone surrogates, `1e400`, key order), so nothing
//! here parses them.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

/// A payload.
#[derive(Clone, Debug)]
pub enum Data {
    /// One JSON text, byte for byte as it came.
    Json(Box<RawValue>),
    /// UTF-8 that is not JSON.
    Text(String),
    /// Anything else.
    Binary(Bytes),
}

impl Data {
    /// Classifies bytes: JSON, else UTF-8, else binary.
    pub fn classify(bytes: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else { return Self::Binary(Bytes::copy_from_slice(bytes)) };
        match serde_json::from_str::<Box<RawValue>>(text) {
            Ok(json) => Self::Json(json),
            Err(_) => Self::Text(text.to_owned()),
        }
    }

    /// JSON from a text that must be JSON.
    ///
    /// # Errors
    /// The parser's, with line and column.
    pub fn json(text: impl Into<String>) -> serde_json::Result<Self> {
        RawValue::from_string(text.into()).map(Self::Json)
    }

    /// The bytes as they travel.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Json(json) => json.get().as_bytes(),
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

/// What a message is addressed to: Nest's pattern, as its sender wrote it.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A string pattern, without quotes.
    Text(String),
    /// Anything else that JSON has, as it was written: an object, a number, a string with a lone surrogate.
    Json(Box<RawValue>),
}

impl Pattern {
    /// How a person reads it: the text, or the JSON.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Json(json) => json.get(),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        matches!(self, Self::Text(_)) == matches!(other, Self::Text(_)) && self.as_str() == other.as_str()
    }
}

/// One header, property or metadata value.
#[derive(Clone, Debug)]
pub enum HeaderValue {
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8.
    Binary(Bytes),
    /// A JSON value that is not a string (TCP and Redis metadata, AMQP tables).
    Json(Box<RawValue>),
}

/// Headers in the order they came; a name may repeat.
pub type Headers = Vec<(String, HeaderValue)>;

/// The header of a reply that is HTTP's status, by its name in HTTP/2 (RFC 9113 §8.3.2).
pub const STATUS: &str = ":status";

/// What of a watched message's [`Delivery::meta`] says that it begins a request of several messages: a [`Streamed`].
pub const STREAMED: &str = "stream";

/// Who has several messages in a request. Those that follow the first are told as events with its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Streamed {
    /// The client; the service answers all of them once.
    Client,
    /// Both: each may be answered, or not.
    Both,
}

/// The key of an object in a payload that is a file's content: what the file is called.
pub const ATTACHED: &str = "@file";

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Whom it is for.
    pub pattern: Pattern,
    /// The payload; `None` drops the key, as Nest does for a record built without data.
    pub data: Option<Data>,
    /// Headers, properties, metadata: whatever this transport calls them.
    pub headers: Headers,
    /// The payload goes as it is, without Nest's envelope.
    pub raw: bool,
}

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// A value; `last` if it also ends the stream.
    Next {
        /// No more will come.
        last: bool,
    },
    /// The service's error: an answer, not a failure of ours. Nothing follows.
    Refused,
    /// The end of a stream, without a value.
    End,
}

/// One reply to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Value, error or end.
    pub kind: ReplyKind,
    /// The value or the error; `None` at the end, and where Nest reads `undefined`.
    pub data: Option<Data>,
    /// Headers of the reply, where the transport has any.
    pub headers: Headers,
}

impl Reply {
    /// Whether nothing follows this one.
    pub fn is_final(&self) -> bool {
        !matches!(self.kind, ReplyKind::Next { last: false })
    }

    /// HTTP's status, where it has one.
    pub fn status(&self) -> Option<&str> {
        self.text(STATUS)
    }

    /// The text of the header `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(other, value)| match value {
            HeaderValue::Text(text) if other == name => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Which way a watched message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A request: somebody waits for an answer.
    Request,
    /// An answer.
    Reply,
    /// An event: nobody waits.
    Event,
}

/// A message that was seen on its way.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When eyas saw it.
    pub at: jiff::Timestamp,
    /// Request, reply or event.
    pub direction: Direction,
    /// The pattern; `None` on replies and on what Nest calls foreign.
    pub pattern: Option<Pattern>,
    /// Subject, channel, queue or topic, where the transport has one.
    pub dest: Option<String>,
    /// The id as JSON text (`"3b81…"`, `7`, `null`): what pairs a reply with its request.
    pub id: Option<Box<RawValue>>,
    /// What makes `id` unique: the connection, the inbox. Requests and replies of one conversation share it.
    pub scope: u64,
    /// Headers, properties, metadata.
    pub headers: Headers,
    /// The payload; on an error reply `None`.
    pub data: Option<Data>,
    /// The error of an error reply.
    pub error: Option<Data>,
    /// Whether a reply is the last one.
    pub is_final: bool,
    /// Its number in the log it was read from, where the broker keeps one.
    pub position: Option<u64>,
    /// Size on the wire, in bytes, without framing.
    pub size: usize,
    /// What only this transport has, by name, as JSON.
    pub meta: Vec<(String, Box<RawValue>)>,
}

impl Delivery {
    /// A message of `size` bytes, seen now, of which nothing else is known yet.
    pub fn new(direction: Direction, size: usize) -> Self {
        Self {
            at: jiff::Timestamp::now(),
            direction,
            pattern: None,
            dest: None,
            id: None,
            scope: 0,
            headers: Vec::new(),
            data: None,
            error: None,
            is_final: false,
            position: None,
            size,
            meta: Vec::new(),
        }
    }
}

/// A diagnosis in words, with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A short stable name: `not-nest`, `unmatched-reply`.
    pub code: Cow<'static, str>,
    /// What is going on and what to do, in one or two sentences.
    pub text: String,
}

/// A request that was received and wants an answer, or an event that wants none.
#[derive(Clone, Debug)]
pub struct Called {
    /// The pattern as it came, or of the handler where a wildcard found it; `None` where the packet had none.
    pub pattern: Option<Pattern>,
    /// Subject, channel, queue or topic, where the transport has one.
    pub dest: Option<String>,
    /// The payload.
    pub data: Option<Data>,
    /// Headers, properties, metadata.
    pub headers: Headers,
    /// Whether somebody waits for an answer.
    pub is_request: bool,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To the first reply, then between replies.
    pub reply: Duration,
    /// To a connection, TLS and login included.
    pub connect: Duration,
}
