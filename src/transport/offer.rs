//! What a live address offers: handlers, queues, topics, streams, methods, and who takes from them.

use serde_json::Value;

use super::Store;

/// Everything that could be seen.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// What there is, in the order to show it.
    pub found: Vec<Offer>,
    /// What may be there and cannot be seen, in a sentence without a full stop.
    pub unseen: Option<String>,
}

/// One thing that can be sent to, or that keeps messages.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What it is, in the transport's own word: `subject`, `channel`, `queue`, `topic`, `stream`, `method`.
    pub kind: &'static str,
    /// Its name, as it is addressed.
    pub name: String,
    /// How many take from it; `None` where nobody can tell.
    pub consumers: Option<u64>,
    /// Their names, as far as they have any.
    pub by: Vec<String>,
    /// How many messages it holds; `None` where it keeps none.
    pub messages: Option<u64>,
    /// What only this kind has, in the order to show it.
    pub details: Vec<(&'static str, Value)>,
}

impl Offer {
    /// One of which nothing else is known yet.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), consumers: None, by: Vec::new(), messages: None, details: Vec::new() }
    }

    /// A place where messages are kept, which `consumers` take from.
    pub fn of_store(kind: &'static str, store: Store, consumers: Option<u64>) -> Self {
        let details = vec![("takes", store.sources.into()), ("bytes", store.bytes.into())];
        Self { consumers, messages: Some(store.messages), details, ..Self::new(kind, store.name) }
    }
}
