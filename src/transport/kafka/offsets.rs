//! Where partitions begin and end, and where they were at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest};
use tokio::time::Instant;

use super::cluster::{Cluster, PAUSE, is_moving, name};
use crate::transport::{Kind, Result};

/// What [`Cluster::offsets`] takes for the end and for the beginning, beside a time.
pub(super) const LATEST: i64 = -1;
pub(super) const EARLIEST: i64 = -2;

impl Cluster {
    /// The offsets of `places` at `time`: milliseconds, [`LATEST`] or [`EARLIEST`]; in the order of `places`, `None`
    /// where nothing is that late.
    pub(super) async fn offsets(&self, places: &[(Arc<str>, i32)], time: i64) -> Result<Vec<Option<i64>>> {
        let until = Instant::now() + self.endpoint.connect_timeout;
        loop {
            match self.offsets_once(places, time).await {
                Err(error) if error.kind() == Kind::NobodyThere && Instant::now() < until => {
                    tokio::time::sleep(PAUSE).await;
                }
                // A broker that died is led by for a while yet, as the others have it.
                Err(error)
                    if matches!(error.kind(), Kind::Unreachable | Kind::Closed)
                        && self.has_others().await
                        && Instant::now() < until =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                settled => return settled,
            }
        }
    }

    async fn offsets_once(&self, places: &[(Arc<str>, i32)], time: i64) -> Result<Vec<Option<i64>>> {
        let mut names: Vec<&str> = places.iter().map(|(topic, _)| &**topic).collect();
        names.sort_unstable();
        names.dedup();
        let topics = if names.is_empty() { Vec::new() } else { self.topics(&names).await? };
        let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<i32>>> = BTreeMap::new();
        for (topic, partition) in places {
            let known = topics.iter().find(|known| known.name == *topic);
            let leader = known.and_then(|known| *known.leaders.get(usize::try_from(*partition).ok()?)?);
            let leader = leader.ok_or_else(|| self.leaderless(topic, *partition))?;
            by_leader.entry(leader).or_default().entry(topic).or_default().push(*partition);
        }
        let mut found: HashMap<(String, i32), Option<i64>> = HashMap::new();
        for (leader, topics) in by_leader {
            let response = self.link(leader).await?.ask(&self.offsets_request(&topics, time)).await?;
            for topic in response.topics {
                for partition in topic.partitions {
                    match ResponseError::try_from_code(partition.error_code) {
                        None => {}
                        Some(error) if is_moving(error) => {
                            return Err(self.leaderless(&topic.name, partition.partition_index));
                        }
                        Some(error) => return Err(self.refusal(error, &format!("topic `{}`", &*topic.name))),
                    }
                    let offset = Some(partition.offset).filter(|offset| *offset >= 0);
                    found.insert((topic.name.to_string(), partition.partition_index), offset);
                }
            }
        }
        let place =
            |(topic, partition): &(Arc<str>, i32)| found.remove(&(topic.to_string(), *partition)).flatten();
        Ok(places.iter().map(place).collect())
    }

    fn offsets_request(&self, topics: &BTreeMap<&str, Vec<i32>>, time: i64) -> ListOffsetsRequest {
        let partition = |partition: &i32| {
            ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(time)
        };
        let topic = |(topic, partitions): (&&str, &Vec<i32>)| {
            ListOffsetsTopic::default()
                .with_name(name(topic))
                .with_partitions(partitions.iter().map(partition).collect())
        };
        ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(self.options.isolation)
            .with_topics(topics.iter().map(topic).collect())
    }
}
