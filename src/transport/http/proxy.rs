//! Standing in between: what a connection carries, as requests and their responses.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, StatusCode, header};
use serde_json::value::{RawValue, to_raw_value};

use crate::message::{Data, Delivery, Direction, Pattern, Reply, ReplyKind};
use crate::transport::between::{self, Conversation, Side};
use crate::transport::{Endpoint, Proxy, Result, Tls};
use crate::wire::http as wire;
use crate::wire::http::reader::{self, Part, Reader, Start, Whole};

/// What a client that speaks HTTP/2 from the start sends first (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0";

/// Listens on `address` and connects every client to `upstream`.
pub(super) async fn start(
    address: &str,
    tls: Option<&Tls>,
    upstream: Endpoint,
    secure: bool,
) -> Result<Proxy> {
    // Over all connections: a recording has no other way to tell their requests apart.
    let asked = Arc::new(AtomicU64::new(0));
    between::start(address, tls, upstream, secure, move |conversation| Tap::new(conversation, asked.clone()))
        .await
}

/// Reads a connection on the side.
struct Tap {
    conversation: Conversation,
    /// `None` once what passes is not HTTP/1 any more.
    requests: Option<Reader>,
    /// The same for the other direction.
    replies: Option<Reader>,
    /// The requests that have no whole response yet, in order: their numbers and methods.
    open: VecDeque<(u64, String)>,
    /// How many requests there were, on all connections.
    asked: Arc<AtomicU64>,
    is_begun: bool,
}

impl Tap {
    fn new(conversation: Conversation, asked: Arc<AtomicU64>) -> Self {
        let reader = |side| Some(Reader::new(side));
        let (requests, replies) = (reader(reader::Side::Requests), reader(reader::Side::Responses));
        Self { conversation, requests, replies, open: VecDeque::new(), asked, is_begun: false }
    }

    fn read(&mut self, side: Side) {
        while let Some(reader) = if side == Side::Client { &mut self.requests } else { &mut self.replies } {
            let asked = || self.open.front().map(|(_, method)| method.clone());
            match reader.next_part(asked) {
                Ok(None) => return,
                Ok(Some(part)) => self.tell(part),
                Err(what) => {
                    let who = self.conversation.who(side);
                    let why = format!("{who} sent what is not HTTP/1: {what}");
                    self.stop("not-http", &why);
                }
            }
        }
    }

    /// Nothing on this connection is read any more.
    fn stop(&mut self, code: &'static str, why: &str) {
        self.conversation.finding(code, format!("{why}; it is passed on, but no longer read"));
        (self.requests, self.replies) = (None, None);
        self.open.clear();
    }

    fn tell(&mut self, part: Part) {
        match part {
            Part::Whole(Whole { start: Start::Request(method, target), headers, body, size }) => {
                let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
                let pattern = Pattern::Text(format!("{method} {target}"));
                let data = self.data(&headers, &body, size, pattern.as_str());
                let named = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                let headers = wire::headers(named);
                let blank = self.conversation.blank(Direction::Request, id_of(number), size);
                self.open.push_back((number, method));
                self.conversation.message(Delivery { pattern: Some(pattern), headers, data, ..blank }, size);
            }
            Part::Whole(Whole { start: Start::Response(status), headers, body, size }) => {
                let data = self.data(&headers, &body, size, "a response");
                let mut reply = wire::reply(status, &headers, &[]);
                reply.data = data.or(reply.data);
                self.reply(reply, size);
            }
            Part::Event(_, reply) => {
                let size = reply.data.as_ref().map_or(0, |data| data.as_bytes().len());
                self.reply(reply, size);
            }
            Part::End(status) => {
                let reply = wire::reply(status, &HeaderMap::new(), &[]);
                self.reply(Reply { kind: ReplyKind::End, ..reply }, 0);
            }
            Part::Upgraded(status) => {
                self.reply(wire::reply(status, &HeaderMap::new(), &[]), 0);
                self.stop("upgraded", upgraded(status));
            }
        }
    }

    /// The body of a message, unpacked.
    fn data(&self, headers: &HeaderMap, body: &[u8], size: usize, what: &str) -> Option<Data> {
        if body.is_empty() {
            if size > 0 {
                let text = format!("the body of {what} has {size} bytes, which is too many to show");
                self.conversation.finding("too-large", text);
            }
            return None;
        }
        let encoding = wire::text(headers, &header::CONTENT_ENCODING);
        match wire::unpacked(encoding, body) {
            Ok(body) => Some(Data::classify(&body)),
            Err(fault) => {
                self.conversation.finding("not-packed", format!("{what}: {fault}"));
                Some(Data::classify(body))
            }
        }
    }

    fn reply(&mut self, reply: Reply, size: usize) {
        let is_final = reply.is_final();
        let id = if is_final { self.open.pop_front() } else { self.open.front().cloned() };
        let (data, error) = match reply.kind {
            ReplyKind::Refused => (None, reply.data),
            _ => (reply.data, None),
        };
        let id = id.and_then(|(number, _)| id_of(number));
        let blank = self.conversation.blank(Direction::Reply, id, size);
        let delivery = Delivery { headers: reply.headers, data, error, is_final, ..blank };
        self.conversation.message(delivery, size);
    }
}

fn id_of(number: u64) -> Option<Box<RawValue>> {
    to_raw_value(&number).ok()
}

fn upgraded(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SWITCHING_PROTOCOLS => "the connection was upgraded, to a WebSocket most likely",
        _ => "the connection became a tunnel",
    }
}

impl between::Tap for Tap {
    fn see(&mut self, side: Side, bytes: &[u8]) {
        if side == Side::Client && !std::mem::replace(&mut self.is_begun, true) && bytes.starts_with(HTTP2) {
            return self.stop("http2", "a client speaks HTTP/2");
        }
        let reader = if side == Side::Client { &mut self.requests } else { &mut self.replies };
        if let Some(reader) = reader {
            reader.feed(bytes);
            self.read(side);
        }
    }

    fn end(&mut self, side: Side) {
        let reader = if side == Side::Client { &mut self.requests } else { &mut self.replies };
        let Some(reader) = reader else { return };
        let is_within = reader.is_within();
        if let Some(part) = reader.finish() {
            self.tell(part);
        }
        if is_within {
            let who = self.conversation.who(side);
            let text = format!("{who} ended its connection in the middle of a message");
            self.conversation.finding("half-message", text);
        }
        if side == Side::Server {
            // Nobody is answered any more.
            self.open.clear();
        }
    }

    fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }
}
