//! The queue between a socket and a screen: bounded in bytes, and what it drops it counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Event;
use crate::message::Delivery;

/// How many bytes wait for a slow reader before new messages are dropped and counted.
pub const LIMIT: usize = 64 << 20;

/// What holding a message costs beside its payload: the delivery itself, and an allocation each for its pattern,
/// its id and its data. Without it many small messages would hold ten times the limit.
const ENTRY: usize = size_of::<Event>() + size_of::<Delivery>() + 3 * 32;

/// For how many events room is made before they come.
const MOST_SPARE: usize = 4096;

#[derive(Default)]
struct State {
    events: Vec<Event>,
    bytes: usize,
    dropped: u64,
    senders: usize,
    abandoned: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the queue is still a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading end of a watch or a proxy. Dropping it ends them; [`Feed::close`] also waits until they have ended.
pub struct Feed {
    shared: Arc<Shared>,
    closing: Option<JoinHandle<()>>,
}

/// The writing end; clones feed the same reader.
pub struct FeedSender {
    shared: Arc<Shared>,
}

/// A queue of events.
pub fn feed() -> (FeedSender, Feed) {
    let shared = Arc::new(Shared::default());
    shared.lock().senders = 1;
    (FeedSender { shared: shared.clone() }, Feed { shared, closing: None })
}

impl FeedSender {
    /// Queues `event`, which holds `size` bytes; never waits. A message that finds no room is dropped and counted,
    /// anything else always finds room.
    pub fn push(&self, event: Event, size: usize) {
        let mut state = self.shared.lock();
        let size = size + ENTRY;
        if matches!(event, Event::Message(_)) && state.bytes + size > LIMIT && state.bytes > 0 {
            state.dropped += 1;
            return;
        }
        // Who reads takes all that waits: it was woken for the first of them.
        let is_first = state.events.is_empty();
        state.tell_dropped();
        state.bytes += size;
        state.events.push(event);
        drop(state);
        if is_first {
            self.shared.filled.notify_one();
        }
    }

    /// Waits until a slow reader has caught up, or is gone: for those who read what is kept, and need drop nothing.
    pub async fn room(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            {
                let state = self.shared.lock();
                if state.bytes < LIMIT / 16 || state.abandoned {
                    return;
                }
            }
            emptied.await;
        }
    }

    /// Whether nobody reads any more.
    pub fn is_abandoned(&self) -> bool {
        self.shared.lock().abandoned
    }

    /// Waits until nobody reads any more: then what was set or begun for the reader is put back and ended.
    pub async fn abandoned(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.is_abandoned() {
                return;
            }
            emptied.await;
        }
    }
}

impl State {
    /// Puts the gap where it happened: before the next event that finds room.
    fn tell_dropped(&mut self) {
        if self.dropped > 0 {
            let lost = Some(std::mem::take(&mut self.dropped));
            let why = "eyas could not show messages as fast as they came".to_owned();
            self.events.push(Event::Gap { lost, why });
        }
    }
}

impl Clone for FeedSender {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: self.shared.clone() }
    }
}

impl Drop for FeedSender {
    fn drop(&mut self) {
        self.shared.lock().senders -= 1;
        self.shared.filled.notify_one();
    }
}

impl Feed {
    /// With `closing`, a task that ends once [`FeedSender::abandoned`] does and everything is put back then: what
    /// [`Feed::close`] waits for.
    #[must_use]
    pub fn closed_by(mut self, closing: JoinHandle<()>) -> Self {
        self.closing = Some(closing);
        self
    }

    /// Ends the watch or the proxy in good order, and waits for that. The caller sets the limit.
    pub async fn close(mut self) {
        let closing = self.closing.take();
        drop(self);
        if let Some(closing) = closing {
            // Were it to panic, there would be nothing more to wait for.
            let _ = closing.await;
        }
    }

    /// All that waits, in order; waits while there is nothing. `None` once every sender is gone and all was read.
    pub async fn recv(&mut self) -> Option<Vec<Event>> {
        loop {
            {
                let mut state = self.shared.lock();
                if state.events.is_empty() {
                    state.tell_dropped();
                }
                if !state.events.is_empty() {
                    state.bytes = 0;
                    self.shared.emptied.notify_waiters();
                    // As much may come again, which then need not grow step by step.
                    let next = Vec::with_capacity(state.events.len().min(MOST_SPARE));
                    return Some(std::mem::replace(&mut state.events, next));
                }
                if state.senders == 0 {
                    return None;
                }
            }
            self.shared.filled.notified().await;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.shared.emptied.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Direction;

    #[tokio::test]
    async fn what_was_set_for_the_reader_is_put_back_before_it_is_closed() {
        let (sender, feed) = feed();
        let is_put_back = Arc::new(Mutex::new(false));
        let told = is_put_back.clone();
        let closing = tokio::spawn(async move {
            sender.abandoned().await;
            tokio::task::yield_now().await;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        });
        feed.closed_by(closing).close().await;
        assert!(*is_put_back.lock().unwrap_or_else(PoisonError::into_inner));
    }

    #[tokio::test]
    async fn many_small_messages_are_bounded_too() {
        let (sender, mut feed) = feed();
        let pushed = LIMIT / ENTRY + 1000;
        for _ in 0..pushed {
            sender.push(Event::Message(Box::new(Delivery::new(Direction::Event, 1))), 1);
        }
        drop(sender);
        let mut kept = 0;
        let mut told = 0;
        while let Some(events) = feed.recv().await {
            for event in events {
                match event {
                    Event::Message(_) => kept += 1,
                    Event::Gap { lost, .. } => told += lost.unwrap_or_default(),
                    _ => {}
                }
            }
        }
        assert!(kept * ENTRY <= LIMIT, "{kept} were kept");
        assert_eq!(kept as u64 + told, pushed as u64);
    }
}
