//! A partition that is read, and how far; fetching what comes next in it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest};

use super::cluster::name;
use super::link::Link;
use crate::transport::Result;
use crate::wire::kafka::{Batches, Damage, Record, is_reply_topic};

/// How long a broker may wait for records, in milliseconds.
const WAIT: i32 = 500;
/// How much a broker may send at once, and of one partition.
const MOST: i32 = 8 << 20;
const MOST_OF_ONE: i32 = 1 << 20;

/// A partition that is read.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    next: AtomicI64,
    /// What was the end when reading began, or where it is to stop.
    end: i64,
    reached: AtomicBool,
}

impl Place {
    pub(super) fn new(topic: Arc<str>, partition: i32, next: i64, end: i64) -> Self {
        Self { topic, partition, next: AtomicI64::new(next), end, reached: AtomicBool::new(next >= end) }
    }

    /// The same partition from its end on.
    pub(super) fn at_end(&self) -> Self {
        Self::new(self.topic.clone(), self.partition, self.end, self.end)
    }

    /// The offset to read next.
    pub(super) fn next(&self) -> i64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn go_on(&self, offset: i64) {
        self.next.store(offset, Ordering::Relaxed);
        if offset >= self.end {
            self.reach();
        }
    }

    /// Everything that was there is read.
    pub(super) fn reach(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }
}

/// What came of a partition.
pub(super) struct Fetched {
    pub(super) place: Arc<Place>,
    /// The protocol's error, 0 without.
    pub(super) error: i16,
    /// The first offset that is still kept.
    pub(super) start: i64,
    /// Up to where it may be read.
    pub(super) stable: i64,
    bytes: Bytes,
    /// What aborted transactions wrote: producer and first offset.
    aborted: Vec<(i64, i64)>,
}

impl Fetched {
    /// Whether the broker sent no record of it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its records from the place's offset on, and for each batch the offset after it: neither markers nor what was
    /// aborted is among them.
    pub(super) fn batches(&self) -> impl Iterator<Item = (Result<Vec<Record>, Damage>, Option<i64>)> {
        let mut aborting = Aborting { ahead: self.aborted.clone(), open: HashSet::new() };
        let from = self.place.next();
        Batches::new(self.bytes.clone()).map(move |batch| {
            let batch = match batch {
                Ok(batch) => batch,
                Err(damage) => return (Err(damage), None),
            };
            let next = Some(batch.next);
            if aborting.hides(&batch) || batch.next <= from {
                return (Ok(Vec::new()), next);
            }
            let records = batch.records();
            (
                records.map(|records| records.into_iter().filter(|record| record.offset >= from).collect()),
                next,
            )
        })
    }
}

/// Which transactions at this point of the log will be given up.
struct Aborting {
    ahead: Vec<(i64, i64)>,
    open: HashSet<i64>,
}

impl Aborting {
    fn hides(&mut self, batch: &crate::wire::kafka::Batch) -> bool {
        self.ahead.retain(|(producer, first)| {
            let begins = *first < batch.next;
            if begins {
                self.open.insert(*producer);
            }
            !begins
        });
        if batch.is_control {
            if batch.is_abort() {
                self.open.remove(&batch.producer);
            }
            return true;
        }
        batch.is_transactional && self.open.contains(&batch.producer)
    }
}

/// Asks the broker on `link`, which leads all of `places`, for what comes next in each; it waits a moment where there
/// is nothing.
pub(super) async fn fetch(link: &Arc<Link>, places: &[Arc<Place>], isolation: i8) -> Result<Vec<Fetched>> {
    // A broker reads in this order. With the replies first nothing that they answer is written after it was looked for.
    let mut topics: BTreeMap<(bool, &str), Vec<FetchPartition>> = BTreeMap::new();
    for place in places {
        let partition = FetchPartition::default()
            .with_partition(place.partition)
            .with_fetch_offset(place.next())
            .with_partition_max_bytes(MOST_OF_ONE);
        topics.entry((!is_reply_topic(&place.topic), &place.topic)).or_default().push(partition);
    }
    let topic = |((_, topic), partitions): ((bool, &str), Vec<FetchPartition>)| {
        FetchTopic::default().with_topic(name(topic)).with_partitions(partitions)
    };
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(WAIT)
        .with_min_bytes(1)
        .with_max_bytes(MOST)
        .with_isolation_level(isolation)
        .with_topics(topics.into_iter().map(topic).collect());
    let response = link.ask(&request).await?;
    let mut fetched: Vec<Fetched> = Vec::new();
    for topic in response.responses {
        for partition in topic.partitions {
            let is_it = |place: &&Arc<Place>| {
                *place.topic == **topic.topic && place.partition == partition.partition_index
            };
            fetched.extend(places.iter().find(is_it).map(|place| read(place.clone(), partition, isolation)));
        }
    }
    // And told last they come after what they answer.
    fetched.sort_by_key(|fetched| is_reply_topic(&fetched.place.topic));
    Ok(fetched)
}

fn read(place: Arc<Place>, data: PartitionData, isolation: i8) -> Fetched {
    let aborted = data.aborted_transactions.unwrap_or_default();
    let mut aborted: Vec<_> = aborted.iter().map(|one| (one.producer_id.0, one.first_offset)).collect();
    // Of several transactions of one producer the earlier is looked at first.
    aborted.sort_by_key(|(_, first)| *first);
    Fetched {
        place,
        error: data.error_code,
        start: data.log_start_offset,
        stable: if isolation == 1 && data.last_stable_offset >= 0 {
            data.last_stable_offset
        } else {
            data.high_watermark
        },
        bytes: data.records.unwrap_or_default(),
        aborted,
    }
}
