//! One surface over every transport: what each can do is data, and what it does is behind [`Transport`].
//!
//! Nothing outside this folder knows which transport it speaks to. Adding one is a file with its [`Spec`] and a
//! line in [`ALL`].

mod awaited;
mod between;
mod broker;
mod calls;
mod endpoint;
mod error;
mod feed;
pub mod grpc;
mod health;
pub mod http;
pub mod kafka;
pub mod mqtt;
pub mod nats;
mod net;
mod offer;
mod outbox;
mod recent;
pub mod redis;
pub mod rmq;
pub mod tcp;
mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::message::{Called, Data, Delivery, Finding, Message, Pattern, Reply};

pub use broker::{Broker, Letter, Letters, Store};
pub use endpoint::{Endpoint, Tls};
pub use error::{Error, Kind, Result};
pub use feed::{Feed, FeedSender, feed};
pub use health::{Check, Health};
pub use offer::{Offer, Offers};

/// Every transport there is. Help, completions, checks and tests iterate this.
pub const ALL: &[Spec] =
    &[tcp::SPEC, redis::SPEC, nats::SPEC, mqtt::SPEC, kafka::SPEC, rmq::SPEC, grpc::SPEC, http::SPEC];

/// What a transport is called, what it takes and what it can do: known before anything connects.
pub struct Spec {
    /// Nest's name for it.
    pub name: &'static str,
    /// The URL schemes that mean it; those ending in `s` beside one that does not are TLS.
    pub schemes: &'static [&'static str],
    /// The schemes among them that speak TLS.
    pub tls_schemes: &'static [&'static str],
    /// The port where the URL names none.
    pub default_port: u16,
    /// The same for the schemes that speak TLS.
    pub default_tls_port: u16,
    /// What `-O` and the URL's query may hold, beside [`COMMON_OPTIONS`].
    pub options: &'static [OptionDoc],
    /// How PATTERN and DATA are written for it.
    pub written: Written,
    /// What it can do.
    pub can: Capabilities,
    /// Makes the transport; no I/O.
    pub open: fn(Endpoint) -> Result<Arc<dyn Transport>>,
}

/// One `-O key=value`.
pub struct OptionDoc {
    /// The key.
    pub name: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
}

/// How PATTERN and DATA are written for a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// PATTERN is one word; without DATA `{}` is sent.
    Pattern,
    /// PATTERN is METHOD and PATH, which has a default each; without DATA none is sent.
    Request,
}

/// Options that every transport takes.
pub const COMMON_OPTIONS: &[OptionDoc] =
    &[OptionDoc { name: "nest", help: "the major version of the service: 10, 11 or 12 (default 12)" }];

/// What a transport can do.
pub struct Capabilities {
    /// Publish an event.
    pub emit: Support,
    /// Ask and be answered.
    pub request: Support,
    /// See others' traffic on a broker.
    pub watch: Support,
    /// See traffic by standing in between.
    pub proxy: Support,
    /// Answer requests.
    pub serve: Support,
    /// Confirm that a published message arrived at the broker.
    pub confirm: Support,
    /// Show what came before.
    pub history: Support,
    /// Tell what an address offers.
    pub list: Support,
}

