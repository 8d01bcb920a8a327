//! Standing in between: bytes pass untouched, and are read on the side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::{Endpoint, Event, FeedSender, OptionDoc, Proxy, Result, Tls, feed, net};
use crate::message::{Delivery, Direction, Finding};

const READ_SIZE: usize = 64 << 10;

/// The option that names the certificate of [`certificate`].
pub(super) const LISTEN_CERT: OptionDoc = OptionDoc {
    name: "listen_cert",
    help: "`tail --listen`: PEM certificate to show to clients that speak TLS",
};

/// The option that names its key.
pub(super) const LISTEN_KEY: OptionDoc =
    OptionDoc { name: "listen_key", help: "`tail --listen`: PEM key of that certificate" };

/// Who sent what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Whoever connected here.
    Client,
    /// The endpoint.
    Server,
}

/// Reads both directions of one connection.
pub(super) trait Tap: Send + 'static {
    /// Sees what passes: a request before it is passed on, so that no reply is seen before it; a reply after.
    fn see(&mut self, side: Side, bytes: &[u8]);
    /// Learns that one side will send nothing more.
    fn end(&mut self, side: Side);
    /// Whether a request that was seen has no final reply yet.
    fn is_waiting(&self) -> bool;
}

/// One connection, and where to tell what is seen on it.
pub(super) struct Conversation {
    sender: FeedSender,
    scope: u64,
    peer: String,
}

impl Conversation {
    /// The connection of `peer`, for tests of what reads one.
    #[cfg(test)]
    pub(super) fn of(sender: FeedSender, peer: &str) -> Self {
        Self { sender, scope: 1, peer: peer.to_owned() }
    }

    /// A message of this connection, of which nothing else is known yet.
    pub(super) fn blank(&self, direction: Direction, id: Option<Box<RawValue>>, size: usize) -> Delivery {
        Delivery { id, scope: self.scope, ..Delivery::new(direction, size) }
    }

    /// Tells a message.
    pub(super) fn message(&self, delivery: Delivery, size: usize) {
        self.sender.push(Event::Message(Box::new(delivery)), size);
    }

    /// Tells a diagnosis.
    pub(super) fn finding(&self, code: &'static str, text: String) {
        self.sender.push(Event::Finding(Finding { code: code.into(), text }), 0);
    }

    /// What to call one side in words.
    pub(super) fn who(&self, side: Side) -> &str {
        if side == Side::Client { &self.peer } else { "the service" }
    }
}

/// The certificate that the options name, to be shown to clients which speak TLS.
pub(super) fn certificate(endpoint: &Endpoint) -> Option<Tls> {
    let option = |name: &str| endpoint.options.get(name).map(Into::into);
    match (option(LISTEN_CERT.name), option(LISTEN_KEY.name)) {
        (None, None) => None,
        (cert, key) => Some(Tls { cert, key, ..Tls::default() }),
    }
}

/// Listens on `address`, with TLS if there is a certificate to show, and connects every client to `upstream`.
/// `tap` makes what reads a connection.
///
/// # Errors
/// The address is taken, or not ours.
pub(super) async fn start<T: Tap>(
    address: &str,
    tls: Option<&Tls>,
    upstream: Endpoint,
    secure: bool,
    tap: impl Fn(Conversation) -> T + Send + Sync + 'static,
) -> Result<Proxy> {
    let listener = net::Listener::bind(address, tls).await?;
    let listening = listener.address();
    let (sender, events) = feed();
    let closing = tokio::spawn(accept(listener, Arc::new(upstream), secure, sender, Arc::new(tap)));
    Ok(Proxy { listening, events: events.closed_by(closing) })
}

/// Takes clients until nobody watches any more; ends with the last of their connections.
async fn accept<T: Tap>(
    listener: net::Listener,
    upstream: Arc<Endpoint>,
    secure: bool,
    sender: FeedSender,
    tap: Arc<impl Fn(Conversation) -> T + Send + Sync + 'static>,
) {
    let take = |incoming: net::Incoming, scope| {
        let conversation = Conversation { sender: sender.clone(), scope, peer: incoming.peer.clone() };
        let (upstream, tap) = (upstream.clone(), tap.clone());
        async move { join(incoming, &upstream, secure, conversation, &*tap).await }
    };
    listener.each(sender.abandoned(), take).await;
}

async fn join<T: Tap>(
    incoming: net::Incoming,
    upstream: &Endpoint,
    secure: bool,
    conversation: Conversation,
    tap: &(impl Fn(Conversation) -> T + Sync),
) {
    let peer = incoming.peer.clone();
    let client = match incoming.open().await {
        Ok(halves) => halves,
        Err(error) => {
            let text = format!("{peer} could not open its connection: {error}");
            return conversation.finding("client-lost", text);
        }
    };
    let server = match net::connect(upstream, secure).await {
        Ok(halves) => halves,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let text = format!("{error}{cause}; {peer} was turned away");
            return conversation.finding("upstream-unreachable", text);
        }
    };
    let sender = conversation.sender.clone();
    let shared = Shared { tap: Mutex::new(tap(conversation)), changed: Notify::new(), sender };
    tokio::join!(
        shared.pass(client.0, server.1, Side::Client),
        shared.pass(server.0, client.1, Side::Server)
    );
}

/// What both directions of a connection share.
struct Shared<T> {
    tap: Mutex<T>,
    /// Something was seen.
    changed: Notify,
    sender: FeedSender,
}

impl<T: Tap> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        // Were a tap to panic, the bytes would still have to pass.
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes one direction on to its end, which is passed on, too; or, once nobody watches any more, until every
    /// request has its reply.
    async fn pass(&self, mut from: net::Reader, mut to: net::Writer, side: Side) {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let read = tokio::select! {
                // In this order: what has come is passed on before the end.
                biased;
                read = from.read(&mut buffer) => read,
                () = self.over() => break,
            };
            let Ok(count @ 1..) = read else { break };
            let bytes = &buffer[..count];
            if side == Side::Client {
                self.lock().see(side, bytes);
            }
            if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
                break;
            }
            if side == Side::Server {
                self.lock().see(side, bytes);
                self.changed.notify_waiters();
            }
        }
        // The other side may have gone first.
        let _ = to.shutdown().await;
        self.lock().end(side);
        self.changed.notify_waiters();
    }

    /// Nobody watches any more, and nobody on this connection waits for a reply.
    async fn over(&self) {
        self.sender.abandoned().await;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.lock().is_waiting() {
                return;
            }
            changed.await;
        }
    }
}
