//! HTTP, as Nest's controllers serve it: a request and its response, without an envelope of Nest's.

mod client;
mod health;
mod offers;
mod proxy;
mod publisher;
mod request;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{
    Bind, Capabilities, Endpoint, Error, Exchange, Health, Kind, Offers, OptionDoc, Proxy, Publisher, Result,
    Service, Spec, Support, Transport, Written, between,
};
use crate::fault::Fault;
use crate::message::{Message, Pattern, Reply};
use crate::wire::http as wire;
use client::Client;

/// What HTTP is.
pub const SPEC: Spec = Spec {
    name: "http",
    schemes: &["http", "https"],
    tls_schemes: &["https"],
    default_port: 80,
    default_tls_port: 443,
    options: &[
        OptionDoc { name: "follow", help: "true: go where a redirect leads" },
        OptionDoc {
            name: "form",
            help: "true: send DATA as a form instead of JSON; multipart: with files, `name@file`",
        },
        OptionDoc { name: "health", help: "`health`: where to ask (default /health)" },
        OptionDoc {
            name: "openapi",
            help: "`ls`: where the OpenAPI document lies (default: the usual places)",
        },
        between::LISTEN_CERT,
        between::LISTEN_KEY,
    ],
    written: Written::Request,
    can: Capabilities {
        emit: Support::Caveat("every event is a request, whose answer is only checked"),
        request: Support::Yes,
        watch: Support::No("HTTP has no broker to watch: stand in between with --listen ADDRESS"),
        proxy: Support::Yes,
        serve: Support::Yes,
        confirm: Support::Caveat("confirmed: the service answered, and not with an error"),
        history: Support::No("HTTP keeps nothing"),
        list: Support::Caveat("routes of a service that serves an OpenAPI document"),
    },
    open: |endpoint| {
        let options = Options { follow: endpoint.flag("follow")?, form: Form::of(&endpoint)? };
        Ok(Arc::new(Http { endpoint, options, client: OnceCell::new(), asked: AtomicU64::new(0) }))
    },
};

/// What `-O` says.
#[derive(Clone, Copy, Debug)]
struct Options {
    follow: bool,
    form: Form,
}

/// What of a form DATA become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// JSON.
    None,
    /// Fields alone.
    Fields,
    /// Parts, which may be files.
    Parts,
}

impl Form {
    fn of(endpoint: &Endpoint) -> Result<Self> {
        match endpoint.options.get("form").map(String::as_str) {
            Some("multipart") => Ok(Self::Parts),
            _ => Ok(if endpoint.flag("form")? { Self::Fields } else { Self::None }),
        }
    }
}

struct Http {
    endpoint: Endpoint,
    options: Options,
    client: OnceCell<Arc<Client>>,
    /// How many requests were sent: their ids, which only eyas sees.
    asked: AtomicU64,
}

impl Http {
    async fn client(&self) -> Result<Arc<Client>> {
        let made = self.client.get_or_try_init(|| Client::new(&self.endpoint, self.options));
        made.await.cloned()
    }

    /// What the service answers to a GET of `path`.
    async fn get(&self, path: &str) -> Result<Reply> {
        let pattern = Pattern::Text(format!("GET {path}"));
        let message = Message { pattern, data: None, headers: Vec::new(), raw: false };
        let mut replies = self.request(&message).await?.replies;
        let none = || Error::new(Kind::Closed, format!("{} closed the connection", self.endpoint.shown()));
        replies.recv().await.ok_or_else(none)?
    }

    fn is_secure(&self) -> bool {
        SPEC.tls_schemes.contains(&self.endpoint.scheme.as_str())
    }
}

#[async_trait]
impl Transport for Http {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        let client = self.client().await?;
        Ok(Box::new(publisher::Pipeline::new(client, self.endpoint.clone(), self.options)))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        // What cannot be sent is refused before anything connects.
        let request = request::build(message, &self.endpoint, self.options)?;
        let replies = self.client().await?.request(request);
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Exchange { id: id.to_string(), replies, finding: None })
    }

    fn resent(&self, mut message: Message) -> Message {
        message.headers.retain(|(name, _)| !wire::is_of_the_way(name));
        message
    }

    async fn health(&self) -> Result<Health> {
        let path = self.endpoint.options.get("health").map_or(health::PATH, String::as_str);
        Ok(health::read(&self.get(path).await?, path))
    }

    async fn offers(&self) -> Result<Offers> {
        offers::ask(self).await
    }

    fn encode(&self, message: &Message, _id: Option<&str>) -> Result<Vec<u8>> {
        Ok(request::build(message, &self.endpoint, self.options)?.bytes())
    }

    async fn proxy(&self, bind: Bind) -> Result<Proxy> {
        let tls = between::certificate(&self.endpoint);
        proxy::start(&bind.address, tls.as_ref(), self.endpoint.clone(), self.is_secure()).await
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        server::start(&self.endpoint, self.is_secure(), patterns).await
    }
}

/// Input that cannot be sent, as an error of the link that it cannot be sent on.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn unusable(fault: Fault) -> Error {
    let error = Error::unsupported(fault.to_string());
    match fault.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