/// Whether a transport can do a thing; the text is shown to the user, before connecting.
pub enum Support {
    /// It can.
    Yes,
    /// It can, but.
    Caveat(&'static str),
    /// It cannot, because.
    No(&'static str),
}

/// An open transport. Connections are made when first needed and kept.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Where it speaks to, as it may be shown.
    fn shown(&self) -> String;

    /// What the user should know of the link, in words: each is given once.
    fn take_notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Connects, so that pushing can begin.
    async fn publisher(&self) -> Result<Box<dyn Publisher>>;

    /// Sends a request; replies come through the receiver until one is final, the link ends (an error) or the
    /// receiver is dropped. Many may be in flight on one transport.
    async fn request(&self, message: &Message) -> Result<Exchange>;

    /// What becomes of `message` that its sender may not expect: said before it is sent.
    fn caution(&self, message: &Message) -> Option<String> {
        let _ = message;
        None
    }

    /// `message`, which was recorded, as it is sent again: without what belonged to the way it had gone.
    fn resent(&self, message: Message) -> Message {
        message
    }

    /// The one way to write `pattern`, where this transport takes several for the same.
    fn canonical(&self, pattern: &Pattern) -> Result<Pattern> {
        Ok(pattern.clone())
    }

    /// Whether a request to `pattern` is a stream of messages, which go by [`Transport::request_stream`].
    async fn takes_stream(&self, pattern: &Pattern) -> Result<bool> {
        let _ = pattern;
        Ok(false)
    }

    /// Sends one request of many messages: `head` has all but their data. Replies come as in
    /// [`Transport::request`], before the last message or after it.
    async fn request_stream(&self, head: &Message, messages: mpsc::Receiver<Data>) -> Result<Exchange> {
        let _ = (head, messages);
        Err(Error::unsupported("on this transport a request is one message"))
    }

    /// The exact bytes `message` would be on the wire: a request if `id` is given.
    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>>;

    /// Watches what a broker carries. Takes nothing from anyone.
    async fn watch(&self, watch: Watch) -> Result<Feed> {
        let _ = watch;
        Err(Error::unsupported("this transport has no broker to watch"))
    }

    /// Stands between clients, who connect to `bind`, and the endpoint: passes bytes untouched, tells what it saw.
    async fn proxy(&self, bind: Bind) -> Result<Proxy> {
        let _ = bind;
        Err(Error::unsupported("this transport cannot be tailed by standing in between"))
    }

    /// Answers requests: each call comes through the receiver. None of `patterns` = whatever comes.
    async fn serve(&self, patterns: &[Pattern]) -> Result<Service>;

    /// How the address is: as it says itself where it says anything, else whether it can be reached, login included.
    /// The caller sets the limit.
    async fn health(&self) -> Result<Health> {
        Ok(health::reached(self.publisher().await?).await)
    }

    /// What the address offers, and who takes from it. Takes nothing from anyone.
    async fn offers(&self) -> Result<Offers> {
        Err(Error::unsupported("this transport tells nobody what it offers"))
    }

    /// What its broker keeps, where it keeps anything.
    fn broker(&self) -> Option<&dyn Broker> {
        None
    }

    /// Who serves `patterns` (none = any) on the broker already, by the broker's names; `None` where nobody can
    /// tell.
    async fn consumers(&self, patterns: &[Pattern]) -> Result<Option<Vec<String>>> {
        let _ = patterns;
        Ok(None)
    }
}

/// A request that was sent, and what comes back.
pub struct Exchange {
    /// The id it went out with.
    pub id: String,
    /// Its replies.
    pub replies: mpsc::Receiver<Result<Reply>>,
    /// What the broker's answer to the request itself gives away.
    pub finding: Option<Finding>,
}

/// A pipeline of outgoing events.
#[async_trait]
pub trait Publisher: Send {
    /// Takes the message, or says that it is full: then await [`Publisher::room`] and push again.
    ///
    /// # Errors
    /// A message that cannot be encoded, or a link that is gone.
    fn push(&mut self, message: &Message) -> Result<Push>;
    /// Waits until there is room again.
    async fn room(&mut self) -> Result<()>;
    /// Waits until everything pushed has left, ends the link, and says what became of it all.
    async fn finish(self: Box<Self>) -> Delivered;
}

/// Whether a message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Push {
    /// It is in the pipeline.
    Taken,
    /// There is no room.
    Full,
}

