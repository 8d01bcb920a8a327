//! The answering side: reads every partition, joins no group, commits nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::cluster::Cluster;
use super::offsets::LATEST;
use super::place::Place;
use super::reading::{Choice, Reading, Sink};
use super::topic;
use super::writer::Writer;
use crate::message::{Finding, Pattern, Reply};
use crate::transport::{Answer, Call, Incoming, Kind, Result, Service};
use crate::wire::kafka::{
    Body, CORRELATION_ID, REPLY_PARTITION, REPLY_TOPIC, Record, called, is_reply_topic, no_handler,
    reply_body,
};

/// Calls that wait to be answered before reading waits for them.
const CALLS_WAITING: usize = 1024;

/// Serves `patterns`, whatever comes without.
pub(super) async fn start(cluster: &Arc<Cluster>, patterns: &[Pattern]) -> Result<Service> {
    let mut names = Vec::new();
    for pattern in patterns {
        names.push(topic(pattern, cluster.endpoint.nest)?);
    }
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let choice = Served { names };
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    if choice.names.is_empty() {
        there = cluster.all_topics().await?;
        there.retain(|topic| choice.means(&topic.name, topic.is_internal));
    }
    for name in &choice.names {
        let found = if cluster.options.create {
            Some(cluster.require(name).await?)
        } else {
            cluster.topic(name).await?
        };
        match found {
            Some(topic) => there.push(topic),
            None => missing.push(format!("`{name}`")),
        }
    }
    let all = there
        .iter()
        .flat_map(|topic| (0..topic.partitions()).map(|partition| (topic.name.clone(), partition)));
    let all: Vec<_> = all.collect();
    let ends = cluster.offsets(&all, LATEST).await?;
    let place = |((topic, partition), end): (_, Option<i64>)| {
        Place::new(topic, partition, end.unwrap_or(0), i64::MAX)
    };
    let places = all.into_iter().zip(ends).map(place).collect();
    if !missing.is_empty() {
        let text = format!(
            "there is no topic {} yet: it is served once it is there, and -O create=true makes it",
            missing.join(", ")
        );
        // There is room for it: nothing has come yet.
        let _ = sender.try_send(Incoming::Finding(Finding { code: "no-topic".into(), text }));
    }
    let answering = Answering { writer: Writer::new(cluster.clone()), sender };
    let reading = Reading::new(cluster.clone(), answering, choice, places, false);
    Ok(Service { listening: cluster.shown(), incoming, closing: tokio::spawn(reading.run()) })
}

/// What is served.
struct Served {
    /// None = all but replies, and what is Kafka's own.
    names: Vec<String>,
}

impl Choice for Served {
    fn means(&self, name: &str, is_internal: bool) -> bool {
        if self.names.is_empty() {
            return !is_internal && !name.starts_with("__") && !is_reply_topic(name);
        }
        self.names.iter().any(|served| served == name)
    }

    fn names(&self) -> Option<Vec<String>> {
        Some(self.names.clone()).filter(|names| !names.is_empty())
    }
}

/// Hands on what is asked.
struct Answering {
    writer: Arc<Writer>,
    sender: mpsc::Sender<Incoming>,
}

impl Sink for Answering {
    async fn take(&self, place: &Place, record: Record) {
        let called = called(&place.topic, &record);
        let text = |name: &str| record.text(name).map(str::to_owned);
        let to = text(CORRELATION_ID).zip(text(REPLY_TOPIC)).map(|(id, topic)| {
            let partition = record.text(REPLY_PARTITION).and_then(|partition| partition.parse().ok());
            Asker { id, topic, partition }
        });
        let answer = Box::new(Answers { writer: self.writer.clone(), sender: self.sender.clone(), to });
        // Nobody takes calls any more: then reading is about to end.
        let _ = self.sender.send(Incoming::Call(Call { called, answer })).await;
    }

    async fn tell(&self, finding: Finding) {
        // Nobody may listen any more; then there is nobody to tell.
        let _ = self.sender.send(Incoming::Finding(finding)).await;
    }

    async fn closed(&self) {
        self.sender.closed().await;
    }
}

/// Whom the replies to one request are for.
struct Asker {
    id: String,
    topic: String,
    partition: Option<i32>,
}

/// The replies to one request; an event has nobody who waits for one.
struct Answers {
    writer: Arc<Writer>,
    sender: mpsc::Sender<Incoming>,
    to: Option<Asker>,
}

impl Answers {
    async fn send(&self, asker: &Asker, mut body: Body<'_>) -> Result<()> {
        let Asker { topic, partition, .. } = asker;
        body.partition = *partition;
        let written = self.writer.write(topic, &body).await;
        if let Err(error) = &written {
            let why = match (error.kind(), partition) {
                (Kind::Unsupported, Some(partition)) => format!(
                    "a client waits for its reply in partition {partition} of `{topic}`, which has fewer: it needs one for each client"
                ),
                _ => error.to_string(),
            };
            // Whoever answers does not read this; whoever looks on does.
            let _ = self.sender.try_send(Incoming::Finding(Finding { code: "no-reply".into(), text: why }));
        }
        written
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        let Some(asker) = &self.to else { return Ok(()) };
        self.send(asker, reply_body(reply, &asker.id)).await
    }

    async fn no_handler(&self) -> Result<()> {
        let Some(asker) = &self.to else { return Ok(()) };
        self.send(asker, no_handler(&asker.id)).await
    }
}
