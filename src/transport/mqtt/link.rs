//! A connection to a broker: login, subscriptions, messages out and their confirmations, messages in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;

use super::incoming::ping;
use super::login::{self, Session};
use super::{Options, unusable};
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Endpoint, Error, Kind, Push, Result};
use crate::wire::mqtt::{self, Accepted, Filter, Publish, Qos, Received, Version, why};

/// Messages that may be unconfirmed at once, where the broker does not want fewer.
const WINDOW: usize = 1000;
/// The same at QoS 2 over MQTT 3.1.1, where a broker that wants fewer does not say so but ends the connection
/// (mosquitto beyond 20, HiveMQ beyond 10).
const WINDOW_UNTOLD: usize = 10;
/// The reason of a message that nobody subscribes to (MQTT 5 §3.4.2.1).
pub(super) const NOBODY: u8 = 0x10;

/// What becomes of what a connection receives.
pub(super) trait Sink: Send + 'static {
    /// Takes a message; while it does nothing else is read.
    fn take(&mut self, link: &Arc<Link>, message: &Received<'_>) -> impl Future<Output = ()> + Send;

    /// Learns what became of message `id`.
    fn settle(&mut self, id: u16, reason: u8) {
        let _ = (id, reason);
    }

    /// Learns that the connection is over.
    fn end(&mut self, link: &Link) {
        let _ = link;
    }
}

/// A connection that takes no messages.
pub(super) struct Ignore;

impl Sink for Ignore {
    async fn take(&mut self, _: &Arc<Link>, _: &Received<'_>) {}
}

/// A connection to a broker.
pub(super) struct Link {
    pub(super) version: Version,
    /// What the broker said of itself.
    pub(super) broker: Accepted,
    pub(super) outbox: Arc<Outbox>,
    /// How many messages may be unconfirmed at once.
    window: usize,
    pub(super) state: Mutex<State>,
    /// Something was confirmed, or the connection ended.
    pub(super) changed: Notify,
    pub(super) ending: watch::Sender<Option<Ending>>,
    pub(super) shown: String,
    patience: Duration,
}

#[derive(Default)]
pub(super) struct State {
    last_id: u16,
    /// Published and not yet confirmed: the reason so far.
    pub(super) open: HashMap<u16, u8>,
    pub(super) subscribing: HashMap<u16, oneshot::Sender<Vec<u8>>>,
    pub(super) fates: Fates,
    pings: u64,
    pub(super) answered_pings: u64,
}

/// What the broker said of the messages it confirmed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fates {
    pub(super) confirmed: u64,
    pub(super) unroutable: u64,
    pub(super) refused: u64,
    /// Why the first of those was refused.
    pub(super) why: Option<u8>,
}

/// Why a link is over: told to every caller, so kept as text.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) kind: Kind,
    pub(super) message: String,
}

impl Link {
    /// Connects and logs in; `sink` takes what comes.
    pub(super) async fn open(endpoint: &Endpoint, options: &Options, sink: impl Sink) -> Result<Arc<Self>> {
        let Session { version, broker, reader, writer, decoder } = login::login(endpoint, options).await?;
        let window = match (version, options.qos) {
            (Version::V4, Qos::ExactlyOnce) => WINDOW_UNTOLD,
            _ => WINDOW.min(broker.receive_maximum.into()),
        };
        let link = Arc::new(Self {
            window,
            version,
            broker,
            outbox: Outbox::new(writer),
            state: Mutex::default(),
            changed: Notify::new(),
            ending: watch::Sender::new(None),
            shown: endpoint.shown(),
            patience: endpoint.connect_timeout,
        });
        let keep_alive = Duration::from_secs(broker.keep_alive.unwrap_or(login::KEEP_ALIVE).max(2).into());
        tokio::spawn(ping(Arc::downgrade(&link), keep_alive / 2));
        tokio::spawn(link.clone().read(reader, decoder, sink, keep_alive * 2));
        Ok(link)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the tables are still tables.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes, and waits until the broker has done so.
    pub(super) async fn subscribe(&self, filters: &[Filter]) -> Result<()> {
        let (sender, done) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            let id = state.free_id();
            state.subscribing.insert(id, sender);
            id
        };
        let mut packet = Vec::new();
        mqtt::subscribe(&mut packet, self.version, id, filters).map_err(unusable)?;
        self.send(&packet).await?;
        let Ok(reasons) = self.within("a subscription", done).await? else { return Err(self.ending()) };
        let refused = filters.iter().zip(reasons).find(|(_, reason)| *reason >= 0x80);
        let Some((Filter { topic, .. }, reason)) = refused else { return Ok(()) };
        let why = if self.version == Version::V5 { why(reason) } else { "it does not say why" };
        Err(Error::new(Kind::Denied, format!("{} refuses to subscribe to `{topic}`: {why}", self.shown))
            .hint("the broker's access rules say who may read what"))
    }

