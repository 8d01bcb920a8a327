//! Nest over Kafka (`wire.md` §8): a topic per pattern, and one for its replies.
//!
//! No consumer group anywhere: partitions are read by their offsets, nothing is committed, nobody is rebalanced, and a
//! single request needs no seconds to join anything. The requests are `kafka-protocol`'s, over our own connections. Of
//! the whole clients rskafka 0.6 asks for metadata in the way that makes topics, shows what was in aborted
//! transactions, loses repeated headers and the empty ones, and tries again in silence, so that nobody could count
//! what was confirmed; librdkafka needs a C build and has TLS of its own.

mod ask;
mod cluster;
mod emit;
mod groups;
mod last;
mod letters;
mod link;
mod login;
mod marks;
mod offsets;
mod parcel;
mod place;
mod reading;
mod serve;
mod start;
mod watch;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Broker, Capabilities, Endpoint, Error, Exchange, Feed, Offers, OptionDoc, Publisher, Result, Service,
    Spec, Support, Transport, Watch,
};
use crate::fault::Fault;
use crate::message::{Message, Pattern};
use crate::wire::kafka::{Body, Compression, body, check_topic, hijacker, reply_topic};
use crate::wire::{NestVersion, pattern};
use ask::Asking;
use cluster::Cluster;

/// What Kafka is.
pub const SPEC: Spec = Spec {
    name: "kafka",
    schemes: &["kafka", "kafkas"],
    tls_schemes: &["kafkas"],
    default_port: 9092,
    default_tls_port: 9093,
    options: &[
        OptionDoc {
            name: "bootstrap",
            help: "HOST:PORT[,…]: further brokers to ask where the first is down; kafka://a:9092,b:9092 says the same",
        },
        OptionDoc { name: "key", help: "the key of each message, where the data brings none" },
        OptionDoc {
            name: "partition",
            help: "the partition of each message, where key and data say nothing",
        },
        OptionDoc { name: "compression", help: "none, gzip, snappy, lz4 or zstd (default none)" },
        OptionDoc {
            name: "acks",
            help: "who confirms: all (default: every replica in sync) or 1 (the leader alone)",
        },
        OptionDoc { name: "create", help: "true: make topics that do not exist" },
        OptionDoc { name: "isolation", help: "read_committed (default) or read_uncommitted" },
        OptionDoc { name: "sasl", help: "how to log in: plain (default), scram-sha-256 or scram-sha-512" },
    ],
    written: super::Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Yes,
        watch: Support::Yes,
        proxy: Support::No("its broker shows everything: leave --listen out"),
        serve: Support::Yes,
        confirm: Support::Caveat("the link ended before the broker confirmed them"),
        history: Support::Yes,
        list: Support::Yes,
    },
    open: |endpoint| {
        let options = Options::parse(&endpoint).map_err(unusable)?;
        let cluster = Arc::new(Cluster::new(endpoint, options));
        Ok(Arc::new(Kafka { cluster, asking: Mutex::default() }))
    },
};

/// What `-O` and the URL's query say.
#[derive(Clone, Debug)]
struct Options {
    /// Where the cluster can be asked, too.
    bootstrap: Vec<(String, u16)>,
    key: Option<String>,
    partition: Option<i32>,
    compression: Compression,
    /// As the protocol has it: -1 is all.
    acks: i16,
    create: bool,
    /// As the protocol has it: 1 shows what transactions have committed, 0 everything.
    isolation: i8,
}

