//! Dead letters. Kafka takes no single record out of a topic: what was sent again is remembered by a mark of our own,
//! the committed offset of a group that nobody ever joins, and beside it the offsets behind it that are done.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::cluster::{Topic, name, told};
use super::marks::{Mark, Marks};
use super::offsets::{EARLIEST, LATEST};
use super::place::{Place, fetch};
use super::writer::Writer;
use super::{Kafka, unusable};
use crate::transport::{Broker, Error, Kind, Letter, Letters, Result, Store};
use crate::wire::kafka::{Body, Record, check_topic, delivery, is_reply_topic};

/// What a service puts behind a topic for the letters that it could not handle.
const DEAD: &str = ".dlq";
/// Where others say that a letter came from, and why it was given up.
const ORIGIN: &str = "kafka_dlt-original-topic";
const REASON: &str = "kafka_dlt-exception-message";

const CAUTION: &str = "Kafka takes no single letter out of a topic: what is sent again stays there, and the committed offset of the group `eyas.dlq` says what is done";

/// The partitions of `topic`, from what is kept to what is the end.
async fn ranges(kafka: &Kafka, topic: &Topic) -> Result<Vec<(i64, i64)>> {
    let places: Vec<_> = (0..topic.partitions()).map(|partition| (topic.name.clone(), partition)).collect();
    let earliest = kafka.cluster.offsets(&places, EARLIEST).await?;
    let latest = kafka.cluster.offsets(&places, LATEST).await?;
    Ok(earliest.into_iter().zip(latest).map(|(start, end)| (start.unwrap_or(0), end.unwrap_or(0))).collect())
}

async fn existing(kafka: &Kafka, store: &str) -> Result<Topic> {
    check_topic(store).map_err(unusable)?;
    kafka.cluster.topic(store).await?.ok_or_else(|| {
        Error::new(Kind::NobodyThere, format!("there is no topic `{store}` at {}", kafka.cluster.shown()))
    })
}

#[async_trait]
impl Broker for Kafka {
    async fn stores(&self) -> Result<Vec<Store>> {
        let mut topics = self.cluster.all_topics().await?;
        let marks = Marks::new(&self.cluster, &topics);
        topics.retain(|topic| !topic.is_internal && !is_reply_topic(&topic.name));
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        let mut stores = Vec::new();
        for topic in topics {
            let ranges = ranges(self, &topic).await?;
            let done = marks.of(&topic.name).await?;
            let left = (0..).zip(ranges).map(|(partition, (start, end))| {
                done.get(&partition).map_or(end - start, |mark| mark.left(start, end))
            });
            let lower = topic.name.to_ascii_lowercase();
            stores.push(Store {
                is_dead: lower.ends_with(DEAD) || lower.contains("dead") || lower.ends_with("-dlt"),
                name: topic.name.to_string(),
                sources: Vec::new(),
                messages: u64::try_from(left.sum::<i64>()).unwrap_or(0),
                bytes: 0,
                caution: Some(CAUTION.to_owned()),
            });
        }
        Ok(stores)
    }

    async fn letters<'a>(&'a self, store: &str) -> Result<Box<dyn Letters + 'a>> {
        let topic = existing(self, store).await?;
        let marks = Marks::new(&self.cluster, &self.cluster.all_topics().await?);
        let mut done = marks.of(store).await?;
        let ranges = ranges(self, &topic).await?;
        let place = |(partition, (start, end)): (i32, (i64, i64))| {
            let mark = done.entry(partition).or_default();
            mark.begin(start);
            Arc::new(Place::new(topic.name.clone(), partition, mark.next().min(end), end))
        };
        let places = (0..).zip(ranges).map(place).collect();
        let writer = Writer::new(self.cluster.clone());
        let (waiting, shown) = (VecDeque::new(), HashMap::new());
        Ok(Box::new(Look { kafka: self, topic, places, marks, done, waiting, shown, writer }))
    }

    async fn purge(&self, store: &str) -> Result<u64> {
        let topic = existing(self, store).await?;
        let mut deleted = 0;
        for (partition, (start, end)) in (0..).zip(ranges(self, &topic).await?) {
            let leader = usize::try_from(partition).ok().and_then(|at| *topic.leaders.get(at)?);
            let Some(leader) = leader else { continue };
            let which = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(end);
            let of = DeleteRecordsTopic::default().with_name(name(store)).with_partitions(vec![which]);
            let request = DeleteRecordsRequest::default().with_topics(vec![of]).with_timeout_ms(30_000);
            let response = self.cluster.link(leader).await?.ask(&request).await?;
            let mut answers = response.topics.iter().flat_map(|topic| &topic.partitions);
            match answers.next().and_then(|answer| ResponseError::try_from_code(answer.error_code)) {
                None => deleted += u64::try_from(end - start).unwrap_or(0),
                Some(ResponseError::PolicyViolation) => {
                    let what = format!("`{store}` is compacted: its broker deletes records by key alone");
                    return Err(Error::new(Kind::Refused, what)
                        .hint("write a tombstone: eyas emit … null -O key=KEY"));
                }
                Some(error) => {
                    return Err(self
                        .cluster
                        .refusal(error, &format!("to delete records of `{store}` ({})", told(error))));
                }
            }
        }
        Ok(deleted)
    }
}

