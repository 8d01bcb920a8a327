//! Who reads what: consumer groups, the topics that their members were given, and how far they are. Asking joins
//! nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Buf as _;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, DescribeGroupsRequest, GroupId, ListGroupsRequest, OffsetFetchRequest,
};
use kafka_protocol::protocol::Decodable as _;
use serde_json::{Map, Value};

use super::cluster::Cluster;
use super::offsets::{EARLIEST, LATEST};
use crate::transport::{Offer, Offers, Result};
use crate::wire::kafka::is_reply_topic;

/// A group.
struct Group {
    name: String,
    /// What its members were given.
    reads: BTreeSet<String>,
    /// Up to where it has read, as far as it has said so.
    committed: HashMap<(String, i32), i64>,
}

/// The groups with members that read one of `topics`; without, any topic but one of replies.
pub(super) async fn serving(cluster: &Cluster, topics: &[String]) -> Result<Vec<String>> {
    let means =
        |topic: &String| if topics.is_empty() { !is_reply_topic(topic) } else { topics.contains(topic) };
    let groups = groups(cluster, false).await?.into_iter();
    Ok(groups.filter(|group| group.reads.iter().any(means)).map(|group| group.name).collect())
}

/// Every group, by its name.
async fn groups(cluster: &Cluster, with_offsets: bool) -> Result<Vec<Group>> {
    let mut found = Vec::new();
    for node in cluster.nodes().await? {
        let link = cluster.link(node).await?;
        let listed = link.ask(&ListGroupsRequest::default()).await?;
        let names: Vec<GroupId> = listed.groups.into_iter().map(|group| group.group_id).collect();
        if names.is_empty() {
            continue;
        }
        let described = link.ask(&DescribeGroupsRequest::default().with_groups(names)).await?;
        for group in described.groups {
            let reads = group.members.iter().flat_map(|member| assigned(&member.member_assignment)).collect();
            let mut committed = HashMap::new();
            if with_offsets {
                let request =
                    OffsetFetchRequest::default().with_group_id(group.group_id.clone()).with_topics(None);
                for topic in link.ask(&request).await?.topics {
                    let offsets = topic.partitions.iter().filter(|partition| partition.committed_offset >= 0);
                    let offset = |partition: &kafka_protocol::messages::offset_fetch_response::OffsetFetchResponsePartition| {
                        ((topic.name.to_string(), partition.partition_index), partition.committed_offset)
                    };
                    committed.extend(offsets.map(offset));
                }
            }
            found.push(Group { name: group.group_id.to_string(), reads, committed });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The topics of what a member was given.
fn assigned(assignment: &bytes::Bytes) -> Vec<String> {
    let mut bytes = assignment.clone();
    if bytes.len() < 2 {
        return Vec::new();
    }
    let version = bytes.get_i16().clamp(0, 3);
    let assignment = ConsumerProtocolAssignment::decode(&mut bytes, version);
    let topics = assignment.map(|assignment| assignment.assigned_partitions).unwrap_or_default();
    topics.iter().map(|topic| topic.topic.to_string()).collect()
}

/// Every topic but Kafka's own: who reads it, and how far behind they are.
pub(super) async fn offers(cluster: &Cluster) -> Result<Offers> {
    let mut topics = cluster.all_topics().await?;
    topics.retain(|topic| !topic.is_internal && topic.leaders.iter().all(Option::is_some));
    topics.sort_by(|one, other| one.name.cmp(&other.name));
    let places = topics
        .iter()
        .flat_map(|topic| (0..topic.partitions()).map(|partition| (topic.name.clone(), partition)));
    let places: Vec<(Arc<str>, i32)> = places.collect();
    let (earliest, latest) =
        (cluster.offsets(&places, EARLIEST).await?, cluster.offsets(&places, LATEST).await?);
    let mut ranges: BTreeMap<&str, Vec<(i32, i64, i64)>> = BTreeMap::new();
    for ((topic, partition), range) in places.iter().zip(earliest.into_iter().zip(latest)) {
        let (start, end) = (range.0.unwrap_or(0), range.1.unwrap_or(0));
        ranges.entry(topic).or_default().push((*partition, start, end));
    }
    let groups = groups(cluster, true).await?;
    let offer = |topic: &super::cluster::Topic| {
        let partitions = ranges.get(&*topic.name).map_or(&[][..], Vec::as_slice);
        let kept: i64 = partitions.iter().map(|(_, start, end)| end - start).sum();
        let by: Vec<_> = groups.iter().filter(|group| group.reads.contains(&*topic.name)).collect();
        let mut offer = Offer::new("topic", &*topic.name);
        offer.consumers = Some(by.len() as u64);
        offer.by = by.iter().map(|group| group.name.clone()).collect();
        offer.messages = u64::try_from(kept).ok();
        offer.details.push(("partitions", partitions.len().into()));
        let behind: Map<String, Value> = groups
            .iter()
            .filter_map(|group| Some((group.name.clone(), behind(group, &topic.name, partitions)?.into())))
            .collect();
        if !behind.is_empty() {
            offer.details.push(("behind", behind.into()));
        }
        offer
    };
    Ok(Offers { found: topics.iter().map(offer).collect(), unseen: None })
}

/// How many messages of `topic` a group has not read yet, where it has read any.
fn behind(group: &Group, topic: &str, partitions: &[(i32, i64, i64)]) -> Option<i64> {
    let of_one = |(partition, _, end): &(i32, i64, i64)| {
        let committed = group.committed.get(&(topic.to_owned(), *partition))?;
        Some((end - committed).max(0))
    };
    let left: Vec<_> = partitions.iter().filter_map(of_one).collect();
    (!left.is_empty()).then(|| left.iter().sum())
}
