//! What is done of a topic: up to an offset, and beyond it by ranges, in what Kafka keeps beside a committed offset.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest};
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use super::cluster::{Cluster, Topic, name};
use super::link::Link;
use crate::transport::{Error, Kind, Result};

/// The group that nobody joins.
const GROUP: &str = "eyas.dlq";
/// Where Kafka keeps what groups have committed; made with the first of them.
const OFFSETS: &str = "__consumer_offsets";
/// What a broker takes beside an offset, unless it is told otherwise (`offset.metadata.max.bytes`).
const MOST: usize = 4096;

/// Before a coordinator is asked again that has only just become one.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// What is done of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Everything before it is done.
    next: i64,
    /// What is done beyond it.
    done: BTreeSet<i64>,
    /// What was seen since, and is not done.
    open: BTreeSet<i64>,
    /// The offset after the last that was seen.
    seen: i64,
}

impl Mark {
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// What is before `start` is gone.
    pub(super) fn begin(&mut self, start: i64) {
        self.next = self.next.max(start);
        self.seen = self.next;
    }

    /// How many between `start` and `end` are not done.
    pub(super) fn left(&self, start: i64, end: i64) -> i64 {
        let from = self.next.clamp(start, end.max(start));
        let done = i64::try_from(self.done.range(from..).count()).unwrap_or(0);
        (end - from - done).max(0)
    }

    /// Whether `offset`, which comes after all that were seen, is still to be done.
    pub(super) fn see(&mut self, offset: i64) -> bool {
        self.seen = offset + 1;
        let is_open = offset >= self.next && !self.done.contains(&offset);
        if is_open {
            self.open.insert(offset);
        }
        is_open
    }

    /// `offset`, which was seen, is done.
    pub(super) fn settle(&mut self, offset: i64) {
        self.open.remove(&offset);
        self.done.insert(offset);
        self.next = self.open.first().copied().unwrap_or(self.seen);
        self.done = self.done.split_off(&self.next);
    }

    /// # Errors
    /// With `offset` done, too, there would be more to remember than a broker takes.
    pub(super) fn can_remember(&self, offset: i64) -> Result<()> {
        let mut then = self.clone();
        then.settle(offset);
        if then.ranges().len() <= MOST {
            return Ok(());
        }
        let what = "so many scattered letters are done that the mark of them cannot grow";
        Err(Error::new(Kind::Refused, what)
            .hint("send those before them again first: without a filter, or with another"))
    }

    /// `5,7-9`: what is done beyond the mark.
    fn ranges(&self) -> String {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for offset in &self.done {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *offset => *last = *offset,
                _ => ranges.push((*offset, *offset)),
            }
        }
        let range = |(first, last): &(i64, i64)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        ranges.iter().map(range).collect::<Vec<_>>().join(",")
    }

    /// Reads it as it was committed; what is no range of ours is nothing that is done.
    fn read(next: i64, ranges: &str) -> Self {
        let mut done = BTreeSet::new();
        for range in ranges.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>())
                && last - first < 1_000_000
            {
                done.extend(first..=last);
            }
        }
        Self { next, done, open: BTreeSet::new(), seen: next }
    }
}

/// The marks that a cluster keeps.
pub(super) struct Marks {
    cluster: Arc<Cluster>,
    /// Asking for the first group of all makes the topic for them: where there is none there are no marks.
    has_any: bool,
}

impl Marks {
    /// Those of the cluster that has these `topics`.
    pub(super) fn new(cluster: &Arc<Cluster>, topics: &[Topic]) -> Self {
        Self { cluster: cluster.clone(), has_any: topics.iter().any(|topic| &*topic.name == OFFSETS) }
    }

