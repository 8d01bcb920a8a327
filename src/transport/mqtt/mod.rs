//! Nest over MQTT 3.1.1 and 5 (`wire.md` §6): the pattern's route is the topic, and replies come on
//! `<topic>/reply`, which all clients share.

mod ask;
mod emit;
mod incoming;
mod link;
mod login;
mod offers;
mod serve;
mod watch;

use std::sync::{Arc, Mutex as Lock, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    Capabilities, Endpoint, Error, Exchange, Feed, Offers, OptionDoc, Publisher, Result, Service, Spec,
    Support, Transport, Watch, Written, net,
};
use crate::fault::Fault;
use crate::message::{Data, Headers, Message, Pattern};
use crate::wire::mqtt::{self, Publish, Qos, Version};
use crate::wire::{NestVersion, packet, pattern};
use ask::Asking;
use link::{Ignore, Link};

/// What MQTT is.
pub const SPEC: Spec = Spec {
    name: "mqtt",
    schemes: &["mqtt", "mqtts"],
    tls_schemes: &["mqtts"],
    default_port: 1883,
    default_tls_port: 8883,
    options: &[
        OptionDoc {
            name: "qos",
            help: "0 (default, as Nest), 1 or 2: from 1 on the broker confirms, and says (MQTT 5) if nobody subscribes",
        },
        OptionDoc {
            name: "retain",
            help: "true: the broker keeps the last message of a topic for later subscribers",
        },
        OptionDoc {
            name: "version",
            help: "4 (MQTT 3.1.1) or 5; without it 5, and 3.1.1 where the broker has no 5",
        },
    ],
    written: Written::Pattern,
    can: Capabilities {
        emit: Support::Yes,
        request: Support::Caveat(
            "a broker is silent where nobody listens, unless asked with -O qos=1 (MQTT 5)",
        ),
        watch: Support::Yes,
        proxy: Support::No("MQTT has a broker to watch: leave out --listen"),
        serve: Support::Caveat("a broker does not tell who subscribes: a service that is there answers, too"),
        confirm: Support::Caveat("at QoS 0 nothing is confirmed: -O qos=1"),
        history: Support::No("MQTT keeps no more than the last retained message of a topic"),
        list: Support::Caveat("topics that keep a message: a broker does not tell who subscribes"),
    },
    open: |endpoint| {
        let options = Options::parse(&endpoint).map_err(unusable)?;
        Ok(Arc::new(Mqtt { endpoint, options, asking: Mutex::default(), notes: Arc::default() }))
    },
};

/// What `-O` says.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    qos: Qos,
    retain: bool,
    version: Option<Version>,
}

impl Options {
    fn parse(endpoint: &Endpoint) -> Result<Self, Fault> {
        let option = |name: &str| endpoint.options.get(name).map(String::as_str);
        let wrong = |name: &str, value: &str, hint: &str| {
            Fault::new(format!("`{name}={value}` is nothing that MQTT has")).hint(hint.to_owned())
        };
        let qos = match option("qos") {
            None | Some("0") => Qos::AtMostOnce,
            Some("1") => Qos::AtLeastOnce,
            Some("2") => Qos::ExactlyOnce,
            Some(other) => return Err(wrong("qos", other, "it is 0, 1 or 2")),
        };
        let retain = match option("retain") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(wrong("retain", other, "it is true or false")),
        };
        let version = match option("version") {
            None => None,
            Some("4" | "3.1.1") => Some(Version::V4),
            Some("5") => Some(Version::V5),
            Some(other) => return Err(wrong("version", other, "it is 4 (MQTT 3.1.1) or 5")),
        };
        Ok(Self { qos, retain, version })
    }
}

struct Mqtt {
    endpoint: Endpoint,
    options: Options,
    asking: Mutex<Option<Arc<Asking>>>,
    notes: Arc<Notes>,
}

/// What the user should know, each told once.
#[derive(Default)]
struct Notes(Lock<Vec<String>>);

impl Notes {
    fn add(&self, note: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
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

/// The topic of a pattern.
fn topic(pattern: &Pattern, nest: NestVersion) -> Result<String> {
    let topic = pattern::route(pattern, nest).map_err(unusable)?;
    mqtt::check_topic(&topic).map_err(unusable)?;
    Ok(topic)
}

/// Writes what `message` is in a packet: a request if it has an `id`.
fn encode_body(out: &mut Vec<u8>, message: &Message, id: Option<&str>) -> Result<()> {
    match (message.raw, id) {
        (true, Some(_)) => Err(Error::unsupported("without Nest's envelope no reply could be told on MQTT")),
        (true, None) => {
            out.extend_from_slice(message.data.as_ref().map_or(&[], Data::as_bytes));
            Ok(())
        }
        (false, id) => {
            packet::encode_body(out, message, id);
            Ok(())
        }
    }
}

impl Options {
    fn publish<'a>(self, topic: &'a str, payload: &'a [u8], headers: &'a Headers) -> Publish<'a> {
        Publish { topic, payload, headers, qos: self.qos, id: 0, retain: self.retain }
    }
}

impl Notes {
    /// Says that headers are lost on `link`, where they are.
    fn on_headers(&self, headers: &Headers, link: &Link) {
        if !headers.is_empty() && link.version == Version::V4 {
            self.add("headers are left out: this connection speaks MQTT 3.1.1, which has none".to_owned());
        }
    }
}

#[async_trait]
impl Transport for Mqtt {
    fn shown(&self) -> String {
        self.endpoint.shown()
    }

    fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }

    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        let link = Link::open(&self.endpoint, &self.options, Ignore).await?;
        Ok(Box::new(emit::Pipeline::new(link, self.options, self.endpoint.nest, self.notes.clone())))
    }

    async fn request(&self, message: &Message) -> Result<Exchange> {
        let asking = {
            let mut slot = self.asking.lock().await;
            match slot.as_ref().filter(|asking| !asking.has_ended()) {
                Some(asking) => asking.clone(),
                None => slot.insert(Asking::open(&self.endpoint, &self.options).await?).clone(),
            }
        };
        asking.request(message, &self.notes).await
    }

    fn encode(&self, message: &Message, id: Option<&str>) -> Result<Vec<u8>> {
        let topic = topic(&message.pattern, self.endpoint.nest)?;
        let (mut body, mut out) = (Vec::new(), Vec::new());
        encode_body(&mut body, message, id)?;
        let mut publish = self.options.publish(&topic, &body, &message.headers);
        publish.id = 1;
        mqtt::publish(&mut out, self.options.version.unwrap_or(Version::V5), &publish).map_err(unusable)?;
        Ok(out)
    }

    async fn watch(&self, watch: Watch) -> Result<Feed> {
        watch::start(&self.endpoint, &self.options, &watch.patterns).await
    }

    async fn offers(&self) -> Result<Offers> {
        offers::list(&self.endpoint, &self.options).await
    }

    async fn serve(&self, patterns: &[Pattern]) -> Result<Service> {
        serve::start(&self.endpoint, &self.options, patterns).await
    }
}
