//! Requests in flight on one link: replies find their callers by id.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::{Error, Result};
use crate::message::Reply;

/// Replies that wait for one caller before the link waits for it.
const REPLIES_WAITING: usize = 64;

type Waiting = mpsc::Sender<Result<Reply>>;

/// The requests that wait for replies.
pub(super) struct Calls {
    state: Mutex<State>,
    /// The first half of each id: what tells our calls from anybody else's.
    prefix: String,
}

struct State {
    open: HashMap<u64, Waiting>,
    next: u64,
    /// At this many open calls those that nobody waits for are swept out.
    sweep_at: usize,
}

/// A call that was opened.
pub(super) struct Opened {
    /// What [`Calls::forget`] takes.
    pub(super) key: u64,
    /// The id to send.
    pub(super) id: String,
    /// Where its replies arrive.
    pub(super) replies: mpsc::Receiver<Result<Reply>>,
}

impl Calls {
    pub(super) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self {
            state: Mutex::new(State { open: HashMap::new(), next: 0, sweep_at: 1024 }),
            prefix: format!("{:011x}", random & 0xfff_ffff_ffff),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a call under an id of its own.
    pub(super) fn open(&self) -> Opened {
        let (sender, replies) = mpsc::channel(REPLIES_WAITING);
        let mut state = self.lock();
        if state.open.len() >= state.sweep_at {
            state.open.retain(|_, waiting| !waiting.is_closed());
            state.sweep_at = (state.open.len() * 2).max(1024);
        }
        let key = state.next;
        state.next += 1;
        state.open.insert(key, sender);
        Opened { key, id: format!("{}{key:010x}", self.prefix), replies }
    }

    /// Drops a call that nobody waits for.
    pub(super) fn forget(&self, key: u64) {
        self.lock().open.remove(&key);
    }

    /// Tells the caller of a call why no reply will come.
    pub(super) fn fail(&self, key: u64, why: Error) {
        if let Some(waiting) = self.lock().open.remove(&key) {
            // A caller that does not read is told by the end of its channel.
            let _ = waiting.try_send(Err(why));
        }
    }

    /// The same for the call that the JSON text `id` names, if there is one.
    pub(super) fn refuse(&self, id: &RawValue, why: Error) {
        if let Some(key) = self.key_of(id) {
            self.fail(key, why);
        }
    }

    /// Whether the JSON text `id` is one of ours.
    pub(super) fn knows(&self, id: &RawValue) -> bool {
        self.key_of(id).is_some()
    }

    /// Gives `reply` to the caller that the JSON text `id` names, if there is one; waits while it does not read.
    pub(super) async fn deliver(&self, id: &RawValue, reply: Reply) {
        let Some(key) = self.key_of(id) else { return };
        let waiting = {
            let mut state = self.lock();
            if reply.is_final() { state.open.remove(&key) } else { state.open.get(&key).cloned() }
        };
        let Some(waiting) = waiting else { return };
        if waiting.send(Ok(reply)).await.is_err() {
            self.forget(key);
        }
    }

    /// Tells every open call that no more will come.
    pub(super) fn end(&self, why: impl Fn() -> Error) {
        let open = std::mem::take(&mut self.lock().open);
        for waiting in open.into_values() {
            // A caller that has not read 64 replies sees its channel end, which is told as a closed link, too.
            let _ = waiting.try_send(Err(why()));
        }
    }

    fn key_of(&self, id: &RawValue) -> Option<u64> {
        let id = id.get().strip_prefix('"')?.strip_suffix('"')?.strip_prefix(&self.prefix)?;
        u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 10)
    }
}
