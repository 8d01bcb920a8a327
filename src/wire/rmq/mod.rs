//! Nest over RabbitMQ (`wire.md` §7): the AMQP 0-9-1 it speaks, and what its messages mean.
//!
//! The pattern stands in the body, whatever exchange and routing key a message takes. A request has an `id` there and
//! a correlation id and an address for replies beside it; its replies have the correlation id alone.

mod frame;
mod method;
mod properties;
#[cfg(test)]
mod tests;
mod topic;
mod trace;
mod value;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::NestVersion;
use super::packet::{self, Packet};
use crate::message::{Called, Data, Delivery, Direction, Message, Reply, ReplyKind};

pub use frame::{Decoder, GREETING, Incoming, Publish, encode_heartbeat, encode_method, encode_publish};
pub use method::{Closing, Method, Route};
pub use properties::Properties;
pub use topic::covers;
pub use trace::{Step, Trace};
pub use value::{Malformed, Table, Value, from_headers, member};

/// Where the broker hands replies to whoever asked, without a queue.
pub const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Writes the body of `message`: a request if it has an `id`. Headers are none of the body's.
pub fn encode_body(out: &mut Vec<u8>, message: &Message, id: Option<&str>) {
    if message.raw {
        out.extend_from_slice(message.data.as_ref().map_or(&[], Data::as_bytes));
    } else {
        packet::encode_body(out, message, id);
    }
}

/// What Nest's client sends beside a body: headers always, and how to answer where somebody waits.
pub fn properties(message: &Message, asked: Option<(&str, &str)>, is_persistent: bool) -> Properties {
    Properties {
        headers: Some(from_headers(&message.headers)),
        delivery_mode: Some(if is_persistent { 2 } else { 1 }),
        correlation_id: asked.map(|(id, _)| id.to_owned()),
        reply_to: asked.map(|(_, reply_to)| reply_to.to_owned()),
        ..Properties::default()
    }
}

/// What Nest's service sends beside a reply.
pub fn reply_properties(correlation_id: Option<String>) -> Properties {
    Properties { headers: Some(Table::new()), correlation_id, ..Properties::default() }
}

/// Writes the reply for a pattern that nothing handles: the only one that has the request's `id`.
pub fn encode_no_handler(out: &mut Vec<u8>, id: &RawValue) {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id.get().as_bytes());
    out.extend_from_slice(b",\"err\":\"");
    out.extend_from_slice(packet::NO_HANDLER.as_bytes());
    out.extend_from_slice(b"\",\"status\":\"error\"}");
}

fn parse(body: &[u8]) -> Option<Packet<'_>> {
    Packet::parse(std::str::from_utf8(body).ok()?).ok()
}

/// What a service is asked by a message from its queue, and the `id` of its body.
pub fn called(properties: &Properties, body: &[u8], route: &Route) -> (Called, Option<Box<RawValue>>) {
    let headers = properties.headers.as_ref().map(value::to_headers).unwrap_or_default();
    let dest = Some(route.key.clone());
    let Some(packet) = parse(body) else {
        // What is not JSON is an event without a pattern (`wire.md` §1.1).
        let data = Some(Data::classify(body));
        return (Called { pattern: None, dest, data, headers, is_request: false }, None);
    };
    let called = packet.called();
    // Without an address nobody hears the answer, and Nest sends none.
    let is_request = called.is_request && properties.reply_to.is_some();
    (Called { dest, headers, is_request, ..called }, packet.id.map(RawValue::to_owned))
}

/// Reads a message as Nest's client of `nest` reads a reply.
pub fn reply(properties: &Properties, body: &[u8], nest: NestVersion) -> Reply {
    let headers = properties.headers.as_ref().map(value::to_headers).unwrap_or_default();
    if let Some(packet) = parse(body) {
        return Reply { headers, ..packet.reply(nest) };
    }
    let data = Some(Data::classify(body));
    Reply { kind: ReplyKind::Next { last: true }, data, headers }
}

