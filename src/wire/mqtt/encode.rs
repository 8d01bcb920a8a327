//! Packets that a client sends.

use std::borrow::Cow;

use super::{Ack, MAX_LENGTH, Qos, Version, check_topic};
use crate::fault::Fault;
use crate::message::{HeaderValue, Headers};

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The client's name; the broker ends another connection of the same name.
    pub client_id: &'a str,
    /// The broker ends a connection that is silent for one and a half times this many seconds.
    pub keep_alive: u16,
    /// User name.
    pub user: Option<&'a str>,
    /// Password.
    pub password: Option<&'a str>,
}

/// A message to be published.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// User properties; MQTT 3.1.1 has none.
    pub headers: &'a Headers,
    /// How often.
    pub qos: Qos,
    /// Its number, from 1, where it is to be confirmed.
    pub id: u16,
    /// The broker keeps it for those who subscribe later.
    pub retain: bool,
}

/// What to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Topic, with wildcards or without, shared (`$share/<group>/…`) or not.
    pub topic: String,
    /// The highest QoS to be sent with.
    pub qos: Qos,
    /// Not what this client publishes (MQTT 5).
    pub no_local: bool,
    /// Only what passes from now on, not what was retained (MQTT 5).
    pub live: bool,
}

/// Writes CONNECT: a clean session that ends with its connection.
///
/// # Errors
/// A name or a password that is too long.
pub fn connect(out: &mut Vec<u8>, version: Version, login: &Login<'_>) -> Result<(), Fault> {
    // MQTT 3.1.1 has no password without a user (§3.1.2.9).
    let user = login.user.or(login.password.map(|_| ""));
    let flags = 0b10 | u8::from(user.is_some()) << 7 | u8::from(login.password.is_some()) << 6;
    let level = if version == Version::V5 { 5 } else { 4 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, flags];
    body.extend_from_slice(&login.keep_alive.to_be_bytes());
    if version == Version::V5 {
        body.push(0);
    }
    put_text(&mut body, "the client's name", login.client_id)?;
    if let Some(user) = user {
        put_text(&mut body, "the user's name", user)?;
    }
    if let Some(password) = login.password {
        put_text(&mut body, "the password", password)?;
    }
    put_header(out, 0x10, body.len())?;
    out.extend_from_slice(&body);
    Ok(())
}

/// Writes PUBLISH.
///
/// # Errors
/// A topic that is none, a header that is no text, more than a packet holds.
pub fn publish(out: &mut Vec<u8>, version: Version, message: &Publish<'_>) -> Result<(), Fault> {
    check_topic(message.topic)?;
    let properties = if version == Version::V5 { user_properties(message.headers)? } else { Vec::new() };
    let is_confirmed = message.qos != Qos::AtMostOnce;
    let mut length = 2 + message.topic.len() + message.payload.len() + 2 * usize::from(is_confirmed);
    if version == Version::V5 {
        length += length_of_number(properties.len()) + properties.len();
    }
    put_header(out, 0x30 | (message.qos as u8) << 1 | u8::from(message.retain), length)?;
    put_text(out, "the topic", message.topic)?;
    if is_confirmed {
        out.extend_from_slice(&message.id.to_be_bytes());
    }
    if version == Version::V5 {
        put_number(out, properties.len());
        out.extend_from_slice(&properties);
    }
    out.extend_from_slice(message.payload);
    Ok(())
}

/// Writes SUBSCRIBE; SUBACK answers with a reason for each filter.
///
/// # Errors
/// A filter that is none.
pub fn subscribe(out: &mut Vec<u8>, version: Version, id: u16, filters: &[Filter]) -> Result<(), Fault> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    for filter in filters {
        put_text(&mut body, "the topic", &filter.topic)?;
        let mut options = filter.qos as u8;
        // A shared subscription with "no local" is a protocol error (MQTT 5 §3.8.3.1).
        if version == Version::V5 {
            options |= u8::from(filter.no_local && !filter.topic.starts_with("$share/")) << 2;
            options |= if filter.live { 0b0010_1000 } else { 0 };
        }
        body.push(options);
    }
    put_header(out, 0x82, body.len())?;
    out.extend_from_slice(&body);
    Ok(())
}

/// Writes PUBACK, PUBREC, PUBREL or PUBCOMP: all is well.
pub fn ack(out: &mut Vec<u8>, kind: Ack, id: u16) {
    let flags = if kind == Ack::Release { 0b10 } else { 0 };
    out.extend_from_slice(&[(kind as u8) << 4 | flags, 2]);
    out.extend_from_slice(&id.to_be_bytes());
}

/// Writes PINGREQ.
pub fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xC0, 0]);
}

/// Writes DISCONNECT: we leave in good order.
pub fn disconnect(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xE0, 0]);
}

fn user_properties(headers: &Headers) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    for (name, value) in headers {
        out.push(0x26);
        put_text(&mut out, "a header's name", name)?;
        put_text(&mut out, "a header", &header_text(name, value)?)?;
    }
    Ok(out)
}

fn header_text<'a>(name: &str, value: &'a HeaderValue) -> Result<Cow<'a, str>, Fault> {
    match value {
        HeaderValue::Text(text) => Ok(Cow::Borrowed(text)),
        HeaderValue::Json(json) => Ok(Cow::Borrowed(json.get())),
        HeaderValue::Binary(_) => Err(Fault::new(format!("the header `{name}` is not text"))
            .hint("MQTT's user properties are text: encode it, for example as base64")),
    }
}

fn put_text(out: &mut Vec<u8>, what: &str, text: &str) -> Result<(), Fault> {
    let length = u16::try_from(text.len())
        .map_err(|_| Fault::new(format!("{what} has {} bytes, MQTT takes 65535", text.len())))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn put_header(out: &mut Vec<u8>, first: u8, length: usize) -> Result<(), Fault> {
    if length > MAX_LENGTH {
        return Err(Fault::new(format!("the message has {length} bytes, MQTT takes {MAX_LENGTH}"))
            .hint("send a reference to what is that large"));
    }
    out.push(first);
    put_number(out, length);
    Ok(())
}

/// Seven bits a byte, the lowest first.
fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn length_of_number(number: usize) -> usize {
    match number {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}
