//! Requests of many messages, which are sent as they were recorded: each when it is due, until the last reply to them.

use std::collections::HashMap;

use tokio::sync::mpsc;

use crate::message::{Data, Direction};
use crate::record::Record;
use crate::tape::Key;

/// Messages that wait for the link before what follows them waits, too.
const WAITING: usize = 16;

/// What a record is to the requests that are streams.
#[derive(Debug)]
pub(super) enum Part {
    /// Nothing.
    Alone,
    /// It begins one.
    First(Key),
    /// It belongs to one that was begun.
    Further(Key),
}

/// Those that were begun and have no last reply yet; `None` where the first message is not sent.
#[derive(Default)]
pub(super) struct Streams(HashMap<Key, Option<mpsc::Sender<Data>>>);

impl Streams {
    /// What `record` is. The last reply to a stream ends it: by then all of it had been sent.
    pub(super) fn part(&mut self, record: &Record) -> Part {
        let is_begun = record.streamed().is_some();
        if self.0.is_empty() && !is_begun {
            return Part::Alone;
        }
        let Some(key) = Key::of(record) else { return Part::Alone };
        match record.direction {
            Direction::Request if is_begun => {
                self.0.insert(key.clone(), None);
                Part::First(key)
            }
            Direction::Event if self.0.contains_key(&key) => Part::Further(key),
            Direction::Reply if record.pair.as_ref().is_some_and(|pair| pair.is_final) => {
                self.0.remove(&key);
                Part::Alone
            }
            _ => Part::Alone,
        }
    }

    /// Begins the stream `key` with its first message, if it has any; gives what it consists of.
    pub(super) fn begin(&mut self, key: Key, first: Option<Data>) -> mpsc::Receiver<Data> {
        let (sender, receiver) = mpsc::channel(WAITING);
        if let Some(first) = first {
            // There is room: nothing was sent yet.
            let _ = sender.try_send(first);
        }
        self.0.insert(key, Some(sender));
        receiver
    }

    /// Sends a further message of the stream `key`.
    pub(super) async fn push(&self, key: &Key, data: Option<Data>) {
        if let (Some(Some(stream)), Some(data)) = (self.0.get(key), data) {
            // A call that has ended takes no more: what it came to is counted.
            let _ = stream.send(data).await;
        }
    }

    /// All have been sent.
    pub(super) fn end(&mut self) {
        self.0.clear();
    }
}
