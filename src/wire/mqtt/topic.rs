//! What Nest makes of topics: its services route by the topic and ignore the pattern in the body (`wire.md` §1.1).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::value::{RawValue, to_raw_value};

use super::{Qos, Received};
use crate::fault::Fault;
use crate::message::{Called, Data, Delivery, Direction, HeaderValue, Headers, Pattern, ReplyKind};
use crate::wire::NestVersion;
use crate::wire::packet::Packet;

/// What Nest puts behind a topic for its replies.
const REPLY: &str = "/reply";

/// The topic that replies to requests on `topic` come on, to all its clients (`wire.md` §6).
pub fn reply_topic(topic: &str) -> String {
    format!("{topic}{REPLY}")
}

/// Whether `topic` can be published to.
///
/// # Errors
/// No topic, wildcards, a null character, more than 65535 bytes.
pub fn check_topic(topic: &str) -> Result<(), Fault> {
    let wrong = |what: &str| Fault::new(format!("`{topic}` cannot be a topic of MQTT: {what}"));
    if topic.is_empty() {
        return Err(Fault::new("an empty pattern cannot be a topic of MQTT").hint("name a topic"));
    }
    if let Some(wild) = topic.chars().find(|c| matches!(c, '+' | '#')) {
        return Err(wrong(&format!("it holds `{wild}`")).hint("wildcards are for those who subscribe"));
    }
    if topic.contains('\0') {
        return Err(wrong("it holds a null character"));
    }
    if topic.len() > usize::from(u16::MAX) {
        return Err(Fault::new(format!("the topic has {} bytes, MQTT takes 65535", topic.len())));
    }
    Ok(())
}

/// Whether `filter` can be subscribed to; the broker may end the connection for one that cannot.
///
/// # Errors
/// No filter, a wildcard beside other characters or before the end, a null character, more than 65535 bytes.
pub fn check_filter(filter: &str) -> Result<(), Fault> {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let is_wrong = match level {
            "#" => levels.peek().is_some(),
            "+" => false,
            level => level.contains(['+', '#', '\0']),
        };
        if is_wrong {
            return Err(Fault::new(format!("`{filter}` cannot be subscribed to over MQTT")).hint(
                "`+` is one whole level, `#` all that follow and the last: `orders/+/paid`, `orders/#`",
            ));
        }
    }
    match filter.len() {
        0 => Err(Fault::new("an empty pattern cannot be subscribed to over MQTT")),
        1..=0xFFFF => Ok(()),
        length => Err(Fault::new(format!("the topic has {length} bytes, MQTT takes 65535"))),
    }
}

/// The filter that a handler's route is to Nest: without the group of a shared subscription.
pub fn served(route: &str) -> &str {
    let shared = || route.strip_prefix("$share/")?.split_once('/');
    shared().map_or(route, |(_, filter)| filter)
}

/// Whether `topic` is one of those that `filter` means (MQTT §4.7). A filter may itself be covered so.
pub fn covers(filter: &str, topic: &str) -> bool {
    let (mut filters, mut levels) = (filter.split('/'), topic.split('/'));
    // What begins with `$` is the broker's own, and no wildcard in the first place means it.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    loop {
        match (filters.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            // `a/#` means `a`, too.
            (Some(wanted), None) => return wanted == "#",
            _ => return false,
        }
    }
}

/// What a service is asked by a message, and the id to echo.
pub fn called(message: &Received<'_>) -> (Called, Option<Box<RawValue>>) {
    let packet = std::str::from_utf8(message.payload).ok().and_then(|text| Packet::parse(text).ok());
    let mut called = packet.map_or_else(|| foreign(message), |packet| packet.called());
    let id = packet.and_then(|packet| packet.id).filter(|_| called.is_request).map(RawValue::to_owned);
    called.pattern = Some(Pattern::Text(message.topic.to_owned()));
    called.dest = Some(message.topic.to_owned());
    called.headers.extend(message.user_properties());
    (called, id)
}

/// What is no JSON is taken for the data as it stands.
fn foreign(message: &Received<'_>) -> Called {
    let data = Some(Data::classify(message.payload));
    Called { pattern: None, dest: None, data, headers: Headers::new(), is_request: false }
}

impl Received<'_> {
    /// Its user properties as headers.
    pub fn user_properties(&self) -> Headers {
        let text = |text: &str| HeaderValue::Text(text.to_owned());
        self.headers.iter().map(|&(name, value)| (name.to_owned(), text(value))).collect()
    }
}

/// Whether a message is a service's reply.
pub fn is_reply(message: &Received<'_>) -> bool {
    let packet = std::str::from_utf8(message.payload).ok().and_then(|text| Packet::parse(text).ok());
    let has_id = |packet: Packet<'_>| !packet.is_envelope() && packet.id.is_some();
    message.topic.ends_with(REPLY) && packet.is_some_and(has_id)
}

/// A message as a watcher sees it: replies come on `<topic>/reply` and have an id, but are no requests.
pub fn delivery(message: &Received<'_>, nest: NestVersion) -> Delivery {
    let packet = std::str::from_utf8(message.payload).ok().and_then(|text| Packet::parse(text).ok());
    let asked = message.topic.strip_suffix(REPLY);
    let mut delivery = match (packet, asked) {
        (Some(packet), Some(_)) if !packet.is_envelope() && packet.id.is_some() => reply(&packet, nest),
        (Some(packet), _) => call(&packet),
        (None, _) => Delivery { data: foreign(message).data, ..Delivery::new(Direction::Event, 0) },
    };
    let is_reply = delivery.direction == Direction::Reply;
    if !is_reply && delivery.pattern.is_none() {
        delivery.pattern = Some(Pattern::Text(message.topic.to_owned()));
    }
    // A request and its replies share the request's topic; all clients do, so only the id tells them apart.
    let mut hasher = DefaultHasher::new();
    asked.filter(|_| is_reply).unwrap_or(message.topic).hash(&mut hasher);
    delivery.scope = hasher.finish();
    delivery.dest = Some(message.topic.to_owned());
    delivery.headers.extend(message.user_properties());
    delivery.size = message.payload.len();
    delivery.meta = meta(message);
    delivery
}

fn call(packet: &Packet<'_>) -> Delivery {
    let called = packet.called();
    let direction = if called.is_request { Direction::Request } else { Direction::Event };
    let id = packet.id.filter(|_| called.is_request).map(RawValue::to_owned);
    let Called { pattern, data, headers, .. } = called;
    Delivery { pattern, id, headers, data, ..Delivery::new(direction, 0) }
}

fn reply(packet: &Packet<'_>, nest: NestVersion) -> Delivery {
    let reply = packet.reply(nest);
    let is_final = reply.is_final();
    let (data, error) = match reply.kind {
        ReplyKind::Refused => (None, reply.data),
        _ => (reply.data, None),
    };
    let id = packet.id.map(RawValue::to_owned);
    Delivery { id, data, error, is_final, ..Delivery::new(Direction::Reply, 0) }
}

fn meta(message: &Received<'_>) -> Vec<(String, Box<RawValue>)> {
    let mut meta = Vec::new();
    let mut add = |name: &str, value: serde_json::Result<Box<RawValue>>| {
        meta.extend(value.ok().map(|value| (name.to_owned(), value)));
    };
    if message.qos != Qos::AtMostOnce {
        add("qos", to_raw_value(&(message.qos as u8)));
    }
    if message.retain {
        add("retain", to_raw_value(&true));
    }
    if message.duplicate {
        add("dup", to_raw_value(&true));
    }
    for (name, text) in &message.extras {
        add(name, to_raw_value(text));
    }
    meta
}