impl Options {
    fn parse(endpoint: &Endpoint) -> Result<Self, Fault> {
        let option = |name: &str| endpoint.options.get(name).map(String::as_str);
        let partition = option("partition").map(|text| {
            text.parse::<i32>().ok().filter(|number| *number >= 0).ok_or_else(|| {
                Fault::new(format!("`partition={text}` is no partition")).hint("they are numbered from 0")
            })
        });
        let create = match option("create") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(Fault::new(format!("`create={other}` is neither true nor false"))),
        };
        let isolation = match option("isolation") {
            None | Some("read_committed") => 1,
            Some("read_uncommitted") => 0,
            Some(other) => {
                return Err(Fault::new(format!("`isolation={other}` is none that Kafka has"))
                    .hint("it is read_committed or read_uncommitted"));
            }
        };
        let addresses = option("bootstrap").into_iter().flat_map(|list| list.split(','));
        let bootstrap = addresses.map(|text| address(text.trim(), endpoint)).collect::<Result<_, _>>()?;
        let acks = match option("acks") {
            None | Some("all" | "-1") => -1,
            Some("1") => 1,
            Some(other) => {
                return Err(Fault::new(format!("`acks={other}` is neither all nor 1"))
                    .hint("with 0 the broker would say nothing, and nobody could count what arrived"));
            }
        };
        Ok(Self {
            bootstrap,
            acks,
            key: option("key").map(str::to_owned),
            partition: partition.transpose()?,
            compression: option("compression").map_or(Ok(Compression::None), str::parse)?,
            create,
            isolation,
        })
    }

    /// What is written for `message`.
    fn body<'a>(&'a self, message: &'a Message) -> Body<'a> {
        let mut body = body(message);
        if body.key.is_none() {
            body.key = self.key.as_ref().map(|key| key.as_bytes().into());
        }
        if body.key.is_none() && body.partition.is_none() {
            body.partition = self.partition;
        }
        body
    }
}

/// `HOST:PORT`, or `HOST` at the port that brokers have.
fn address(text: &str, endpoint: &Endpoint) -> Result<(String, u16), Fault> {
    let default = if is_secure(endpoint) { SPEC.default_tls_port } else { SPEC.default_port };
    let wrong = || {
        Fault::new(format!("`{text}` is no address of a broker"))
            .hint("write `host:port`, with commas between")
    };
    // What stands in brackets is an IPv6 address, colons and all.
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))),
        None => text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some("") if !text.ends_with(':') => default,
        port => port.and_then(|port| port.parse().ok()).ok_or_else(wrong)?,
    };
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

struct Kafka {
    cluster: Arc<Cluster>,
    asking: Mutex<Option<Arc<Asking>>>,
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

fn is_secure(endpoint: &Endpoint) -> bool {
    SPEC.tls_schemes.contains(&endpoint.scheme.as_str())
}

/// The topic of a pattern.
fn topic(pattern: &Pattern, nest: NestVersion) -> Result<String> {
    let topic = pattern::route(pattern, nest).map_err(unusable)?;
    check_topic(&topic).map_err(unusable)?;
    Ok(topic)
}

#[async_trait]
impl Transport for Kafka {
    fn shown(&self) -> String {
        self.cluster.shown()
    }

    fn caution(&self, message: &Message) -> Option<String> {
        let name = message.data.as_ref().filter(|_| !message.raw).and_then(hijacker)?;
        Some(format!(
            "the data has a `{name}`: as Nest's client does, it is taken for the whole Kafka message, and of it only key, value, headers and partition arrive; --raw sends it as it is"
        ))
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        // Whatever is wrong with the address is told before the first message.
        self.cluster.any().await?;
        Ok(Box::new(emit::Pipeline::start(self.cluster.clone())))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        // What cannot be sent is refused before anything connects.
        let topic = topic(&message.pattern, self.cluster.endpoint.nest)?;
        check_topic(&reply_topic(&topic)).map_err(unusable)?;
        let asking =
            self.asking.lock().await.get_or_insert_with(|| Asking::new(self.cluster.clone())).clone();
        asking.request(&topic, message).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let topic = topic(&message.pattern, self.cluster.endpoint.nest)?;
        let mut body = self.cluster.options.body(message);
        if let Some(id) = id {
            body.ask(id, &reply_topic(&topic), 0);
        }
        Ok(body.value.map_or_else(Vec::new, std::borrow::Cow::into_owned))
    }

    async fn watch(&self, watch: Watch) -> Result<Feed> {
        watch::start(&self.cluster, &watch).await
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        serve::start(&self.cluster, patterns).await
    }

    fn broker(&self) -> Option<&dyn Broker> {
        Some(self)
    }

    async fn offers(&self) -> Result<Offers> {
        groups::offers(&self.cluster).await
    }

    async fn consumers(&self, patterns: &[Pattern]) -> Result<Option<Vec<String>>> {
        let topics = patterns.iter().map(|pattern| topic(pattern, self.cluster.endpoint.nest));
        let topics: Vec<_> = topics.collect::<Result<_>>()?;
        groups::serving(&self.cluster, &topics).await.map(Some)
    }
}
