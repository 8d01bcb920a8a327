//! Messages on their way out: many in one pipeline, a few pipelines in flight, in order.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Value};
use tokio::sync::Notify;

use super::link::{self, told};
use crate::transport::{Delivered, Endpoint, Error, Kind, Push, Result};

/// While others are in flight a pipeline leaves with this many messages, or with this many bytes.
const FULL: usize = 512;
const FULL_BYTES: usize = 64 << 10;
/// Pipelines in flight: one is read by the server while another is made here.
const IN_FLIGHT: usize = 4;
/// What may wait for the next pipeline. One message may still be larger.
const WAITING: usize = 4 * FULL;
const WAITING_BYTES: usize = 1 << 20;
/// `proto-max-bulk-len` as Redis has it by default; a server closes the connection on more.
const MAX_PAYLOAD: usize = 512 << 20;

/// Publishes, and counts what became of it.
pub(super) struct Pump {
    shared: Arc<Shared>,
    connection: MultiplexedConnection,
    endpoint: Endpoint,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Notify,
    moved: Notify,
}

#[derive(Default)]
struct State {
    waiting: redis::Pipeline,
    bytes: usize,
    in_flight: usize,
    counts: Counts,
    /// Why nothing more is sent.
    ended: Option<RedisError>,
    is_dropped: bool,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    confirmed: u64,
    unroutable: u64,
    unconfirmed: u64,
    lost: u64,
}

type Sending = Pin<Box<dyn Future<Output = (usize, RedisResult<Vec<Value>>)> + Send>>;

impl Pump {
    pub(super) fn new(connection: MultiplexedConnection, endpoint: Endpoint) -> Self {
        let shared = Arc::new(Shared::default());
        tokio::spawn(shared.clone().drive(connection.clone()));
        Self { shared, connection, endpoint }
    }

    /// Publishes `body` on `channel`, or says that there is no room.
    pub(super) fn push(&self, channel: &str, body: &[u8]) -> Result<Push> {
        if body.len() > MAX_PAYLOAD {
            let what = format!("{} bytes are more than the {MAX_PAYLOAD} that Redis takes", body.len());
            return Err(Error::new(Kind::Refused, what));
        }
        let mut state = self.shared.lock();
        if let Some(error) = &state.ended {
            return Err(told(error.clone(), &self.endpoint));
        }
        if !state.has_room() {
            return Ok(Push::Full);
        }
        state.waiting.cmd("PUBLISH").arg(channel).arg(body);
        state.bytes += body.len();
        let is_due = state.is_due();
        drop(state);
        if is_due {
            self.shared.filled.notify_one();
        }
        Ok(Push::Taken)
    }

    /// Waits until there is room, or nothing more is sent.
    pub(super) async fn room(&self) {
        self.shared.until(|state| state.ended.is_some() || state.has_room()).await;
    }

    /// Waits until the server has answered for all that was pushed, or is gone; then tells what became of it.
    pub(super) async fn flush(&self) -> Delivered {
        self.shared
            .until(|state| state.in_flight == 0 && (state.ended.is_some() || state.waiting.is_empty()))
            .await;
        let is_of_cluster =
            self.shared.lock().counts.unroutable > 0 && link::is_of_cluster(&self.connection).await;
        let state = self.shared.lock();
        let Counts { mut confirmed, mut unroutable, unconfirmed, lost } = state.counts;
        // Somebody may be subscribed at another node.
        if is_of_cluster {
            confirmed += std::mem::take(&mut unroutable);
        }
        // What waits when the link is gone never left.
        let lost = lost + state.waiting.len() as u64;
        let error = state.ended.clone().map(|error| told(error, &self.endpoint));
        Delivered { confirmed, unconfirmed, unroutable, lost, error }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.shared.lock().is_dropped = true;
        self.shared.filled.notify_one();
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.waiting.len() < WAITING && self.bytes < WAITING_BYTES
    }

    /// Whether what waits should leave now: at once if nothing else is on its way, else once it is worth a pipeline.
    fn is_due(&self) -> bool {
        let is_full = self.waiting.len() >= FULL || self.bytes >= FULL_BYTES;
        !self.waiting.is_empty()
            && self.ended.is_none()
            && (self.in_flight == 0 || (is_full && self.in_flight < IN_FLIGHT))
    }

    fn count(&mut self, sent: usize, outcome: RedisResult<Vec<Value>>) {
        self.in_flight -= 1;
        let values = match outcome {
            Ok(values) => values,
            Err(error) => {
                // The server may have read all of it, or none.
                self.counts.unconfirmed += sent as u64;
                self.ended.get_or_insert(error);
                return;
            }
        };
        for value in values {
            match value {
                Value::Int(1..) => self.counts.confirmed += 1,
                Value::ServerError(error) => {
                    self.counts.lost += 1;
                    self.ended.get_or_insert(error.into());
                }
                _ => self.counts.unroutable += 1,
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the counts are still counts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        loop {
            let mut moved = pin!(self.moved.notified());
            moved.as_mut().enable();
            if done(&self.lock()) {
                return;
            }
            moved.await;
        }
    }

    async fn drive(self: Arc<Self>, connection: MultiplexedConnection) {
        let mut sending: VecDeque<Sending> = VecDeque::new();
        loop {
            while let Some(pipeline) = self.take() {
                sending.push_back(send(connection.clone(), pipeline));
                self.moved.notify_waiters();
            }
            {
                let state = self.lock();
                if state.is_dropped && state.in_flight == 0 {
                    return;
                }
            }
            let mut filled = pin!(self.filled.notified());
            // Polled in the order they were made: the first poll is what hands a pipeline to the connection.
            let progress = std::future::poll_fn(|context| {
                let mut is_any = false;
                sending.retain_mut(|one| match one.as_mut().poll(context) {
                    Poll::Pending => true,
                    Poll::Ready((sent, outcome)) => {
                        self.lock().count(sent, outcome);
                        is_any = true;
                        false
                    }
                });
                if is_any { Poll::Ready(()) } else { filled.as_mut().poll(context) }
            });
            progress.await;
            self.moved.notify_waiters();
        }
    }

    fn take(&self) -> Option<redis::Pipeline> {
        let mut state = self.lock();
        if !state.is_due() {
            return None;
        }
        state.bytes = 0;
        state.in_flight += 1;
        Some(std::mem::take(&mut state.waiting))
    }
}

fn send(mut connection: MultiplexedConnection, pipeline: redis::Pipeline) -> Sending {
    let count = pipeline.len();
    Box::pin(async move { (count, connection.send_packed_commands(&pipeline, 0, count).await) })
}
