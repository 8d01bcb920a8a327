//! Recorded requests with the replies they had.

use std::collections::HashMap;

use super::{Entry, Reader};
use crate::fault::Fault;
use crate::message::{Data, Direction, Reply, ReplyKind, Streamed};
use crate::record::Record;

/// A recorded request with its replies.
#[derive(Debug)]
pub struct Exchange {
    /// The line of the request.
    pub line: u64,
    /// That line.
    pub text: String,
    /// The request.
    pub request: Record,
    /// What followed it, where it is a stream of messages.
    pub further: Vec<Further>,
    /// What it was answered with, in order.
    pub replies: Vec<Reply>,
    /// Whether the last reply was recorded, too.
    pub is_complete: bool,
}

/// A message of a stream, after the first.
#[derive(Debug)]
pub struct Further {
    /// The message.
    pub data: Option<Data>,
    /// How many replies had come before it.
    pub after: usize,
}

/// What makes a request one of its own in a recording: its transport, its service, its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String, Option<String>, String);

impl Key {
    /// That of the request that `record` is, belongs to, or answers; `None` where it tells no id.
    pub fn of(record: &Record) -> Option<Self> {
        let paired = record.pair.as_ref().and_then(|pair| pair.of.as_ref());
        let id = paired.or(record.id.as_ref())?;
        Some(Self(record.transport.clone(), record.service.clone(), id.get().to_owned()))
    }
}

/// The exchanges of a recording, in the order of their requests. A reply belongs to the last request before it with
/// its id, on the same transport and of the same service; one without a request is left out, as are events that belong
/// to none.
///
/// # Errors
/// As [`Reader`]'s.
pub fn exchanges(reader: &mut Reader) -> Result<Vec<Exchange>, Fault> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut open: HashMap<Key, usize> = HashMap::new();
    while let Some(entry) = reader.next() {
        let Entry { line, record } = entry?;
        let Some(key) = Key::of(&record) else { continue };
        match record.direction {
            Direction::Event => {
                let Some(exchange) = open.get(&key).map(|at| &mut found[*at]) else { continue };
                if exchange.request.streamed().is_some() {
                    exchange.further.push(Further { data: record.data, after: exchange.replies.len() });
                }
            }
            Direction::Request => {
                open.insert(key, found.len());
                let text = reader.text().to_owned();
                let (further, replies) = (Vec::new(), Vec::new());
                found.push(Exchange { line, text, request: record, further, replies, is_complete: false });
            }
            Direction::Reply => {
                let Some(at) = open.get(&key).copied() else { continue };
                let reply = reply(record);
                if reply.is_final() {
                    found[at].is_complete = true;
                    open.remove(&key);
                }
                found[at].replies.push(reply);
            }
        }
    }
    Ok(found)
}

fn reply(record: Record) -> Reply {
    let is_final = record.pair.as_ref().is_some_and(|pair| pair.is_final);
    let kind = match (&record.error, &record.data) {
        (Some(_), _) => ReplyKind::Refused,
        (None, None) if is_final => ReplyKind::End,
        _ => ReplyKind::Next { last: is_final },
    };
    Reply { kind, data: record.error.or(record.data), headers: record.headers }
}

impl Exchange {
    /// What a responder was called with, and what it answered to each call. A stream that was answered once is one call
    /// with the list of its messages; where both sides streamed, each message is a call.
    pub fn calls(self) -> Vec<(Option<Data>, Vec<Reply>)> {
        let Self { request, further, mut replies, .. } = self;
        let streamed = request.streamed();
        match streamed {
            None => vec![(request.data, replies)],
            Some(Streamed::Client) => {
                let messages =
                    request.data.into_iter().chain(further.into_iter().filter_map(|more| more.data));
                let items: Vec<_> =
                    messages.map(|data| String::from_utf8_lossy(data.as_bytes()).into_owned()).collect();
                vec![(Data::json(format!("[{}]", items.join(","))).ok(), replies)]
            }
            Some(Streamed::Both) => {
                let values =
                    replies.iter().filter(|reply| matches!(reply.kind, ReplyKind::Next { .. })).count();
                // One each, most likely, however they came to be sent; else by the order they were seen in.
                let is_paired = values == further.len() + 1;
                let mut starts: Vec<_> = further.iter().map(|more| more.after).collect();
                if is_paired {
                    starts = (1..=further.len()).collect();
                }
                let mut shares: Vec<_> =
                    starts.iter().rev().map(|&start| replies.split_off(start.min(replies.len()))).collect();
                shares.push(replies);
                // All but the last, which has the status, end without one.
                shares.iter_mut().skip(1).for_each(end);
                let messages = std::iter::once(request.data).chain(further.into_iter().map(|more| more.data));
                messages.zip(shares.into_iter().rev()).collect()
            }
        }
    }
}

/// Marks the last of `replies` as the last, which another call's status follows in the recording.
fn end(replies: &mut Vec<Reply>) {
    match replies.last_mut() {
        Some(Reply { kind: kind @ ReplyKind::Next { .. }, .. }) => *kind = ReplyKind::Next { last: true },
        Some(_) => {}
        None => replies.push(Reply { kind: ReplyKind::End, data: None, headers: Vec::new() }),
    }
}
