//! A value that one changes and others wait for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A value that one changes and others wait for.
#[derive(Debug, Default)]
pub(super) struct Awaited<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Awaited<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// The value, to be read, or changed in what nobody waits for.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        // Nothing panics while it holds the lock; were it to, what was counted still counts.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value, and tells those who wait.
    pub(super) fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.lock());
        self.changed.notify_waiters();
    }

    /// Waits until the value is as `done` wants it.
    pub(super) async fn until(&self, done: impl Fn(&T) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if done(&self.lock()) {
                return;
            }
            changed.await;
        }
    }
}
