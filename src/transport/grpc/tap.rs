//! What a proxy sees of one call: its messages, as they pass, and its status.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use serde_json::value::{RawValue, to_raw_value};

use super::link::LARGEST;
use super::{Method, Wording};
use crate::fault::Fault;
use crate::message::{Data, Delivery, Direction, Finding, Headers, Pattern, STREAMED, Streamed};
use crate::transport::{Event, FeedSender};
use crate::wire::grpc::frames::Frames;
use crate::wire::grpc::{json, metadata, status};

/// One call, as both of its directions know it.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) sender: FeedSender,
    pub(super) path: String,
    /// `None` where the schema is not known.
    pub(super) method: Option<Method>,
    pub(super) wording: Wording,
    pub(super) scope: u64,
    pub(super) number: u64,
}

/// Which way the messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl Seen {
    fn name(&self) -> &str {
        self.path.trim_start_matches('/')
    }

    /// What tells a request that is a stream of messages, so that it can be sent again, and played.
    fn streamed(&self) -> Option<(String, Box<RawValue>)> {
        let method = self.method.as_ref().filter(|method| method.takes_stream())?;
        let who = if method.answers_once() { Streamed::Client } else { Streamed::Both };
        Some((STREAMED.to_owned(), to_raw_value(&who).ok()?))
    }

    fn tell(&self, direction: Direction, size: usize, fill: impl FnOnce(&mut Delivery)) {
        let mut delivery = Delivery::new(direction, size);
        delivery.id = status::id(self.number);
        delivery.scope = self.scope;
        if direction != Direction::Reply {
            delivery.pattern = Some(Pattern::Text(self.name().to_owned()));
        }
        fill(&mut delivery);
        self.sender.push(Event::Message(Box::new(delivery)), size);
    }

    pub(super) fn find(&self, code: &'static str, text: String) {
        self.sender.push(Event::Finding(Finding { code: code.into(), text }), 0);
    }

    fn read(&self, side: Side, bytes: Bytes) -> Data {
        let described = self.method.as_ref().and_then(|method| method.descriptor.as_ref());
        let Some(method) = described else { return Data::Binary(bytes) };
        let desc = if side == Side::Client { method.input() } else { method.output() };
        json::decode(bytes.clone(), &desc, self.wording.defaults).unwrap_or_else(|fault| {
            self.find(
                "misfit-message",
                format!("a message of `{}` does not fit its schema: {fault}", self.name()),
            );
            Data::Binary(bytes)
        })
    }
}

/// A body that is looked at as it passes.
pub(super) struct Tap {
    body: Incoming,
    seen: Seen,
    side: Side,
    /// `None` once it turned out not to be gRPC.
    frames: Option<Frames>,
    headers: Headers,
    /// How many messages there were.
    count: u64,
    /// The only reply of a call, which waits for the status behind it.
    held: Option<(Data, usize)>,
    ended: bool,
}

impl Tap {
    /// Looks at what the client sends, whose head is `head`.
    pub(super) fn request(body: Incoming, seen: Seen, head: &HeaderMap) -> Self {
        Self::new(body, seen, Side::Client, head)
    }

    /// Looks at what the service answers, whose head is `head`. A status may stand there already.
    pub(super) fn reply(body: Incoming, seen: Seen, head: &HeaderMap) -> Self {
        let mut tap = Self::new(body, seen, Side::Server, head);
        if head.contains_key("grpc-status") {
            tap.headers.clear();
            tap.finish(head);
        }
        tap
    }

    fn new(body: Incoming, seen: Seen, side: Side, head: &HeaderMap) -> Self {
        let encoding = head.get("grpc-encoding").and_then(|value| value.to_str().ok());
        let frames = Some(Frames::new(encoding, LARGEST));
        Self { body, seen, side, frames, headers: metadata::read(head), count: 0, held: None, ended: false }
    }

    fn data(&mut self, bytes: &[u8]) {
        let Some(mut frames) = self.frames.take() else { return };
        frames.feed(bytes);
        loop {
            match frames.next_message() {
                Ok(Some(message)) => self.message(message),
                Ok(None) => break,
                Err(fault) => return self.lost(&fault),
            }
        }
        self.frames = Some(frames);
    }

    fn lost(&self, fault: &Fault) {
        let who = if self.side == Side::Client { "the client" } else { "the service" };
        let text = format!(
            "{who} sent what is not gRPC in a call of `{}`: {fault}; it is passed on, but no longer read",
            self.seen.name()
        );
        self.seen.find("not-grpc", text);
    }

    fn message(&mut self, message: Bytes) {
        self.count += 1;
        let size = message.len();
        let data = self.seen.read(self.side, message);
        let headers = std::mem::take(&mut self.headers);
        if self.side == Side::Client {
            // The first is the request; those that follow it in a stream are answered with it.
            let direction = if self.count == 1 { Direction::Request } else { Direction::Event };
            let streamed = self.seen.streamed().filter(|_| direction == Direction::Request);
            return self.seen.tell(direction, size, |delivery| {
                delivery.data = Some(data);
                delivery.headers = headers;
                delivery.meta.extend(streamed);
            });
        }
        self.headers = headers;
        let is_only = self.seen.method.as_ref().is_some_and(Method::answers_once);
        let ready = if is_only { self.held.replace((data, size)) } else { Some((data, size)) };
        if let Some(ready) = ready {
            self.value(ready, false);
        }
    }

    fn value(&mut self, (data, size): (Data, usize), is_final: bool) {
        let headers = std::mem::take(&mut self.headers);
        self.seen.tell(Direction::Reply, size, |delivery| {
            delivery.data = Some(data);
            delivery.headers = headers;
            delivery.is_final = is_final;
        });
    }

    /// The status, which stands in the trailers, or in the head where nothing came before it.
    fn finish(&mut self, trailers: &HeaderMap) {
        if self.ended {
            return;
        }
        self.ended = true;
        let (code, message) = status::of(trailers).unwrap_or_default();
        let held = self.held.take();
        if code == 0 {
            self.headers.extend(metadata::read(trailers));
            return match held {
                Some(held) => self.value(held, true),
                None => self.end(None),
            };
        }
        if let Some(held) = held {
            self.value(held, false);
        }
        self.headers.extend(metadata::read(trailers));
        self.end(Some(status::to_data(code, &message)));
    }

    fn end(&mut self, error: Option<Data>) {
        let headers = std::mem::take(&mut self.headers);
        let size = error.as_ref().map_or(0, |error| error.as_bytes().len());
        self.seen.tell(Direction::Reply, size, |delivery| {
            delivery.headers = headers;
            delivery.error = error;
            delivery.is_final = true;
        });
    }

    /// The client has said everything. A stream may be empty.
    fn close(&mut self) {
        if self.side == Side::Client && self.count == 0 && !self.ended {
            self.ended = true;
            let headers = std::mem::take(&mut self.headers);
            let streamed = self.seen.streamed();
            self.seen.tell(Direction::Request, 0, |delivery| {
                delivery.headers = headers;
                delivery.meta.extend(streamed);
            });
        }
    }
}

impl Body for Tap {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    self.data(bytes);
                } else if let (Side::Server, Some(trailers)) = (self.side, frame.trailers_ref()) {
                    self.finish(trailers);
                }
                if self.side == Side::Client && self.body.is_end_stream() {
                    self.close();
                }
            }
            Poll::Ready(None) => self.close(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
