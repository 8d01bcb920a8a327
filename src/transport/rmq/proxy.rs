//! Standing in between: what a connection carries, as the messages that are published and delivered on it.
//!
//! Whoever connects may ask, answer, or both. Replies find their requests by correlation id and by the address that the
//! request named: the broker hands direct replies to whoever asked under an address that it makes up, so on the asking
//! side all of a connection's share one.

mod shared;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::value::to_raw_value;

use super::session::refused;
use crate::message::{Delivery, Direction, Pattern};
use crate::transport::between::{self, Conversation, Side};
use crate::transport::recent::Recent;
use crate::transport::{Endpoint, Proxy, Result, Tls};
use crate::wire::NestVersion;
use crate::wire::rmq::{self, Closing, Decoder, GREETING, Incoming, Method, Properties, REPLY_TO, Route};
use shared::Shared;

/// What one direction of a connection holds at most of messages that have not come to their end, in bytes.
const HELD: usize = 64 << 20;
/// How many requests of a connection are remembered.
const REMEMBERED: usize = 10_000;
/// How many queues of one connection are remembered, and how many diagnoses are told of it.
const MOST: usize = 1000;

/// Listens on `address` and connects every client to `upstream`.
pub(super) async fn start(
    address: &str,
    tls: Option<&Tls>,
    upstream: Endpoint,
    secure: bool,
) -> Result<Proxy> {
    let nest = upstream.nest;
    let shared = Arc::new(Mutex::new(Shared::default()));
    between::start(address, tls, upstream, secure, move |conversation| {
        Tap::new(conversation, nest, shared.clone())
    })
    .await
}

/// Which part of an exchange of requests and replies is seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Asking,
    Answering,
}

/// A message, whole or not.
struct Content<'a> {
    properties: &'a Properties,
    /// `None` where it is larger than what is kept.
    body: Option<&'a Bytes>,
    route: &'a Route,
    size: usize,
}

impl Content<'_> {
    /// What a message is told from others by. The broker rewrites nothing of it on the way.
    fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.route.exchange, &self.route.key).hash(&mut hasher);
        (&self.properties.correlation_id, &self.properties.message_id).hash(&mut hasher);
        (self.body, self.size).hash(&mut hasher);
        hasher.finish()
    }

    /// The request that it is, or answers: the address of its replies, and its id.
    fn request(&self, reply_to: &str) -> (String, String) {
        (reply_to.to_owned(), self.properties.correlation_id.clone().unwrap_or_default())
    }
}

/// Decodes a connection on the side.
struct Tap {
    conversation: Conversation,
    nest: NestVersion,
    shared: Arc<Mutex<Shared>>,
    /// `None` once what passes is not AMQP 0-9-1.
    said: Option<Decoder>,
    /// The same for what the broker says.
    heard: Option<Decoder>,
    is_greeted: bool,
    /// Requests without a final reply, by scope and id.
    open: Recent<(u64, String), ()>,
    /// The queues that this connection consumes.
    consumed: HashSet<String>,
    /// The queue that each channel declared last, which it may then leave unnamed.
    declared: HashMap<u16, String>,
    told: HashSet<String>,
}