/// What a message is to somebody who watches.
pub fn delivery(properties: &Properties, body: &Bytes, route: &Route, nest: NestVersion) -> Delivery {
    let packet = parse(body);
    let headers = properties.headers.as_ref().map(value::to_headers).unwrap_or_default();
    let dest = Some(route.key.clone());
    let meta = meta(properties, route);
    let id = properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok());
    let blank = |direction| Delivery { dest, headers, meta, ..Delivery::new(direction, body.len()) };
    if is_reply(properties, packet.as_ref(), route) {
        return answered(properties, body, route, nest);
    }
    let Some(packet) = packet else {
        return Delivery { data: Some(Data::classify(body)), ..blank(Direction::Event) };
    };
    let called = packet.called();
    // Without an address nobody hears the answer, and Nest sends none.
    if !called.is_request || properties.reply_to.is_none() {
        return Delivery { pattern: called.pattern, data: called.data, ..blank(Direction::Event) };
    }
    let id = id.or_else(|| packet.id.map(RawValue::to_owned));
    let scope = scope(properties.reply_to.as_deref().unwrap_or_default());
    Delivery { pattern: called.pattern, data: called.data, id, scope, ..blank(Direction::Request) }
}

/// What a reply is to somebody who watches, and who knows that it is one.
pub fn answered(properties: &Properties, body: &Bytes, route: &Route, nest: NestVersion) -> Delivery {
    let reply = reply(properties, body, nest);
    let is_final = reply.is_final();
    let (data, error) = match reply.kind {
        ReplyKind::Refused => (None, reply.data),
        _ => (reply.data, None),
    };
    Delivery {
        dest: Some(route.key.clone()),
        id: properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok()),
        scope: scope(&route.key),
        headers: reply.headers,
        meta: meta(properties, route),
        data,
        error,
        is_final,
        ..Delivery::new(Direction::Reply, body.len())
    }
}

/// A reply goes to an address that a request named, by the default exchange, and has no pattern.
fn is_reply(properties: &Properties, packet: Option<&Packet<'_>>, route: &Route) -> bool {
    if !route.exchange.is_empty() || properties.correlation_id.is_none() {
        return false;
    }
    let Some(packet) = packet else { return route.key.starts_with(REPLY_TO) };
    let has_answer = packet.response.is_some() || packet.err.is_some() || packet.is_disposed.is_some();
    packet.pattern.is_none() && (has_answer || route.key.starts_with(REPLY_TO))
}

/// Requests and replies of one asker share the address of its replies.
pub fn scope(reply_to: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    reply_to.hash(&mut hasher);
    hasher.finish()
}

/// The properties and the way of a message, by AMQP's names.
fn meta(properties: &Properties, route: &Route) -> Vec<(String, Box<RawValue>)> {
    let mut meta = Vec::new();
    let mut put = |name: &str, value: Option<Box<RawValue>>| {
        meta.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("exchange", to_raw_value(&route.exchange).ok());
    put("routing_key", to_raw_value(&route.key).ok());
    let texts = [
        ("content_type", &properties.content_type),
        ("content_encoding", &properties.content_encoding),
        ("correlation_id", &properties.correlation_id),
        ("reply_to", &properties.reply_to),
        ("expiration", &properties.expiration),
        ("message_id", &properties.message_id),
        ("type", &properties.kind),
        ("user_id", &properties.user_id),
        ("app_id", &properties.app_id),
    ];
    for (name, text) in texts {
        put(name, text.as_ref().and_then(|text| to_raw_value(text).ok()));
    }
    put("delivery_mode", properties.delivery_mode.and_then(|mode| to_raw_value(&mode).ok()));
    put("priority", properties.priority.and_then(|priority| to_raw_value(&priority).ok()));
    put("timestamp", properties.timestamp.and_then(|seconds| to_raw_value(&seconds).ok()));
    meta
}

/// Where a dead letter died last, and of what: the first entry of `x-death`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The queue it lay in.
    pub queue: String,
    /// `rejected`, `expired`, `maxlen`, `delivery_limit`.
    pub reason: String,
    /// How often that has happened there.
    pub count: i64,
}

impl Properties {
    /// Where the message died last; `None` where it never did.
    pub fn death(&self) -> Option<Death> {
        let deaths = member(self.headers.as_ref()?, "x-death")?.as_array()?;
        let last = deaths.first()?.as_table()?;
        let text = |name| member(last, name).and_then(Value::as_text).map(str::to_owned);
        Some(Death {
            queue: text("queue")?,
            reason: text("reason")?,
            count: member(last, "count").and_then(Value::as_int).unwrap_or(1),
        })
    }
}
