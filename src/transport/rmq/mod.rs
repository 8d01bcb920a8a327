//! Nest over RabbitMQ (`wire.md` §7): a queue per service, or an exchange before it.
//!
//! Nothing that others use is ever declared here: what is there is looked at passively, what is not is told.
//!
//! AMQP is spoken by hand ([`crate::wire::rmq`]), for what no client at hand gives: our own sockets and TLS, many
//! messages to a write, the broker's word that it blocks publishers and why it refused a login, bounded queues, and
//! the same decoder for a proxy that only looks on.

mod ask;
mod diagnosis;
mod emit;
mod firehose;
mod letters;
mod management;
mod offers;
mod proxy;
mod serve;
mod session;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Bind, Broker, Capabilities, Endpoint, Error, Exchange, Feed, From, Health, Kind, Offers, OptionDoc,
    Proxy, Publisher, Result, Service, Spec, Support, Transport, Watch, between, health,
};
use crate::fault::Fault;
use crate::message::{Message, Pattern};
use crate::wire::pattern;
use crate::wire::rmq::{self, Publish, REPLY_TO, Route, encode_publish};
use ask::Asking;

/// What RabbitMQ is.
pub const SPEC: Spec = Spec {
    name: "rmq",
    schemes: &["amqp", "amqps"],
    tls_schemes: &["amqps"],
    default_port: 5672,
    default_tls_port: 5671,
    options: &[
        OptionDoc { name: "queue", help: "the service's queue" },
        OptionDoc {
            name: "exchange",
            help: "the exchange of a service with `wildcards: true` (then it is called as its queue, unless it says otherwise) or `exchangeType: 'fanout'`",
        },
        OptionDoc { name: "exchange_type", help: "what the exchange is: topic (default) or fanout" },
        OptionDoc { name: "reply_queue", help: "the queue that replies come to, instead of direct reply-to" },
        OptionDoc { name: "persistent", help: "have messages written to disk: true or false" },
        OptionDoc {
            name: "declare",
            help: "`mock`: make the queue or the exchange if it is not there: durable",
        },
        OptionDoc {
            name: "firehose",
            help: "`tail`: have the broker show everything in the virtual host: true or false; costs it half its pace",
        },
        OptionDoc { name: "api", help: "where the broker's management is (default http://HOST:15672)" },
        between::LISTEN_CERT,
        between::LISTEN_KEY,
    ],
    written: super::Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Yes,
        watch: Support::Caveat(
            "an exchange shows what is sent through it, but no replies; -O firehose=true shows them, too, and costs the broker half its pace",
        ),
        proxy: Support::Yes,
        serve: Support::Yes,
        list: Support::Yes,
        confirm: Support::Caveat("the broker never said that it has them"),
        history: Support::No("a queue shows what it holds only by handing it out"),
    },
    open: |endpoint| {
        let options = Options::read(&endpoint)?;
        Ok(Arc::new(Rmq { endpoint, options, asking: Mutex::default() }))
    },
};

/// What the broker shows of our connections.
const NAME: &str = "eyas";

struct Rmq {
    endpoint: Endpoint,
    options: Options,
    asking: Mutex<Option<Arc<Asking>>>,
}

/// What the URL and `-O` say.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
struct Options {
    vhost: String,
    queue: Option<String>,
    exchange: Option<String>,
    is_fanout: bool,
    reply_queue: Option<String>,
    persistent: bool,
    declare: bool,
    firehose: bool,
    api: Option<String>,
}

impl Options {
    fn read(endpoint: &Endpoint) -> Result<Self> {
        let name = |key: &str| -> Result<Option<String>> {
            let named = endpoint.options.get(key).filter(|name| !name.is_empty()).cloned();
            named.map(|name| short(&name, key).map(|()| name)).transpose()
        };
        let one_of = |key: &str, known: &[&str]| match endpoint.options.get(key).map(String::as_str) {
            None => Ok(0),
            Some(given) => known.iter().position(|one| *one == given).ok_or_else(|| {
                Error::unsupported(format!("`{key}={given}` is none of: {}", known.join(", ")))
            }),
        };
        let path = percent_encoding::percent_decode_str(&endpoint.path).decode_utf8_lossy();
        Ok(Self {
            vhost: if path.is_empty() { "/".to_owned() } else { path.into_owned() },
            queue: name("queue")?,
            exchange: name("exchange")?,
            is_fanout: one_of("exchange_type", &["topic", "fanout"])? == 1,
            reply_queue: name("reply_queue")?,
            persistent: one_of("persistent", &["false", "true"])? == 1,
            declare: one_of("declare", &["", "durable"])? == 1,
            firehose: one_of("firehose", &["false", "true"])? == 1,
            api: endpoint.options.get("api").cloned(),
        })
    }

