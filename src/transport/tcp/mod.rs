//! Nest over TCP (`wire.md` §3): one connection, many requests in flight, replies in any order.

mod link;
mod proxy;
mod server;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Bind, Capabilities, Delivered, Endpoint, Error, Exchange, Proxy, Publisher, Push, Result, Service, Spec,
    Support, Transport, Written, between, net,
};
use crate::message::{Data, Message, Pattern};
use crate::transport::outbox::Taken;
use crate::wire::{packet, pattern, tcp};
use link::Link;

/// What TCP is.
pub const SPEC: Spec = Spec {
    name: "tcp",
    schemes: &["tcp", "tcps"],
    tls_schemes: &["tcps"],
    default_port: 3000,
    default_tls_port: 3000,
    options: &[between::LISTEN_CERT, between::LISTEN_KEY],
    written: Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Yes,
        watch: Support::No("TCP has no broker to watch: stand in between with --listen ADDRESS"),
        proxy: Support::Yes,
        serve: Support::Yes,
        confirm: Support::No("TCP tells nobody whether a message was handled"),
        history: Support::No("TCP keeps nothing"),
        list: Support::No("a service tells nobody over TCP which patterns it has: its source does"),
    },
    open: |endpoint| Ok(Arc::new(Tcp { endpoint, link: Mutex::default() })),
};

struct Tcp {
    endpoint: Endpoint,
    link: Mutex<Option<Arc<Link>>>,
}

impl Tcp {
    fn is_secure(&self) -> bool {
        SPEC.tls_schemes.contains(&self.endpoint.scheme.as_str())
    }

    /// The connection, made when it is first needed and again when the last one has ended.
    async fn link(&self) -> Result<Arc<Link>> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| !link.has_ended()) {
            return Ok(link.clone());
        }
        let halves = net::connect(&self.endpoint, self.is_secure()).await?;
        let link = Link::new(halves, &self.endpoint);
        *slot = Some(link.clone());
        Ok(link)
    }
}

/// Appends `message` as one frame: a request if it has an `id`.
fn encode(out: &mut Vec<u8>, message: &Message, id: Option<&str>, endpoint: &Endpoint) -> Result<()> {
    let mut body = Vec::with_capacity(message.data.as_ref().map_or(0, |data| data.as_bytes().len()) + 96);
    match (message.raw, id) {
        (true, Some(_)) => {
            return Err(untold());
        }
        (true, None) => body.extend_from_slice(message.data.as_ref().map_or(&[], Data::as_bytes)),
        (false, Some(id)) => packet::encode_request(&mut body, message, id),
        // In an event's packet Nest's TCP client writes the route, not the pattern (`wire.md` §1).
        (false, None) => {
            let route = pattern::route(&message.pattern, endpoint.nest)
                .map_err(|error| Error::unsupported("this pattern has no route").because(error))?;
            packet::encode_event_to(&mut body, &route, message);
        }
    }
    tcp::encode_frame(out, &body);
    Ok(())
}

fn untold() -> Error {
    Error::unsupported("without Nest's envelope no reply could be told on TCP")
}

/// What is there of a message that its stream did not end.
fn lacking(pending: &tcp::Pending) -> String {
    match pending {
        tcp::Pending::Length(text) => format!("`{text}` was all that came of it"),
        tcp::Pending::Body { missing } => format!("{missing} UTF-16 units of it are missing"),
    }
}

#[async_trait]
impl Transport for Tcp {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        // A link of its own: what is pushed here ends with it, and no reply is expected on it.
        let halves = net::connect(&self.endpoint, self.is_secure()).await?;
        let link = Link::new(halves, &self.endpoint);
        Ok(Box::new(Pipeline { link, frame: Vec::new(), endpoint: self.endpoint.clone() }))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        if message.raw {
            // Said before anything connects.
            return Err(untold());
        }
        self.link().await?.request(message, &self.endpoint).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let mut frame = Vec::new();
        encode(&mut frame, message, id, &self.endpoint)?;
        Ok(frame)
    }

    async fn proxy(&self, bind: Bind) -> Result<Proxy> {
        let tls = between::certificate(&self.endpoint);
        proxy::start(&bind.address, tls.as_ref(), self.endpoint.clone(), self.is_secure()).await
    }

    async fn serve(&self, _patterns: &[Pattern]) -> Result<Service> {
        server::start(&self.endpoint, self.is_secure()).await
    }
}

/// Events on their way out.
struct Pipeline {
    link: Arc<Link>,
    /// Room for one frame, kept between messages.
    frame: Vec<u8>,
    endpoint: Endpoint,
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        self.frame.clear();
        encode(&mut self.frame, message, None, &self.endpoint)?;
        match self.link.outbox.push(|out| out.extend_from_slice(&self.frame)) {
            Taken::Yes => Ok(Push::Taken),
            Taken::Full => Ok(Push::Full),
            Taken::Closed => Err(self.link.ending()),
        }
    }

    async fn room(&mut self) -> Result<()> {
        self.link.outbox.room().await;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Delivered {
        let (pushed, written) = self.link.outbox.flush().await;
        self.link.outbox.finish();
        // The peer closes its side once it has read ours to the end; a peer that keeps its side open is not
        // waited for longer than it may take to connect.
        let ended = tokio::time::timeout(self.endpoint.connect_timeout, self.link.ended()).await;
        let error = match ended {
            Ok(()) if written < pushed || self.link.was_cut() => Some(self.link.ending()),
            _ => None,
        };
        Delivered { unconfirmed: written, lost: pushed - written, error, ..Delivered::default() }
    }
}
