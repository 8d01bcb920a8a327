//! Standing in between: what a connection carries, as Nest's frames.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::lacking;
use crate::message::{Delivery, Direction, ReplyKind};
use crate::transport::between::{self, Conversation, Side};
use crate::transport::{Endpoint, Proxy, Result, Tls};
use crate::wire::{NestVersion, packet, tcp};

/// Listens on `address` and connects every client to `upstream`.
pub(super) async fn start(
    address: &str,
    tls: Option<&Tls>,
    upstream: Endpoint,
    secure: bool,
) -> Result<Proxy> {
    let nest = upstream.nest;
    between::start(address, tls, upstream, secure, move |conversation| Tap::new(conversation, nest)).await
}

/// Decodes a connection on the side.
struct Tap {
    conversation: Conversation,
    nest: NestVersion,
    /// `None` once the stream turned out not to be Nest's.
    requests: Option<tcp::Decoder>,
    /// The same for the other direction.
    replies: Option<tcp::Decoder>,
    /// The requests that have no final reply yet.
    open: HashMap<Box<str>, usize>,
}

impl Tap {
    fn new(conversation: Conversation, nest: NestVersion) -> Self {
        let decoder = || Some(tcp::Decoder::new(tcp::MAX_UNITS));
        Self { conversation, nest, requests: decoder(), replies: decoder(), open: HashMap::new() }
    }

    fn decoder(&mut self, side: Side) -> &mut Option<tcp::Decoder> {
        if side == Side::Client { &mut self.requests } else { &mut self.replies }
    }

    fn read(&mut self, side: Side, decoder: &mut tcp::Decoder) -> Result<(), String> {
        while let Some(body) = decoder.next_frame().map_err(|error| error.to_string())? {
            let packet =
                packet::Packet::parse(body).map_err(|error| format!("a frame is not JSON: {error}"))?;
            let delivery = match side {
                Side::Client => self.call(&packet, body.len()),
                Side::Server => self.reply(&packet, body.len()),
            };
            if let Some(id) = &delivery.id {
                match delivery.direction {
                    Direction::Request => *self.open.entry(id.get().into()).or_default() += 1,
                    _ if delivery.is_final => self.close(id.get()),
                    _ => {}
                }
            }
            self.conversation.message(delivery, body.len());
        }
        Ok(())
    }

    fn close(&mut self, id: &str) {
        if let Some(count) = self.open.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(id);
            }
        }
    }

    fn call(&self, packet: &packet::Packet<'_>, size: usize) -> Delivery {
        let called = packet.called();
        let id = packet.id.filter(|_| called.is_request).map(RawValue::to_owned);
        let direction = if called.is_request { Direction::Request } else { Direction::Event };
        let blank = self.conversation.blank(direction, id, size);
        Delivery { pattern: called.pattern, headers: called.headers, data: called.data, ..blank }
    }

    fn reply(&self, packet: &packet::Packet<'_>, size: usize) -> Delivery {
        let reply = packet.reply(self.nest);
        let is_final = reply.is_final();
        let (data, error) = match reply.kind {
            ReplyKind::Refused => (None, reply.data),
            _ => (reply.data, None),
        };
        let id = packet.id.map(RawValue::to_owned);
        Delivery { data, error, is_final, ..self.conversation.blank(Direction::Reply, id, size) }
    }
}

impl between::Tap for Tap {
    fn see(&mut self, side: Side, bytes: &[u8]) {
        let Some(mut decoder) = self.decoder(side).take() else { return };
        decoder.feed(bytes);
        match self.read(side, &mut decoder) {
            Ok(()) => *self.decoder(side) = Some(decoder),
            Err(what) => {
                let who = self.conversation.who(side);
                let text =
                    format!("{who} sent what is not Nest's TCP: {what}; it is passed on, but no longer read");
                self.conversation.finding("not-nest", text);
                // Whether anybody waits cannot be known any more.
                self.open.clear();
            }
        }
    }

    fn end(&mut self, side: Side) {
        if let Some(pending) = self.decoder(side).as_ref().and_then(tcp::Decoder::pending) {
            let who = self.conversation.who(side);
            let text =
                format!("{who} ended its connection in the middle of a message: {}", lacking(&pending));
            self.conversation.finding("half-frame", text);
        }
    }

    fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }
}