    /// The marks of a topic, by partition.
    pub(super) async fn of(&self, topic: &str) -> Result<BTreeMap<i32, Mark>> {
        if !self.has_any {
            return Ok(BTreeMap::new());
        }
        let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(None);
        let until = Instant::now() + self.cluster.endpoint.connect_timeout;
        let response = loop {
            let response = self.coordinator().await?.ask(&request).await?;
            match ResponseError::try_from_code(response.error_code) {
                None => break response,
                Some(error) => self.wait(error, until).await?,
            }
        };
        let partitions = response.topics.into_iter().filter(|found| found.name.as_str() == topic);
        let marked =
            partitions.flat_map(|found| found.partitions).filter(|partition| partition.committed_offset >= 0);
        Ok(marked
            .map(|partition| {
                let ranges = partition.metadata.as_deref().unwrap_or("");
                (partition.partition_index, Mark::read(partition.committed_offset, ranges))
            })
            .collect())
    }

    /// Keeps `mark`.
    pub(super) async fn commit(&self, topic: &str, partition: i32, mark: &Mark) -> Result<()> {
        let what = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(mark.next)
            .with_committed_metadata(Some(StrBytes::from_string(mark.ranges())));
        let of = OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(vec![what]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![of]);
        let until = Instant::now() + self.cluster.endpoint.connect_timeout;
        loop {
            let response = self.coordinator().await?.ask(&request).await?;
            let mut answers = response.topics.iter().flat_map(|topic| &topic.partitions);
            match answers.next().and_then(|answer| ResponseError::try_from_code(answer.error_code)) {
                None => return Ok(()),
                Some(error) => self.wait(error, until).await?,
            }
        }
    }

    /// Waits a moment, where a coordinator has only just become one.
    async fn wait(&self, error: ResponseError, until: Instant) -> Result<()> {
        let is_new = matches!(
            error,
            ResponseError::CoordinatorLoadInProgress
                | ResponseError::CoordinatorNotAvailable
                | ResponseError::NotCoordinator
        );
        if !is_new || Instant::now() >= until {
            return Err(self.cluster.refusal(error, "the mark of what is done"));
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// The broker that keeps our group.
    async fn coordinator(&self) -> Result<Arc<Link>> {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str(GROUP));
        let until = Instant::now() + self.cluster.endpoint.connect_timeout;
        loop {
            let response = self.cluster.any().await?.ask(&request).await?;
            match ResponseError::try_from_code(response.error_code) {
                None => return self.cluster.link(*response.node_id).await,
                Some(error) => self.wait(error, until).await?,
            }
        }
    }
}

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str(GROUP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_survives() {
        let mut mark = Mark::default();
        mark.begin(3);
        // Offset 5 is a marker, or was compacted away.
        for offset in [3, 4, 6, 7, 8] {
            assert!(mark.see(offset));
        }
        assert_eq!(mark.left(3, 9), 6);
        mark.settle(4);
        mark.settle(7);
        mark.settle(8);
        assert_eq!((mark.next, mark.ranges().as_str()), (3, "4,7-8"));
        let mut again = Mark::read(mark.next, &mark.ranges());
        again.begin(3);
        let seen: Vec<_> = [3, 4, 6, 7, 8].into_iter().filter(|offset| again.see(*offset)).collect();
        assert_eq!(seen, [3, 6]);
        assert_eq!(again.left(3, 9), 3);
        again.settle(3);
        assert_eq!((again.next, again.ranges().as_str()), (6, "7-8"));
        again.settle(6);
        assert_eq!((again.next, again.ranges().as_str()), (9, ""));
        assert_eq!(again.left(3, 9), 0);
        assert_eq!(Mark::read(2, "x,5,9-"), Mark { next: 2, done: [5].into(), seen: 2, ..Mark::default() });
    }

    #[test]
    fn what_cannot_be_remembered_is_not_begun() {
        let mut mark = Mark::default();
        for offset in 0..4000 {
            mark.see(offset);
        }
        let refused = (0..2000).map(|number| 2 * number + 1).find(|offset| {
            let can = mark.can_remember(*offset).is_ok();
            if can {
                mark.settle(*offset);
            }
            !can
        });
        assert!(refused.is_some_and(|offset| offset > 1000), "{refused:?}");
        assert!(mark.ranges().len() <= MOST);
    }
}
