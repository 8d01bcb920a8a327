//! Nest over Redis Pub/Sub (`wire.md` §4): a channel per pattern, and one beside it for its replies.

mod asking;
mod link;
mod offers;
mod pump;
mod server;
mod watching;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Capabilities, Delivered, Endpoint, Error, Exchange, Feed, Offers, OptionDoc, Publisher, Push, Result,
    Service, Spec, Support, Transport, Watch, Written, net,
};
use crate::message::{Data, Delivery, Message, Pattern};
use crate::wire::redis::{self as wire, Wildcards};
use crate::wire::{NestVersion, packet, pattern};
use asking::Asking;
use link::Pushed;
use pump::Pump;
use server::Serving;

/// What Redis is.
pub const SPEC: Spec = Spec {
    name: "redis",
    schemes: &["redis", "rediss"],
    tls_schemes: &["rediss"],
    default_port: 6379,
    default_tls_port: 6379,
    options: &[OptionDoc {
        name: "wildcards",
        help: "patterns of services with `wildcards: true`, like users.*: up to Nest 12.1.0 they reply to the pattern itself",
    }],
    written: Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Yes,
        watch: Support::Yes,
        proxy: Support::No(
            "Redis is a broker, which is watched without standing in between: leave out --listen",
        ),
        serve: Support::Yes,
        confirm: Support::Caveat("confirmed: Redis gave it to a subscriber"),
        history: Support::No("Redis Pub/Sub keeps nothing"),
        list: Support::Caveat(
            "channels that somebody is subscribed to; subscriptions by pattern are only counted",
        ),
    },
    open: |endpoint| {
        let list = endpoint.options.get("wildcards").map_or("", String::as_str);
        let wildcards = Wildcards::parse(list)
            .map_err(|fault| Error::unsupported("the option `wildcards` cannot be used").because(fault))?;
        let channels = Channels { nest: endpoint.nest, wildcards: Arc::new(wildcards) };
        Ok(Arc::new(Redis { endpoint, channels, asking: Mutex::default() }))
    },
};

struct Redis {
    endpoint: Endpoint,
    channels: Channels,
    asking: Mutex<Option<Arc<Asking>>>,
}

/// How channels are read.
#[derive(Clone)]
struct Channels {
    nest: NestVersion,
    wildcards: Arc<Wildcards>,
}

impl Channels {
    fn delivery(&self, pushed: &Pushed) -> Delivery {
        wire::delivery(&pushed.channel, &pushed.payload, self.nest, &self.wildcards)
    }

    /// The channels that replies to what goes to `channel` may take.
    fn replies_to(&self, channel: &str) -> Vec<String> {
        let served = self.wildcards.of(channel).filter(|glob| *glob != channel);
        std::iter::once(channel).chain(served).map(wire::reply_channel).collect()
    }
}

/// The channel and the body that `message` takes: a request's if it has an `id`.
fn encode(message: &Message, id: Option<&str>, endpoint: &Endpoint) -> Result<(String, Vec<u8>)> {
    let mut body = Vec::with_capacity(message.data.as_ref().map_or(0, |data| data.as_bytes().len()) + 96);
    match (message.raw, id) {
        (true, Some(_)) => {
            return Err(Error::unsupported("without Nest's envelope no reply could be told on Redis"));
        }
        (true, None) => body.extend_from_slice(message.data.as_ref().map_or(&[], Data::as_bytes)),
        (false, Some(id)) => packet::encode_request(&mut body, message, id),
        (false, None) => packet::encode_event(&mut body, message),
    }
    Ok((route(&message.pattern, endpoint)?, body))
}

fn route(pattern: &Pattern, endpoint: &Endpoint) -> Result<String> {
    pattern::route(pattern, endpoint.nest)
        .map_err(|error| Error::unsupported("this pattern has no channel").because(error))
}

impl Redis {
    fn is_secure(&self) -> bool {
        SPEC.tls_schemes.contains(&self.endpoint.scheme.as_str())
    }

    /// The connection for requests, made when it is first needed and again when the last one has ended.
    async fn asking(&self) -> Result<Arc<Asking>> {
        let mut slot = self.asking.lock().await;
        if let Some(asking) = slot.as_ref().filter(|asking| !asking.is_over()) {
            return Ok(asking.clone());
        }
        let asking = Arc::new(Asking::open(&self.endpoint, self.is_secure(), self.channels.clone()).await?);
        *slot = Some(asking.clone());
        Ok(asking)
    }

    fn routes(&self, patterns: &[Pattern]) -> Result<Vec<String>> {
        patterns.iter().map(|pattern| route(pattern, &self.endpoint)).collect()
    }
}

#[async_trait]
impl Transport for Redis {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        let connection = link::connect(&self.endpoint, self.is_secure()).await?;
        let pump = Pump::new(connection, self.endpoint.clone());
        Ok(Box::new(Pipeline { pump, endpoint: self.endpoint.clone() }))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        self.asking().await?.request(message, &self.endpoint, &self.channels).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let (channel, body) = encode(message, id, &self.endpoint)?;
        Ok(redis::cmd("PUBLISH").arg(channel).arg(body).get_packed_command())
    }

    async fn watch(&self, watch: Watch) -> Result<Feed> {
        watching::start(&watch.patterns, &self.endpoint, self.is_secure(), self.channels.clone()).await
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        let serving = Serving {
            endpoint: self.endpoint.clone(),
            secure: self.is_secure(),
            channels: self.channels.clone(),
            routes: self.routes(patterns)?,
        };
        serving.start().await
    }

    async fn offers(&self) -> Result<Offers> {
        offers::list(&mut link::connect(&self.endpoint, self.is_secure()).await?, &self.endpoint).await
    }

    async fn consumers(&self, patterns: &[Pattern]) -> Result<Option<Vec<String>>> {
        let routes = self.routes(patterns)?;
        let mut connection = link::connect(&self.endpoint, self.is_secure()).await?;
        offers::consumers(&mut connection, routes, &self.endpoint).await.map(Some)
    }
}

/// Events on their way out.
struct Pipeline {
    pump: Pump,
    endpoint: Endpoint,
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        let (channel, body) = encode(message, None, &self.endpoint)?;
        self.pump.push(&channel, &body)
    }

    async fn room(&mut self) -> Result<()> {
        self.pump.room().await;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Delivered {
        self.pump.flush().await
    }
}
