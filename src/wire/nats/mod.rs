//! The NATS protocol as far as Nest uses it (`wire.md` §5), and what its messages mean.
//!
//! A subject is a pattern's route, the payload the JSON envelope, the reply comes to the inbox that the request
//! names. NATS frames in bytes: a line, then as many bytes as the line says.

mod decode;
mod headers;
pub mod subject;
#[cfg(test)]
mod tests;

use std::io::Write as _;

use serde_json::value::RawValue;

use super::packet::{self, Packet};
use super::{NestVersion, javascript};
use crate::fault::Fault;
use crate::message::{Called, Data, Headers, Message, Reply, ReplyKind};

pub use decode::{Decoder, Garbled, Inbound, Op};
pub use headers::{Block, NO_RESPONDERS, encode as encode_headers};

/// Appends one published message: `PUB`, or `HPUB` where there are headers.
///
/// # Errors
/// A header that NATS cannot carry.
pub fn encode_publish(
    out: &mut Vec<u8>,
    subject: &str,
    reply: Option<&str>,
    headers: &Headers,
    payload: &[u8],
) -> Result<(), Fault> {
    let mut block = Vec::new();
    if !headers.is_empty() {
        encode_headers(&mut block, headers)?;
    }
    publish(out, subject, reply, &block, payload);
    Ok(())
}

/// The same with a header block that is encoded already; an empty one is none.
pub fn publish(out: &mut Vec<u8>, subject: &str, reply: Option<&str>, block: &[u8], payload: &[u8]) {
    out.extend_from_slice(if block.is_empty() { b"PUB " } else { b"HPUB " });
    out.extend_from_slice(subject.as_bytes());
    out.push(b' ');
    if let Some(reply) = reply {
        out.extend_from_slice(reply.as_bytes());
        out.push(b' ');
    }
    let mut digits = itoa::Buffer::new();
    if !block.is_empty() {
        out.extend_from_slice(digits.format(block.len()).as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(digits.format(block.len() + payload.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(block);
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Appends a subscription; those of one queue group share what comes.
pub fn subscribe(out: &mut Vec<u8>, subject: &str, queue: Option<&str>, sid: u64) {
    let queue = queue.map(|queue| format!(" {queue}")).unwrap_or_default();
    write!(out, "SUB {subject}{queue} {sid}\r\n").expect("a Vec takes everything");
}

/// Appends the body of `message`: a request if it has an `id`. Headers are none of the body's.
pub fn encode_body(out: &mut Vec<u8>, message: &Message, id: Option<&str>) {
    if message.raw {
        out.extend_from_slice(message.data.as_ref().map_or(&[], Data::as_bytes));
    } else {
        packet::encode_body(out, message, id);
    }
}

/// What a server is asked by `inbound`, and the id to echo; `None` where the payload is not JSON, of which
/// Nest 10 and 11 die and which Nest 12 only logs.
pub fn called<'a>(inbound: &Inbound<'a>) -> Option<(Called, Option<&'a RawValue>)> {
    let packet = Packet::parse(std::str::from_utf8(inbound.payload).ok()?).ok()?;
    let called = packet.called();
    // An id without a reply subject runs the handler and answers nothing; a reply subject without an id does, too.
    let is_request = called.is_request && inbound.reply.is_some();
    let headers = inbound.headers().fields;
    let dest = Some(inbound.subject.to_owned());
    Some((Called { dest, headers, is_request, ..called }, packet.id.filter(|_| is_request)))
}

/// What a reply on the inbox of the request `id` is to a client of `version`.
#[derive(Debug)]
pub enum Answer {
    /// A value, an error or the end.
    Reply(Reply),
    /// The broker's word that nobody subscribes to the subject.
    NobodyThere,
    /// A reply without a body, which Nest's client takes for the same.
    Empty,
    /// It carries the id of another request: Nest's client waits on.
    NotOurs,
}

/// Reads `inbound` as Nest's client of `version` reads a reply: the inbox tells whose it is, an `id` may be
/// missing but not another (`wire.md` §1.2). What is not JSON, which kills Nest's client, is a value here.
pub fn answer(inbound: &Inbound<'_>, id: &str, version: NestVersion) -> Answer {
    let headers = inbound.headers();
    if inbound.payload.is_empty() {
        return if headers.status == Some(NO_RESPONDERS) { Answer::NobodyThere } else { Answer::Empty };
    }
    let packet = std::str::from_utf8(inbound.payload).ok().and_then(|text| Packet::parse(text).ok());
    let Some(packet) = packet else {
        let data = Some(Data::classify(inbound.payload));
        return Answer::Reply(Reply { kind: ReplyKind::Next { last: true }, data, headers: headers.fields });
    };
    if packet.id.is_some_and(|theirs| javascript::is_truthy(theirs) && !packet::is_id(theirs, id)) {
        return Answer::NotOurs;
    }
    Answer::Reply(Reply { headers: headers.fields, ..packet.reply(version) })
}
