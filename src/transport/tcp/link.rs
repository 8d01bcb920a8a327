//! A client's connection: requests out, replies back to whoever asked.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;

use super::{encode, lacking, net};
use crate::message::Message;
use crate::transport::calls::Calls;
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Endpoint, Error, Exchange, Kind, Result};
use crate::wire::{NestVersion, packet, tcp};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

/// A connection to a service.
pub(super) struct Link {
    pub(super) outbox: Arc<Outbox>,
    calls: Calls,
    shown: String,
    ending: watch::Sender<Option<Ending>>,
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
        let link = Arc::new(Self {
            outbox: Outbox::new(writer),
            calls: Calls::new(),
            shown: endpoint.shown(),
            ending: watch::Sender::new(None),
        });
        tokio::spawn(link.clone().read(reader, endpoint.nest));
        link
    }

    /// Sends a request; the receiver gets its replies.
    pub(super) async fn request(&self, message: &Message, endpoint: &Endpoint) -> Result<Exchange> {
        let call = self.calls.open();
        let mut frame = Vec::new();
        encode(&mut frame, message, Some(&call.id), endpoint).inspect_err(|_| self.calls.forget(call.key))?;
        loop {
            match self.outbox.push(|out| out.extend_from_slice(&frame)) {
                Taken::Yes => break,
                Taken::Full => self.outbox.room().await,
                Taken::Closed => {
                    self.calls.forget(call.key);
                    self.ended().await;
                    return Err(self.ending());
                }
            }
        }
        // The reader may have ended, and told everyone it knew, before this call was one of them.
        if self.has_ended() {
            self.calls.end(|| self.ending());
        }
        Ok(Exchange { id: call.id, replies: call.replies, finding: None })
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
        self.calls.end(|| self.ending());
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
            let Some(id) = packet.id else { continue };
            self.calls.deliver(id, packet.reply(nest)).await;
        }
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
