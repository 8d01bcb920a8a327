//! What the broker's firehose tells of a message (`measured.md` §6): published by whom, or handed to whom.

use bytes::Bytes;
use serde_json::value::to_raw_value;

use super::method::Route;
use super::properties::Properties;
use super::value::{Value, member};
use crate::message::Delivery;
use crate::wire::NestVersion;

/// What happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was published, and these queues took it.
    Published(Vec<String>),
    /// It was handed out of this queue.
    Delivered(String),
}

/// One message of the firehose.
#[derive(Debug)]
pub struct Trace {
    /// What happened.
    pub step: Step,
    /// On whose connection: `127.0.0.1:35514 -> 127.0.0.1:5672`.
    pub connection: String,
    /// The properties that the message had.
    pub properties: Properties,
    /// How it was sent.
    pub route: Route,
    /// Its body.
    pub body: Bytes,
}

impl Trace {
    /// Reads what came from the exchange `amq.rabbitmq.trace` with this routing key; `None` for what is not the
    /// broker's own.
    pub fn read(key: &str, properties: &Properties, body: Bytes) -> Option<Self> {
        let headers = properties.headers.as_ref()?;
        let texts = |name| -> Vec<String> {
            let list = member(headers, name).and_then(Value::as_array).unwrap_or_default();
            list.iter().filter_map(Value::as_text).map(str::to_owned).collect()
        };
        let text = |name| member(headers, name).and_then(Value::as_text).map(str::to_owned);
        let step = match key.split_once('.')? {
            ("publish", _) => Step::Published(texts("routed_queues")),
            ("deliver", queue) => Step::Delivered(queue.to_owned()),
            _ => return None,
        };
        let key = texts("routing_keys").into_iter().next().unwrap_or_default();
        Some(Self {
            step,
            connection: text("connection").unwrap_or_default(),
            properties: Properties::from_trace(member(headers, "properties")?.as_table()?),
            route: Route { exchange: text("exchange_name")?, key },
            body,
        })
    }

    /// What the message is to somebody who watches.
    pub fn delivery(&self, nest: NestVersion) -> Delivery {
        let mut delivery = super::delivery(&self.properties, &self.body, &self.route, nest);
        if let Step::Published(queues) = &self.step
            && let Ok(queues) = to_raw_value(queues)
        {
            delivery.meta.push(("routed_queues".to_owned(), queues));
        }
        if let Ok(connection) = to_raw_value(&self.connection) {
            delivery.meta.push(("connection".to_owned(), connection));
        }
        delivery
    }
}
