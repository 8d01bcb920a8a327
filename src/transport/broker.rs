//! What a broker keeps beside what is on its way: the optional facet of a transport.

use async_trait::async_trait;
use bytes::Bytes;

use super::Result;
use crate::message::Delivery;

/// A broker that keeps messages.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Every place where it keeps messages.
    async fn stores(&self) -> Result<Vec<Store>>;

    /// The first letter in `store` after the position `after` (0 = from the start); `None` at the end. Takes nothing.
    async fn next_letter(&self, store: &str, after: u64) -> Result<Option<Letter>>;

    /// Sends a copy of `letter` to `to`, and returns once the broker has said that it is kept there.
    async fn copy_letter(&self, letter: &Letter, to: &str) -> Result<()>;

    /// Deletes `letter` for good.
    async fn delete_letter(&self, letter: &Letter) -> Result<()>;

    /// Deletes everything in `store`; tells how much it was.
    async fn purge(&self, store: &str) -> Result<u64>;
}

/// A place where messages are kept: a stream, a queue, a topic.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// What it takes: subjects, bindings.
    pub sources: Vec<String>,
    /// How many messages it holds.
    pub messages: u64,
    /// How many bytes they are.
    pub bytes: u64,
    /// Whether it is one for letters that nobody could handle, by its name or what it takes.
    pub is_dead: bool,
}

/// A message in a store.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where it lies.
    pub store: String,
    /// Its place there.
    pub position: u64,
    /// Where it was sent to before it was given up, where that can be told.
    pub origin: Option<String>,
    /// What it is, as it is shown.
    pub delivery: Delivery,
    /// Its body, byte for byte.
    pub payload: Bytes,
}