/// What became of what was pushed. The counts survive a dead link.
#[derive(Debug, Default)]
pub struct Delivered {
    /// The broker, or the peer, said that it has it.
    pub confirmed: u64,
    /// It left, and nobody can say more.
    pub unconfirmed: u64,
    /// The broker said that nobody takes it.
    pub unroutable: u64,
    /// It never left.
    pub lost: u64,
    /// Why the rest could not go.
    pub error: Option<Error>,
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Patterns in the transport's own wildcards; none = all that it can show.
    pub patterns: Vec<String>,
    /// Where to begin.
    pub from: From,
    /// Leave out what was kept after this time.
    pub until: Option<jiff::Timestamp>,
    /// Nothing that comes after [`Event::CaughtUp`] is wanted.
    pub is_bounded: bool,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// With what comes next.
    #[default]
    Now,
    /// With the oldest message there is.
    Start,
    /// With this position, as [`Delivery::position`] tells it.
    Position(u64),
    /// With the last so many.
    Last(u64),
    /// With the first that came at this time or later.
    Time(jiff::Timestamp),
}

/// Where a proxy listens.
#[derive(Clone, Debug)]
pub struct Bind {
    /// `host:port`; port 0 takes a free one.
    pub address: String,
}

/// A running proxy.
pub struct Proxy {
    /// The address it took, as it may be shown.
    pub listening: String,
    /// What it sees.
    pub events: Feed,
}

/// A running responder.
pub struct Service {
    /// The address or the subjects it serves, as it may be shown.
    pub listening: String,
    /// What it is asked, and what it noticed.
    pub incoming: mpsc::Receiver<Incoming>,
    /// Ends once `incoming` was dropped and every answer that was given has left.
    pub closing: tokio::task::JoinHandle<()>,
}

/// What reaches a responder.
pub enum Incoming {
    /// A request or an event.
    Call(Call),
    /// Something that was no call.
    Finding(Finding),
}

/// What a watch or a proxy has to tell.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message(Box<Delivery>),
    /// Something is missing here: `lost` messages, or nobody knows how many.
    Gap {
        /// How many, where that is known.
        lost: Option<u64>,
        /// Why.
        why: String,
    },
    /// Everything that was there at the start has been told.
    CaughtUp,
    /// A diagnosis.
    Finding(Finding),
}

/// A request or event that was received; answer through [`Call::answer`].
pub struct Call {
    /// What was asked.
    pub called: Called,
    /// Takes the answers; dropping it ends the call without one.
    pub answer: Box<dyn Answer>,
}

/// Takes the replies to one call.
#[async_trait]
pub trait Answer: Send + Sync {
    /// Sends one reply; waits while the peer does not read.
    async fn reply(&self, reply: &Reply) -> Result<()>;
    /// Sends Nest's reply for a pattern without a handler.
    async fn no_handler(&self) -> Result<()>;
}

/// The transport that `scheme` means.
///
/// # Errors
/// An unknown scheme, with those there are.
pub fn find(scheme: &str) -> Result<&'static Spec, Fault> {
    ALL.iter().find(|spec| spec.schemes.contains(&scheme)).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().flat_map(|spec| spec.schemes).map(|s| format!("{s}://")).collect();
        Fault::new(format!("no transport has the scheme `{scheme}://`"))
            .hint(format!("the schemes are {}", known.join(", ")))
    })
}

/// Opens `endpoint`; no I/O.
///
/// # Errors
/// An unknown scheme, or an option that its transport does not have.
pub fn open(endpoint: Endpoint) -> anyhow::Result<Arc<dyn Transport>> {
    let spec = find(&endpoint.scheme)?;
    for key in endpoint.options.keys() {
        let mut known = spec.options.iter().chain(COMMON_OPTIONS).map(|option| option.name);
        if !known.any(|name| name == key) {
            let names: Vec<_> = spec.options.iter().chain(COMMON_OPTIONS).map(|o| o.name).collect();
            return Err(Fault::new(format!("{} has no option `{key}`", spec.name))
                .hint(format!("its options are {}", names.join(", ")))
                .into());
        }
    }
    Ok((spec.open)(endpoint)?)
}
