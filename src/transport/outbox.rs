//! An outgoing buffer that many fill and one task empties.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;

use super::net::Writer;
use super::{Error, Kind, Result};

/// An outgoing buffer that many fill and one task empties: what is pushed while a write is under way leaves with
/// the next one, so a busy connection costs one system call for many messages.
/// The writing half ends once the last `Outbox` is gone and all has been written.
pub(super) struct Outbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<Pending>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    messages: u64,
    written: u64,
    writing: bool,
    finished: bool,
    closed: bool,
}

/// Above this many waiting bytes an [`Outbox`] is full. One message may still be larger.
const ROOM: usize = 1 << 20;

impl Outbox {
    /// An outbox whose task writes to `writer` until [`Outbox::finish`] or an error.
    pub(super) fn new(writer: Writer) -> Arc<Self> {
        let shared = Arc::new(Shared::default());
        tokio::spawn(shared.clone().drain(writer));
        Arc::new(Self(shared))
    }

    /// Lets `encode` append one message.
    pub(super) fn push(&self, encode: impl FnOnce(&mut Vec<u8>)) -> Taken {
        self.put(encode, 1)
    }

    /// The same for what is no message: it is not counted.
    pub(super) fn interject(&self, encode: impl FnOnce(&mut Vec<u8>)) -> Taken {
        self.put(encode, 0)
    }

    /// Puts `bytes` on their way as one message; waits while there is no room.
    ///
    /// # Errors
    /// The link is gone.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<()> {
        loop {
            match self.push(|out| out.extend_from_slice(bytes)) {
                Taken::Yes => return Ok(()),
                Taken::Full => self.room().await,
                Taken::Closed => {
                    return Err(Error::new(Kind::Closed, "the connection to the broker is closed"));
                }
            }
        }
    }

    fn put(&self, encode: impl FnOnce(&mut Vec<u8>), messages: u64) -> Taken {
        let mut state = self.0.lock();
        if state.closed || state.finished {
            return Taken::Closed;
        }
        if state.bytes.len() >= ROOM {
            return Taken::Full;
        }
        let idle = !state.writing && state.bytes.is_empty();
        encode(&mut state.bytes);
        state.messages += messages;
        drop(state);
        if idle {
            self.0.filled.notify_one();
        }
        Taken::Yes
    }

    /// Waits until there is room, or the outbox is closed.
    pub(super) async fn room(&self) {
        self.0.until(|state| state.closed || state.bytes.len() < ROOM).await;
    }

    /// Waits until all that was pushed has been written, or the outbox is closed; then tells how many messages
    /// were pushed and how many were written.
    pub(super) async fn flush(&self) -> (u64, u64) {
        self.0.until(|state| state.closed || state.written == state.messages).await;
        self.written()
    }

    /// How many messages were pushed, and how many of them written, so far.
    pub(super) fn written(&self) -> (u64, u64) {
        let state = self.0.lock();
        (state.messages, state.written)
    }

    /// Ends the writing half once everything has been written: the peer reads to the end, then sees it.
    pub(super) fn finish(&self) {
        self.0.lock().finished = true;
        self.0.filled.notify_one();
    }

    /// Drops what has not been written: the link is gone.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        // A poisoned lock means a panic in an encoder, which holds no state of its own.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.bytes = Vec::new();
        drop(state);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    async fn until(&self, done: impl Fn(&Pending) -> bool) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if done(&self.lock()) {
                return;
            }
            emptied.await;
        }
    }

    async fn drain(self: Arc<Self>, mut writer: Writer) {
        let mut batch = Vec::new();
        loop {
            let (messages, ending) = {
                let mut state = self.lock();
                state.writing = !state.bytes.is_empty();
                std::mem::swap(&mut batch, &mut state.bytes);
                (state.messages, state.closed || (state.finished && batch.is_empty()))
            };
            if ending {
                break;
            }
            if batch.is_empty() {
                self.filled.notified().await;
                continue;
            }
            let outcome = async {
                writer.write_all(&batch).await?;
                writer.flush().await
            }
            .await;
            if outcome.is_err() {
                self.close();
                break;
            }
            batch.clear();
            // One large message must not keep its memory for ever.
            batch.shrink_to(4 * ROOM);
            self.lock().written = messages;
            self.emptied.notify_waiters();
        }
        // The peer may be gone already; there is nobody left to tell.
        let _ = writer.shutdown().await;
    }
}

/// Whether an [`Outbox`] took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Taken {
    /// It will be written.
    Yes,
    /// There is no room: await [`Outbox::room`].
    Full,
    /// The link is gone.
    Closed,
}
