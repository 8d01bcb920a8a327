//! Standing in between: bytes pass untouched, and are decoded on the side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{lacking, net};
use crate::message::{Delivery, Direction, Finding, ReplyKind};
use crate::transport::{Endpoint, Event, FeedSender, Proxy, Result, Tls, feed};
use crate::wire::{NestVersion, packet, tcp};

const READ_SIZE: usize = 64 << 10;

/// Listens on `address` and connects every client to `upstream`.
pub(super) async fn start(
    address: &str,
    tls: Option<&Tls>,
    upstream: Endpoint,
    secure: bool,
) -> Result<Proxy> {
    let listener = net::Listener::bind(address, tls).await?;
    let listening = listener.address();
    let (sender, events) = feed();
    let closing = tokio::spawn(accept(listener, Arc::new(upstream), secure, sender));
    Ok(Proxy { listening, events: events.closed_by(closing) })
}

/// Takes clients until nobody watches any more; ends with the last of their connections.
async fn accept(listener: net::Listener, upstream: Arc<Endpoint>, secure: bool, sender: FeedSender) {
    let mut joined = JoinSet::new();
    for scope in 1.. {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sender.abandoned() => break,
        };
        let Ok(incoming) = accepted else {
            // Out of file descriptors, most likely: those that are open will close.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        while joined.try_join_next().is_some() {}
        joined.spawn(join(incoming, upstream.clone(), secure, sender.clone(), scope));
    }
    drop(listener);
    joined.join_all().await;
}

async fn join(
    incoming: net::Incoming,
    upstream: Arc<Endpoint>,
    secure: bool,
    sender: FeedSender,
    scope: u64,
) {
    let peer = incoming.peer.clone();
    let tell = |code: &'static str, text: String| {
        sender.push(Event::Finding(Finding { code: code.into(), text }), 0);
    };
    let client = match incoming.open().await {
        Ok(halves) => halves,
        Err(error) => return tell("client-lost", format!("{peer} could not open its connection: {error}")),
    };
    let server = match net::connect(&upstream, secure).await {
        Ok(halves) => halves,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return tell("upstream-unreachable", format!("{error}{cause}; {peer} was turned away"));
        }
    };
    let open = Arc::new(OpenCalls::default());
    let tap = |side| Tap::new(sender.clone(), side, scope, peer.clone(), upstream.nest, open.clone());
    tokio::join!(pass(client.0, server.1, tap(Side::Client)), pass(server.0, client.1, tap(Side::Server)));
}

/// Passes one direction on to its end, which is passed on, too; or, once nobody watches any more, until every
/// request has its reply.
async fn pass(mut from: net::Reader, mut to: net::Writer, mut tap: Tap) {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let read = tokio::select! {
            // In this order: what has come is passed on before the end.
            biased;
            read = from.read(&mut buffer) => read,
            () = tap.over() => break,
        };
        let Ok(count @ 1..) = read else { break };
        // Passed on first: watching may not hold anyone up.
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            break;
        }
        tap.see(&buffer[..count]);
    }
    // The other side may have gone first.
    let _ = to.shutdown().await;
    tap.end();
}

/// The requests of one connection that have no final reply yet.
#[derive(Default)]
struct OpenCalls {
    ids: Mutex<HashMap<Box<str>, usize>>,
    changed: Notify,
}

impl OpenCalls {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, id: &RawValue) {
        *self.lock().entry(id.get().into()).or_default() += 1;
    }

    fn close(&self, id: &str) {
        let mut ids = self.lock();
        if let Some(count) = ids.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                ids.remove(id);
            }
        }
        drop(ids);
        self.changed.notify_waiters();
    }

    /// None are known any more: the stream cannot be read.
    fn give_up(&self) {
        self.lock().clear();
        self.changed.notify_waiters();
    }

    /// Waits until there are none.
    async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Client,
    Server,
}

/// Decodes one direction on the side.
struct Tap {
    sender: FeedSender,
    side: Side,
    scope: u64,
    peer: String,
    nest: NestVersion,
    open: Arc<OpenCalls>,
    /// `None` once the stream turned out not to be Nest's.
    decoder: Option<tcp::Decoder>,
}

impl Tap {
    fn new(
        sender: FeedSender,
        side: Side,
        scope: u64,
        peer: String,
        nest: NestVersion,
        open: Arc<OpenCalls>,
    ) -> Self {
        Self { sender, side, scope, peer, nest, open, decoder: Some(tcp::Decoder::new(tcp::MAX_UNITS)) }
    }

    /// Nobody watches any more, and nobody on this connection waits for a reply.
    async fn over(&self) {
        self.sender.abandoned().await;
        self.open.settled().await;
    }

    fn see(&mut self, bytes: &[u8]) {
        let Some(mut decoder) = self.decoder.take() else { return };
        decoder.feed(bytes);
        match self.read(&mut decoder) {
            Ok(()) => self.decoder = Some(decoder),
            Err(what) => {
                let who = if self.side == Side::Client { &*self.peer } else { "the service" };
                let text =
                    format!("{who} sent what is not Nest's TCP: {what}; it is passed on, but no longer read");
                self.tell("not-nest", text);
                self.open.give_up();
            }
        }
    }

    fn read(&self, decoder: &mut tcp::Decoder) -> Result<(), String> {
        while let Some(body) = decoder.next_frame().map_err(|error| error.to_string())? {
            let packet =
                packet::Packet::parse(body).map_err(|error| format!("a frame is not JSON: {error}"))?;
            let delivery = match self.side {
                Side::Client => self.call(&packet, body.len()),
                Side::Server => self.reply(&packet, body.len()),
            };
            if let Some(id) = &delivery.id {
                match delivery.direction {
                    Direction::Request => self.open.open(id),
                    _ if delivery.is_final => self.open.close(id.get()),
                    _ => {}
                }
            }
            self.sender.push(Event::Message(Box::new(delivery)), body.len());
        }
        Ok(())
    }

    fn call(&self, packet: &packet::Packet<'_>, size: usize) -> Delivery {
        let called = packet.called();
        let id = packet.id.filter(|_| called.is_request).map(RawValue::to_owned);
        let direction = if called.is_request { Direction::Request } else { Direction::Event };
        let pattern = called.pattern;
        Delivery { pattern, headers: called.headers, data: called.data, ..self.blank(direction, id, size) }
    }

    fn reply(&self, packet: &packet::Packet<'_>, size: usize) -> Delivery {
        let reply = packet.reply(self.nest);
        let is_final = reply.is_final();
        let (data, error) = match reply.kind {
            ReplyKind::Refused => (None, reply.data),
            _ => (reply.data, None),
        };
        let id = packet.id.map(RawValue::to_owned);
        Delivery { data, error, is_final, ..self.blank(Direction::Reply, id, size) }
    }

    fn blank(&self, direction: Direction, id: Option<Box<RawValue>>, size: usize) -> Delivery {
        Delivery { id, scope: self.scope, ..Delivery::new(direction, size) }
    }

    fn end(&self) {
        if let Some(pending) = self.decoder.as_ref().and_then(tcp::Decoder::pending) {
            let who = if self.side == Side::Client { &*self.peer } else { "the service" };
            self.tell(
                "half-frame",
                format!("{who} ended its connection in the middle of a message: {}", lacking(&pending)),
            );
        }
    }

    fn tell(&self, code: &'static str, text: String) {
        self.sender.push(Event::Finding(Finding { code: code.into(), text }), 0);
    }
}