    /// Where a message with `pattern` goes: to the exchange by its route, else to the queue itself.
    fn route(&self, pattern: &Pattern, endpoint: &Endpoint) -> Result<Route> {
        if let Some(exchange) = &self.exchange {
            let key = pattern::route(pattern, endpoint.nest).map_err(refused)?;
            short(&key, "the pattern")?;
            return Ok(Route { exchange: exchange.clone(), key });
        }
        let queue = self.queue.clone().ok_or_else(unaddressed)?;
        Ok(Route { exchange: String::new(), key: queue })
    }
}

/// AMQP's names have 255 bytes at most.
fn short(name: &str, what: &str) -> Result<()> {
    if name.len() <= 255 {
        return Ok(());
    }
    Err(Error::unsupported(format!("{what} has {} bytes, and AMQP's names 255 at most", name.len())))
}

fn unaddressed() -> Error {
    Error::unsupported("neither a queue nor an exchange is named")
        .hint("a Nest service over RabbitMQ has a queue: amqp://HOST/VHOST?queue=orders, or -O queue=orders")
}

impl Rmq {
    /// The asking connection, made when it is first needed and again when the last one has ended.
    async fn asking(&self) -> Result<Arc<Asking>> {
        let mut slot = self.asking.lock().await;
        if let Some(asking) = slot.as_ref().filter(|asking| !asking.has_ended()) {
            return Ok(asking.clone());
        }
        let asking = Arc::new(Asking::open(&self.endpoint, &self.options).await?);
        *slot = Some(asking.clone());
        Ok(asking)
    }
}

#[async_trait]
impl Transport for Rmq {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        if self.options.exchange.is_none() && self.options.queue.is_none() {
            return Err(unaddressed());
        }
        Ok(Box::new(emit::Pipeline::start(&self.endpoint, &self.options).await?))
    }

    async fn health(&self) -> Result<Health> {
        // Whom messages go to does not matter here: no queue need be named.
        let pipeline = emit::Pipeline::start(&self.endpoint, &self.options).await?;
        Ok(health::reached(Box::new(pipeline)).await)
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        // What cannot be sent is refused before anything connects.
        let route = self.options.route(&message.pattern, &self.endpoint)?;
        self.asking().await?.request(message, &route, &self.endpoint, &self.options).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let route = self.options.route(&message.pattern, &self.endpoint)?;
        let mut body = Vec::new();
        rmq::encode_body(&mut body, message, id);
        let reply_to = self.options.reply_queue.as_deref().unwrap_or(REPLY_TO);
        let properties = rmq::properties(message, id.map(|id| (id, reply_to)), self.options.persistent);
        let publish = Publish { route: &route, mandatory: true, properties: &properties, body: &body };
        let mut frames = Vec::new();
        encode_publish(&mut frames, 1, &publish, 0);
        Ok(frames)
    }

    async fn watch(&self, watch: Watch) -> Result<Feed> {
        if watch.from != From::Now {
            return Err(Error::unsupported("a queue shows what it holds only by handing it out"));
        }
        if self.options.firehose {
            return firehose::start(&self.endpoint, &self.options, watch.patterns).await;
        }
        watch::start(&self.endpoint, &self.options, watch.patterns).await
    }

    async fn proxy(&self, bind: Bind) -> Result<Proxy> {
        let tls = between::certificate(&self.endpoint);
        proxy::start(&bind.address, tls.as_ref(), self.endpoint.clone(), is_secure(&self.endpoint)).await
    }

    async fn offers(&self) -> Result<Offers> {
        offers::list(&self.endpoint, &self.options).await
    }

    fn broker(&self) -> Option<&dyn Broker> {
        Some(self)
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        serve::start(&self.endpoint, &self.options, patterns).await
    }

    async fn consumers(&self, _patterns: &[Pattern]) -> Result<Option<Vec<String>>> {
        serve::consumers(&self.endpoint, &self.options).await
    }
}

fn is_secure(endpoint: &Endpoint) -> bool {
    SPEC.tls_schemes.contains(&endpoint.scheme.as_str())
}

/// What the user gave and RabbitMQ cannot carry.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(fault: Fault) -> Error {
    let error = Error::unsupported(fault.to_string());
    match fault.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn closed(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Closed, format!("the connection to {} is closed", endpoint.shown()))
}

/// The broker takes no messages at present: its alarms stop whoever publishes.
fn blocked(endpoint: &Endpoint, reason: &str) -> Error {
    Error::new(Kind::Refused, format!("{} blocks publishers: {reason}", endpoint.shown())).hint(
        "the broker is short of memory or disk space (vm_memory_high_watermark, disk_free_limit) and takes no message \
         from anyone until it has room again",
    )
}
