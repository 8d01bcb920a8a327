//! Single messages, each confirmed for itself: requests and replies. Those for a partition that come while others are
//! on their way there leave together, for what a broker has to do it does for each request it is sent.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::cluster::{Cluster, Topic, produce, produce_request};
use super::link::Sent;
use super::parcel::{Parcel, Verdict};
use crate::transport::{Error, Kind, Result};
use crate::wire::kafka::{Body, Chooser, Draft};

/// Before a message is offered again.
const PAUSE: Duration = Duration::from_millis(50);
/// Messages that leave together are no more bytes than this, but for one that is larger.
const BATCH: usize = 256 << 10;

/// Writes single messages.
pub(super) struct Writer {
    pub(super) cluster: Arc<Cluster>,
    topics: Mutex<HashMap<String, Topic>>,
    /// What waits for each partition that something is on its way to.
    lanes: Mutex<HashMap<Lane, VecDeque<Batch>>>,
}

/// A topic and a partition of it.
type Lane = (Arc<str>, i32);

/// Messages that leave together.
#[derive(Default)]
struct Batch {
    draft: Draft,
    /// Who waits for the broker's word about each.
    waiting: Vec<oneshot::Sender<Result<()>>>,
}

/// A message on its way; the broker's word comes here.
pub(super) struct Written(oneshot::Receiver<Result<()>>);

impl Written {
    /// Waits until the broker has confirmed it.
    pub(super) async fn settle(self) -> Result<()> {
        let lost = || Error::new(Kind::Closed, "the link ended before the broker confirmed a message");
        self.0.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// Nothing panics while it holds one of these locks; were it to, the table is still a table.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    pub(super) fn new(cluster: Arc<Cluster>) -> Arc<Self> {
        Arc::new(Self { cluster, topics: Mutex::default(), lanes: Mutex::default() })
    }

    /// The topic of that name, made if it must and may.
    pub(super) async fn topic(&self, name: &str) -> Result<Topic> {
        if let Some(topic) = lock(&self.topics).get(name) {
            return Ok(topic.clone());
        }
        let topic = self.cluster.require(name).await?;
        lock(&self.topics).insert(name.to_owned(), topic.clone());
        Ok(topic)
    }

    /// Sends `body` to `topic`, in turn with what was sent to its partition before.
    ///
    /// # Errors
    /// A partition that the topic does not have.
    pub(super) fn send(self: &Arc<Self>, topic: &Topic, body: &Body<'_>) -> Result<Written> {
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
        let (sender, receiver) = oneshot::channel();
        let mut lanes = lock(&self.lanes);
        let lane = lanes.entry((topic.name.clone(), partition));
        let is_idle = matches!(lane, Entry::Vacant(_));
        let lane = lane.or_default();
        if lane.back().is_none_or(|batch| batch.draft.size() + body.size() > BATCH) {
            lane.push_back(Batch::default());
        }
        if let Some(batch) = lane.back_mut() {
            let now = jiff::Timestamp::now().as_millisecond();
            batch.draft.push(now, body.key.as_deref(), body.value.as_deref(), body.fields());
            batch.waiting.push(sender);
        }
        if is_idle {
            tokio::spawn(self.clone().empty(topic.clone(), partition));
        }
        Ok(Written(receiver))
    }

    /// Sends what waits for a partition until nothing does.
    async fn empty(self: Arc<Self>, mut topic: Topic, partition: i32) {
        let lane = (topic.name.clone(), partition);
        while let Some(Batch { draft, waiting }) = self.next(&lane) {
            let parcel = Parcel { topic: topic.name.clone(), partition, draft, since: Some(Instant::now()) };
            // Nobody may wait any more; the message went all the same.
            if let Some(fate) = self.settle(&parcel, &mut topic).await {
                for one in waiting {
                    let _ = one.send(fate.clone());
                }
                continue;
            }
            for (parcel, one) in parcel.apart().into_iter().zip(waiting) {
                if let Some(fate) = self.settle(&parcel, &mut topic).await {
                    let _ = one.send(fate);
                }
            }
        }
    }

    fn next(&self, lane: &Lane) -> Option<Batch> {
        let mut lanes = lock(&self.lanes);
        let batch = lanes.get_mut(lane).and_then(VecDeque::pop_front);
        if batch.is_none() {
            lanes.remove(lane);
        }
        batch
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

    /// Sends `parcel` and waits for the broker's word; it is offered again where nothing was written and it may be in
    /// a moment. None where its messages may go each on its own, but not together.
    async fn settle(&self, parcel: &Parcel, topic: &mut Topic) -> Option<Result<()>> {
        let until = Instant::now() + self.cluster.endpoint.connect_timeout;
        loop {
            match self.ask(parcel, topic).await {
                Ok(Verdict::Confirmed) => return Some(Ok(())),
                Ok(Verdict::Refused(error) | Verdict::Unknown(error)) | Err(error) => {
                    return Some(Err(error));
                }
                Ok(Verdict::Apart) => return None,
                Ok(Verdict::Again) if Instant::now() < until => {}
                Ok(Verdict::Again) => {
                    let what = format!("nobody takes a message for topic `{}`", parcel.topic);
                    return Some(Err(Error::new(Kind::Closed, what)));
                }
            }
            tokio::time::sleep(PAUSE).await;
            lock(&self.topics).remove(&*parcel.topic);
            match self.topic(&parcel.topic).await {
                Ok(found) => *topic = found,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn ask(&self, parcel: &Parcel, topic: &Topic) -> Result<Verdict> {
        let response = self.offer(parcel, topic).await?.response().await?;
        let answer = response.responses.iter().flat_map(|topic| &topic.partition_responses).next();
        Ok(match answer {
            Some(answer) => parcel.verdict(answer.error_code, answer.error_message.as_deref(), &self.cluster),
            None => Verdict::Unknown(Error::new(Kind::Protocol, "the broker did not answer for a message")),
        })
    }

    /// Sends `body` to the topic `name`, and waits until the broker has confirmed it.
    pub(super) async fn write(self: &Arc<Self>, name: &str, body: &Body<'_>) -> Result<()> {
        let topic = self.topic(name).await?;
        self.send(&topic, body)?.settle().await
    }
}