impl Tap {
    fn new(conversation: Conversation, nest: NestVersion, shared: Arc<Mutex<Shared>>) -> Self {
        Self {
            conversation,
            nest,
            shared,
            said: Some(Decoder::bounded(HELD)),
            heard: Some(Decoder::bounded(HELD)),
            is_greeted: false,
            open: Recent::new(REMEMBERED),
            consumed: HashSet::new(),
            declared: HashMap::new(),
            told: HashSet::new(),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Were a tap to panic, what is remembered is still remembered.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decoder(&mut self, side: Side) -> &mut Option<Decoder> {
        if side == Side::Client { &mut self.said } else { &mut self.heard }
    }

    fn who(&self, side: Side) -> &str {
        if side == Side::Client { self.conversation.who(side) } else { "the broker" }
    }

    fn read(&mut self, side: Side, decoder: &mut Decoder) -> Result<(), String> {
        if side == Side::Client && !self.is_greeted {
            let greeting = decoder.rest();
            if greeting.len() < GREETING.len() && GREETING.starts_with(greeting) {
                return Ok(());
            }
            if !greeting.starts_with(GREETING) {
                let is_other = greeting.starts_with(b"AMQP");
                return Err(if is_other { "another version of AMQP" } else { "no AMQP" }.to_owned());
            }
            decoder.skip(GREETING.len());
            self.is_greeted = true;
        }
        while let Some((channel, incoming)) = decoder.advance().map_err(|error| error.to_string())? {
            let (method, properties, body, length) = match incoming {
                Incoming::Heartbeat => continue,
                Incoming::Method(method) => {
                    self.method(side, channel, method);
                    continue;
                }
                Incoming::Message(method, properties, body) => {
                    let length = body.len();
                    (method, properties, Some(body), length)
                }
                Incoming::Oversized(method, properties, length) => (method, properties, None, length),
            };
            let content =
                |route| Content { properties: &properties, body: body.as_ref(), route, size: length };
            match &method {
                Method::Publish { route, .. } if side == Side::Client => self.published(&content(route)),
                Method::Deliver { route, .. } | Method::GetOk { route, .. } if side == Side::Server => {
                    self.delivered(&content(route));
                }
                Method::Return { route, text, .. } if side == Side::Server => {
                    self.returned(&content(route), text);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes note of what is consumed, and tells what the broker refuses, for Nest's client says nothing of it.
    fn method(&mut self, side: Side, channel: u16, method: Method) {
        match (side, method) {
            (Side::Server, Method::QueueDeclareOk { queue, .. }) => {
                self.declared.insert(channel, queue);
            }
            (Side::Client, Method::Consume { queue, .. }) => {
                let unnamed = || self.declared.get(&channel).cloned().unwrap_or_default();
                let queue = if queue.is_empty() { unnamed() } else { queue };
                if self.consumed.len() < MOST && self.consumed.insert(queue.clone()) {
                    *self.shared().consumed.entry(queue).or_default() += 1;
                }
            }
            (Side::Server, Method::ChannelClose(closing)) => self.closed("a channel", &closing),
            (Side::Server, Method::Close(closing)) => self.closed("the connection", &closing),
            (Side::Server, Method::Blocked { reason }) => {
                self.find("blocked", format!("the broker blocks publishers: {reason}"));
            }
            _ => {}
        }
    }

    fn closed(&mut self, what: &str, closing: &Closing) {
        let who = self.who(Side::Client);
        let error = refused(closing);
        let hint = error.advice().map(|hint| format!("; {hint}")).unwrap_or_default();
        let text = format!("the broker closed {what} of {who}: {}{hint}", closing.text);
        self.find("channel-closed", text);
    }

    /// Tells a diagnosis, unless it was told before.
    fn find(&mut self, code: &'static str, text: String) {
        if self.told.len() < MOST && self.told.insert(text.clone()) {
            self.conversation.finding(code, text);
        }
    }

    /// A message goes to the broker: a request, an event, or a reply to one who asked.
    fn published(&mut self, content: &Content<'_>) {
        let key = &content.route.key;
        let scope = self.scope(Part::Answering, key);
        let is_reply = content.route.exchange.is_empty() && self.is_open(scope, content);
        let mut delivery = self.decoded(content, is_reply);
        if delivery.direction == Direction::Reply {
            delivery.scope = scope;
            self.close(&delivery);
            // Its asker gets it through here as well, and is who it is told for.
            if self.shared().asked.get(&content.request(key)).is_none() {
                self.tell(delivery, content, "basic.publish");
            }
            return;
        }
        if delivery.direction == Direction::Request {
            let reply_to = content.properties.reply_to.clone().unwrap_or_default();
            let is_direct = reply_to.starts_with(REPLY_TO);
            if is_direct || self.shared().consumed.contains_key(&reply_to) {
                delivery.scope = self.scope(Part::Asking, &reply_to);
                if is_direct || self.consumed.contains(&reply_to) {
                    self.open(&delivery);
                }
            } else {
                // The reply does not pass here: by an id it would be told unanswered.
                delivery.id = None;
            }
        }
        // Of a request whose reply is seen only where it is answered, that side is told, too.
        if delivery.direction == Direction::Event || delivery.id.is_some() {
            self.shared().will_come(content.print());
        }
        self.tell(delivery, content, "basic.publish");
    }

    /// A message comes from the broker: to one who serves, or to one who asked.
    fn delivered(&mut self, content: &Content<'_>) {
        let scope = self.scope(Part::Asking, &content.route.key);
        let is_reply = content.route.exchange.is_empty() && self.is_open(scope, content);
        let mut delivery = self.decoded(content, is_reply);
        match delivery.direction {
            Direction::Reply => {
                delivery.scope = scope;
                self.close(&delivery);
            }
            Direction::Request => {
                let reply_to = content.properties.reply_to.clone().unwrap_or_default();
                delivery.scope = self.scope(Part::Answering, &reply_to);
                self.open(&delivery);
                let mut shared = self.shared();
                if shared.was_told(content.print()) {
                    shared.asked.insert(content.request(&reply_to), ());
                    return;
                }
            }
            Direction::Event => {
                if self.shared().was_told(content.print()) {
                    return;
                }
            }
        }
        self.tell(delivery, content, "basic.deliver");
    }

    /// No queue took a message.
    fn returned(&mut self, content: &Content<'_>, text: &str) {
        let delivery = self.decoded(content, false);
        let Route { exchange, key } = content.route;
        let by = if exchange.is_empty() { String::new() } else { format!(" of the exchange `{exchange}`") };
        let pattern = delivery.pattern.as_ref().map_or("a message", Pattern::as_str);
        let who = self.who(Side::Client);
        let text = format!("`{pattern}` came back to {who}: no queue takes `{key}`{by} ({text})");
        self.find("unroutable", text);
        self.shared().was_told(content.print());
        if let (Some(id), Some(reply_to)) = (delivery.id, &content.properties.reply_to) {
            let scope = self.scope(Part::Asking, reply_to);
            self.open.remove(&(scope, id.get().to_owned()));
        }
    }

    fn decoded(&self, content: &Content<'_>, is_reply: bool) -> Delivery {
        let none = Bytes::new();
        let body = content.body.unwrap_or(&none);
        let Content { properties, route, .. } = content;
        let mut delivery = if is_reply {
            rmq::answered(properties, body, route, self.nest)
        } else {
            rmq::delivery(properties, body, route, self.nest)
        };
        if content.body.is_none() {
            delivery.data = None;
            // What its body says of it is not known: the address for replies must do.
            if !is_reply && properties.reply_to.is_some() {
                delivery.direction = Direction::Request;
                delivery.id = properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok());
            }
        }
        Delivery { size: content.size, ..delivery }
    }

    fn tell(&mut self, mut delivery: Delivery, content: &Content<'_>, method: &str) {
        if content.body.is_none() {
            let Content { route, size, .. } = content;
            let text = format!("a message for `{}` has {size} bytes, which is too many to show", route.key);
            self.find("too-large", text);
        }
        let named = [("method", method), ("connection", self.who(Side::Client))];
        let meta = named.map(|(name, value)| Some((name.to_owned(), to_raw_value(value).ok()?)));
        delivery.meta.extend(meta.into_iter().flatten());
        let size = if content.body.is_some() { content.size } else { 0 };
        self.conversation.message(delivery, size);
    }

    /// What requests and replies share. Who asks directly gets replies on the connection that it asked on, wherever they
    /// were sent to.
    fn scope(&self, part: Part, address: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        part.hash(&mut hasher);
        if part == Part::Asking && address.starts_with(REPLY_TO) {
            self.who(Side::Client).hash(&mut hasher);
        } else {
            address.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn is_open(&self, scope: u64, content: &Content<'_>) -> bool {
        let id = content.properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok());
        id.is_some_and(|id| self.open.get(&(scope, id.get().to_owned())).is_some())
    }

    fn open(&mut self, request: &Delivery) {
        if let Some(id) = &request.id {
            self.open.insert((request.scope, id.get().to_owned()), ());
        }
    }

    fn close(&mut self, reply: &Delivery) {
        if let Some(id) = reply.id.as_ref().filter(|_| reply.is_final) {
            self.open.remove(&(reply.scope, id.get().to_owned()));
        }
    }
}

impl between::Tap for Tap {
    fn see(&mut self, side: Side, bytes: &[u8]) {
        let Some(mut decoder) = self.decoder(side).take() else { return };
        decoder.feed(bytes);
        match self.read(side, &mut decoder) {
            Ok(()) => *self.decoder(side) = Some(decoder),
            Err(what) => {
                let who = self.who(side);
                let text =
                    format!("{who} sent what is not AMQP 0-9-1: {what}; it is passed on, but no longer read");
                self.conversation.finding("not-amqp", text);
                (self.said, self.heard) = (None, None);
                // Whether anybody waits cannot be known any more.
                self.open.clear();
            }
        }
    }

    fn end(&mut self, side: Side) {
        let is_halfway = self.decoder(side).as_ref().is_some_and(Decoder::is_halfway);
        if is_halfway {
            let who = self.who(side);
            let text = format!("{who} ended its connection in the middle of a message");
            self.conversation.finding("half-frame", text);
        }
        // Nobody is asked or answered on it any more.
        self.open.clear();
    }

    fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in &self.consumed {
            if let Some(count) = shared.consumed.get_mut(queue) {
                *count -= 1;
                if *count == 0 {
                    shared.consumed.remove(queue);
                }
            }
        }
    }
}
