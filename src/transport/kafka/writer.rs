//! Single messages, each confirmed for itself: requests and replies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use tokio::time::Instant;

use super::cluster::{Cluster, Topic, produce, produce_request};
use super::link::Sent;
use super::parcel::{Parcel, Verdict};
use crate::transport::{Error, Kind, Result};
use crate::wire::kafka::{Body, Chooser, Draft};

/// Before a message is offered again.
const PAUSE: Duration = Duration::from_millis(50);

/// Writes single messages.
pub(super) struct Writer {
    pub(super) cluster: Arc<Cluster>,
    topics: Mutex<HashMap<String, Topic>>,
}

/// A message that was sent, and its broker's word.
pub(super) struct Written {
    parcel: Parcel,
    sent: Result<Sent<ProduceRequest>>,
}

impl Writer {
    pub(super) fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster, topics: Mutex::default() }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topic of that name, made if it must and may.
    pub(super) async fn topic(&self, name: &str) -> Result<Topic> {
        if let Some(topic) = self.topics().get(name) {
            return Ok(topic.clone());
        }
        let topic = self.cluster.require(name).await?;
        self.topics().insert(name.to_owned(), topic.clone());
        Ok(topic)
    }

    /// Sends `body` to `topic`.
    ///
    /// # Errors
    /// A partition that the topic does not have.
    pub(super) async fn send(&self, topic: &Topic, body: &Body<'_>) -> Result<Written> {
        let partitions = topic.partitions();
        let partition = match body.partition {
            None => Chooser::new(fastrand::i32(0..)).choose(body.key.as_deref(), partitions),
            Some(partition) if (0..partitions).contains(&partition) => partition,
            Some(partition) => {
                let what =
                    format!("topic `{}` has no partition {partition}: it has {partitions}", topic.name);
                return Err(Error::unsupported(what).hint("they are numbered from 0"));
            }
        };
        let mut draft = Draft::default();
        let now = jiff::Timestamp::now().as_millisecond();
        draft.push(now, body.key.as_deref(), body.value.as_deref(), body.fields());
        let parcel = Parcel { topic: topic.name.clone(), partition, draft, since: Some(Instant::now()) };
        let sent = self.offer(&parcel, topic).await;
        Ok(Written { parcel, sent })
    }

    async fn offer(&self, parcel: &Parcel, topic: &Topic) -> Result<Sent<ProduceRequest>> {
        let leader = usize::try_from(parcel.partition).ok().and_then(|at| *topic.leaders.get(at)?);
        let leader = leader.ok_or_else(|| {
            let what = format!("nobody leads partition {} of topic `{}`", parcel.partition, topic.name);
            Error::new(Kind::NobodyThere, what)
        })?;
        let records = parcel.draft.finish(self.cluster.options.compression);
        let records =
            records.map_err(|error| Error::unsupported("the message cannot be packed").because(error))?;
        let batches = vec![produce(&parcel.topic, parcel.partition, records)];
        let request = produce_request(batches, self.cluster.options.acks);
        self.cluster.link(leader).await?.send(&request).await
    }

    /// Waits until the broker has confirmed it; it is offered again where nothing was written and it may be in a
    /// moment.
    pub(super) async fn settle(&self, written: Written) -> Result<()> {
        let Written { parcel, mut sent } = written;
        let until = Instant::now() + self.cluster.endpoint.connect_timeout;
        loop {
            let response = sent?.response().await?;
            let answer = response.responses.iter().flat_map(|topic| &topic.partition_responses).next();
            let verdict = match answer {
                Some(answer) => {
                    parcel.verdict(answer.error_code, answer.error_message.as_deref(), &self.cluster)
                }
                None => {
                    Verdict::Unknown(Error::new(Kind::Protocol, "the broker did not answer for a message"))
                }
            };
            match verdict {
                Verdict::Confirmed => return Ok(()),
                Verdict::Refused(error) | Verdict::Unknown(error) => return Err(error),
                Verdict::Again | Verdict::Apart if Instant::now() < until => {}
                Verdict::Again | Verdict::Apart => {
                    let what = format!("nobody takes a message for topic `{}`", parcel.topic);
                    return Err(Error::new(Kind::Closed, what));
                }
            }
            tokio::time::sleep(PAUSE).await;
            self.topics().remove(&*parcel.topic);
            let topic = self.topic(&parcel.topic).await?;
            sent = self.offer(&parcel, &topic).await;
        }
    }

    /// Sends `body` to the topic `name`, and waits until the broker has confirmed it.
    pub(super) async fn write(&self, name: &str, body: &Body<'_>) -> Result<()> {
        let topic = self.topic(name).await?;
        let written = self.send(&topic, body).await?;
        self.settle(written).await
    }
}
