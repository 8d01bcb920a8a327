//! Recorded requests with the replies they had.

use std::collections::HashMap;

use super::{Entry, Reader};
use crate::fault::Fault;
use crate::message::{Direction, Reply, ReplyKind};
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
    /// What it was answered with, in order.
    pub replies: Vec<Reply>,
    /// Whether the last reply was recorded, too.
    pub is_complete: bool,
}

/// The exchanges of a recording, in the order of their requests. A reply belongs to the last request before it with
/// its id, on the same transport and of the same service; one without a request is left out, as are events.
///
/// # Errors
/// As [`Reader`]'s.
pub fn exchanges(reader: &mut Reader) -> Result<Vec<Exchange>, Fault> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut open: HashMap<(String, Option<String>, String), usize> = HashMap::new();
    while let Some(entry) = reader.next() {
        let Entry { line, record } = entry?;
        let paired = record.pair.as_ref().and_then(|pair| pair.of.as_ref());
        let Some(id) = paired.or(record.id.as_ref()) else { continue };
        let key = (record.transport.clone(), record.service.clone(), id.get().to_owned());
        match record.direction {
            Direction::Event => {}
            Direction::Request => {
                open.insert(key, found.len());
                let (text, replies) = (reader.text().to_owned(), Vec::new());
                found.push(Exchange { line, text, request: record, replies, is_complete: false });
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
