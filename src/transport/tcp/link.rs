//! A client's connection: requests out, replies back to whoever asked.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};

use super::{encode, lacking, net};
use crate::message::{Message, Reply};
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Endpoint, Error, Exchange, Kind, Result};
use crate::wire::{NestVersion, packet, tcp};

/// Replies that wait for one caller before the connection waits for it.
const REPLIES_WAITING: usize = 64;
/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

type Waiting = mpsc::Sender<Result<Reply>>;

/// A connection to a service.
pub(super) struct Link {
    pub(super) outbox: Arc<Outbox>,
    calls: Mutex<Calls>,
    /// The first half of each id: what tells our calls from anybody else's.
    prefix: String,
    shown: String,
    ending: watch::Sender<Option<Ending>>,
}

struct Calls {
    open: HashMap<u64, Waiting>,
    next: u64,
    /// At this many open calls those that nobody waits for are swept out.
    sweep_at: usize,
}

/// Why a link is over: told to every caller, so kept as text.
#[derive(Clone, Debug)]
struct Ending {
    kind: Kind,
    message: String,
    hint: Option<&'static str>,
}

impl Link {
    pub(super) fn new((reader, writer): (net::Reader, net::Writer), endpoint: &Endpoint) -> Arc<Self> {
        let random = RandomState::new().build_hasher().finish();
        let link = Arc::new(Self {
            outbox: Outbox::new(writer),
            calls: Mutex::new(Calls { open: HashMap::new(), next: 0, sweep_at: 1024 }),
            prefix: format!("{:011x}", random & 0xfff_ffff_ffff),
            shown: endpoint.shown(),
            ending: watch::Sender::new(None),
        });
        tokio::spawn(link.clone().read(reader, endpoint.nest));
        link
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request; the receiver gets its replies.
    pub(super) async fn request(&self, message: &Message, endpoint: &Endpoint) -> Result<Exchange> {
        let (sender, replies) = mpsc::channel(REPLIES_WAITING);
        let key = self.register(sender);
        let id = format!("{}{key:010x}", self.prefix);
        let mut frame = Vec::new();
        encode(&mut frame, message, Some(&id), endpoint).inspect_err(|_| self.forget(key))?;
        loop {
            match self.outbox.push(|out| out.extend_from_slice(&frame)) {
                Taken::Yes => break,
                Taken::Full => self.outbox.room().await,
                Taken::Closed => {
                    self.forget(key);
                    self.ended().await;
                    return Err(self.ending());
                }
            }
        }
        // The reader may have ended, and told everyone it knew, before this call was one of them.
        if self.has_ended() {
            self.tell_all();
        }
        Ok(Exchange { id, replies })
    }

    fn register(&self, sender: Waiting) -> u64 {
        let mut calls = self.lock();
        if calls.open.len() >= calls.sweep_at {
            calls.open.retain(|_, waiting| !waiting.is_closed());
            calls.sweep_at = (calls.open.len() * 2).max(1024);
        }
        let key = calls.next;
        calls.next += 1;
        calls.open.insert(key, sender);
        key
    }

    fn forget(&self, key: u64) {
        self.lock().open.remove(&key);
    }

    async fn read(self: Arc<Self>, mut reader: net::Reader, nest: NestVersion) {
        let mut decoder = tcp::Decoder::new(tcp::MAX_UNITS);
        let mut buffer = vec![0; READ_SIZE];
        let ending = loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break self.at_end(&decoder),
                Ok(count) => decoder.feed(&buffer[..count]),
                Err(error) => break self.broken(&error),
            }
            if let Err(ending) = self.dispatch(&mut decoder, nest).await {
                break ending;
            }
        };
        self.ending.send_replace(Some(ending));
        self.outbox.close();
        self.tell_all();
    }

    async fn dispatch(&self, decoder: &mut tcp::Decoder, nest: NestVersion) -> Result<(), Ending> {
        loop {
            let body = match decoder.next_frame() {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.garbled(&error.to_string())),
            };
            let packet = match packet::Packet::parse(body) {
                Ok(packet) => packet,
                Err(error) => return Err(self.garbled(&format!("a reply is not JSON: {error}"))),
            };
            let Some(key) = packet.id.and_then(|id| self.key_of(id.get())) else { continue };
            let reply = packet.reply(nest);
            let waiting = {
                let mut calls = self.lock();
                if reply.is_final() { calls.open.remove(&key) } else { calls.open.get(&key).cloned() }
            };
            let Some(waiting) = waiting else { continue };
            if waiting.send(Ok(reply)).await.is_err() {
                self.forget(key);
            }
        }
    }

    /// Which of our calls the JSON text `id` names.
    fn key_of(&self, id: &str) -> Option<u64> {
        let id = id.strip_prefix('"')?.strip_suffix('"')?.strip_prefix(&self.prefix)?;
        u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 10)
    }

    fn at_end(&self, decoder: &tcp::Decoder) -> Ending {
        let message = match decoder.pending() {
            None => format!("{} closed the connection", self.shown),
            Some(pending) => {
                format!(
                    "{} closed the connection in the middle of a reply: {}",
                    self.shown,
                    lacking(&pending)
                )
            }
        };
        let hint = "a service closes on what it cannot read, on more than 134217728 UTF-16 units at once, or when it stops: its log says which";
        Ending { kind: Kind::Closed, message, hint: Some(hint) }
    }

    fn broken(&self, error: &io::Error) -> Ending {
        // With TLS 1.3 a client hears only after its own handshake that it is not let in.
        let is_alert = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref())
            .is_some_and(|inner| matches!(inner, rustls::Error::AlertReceived(_)));
        if is_alert {
            let message = format!("{} refused the connection: {error}", self.shown);
            let hint = "--tls-cert and --tls-key name your certificate, which its authority must have signed";
            return Ending { kind: Kind::Denied, message, hint: Some(hint) };
        }
        let message = format!("the connection to {} broke: {error}", self.shown);
        Ending { kind: Kind::Closed, message, hint: None }
    }

    fn garbled(&self, what: &str) -> Ending {
        let message = format!("{} does not speak Nest's TCP: {what}", self.shown);
        let hint = "check the port: a hybrid service has one for HTTP and another for messages";
        Ending { kind: Kind::Protocol, message, hint: Some(hint) }
    }

    /// Tells every open call that the link is over.
    fn tell_all(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for waiting in open.into_values() {
            // A caller that has not read 64 replies sees its channel end, which is told as a closed link, too.
            let _ = waiting.try_send(Err(self.ending()));
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

    /// Whether it ended otherwise than by the peer's closing it.
    pub(super) fn was_cut(&self) -> bool {
        self.ending
            .borrow()
            .as_ref()
            .is_some_and(|ending| ending.hint.is_none() || ending.kind != Kind::Closed)
    }

    /// The error that the link's end is to its callers.
    pub(super) fn ending(&self) -> Error {
        match &*self.ending.borrow() {
            Some(Ending { kind, message, hint: Some(hint) }) => Error::new(*kind, message).hint(*hint),
            Some(Ending { kind, message, hint: None }) => Error::new(*kind, message),
            None => Error::new(Kind::Closed, format!("the connection to {} is closed", self.shown)),
        }
    }
}
