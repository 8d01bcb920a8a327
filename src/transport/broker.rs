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

    /// Begins to look through what lies in `store`, from its oldest letter on.
    async fn letters<'a>(&'a self, store: &str) -> Result<Box<dyn Letters + 'a>>;

    /// Deletes everything in `store`; tells how much it was.
    async fn purge(&self, store: &str) -> Result<u64>;
}

/// A look through the letters of one store. Takes none unless told.
///
/// A queue shows a letter only by handing it out, so it is held until the look ends, and then is where it was. That
/// holds however the look ends: dropping it gives everything back, too.
#[async_trait]
pub trait Letters: Send {
    /// How many there were when the look began, where that is known better than by [`Store::messages`].
    fn waiting(&self) -> Option<u64> {
        None
    }

    /// The next letter; `None` where there is none any more. No letter comes twice.
    async fn next(&mut self) -> Result<Option<Letter>>;

    /// Sends a copy of `letter` to `to`, and returns once the broker has said that it is kept there.
    async fn copy(&mut self, letter: &Letter, to: &str) -> Result<()>;

    /// Takes `letter`, which came from here, away for good.
    async fn remove(&mut self, letter: &Letter) -> Result<()>;

    /// Ends the look: what was not removed lies as before once this returns.
    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
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
    /// What looking into it does to it, where it does anything.
    pub caution: Option<String>,
}

/// A message in a store.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its place there: a number of the broker's where it has one, else which one of this look it is.
    pub place: u64,
    /// Where it was sent to before it was given up, where that can be told.
    pub origin: Option<String>,
    /// Why it was given up, where the broker says.
    pub reason: Option<String>,
    /// What it is, as it is shown.
    pub delivery: Delivery,
    /// Its body, byte for byte.
    pub payload: Bytes,
}
