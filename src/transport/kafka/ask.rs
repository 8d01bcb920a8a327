//! Requests, and their replies: one partition of the reply topic, read from its end.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::to_raw_value;
use tokio::sync::Mutex;

use super::cluster::Cluster;
use super::offsets::LATEST;
use super::place::Place;
use super::reading::{Reading, Sink};
use super::watch::Fixed;
use super::writer::Writer;
use crate::message::{Finding, Message};
use crate::transport::calls::{Calls, Opened};
use crate::transport::{Error, Exchange, Kind, Result};
use crate::wire::kafka::{CORRELATION_ID, Record, reply, reply_topic};

/// What asks.
pub(super) struct Asking {
    cluster: Arc<Cluster>,
    calls: Arc<Calls>,
    writer: Arc<Writer>,
    /// The partition of each reply topic that is read.
    reading: Mutex<HashMap<String, i32>>,
}

impl Asking {
    pub(super) fn new(cluster: Arc<Cluster>) -> Arc<Self> {
        Arc::new(Self {
            writer: Writer::new(cluster.clone()),
            cluster,
            calls: Arc::new(Calls::new()),
            reading: Mutex::default(),
        })
    }

    pub(super) async fn request(&self, name: &str, message: &Message) -> Result<Exchange> {
        let topic = self.writer.topic(name).await?;
        let replies_to = reply_topic(name);
        let partition = self.read(&replies_to).await?;
        let Opened { key, id, replies } = self.calls.open();
        let mut body = self.cluster.options.body(message);
        body.ask(&id, &replies_to, partition);
        let written = self.writer.send(&topic, &body).inspect_err(|_| self.calls.forget(key))?;
        let calls = self.calls.clone();
        tokio::spawn(async move {
            if let Err(error) = written.settle().await {
                calls.fail(key, error);
            }
        });
        Ok(Exchange { id, replies, finding: None })
    }

    /// Begins to read the replies before anything is asked; the partition of `name` that they are to come in.
    ///
    /// It is the last one: of those that are assigned to it, Nest's client takes the lowest for its own.
    async fn read(&self, name: &str) -> Result<i32> {
        let mut reading = self.reading.lock().await;
        if let Some(partition) = reading.get(name) {
            return Ok(*partition);
        }
        let topic = self.cluster.require(name).await.map_err(|error| {
            if error.kind() != Kind::NobodyThere {
                return error;
            }
            let what = format!("there is no topic `{name}` for replies at {}", self.cluster.shown());
            Error::new(Kind::NobodyThere, what)
                .hint("Nest's client makes it where the broker lets it; -O create=true does the same")
        })?;
        let partition = topic.partitions() - 1;
        let offset = self.cluster.offsets(&[(topic.name.clone(), partition)], LATEST).await?;
        let offset = offset.first().copied().flatten().unwrap_or(0);
        let place = Place::new(topic.name, partition, offset, i64::MAX);
        let replies = Replies { calls: self.calls.clone() };
        tokio::spawn(Reading::new(self.cluster.clone(), replies, Fixed, vec![place], false).run());
        reading.insert(name.to_owned(), partition);
        Ok(partition)
    }
}

/// Takes replies to their callers.
struct Replies {
    calls: Arc<Calls>,
}

impl Sink for Replies {
    async fn take(&self, _: &Place, record: Record) {
        // The partition is everybody's: another's id is not for us.
        let Some(id) = record.text(CORRELATION_ID).and_then(|id| to_raw_value(id).ok()) else { return };
        if self.calls.knows(&id) {
            self.calls.deliver(&id, reply(&record)).await;
        }
    }

    /// What was asked may have been answered while nobody read: whoever waits is told.
    async fn tell(&self, finding: Finding) {
        self.calls.end(|| Error::new(Kind::Closed, finding.text.clone()));
    }

    async fn closed(&self) {
        std::future::pending::<()>().await;
    }
}
