//! The last so many records of several partitions, however many offsets compaction and markers have left empty.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::cluster::Cluster;
use super::place::Place;
use super::reading::{Reading, Sink};
use super::watch::Fixed;
use crate::message::Finding;
use crate::wire::kafka::Record;

/// The last `count` records before the ends of `places`, by their time; each place begins at its first record.
pub(super) async fn of(cluster: &Arc<Cluster>, places: &[Place], count: u64) -> Vec<Kept> {
    let mut reach = i64::try_from(count).unwrap_or(i64::MAX);
    loop {
        let begin = |place: &Place| place.next().max(place.end().saturating_sub(reach));
        let part = places
            .iter()
            .map(|place| Place::new(place.topic.clone(), place.partition, begin(place), place.end()));
        let keeping =
            Keeping { count: usize::try_from(count).unwrap_or(usize::MAX), state: Mutex::default() };
        let reading = Reading::new(cluster.clone(), keeping, Fixed, part.collect(), true);
        reading.clone().read_to_end().await;
        let state = std::mem::take(&mut *reading.sink.state.lock().unwrap_or_else(PoisonError::into_inner));
        let is_whole = |place: &Place| {
            let seen = state.seen.get(&(place.topic.clone(), place.partition)).copied().unwrap_or(0);
            begin(place) == place.next() || seen >= count
        };
        if places.iter().all(is_whole) {
            let mut kept: Vec<_> = state.kept.into_iter().map(|Reverse(kept)| kept).collect();
            kept.sort_unstable();
            return kept;
        }
        // Offsets without records stand in between: further back.
        reach = reach.saturating_mul(4);
    }
}

/// A record that is kept, ordered by time: of all partitions the latest stay.
pub(super) struct Kept {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) record: Record,
}

impl Kept {
    fn order(&self) -> (i64, i64, &str, i32) {
        (self.record.timestamp, self.record.offset, &self.topic, self.partition)
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}
impl Eq for Kept {}
impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// Keeps the last so many.
struct Keeping {
    count: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: BinaryHeap<Reverse<Kept>>,
    /// How many each partition had.
    seen: HashMap<(Arc<str>, i32), u64>,
}

impl Sink for Keeping {
    async fn take(&self, place: &Place, record: Record) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.seen.entry((place.topic.clone(), place.partition)).or_default() += 1;
        state.kept.push(Reverse(Kept { topic: place.topic.clone(), partition: place.partition, record }));
        if state.kept.len() > self.count {
            state.kept.pop();
        }
    }

    async fn tell(&self, _: Finding) {}

    async fn closed(&self) {
        std::future::pending::<()>().await;
    }
}