/// A look through a topic, one partition after the other.
struct Look<'a> {
    kafka: &'a Kafka,
    topic: Topic,
    places: Vec<Arc<Place>>,
    marks: Marks,
    done: BTreeMap<i32, Mark>,
    /// Read, and not shown yet.
    waiting: VecDeque<(i32, Record)>,
    /// Shown, by their place in this look.
    shown: HashMap<u64, (i32, Record)>,
    writer: Arc<Writer>,
}

impl Look<'_> {
    async fn read(&mut self) -> Result<bool> {
        let Some(place) = self.places.iter().find(|place| !place.has_reached()).cloned() else {
            return Ok(false);
        };
        let leader = usize::try_from(place.partition).ok().and_then(|at| *self.topic.leaders.get(at)?);
        let leader = leader.ok_or_else(|| {
            Error::new(
                Kind::Closed,
                format!("nobody leads partition {} of `{}`", place.partition, place.topic),
            )
        })?;
        let link = self.kafka.cluster.link(leader).await?;
        for fetched in
            fetch(&link, std::slice::from_ref(&place), self.kafka.cluster.options.isolation).await?
        {
            if let Some(error) = ResponseError::try_from_code(fetched.error) {
                return Err(self.kafka.cluster.refusal(error, &format!("to read `{}`", place.topic)));
            }
            for (records, next) in fetched.batches() {
                let records = records.map_err(|damage| {
                    Error::new(Kind::Protocol, format!("`{}` cannot be read", place.topic)).because(damage)
                })?;
                let records = records.into_iter().filter(|record| record.offset < place.end());
                self.waiting.extend(records.map(|record| (place.partition, record)));
                place.go_on(next.unwrap_or(place.end()));
            }
            if fetched.is_empty() && fetched.stable >= place.end() {
                place.reach();
            }
        }
        Ok(true)
    }

    fn shown(&self, letter: &Letter) -> Result<&(i32, Record)> {
        let strange = || Error::unsupported("this letter is not of this look");
        self.shown.get(&letter.place).ok_or_else(strange)
    }
}

#[async_trait]
impl Letters for Look<'_> {
    async fn next(&mut self) -> Result<Option<Letter>> {
        let (partition, record) = loop {
            match self.waiting.pop_front() {
                None if self.read().await? => {}
                None => return Ok(None),
                Some((partition, record)) => {
                    if self.done.entry(partition).or_default().see(record.offset) {
                        break (partition, record);
                    }
                }
            }
        };
        let place = self.shown.len() as u64 + 1;
        let store = &self.topic.name;
        let stem = store.strip_suffix(DEAD).filter(|stem| !stem.is_empty());
        let letter = Letter {
            place,
            origin: record.text(ORIGIN).or(stem).map(str::to_owned),
            reason: record.text(REASON).map(str::to_owned),
            delivery: delivery(store, partition, &record),
            payload: record.value.clone().unwrap_or_default(),
        };
        self.shown.insert(place, (partition, record));
        Ok(Some(letter))
    }

    async fn copy(&mut self, letter: &Letter, to: &str) -> Result<()> {
        check_topic(to).map_err(unusable)?;
        let (partition, record) = self.shown(letter)?;
        // Before it is sent: what cannot be remembered would be sent twice.
        self.done.get(partition).map_or(Ok(()), |mark| mark.can_remember(record.offset))?;
        self.writer.write(to, &Body::from(record)).await
    }

    async fn remove(&mut self, letter: &Letter) -> Result<()> {
        let (partition, offset) =
            self.shown(letter).map(|(partition, record)| (*partition, record.offset))?;
        let mark = self.done.entry(partition).or_default();
        mark.settle(offset);
        self.marks.commit(&self.topic.name, partition, mark).await
    }
}