    /// Sends `message`, unless too many are unconfirmed or wait already; its id where it has one.
    /// `frame` is room for its bytes.
    pub(super) fn publish(&self, message: &Publish<'_>, frame: &mut Vec<u8>) -> Result<(Push, u16)> {
        let mut message = *message;
        let mut state = self.lock();
        if message.qos != Qos::AtMostOnce {
            if state.open.len() >= self.window {
                return self.full();
            }
            message.id = state.free_id();
        }
        frame.clear();
        mqtt::publish(frame, self.version, &message).map_err(unusable)?;
        if frame.len() > self.broker.packet_maximum {
            let (size, most) = (frame.len(), self.broker.packet_maximum);
            let what = format!("the message has {size} bytes, {} takes {most}", self.shown);
            return Err(Error::new(Kind::Refused, what));
        }
        match self.outbox.push(|out| out.extend_from_slice(frame)) {
            Taken::Yes => {}
            Taken::Full => return self.full(),
            Taken::Closed => {
                drop(state);
                return Err(self.ending());
            }
        }
        if message.qos != Qos::AtMostOnce {
            state.open.insert(message.id, 0);
        }
        Ok((Push::Taken, message.id))
    }

    /// No room: there will never be any on a link that is over.
    fn full(&self) -> Result<(Push, u16)> {
        if self.has_ended() { Err(self.ending()) } else { Ok((Push::Full, 0)) }
    }

    /// Waits until there is room for another message, or the link is over.
    pub(super) async fn room(&self) {
        self.outbox.room().await;
        self.until(|state| state.open.len() < self.window).await;
    }

    /// Waits for all confirmations, or as long as any comes in time. `false` if they stopped coming.
    pub(super) async fn settled(&self) -> bool {
        loop {
            let left = self.lock().open.len();
            if left == 0 || self.has_ended() {
                return true;
            }
            let progress = self.until(|state| state.open.len() < left);
            if timeout(self.patience, progress).await.is_err() {
                return false;
            }
        }
    }

    /// Waits until the broker has read everything that was sent before. `false` if it does not say so.
    pub(super) async fn barrier(&self) -> bool {
        let asked = loop {
            match self.ping() {
                (Taken::Yes, asked) => break asked,
                (Taken::Full, _) => self.outbox.room().await,
                (Taken::Closed, _) => return false,
            }
        };
        // As long as the outbox empties the broker reads.
        self.outbox.flush().await;
        let answered = self.until(|state| state.answered_pings >= asked);
        timeout(self.patience, answered).await.is_ok() && !self.has_ended()
    }

    /// Asks the broker whether it is there, and how often it has been asked: it answers each.
    pub(super) fn ping(&self) -> (Taken, u64) {
        let mut state = self.lock();
        let taken = self.outbox.interject(mqtt::ping);
        state.pings += u64::from(taken == Taken::Yes);
        (taken, state.pings)
    }

    /// What became of the messages so far, and how many are not confirmed.
    pub(super) fn fates(&self) -> (Fates, u64) {
        let state = self.lock();
        (state.fates.clone(), state.open.len() as u64)
    }

    /// Leaves in good order, once everything has been written.
    pub(super) fn close(&self) {
        let _ = self.outbox.interject(mqtt::disconnect);
        self.outbox.finish();
    }

    /// Sends what is no message of ours.
    pub(super) async fn send(&self, packet: &[u8]) -> Result<()> {
        loop {
            match self.outbox.interject(|out| out.extend_from_slice(packet)) {
                Taken::Yes => return Ok(()),
                Taken::Full => self.outbox.room().await,
                Taken::Closed => return Err(self.ending()),
            }
        }
    }

    async fn within<T>(&self, what: &str, done: impl Future<Output = T>) -> Result<T> {
        timeout(self.patience, done).await.map_err(|_| {
            let text = format!("{} did not confirm {what} within {:?}", self.shown, self.patience);
            Error::new(Kind::Closed, text)
        })
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.has_ended() || done(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// Waits until the link is over.
    pub(super) async fn ended(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.ending.subscribe().wait_for(Option::is_some).await;
    }

    /// The error that the link's end is to its callers.
    pub(super) fn ending(&self) -> Error {
        match &*self.ending.borrow() {
            Some(Ending { kind: Kind::Closed, message }) => Error::new(Kind::Closed, message).hint(
                "a broker closes on what it does not take, like a packet that is too large, or when it stops: its log says which",
            ),
            Some(Ending { kind, message }) => Error::new(*kind, message),
            None => Error::new(Kind::Closed, format!("the connection to {} is closed", self.shown)),
        }
    }
}

impl State {
    /// A number that no message in flight has; there are more numbers than may be in flight.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            if !self.open.contains_key(&self.last_id) && !self.subscribing.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}
