//! Nest over NATS (`wire.md` §5): a subject per pattern, an inbox per request.
//!
//! The protocol is spoken by hand: `PONG` is what confirms an event, a lost link must be told rather than mended in
//! silence, and every message that eyas drops is counted; `async-nats` has none of these.

mod client;
mod history;
mod jetstream;
mod letters;
mod login;
mod offers;
mod publisher;
mod server;
mod session;
mod watching;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Broker, Capabilities, Endpoint, Error, Exchange, Feed, From, Kind, Offers, OptionDoc, Publisher, Result,
    Service, Spec, Support, Transport, Watch, Written,
};
use crate::fault::Fault;
use crate::message::{Finding, Message, Pattern};
use crate::wire::nats::{self, subject};
use crate::wire::pattern;
use client::Client;
use session::Info;

/// What NATS is.
pub const SPEC: Spec = Spec {
    name: "nats",
    schemes: &["nats", "tls"],
    tls_schemes: &["tls"],
    default_port: 4222,
    default_tls_port: 4222,
    options: &[
        OptionDoc { name: "token", help: "the token to log in with (also as `nats://TOKEN@host`)" },
        OptionDoc { name: "nkey", help: "file with the seed of the user's key" },
        OptionDoc { name: "creds", help: "file with the user's JWT and seed" },
        OptionDoc { name: "queue", help: "`mock`: the queue group to answer in" },
        OptionDoc { name: "inbox", help: "what inboxes begin with (default _INBOX)" },
        OptionDoc { name: "stream", help: "the JetStream stream that confirms events, or that `tail` reads" },
        OptionDoc { name: "tls_first", help: "speak TLS before the broker's first word: true or false" },
    ],
    written: Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Yes,
        watch: Support::Caveat(
            "whoever watches is a subscriber: a request that nobody handles waits, instead of failing at once",
        ),
        proxy: Support::No("its broker shows everything: leave --listen out"),
        serve: Support::Yes,
        confirm: Support::Caveat("the broker has them; whether anybody subscribes it does not tell"),
        history: Support::Caveat("a JetStream stream keeps it, and requests in it without their replies"),
        list: Support::Caveat("what the broker tells: the user's own account, on this server of a cluster"),
    },
    open: |endpoint| Ok(Arc::new(Nats { endpoint, client: Mutex::default() })),
};

struct Nats {
    endpoint: Endpoint,
    client: Mutex<Option<Arc<Client>>>,
}

impl Nats {
    /// The asking connection, made when it is first needed and again when the last one has ended.
    async fn client(&self) -> Result<Arc<Client>> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| !client.has_ended()) {
            return Ok(client.clone());
        }
        let client = Client::new(session::open(&self.endpoint, session::NAME).await?, &self.endpoint);
        *slot = Some(client.clone());
        Ok(client)
    }
}

#[async_trait]
impl Transport for Nats {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        let session = session::open(&self.endpoint, session::NAME).await?;
        Ok(Box::new(publisher::Pipeline::start(session, &self.endpoint)))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        // What cannot be sent is refused before anything connects.
        route(&message.pattern, &self.endpoint)?;
        self.client().await?.request(message, &self.endpoint).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let reply = id.map(|id| format!("{}.{id}", inbox_prefix(&self.endpoint)));
        let mut frame = Vec::new();
        client::encode(&mut frame, message, id, reply.as_deref(), &self.endpoint)?;
        Ok(frame)
    }

    async fn watch(&self, watch: Watch) -> Result<Feed> {
        if watch.from == From::Now && !self.endpoint.options.contains_key("stream") {
            return watching::start(&self.endpoint, &watch).await;
        }
        history::start(&*self.client().await?, &self.endpoint, &watch).await
    }

    async fn offers(&self) -> Result<Offers> {
        offers::list(&*self.client().await?, &self.endpoint).await
    }

    fn broker(&self) -> Option<&dyn Broker> {
        Some(self)
    }

    async fn consumers(&self, patterns: &[Pattern]) -> Result<Option<Vec<String>>> {
        let routes =
            patterns.iter().map(|pattern| pattern::route(pattern, self.endpoint.nest).map_err(refused));
        let routes: Vec<_> = routes.collect::<Result<_>>()?;
        offers::consumers(&*self.client().await?, &routes, &self.endpoint).await
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        server::start(&self.endpoint, patterns).await
    }
}

fn is_secure(endpoint: &Endpoint) -> bool {
    SPEC.tls_schemes.contains(&endpoint.scheme.as_str())
}

/// The subject that `pattern` means to a client.
fn route(pattern: &Pattern, endpoint: &Endpoint) -> Result<String> {
    let route = pattern::route(pattern, endpoint.nest).map_err(refused)?;
    subject::check_literal(&route).map_err(refused)?;
    Ok(route)
}

/// The subject of the pattern that was asked for last: most messages go where the one before went.
#[derive(Default)]
struct Route(Option<(Pattern, String)>);

impl Route {
    fn of(&mut self, pattern: &Pattern, endpoint: &Endpoint) -> Result<&str> {
        if self.0.as_ref().is_none_or(|(last, _)| last != pattern) {
            self.0 = Some((pattern.clone(), route(pattern, endpoint)?));
        }
        Ok(self.0.as_ref().map_or("", |(_, subject)| subject))
    }
}

/// What has been told already; after so many there is too much to tell any.
#[derive(Default)]
struct Told(HashSet<String>);

impl Told {
    const MOST: usize = 100;

    fn is_new(&mut self, what: &str) -> bool {
        !self.0.contains(what) && self.0.len() < Self::MOST && self.0.insert(what.to_owned())
    }
}

fn inbox_prefix(endpoint: &Endpoint) -> &str {
    endpoint.options.get("inbox").map_or("_INBOX", String::as_str)
}

/// A subject that nobody else has.
fn inbox(endpoint: &Endpoint) -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{}.{:016x}{:06x}", inbox_prefix(endpoint), random(), random() & 0x00ff_ffff)
}

/// What the user gave and NATS cannot carry.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(fault: Fault) -> Error {
    let error = Error::unsupported(fault.to_string());
    match fault.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The broker closes the connection of whoever sends too much: it is said before.
fn check_size(size: usize, info: &Info) -> Result<()> {
    if size <= info.max_payload || info.max_payload == 0 {
        return Ok(());
    }
    let what = format!("the message has {size} bytes, and the broker takes {} at most", info.max_payload);
    Err(Error::new(Kind::Refused, what).hint("max_payload in the broker's configuration says how many"))
}

fn closed(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Closed, format!("the connection to {} is closed", endpoint.shown()))
}

/// The payload is checked by construction: without `--raw` it is an envelope, which is JSON.
fn encode_headers(message: &Message) -> Result<Vec<u8>> {
    let mut block = Vec::new();
    if !message.headers.is_empty() {
        nats::encode_headers(&mut block, &message.headers).map_err(refused)?;
    }
    Ok(block)
}

/// A message that no Nest service can read.
fn not_json(subject: &str) -> Finding {
    let text = format!(
        "a message on `{subject}` is not JSON: a Nest 10 or 11 service that handles it ends, Nest 12 only logs it"
    );
    Finding { code: "not-json".into(), text }
}

/// What the broker complained of.
fn complaint(text: &str) -> Finding {
    Finding { code: "refused".into(), text: format!("the broker says: {text}") }
}
