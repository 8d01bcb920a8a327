//! Reading partitions, wherever they are led: positions are ours, so a broker that comes back is read on from where
//! it was left, and nothing is committed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::ResponseError;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::cluster::{Cluster, Topic, is_moving, told};
use super::link::Link;
use super::offsets::EARLIEST;
use super::place::{Fetched, Place, fetch};
use crate::message::Finding;
use crate::transport::{Error, Result};
use crate::wire::kafka::Record;

/// Before a broker is asked again that was not there.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What becomes of what is read.
pub(super) trait Sink: Send + Sync + 'static {
    /// Takes a record; while it does nothing else of its broker is read.
    fn take(&self, place: &Place, record: Record) -> impl Future<Output = ()> + Send;

    /// Learns that something happened.
    fn tell(&self, finding: Finding) -> impl Future<Output = ()> + Send;

    /// Learns that records are missing at `place`, `lost` of them where that is known.
    fn miss(&self, place: &Place, lost: Option<u64>, why: &str) -> impl Future<Output = ()> + Send {
        let _ = (lost, place);
        self.tell(Finding { code: "missed".into(), text: why.to_owned() })
    }

    /// Learns that everything is read that was there at the start.
    fn catch_up(&self) {}

    /// Done when nobody wants any more.
    fn closed(&self) -> impl Future<Output = ()> + Send;
}

/// Which topics are read.
pub(super) trait Choice: Send + Sync + 'static {
    /// Whether it means this topic; asked again and again, for topics come and go.
    fn means(&self, name: &str, is_internal: bool) -> bool;

    /// The only topics that it can mean, where it names them; those are all that is asked for.
    fn names(&self) -> Option<Vec<String>>;
}

/// A number of partitions that are read.
pub(super) struct Reading<S, C> {
    pub(super) cluster: Arc<Cluster>,
    pub(super) sink: S,
    pub(super) choice: C,
    places: Mutex<Vec<Arc<Place>>>,
    /// Nothing after what was the end is read.
    pub(super) stops: bool,
    is_told: Mutex<bool>,
    told: Notify,
    /// It was told that something cannot be read at present.
    is_lost: AtomicBool,
}

/// What each broker leads of that which is read.
struct Leaders {
    places: HashMap<i32, Vec<Arc<Place>>>,
    /// A partition that nobody leads at present.
    leaderless: Option<(Arc<str>, i32)>,
}

/// Why a broker is read no more for now.
enum Stop {
    /// Its partitions are led by others, or are gone.
    Moved,
    /// It cannot be reached.
    Lost(Error),
    /// There is nothing left to read.
    Over,
}

impl<S: Sink, C: Choice> Reading<S, C> {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        sink: S,
        choice: C,
        places: Vec<Place>,
        stops: bool,
    ) -> Arc<Self> {
        let places = Mutex::new(places.into_iter().map(Arc::new).collect());
        Arc::new(Self {
            cluster,
            sink,
            choice,
            places,
            stops,
            is_told: Mutex::new(false),
            told: Notify::new(),
            is_lost: AtomicBool::new(false),
        })
    }

    fn places(&self) -> MutexGuard<'_, Vec<Arc<Place>>> {
        // Nothing panics while it holds the lock; were it to, the list is still a list.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until nobody wants any more.
    pub(super) async fn run(self: Arc<Self>) {
        tokio::select! {
            () = self.sink.closed() => {}
            () = self.clone().keep() => {}
        }
    }

    /// Reads until everything is read that was there at the start.
    pub(super) async fn read_to_end(self: Arc<Self>) {
        tokio::select! {
            () = self.told.notified() => {}
            () = self.clone().keep() => {}
        }
    }

    async fn keep(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.check_end();
            let reason = match self.leaders().await {
                Err(error) => Stop::Lost(error),
                Ok(leaders) => self.clone().read(leaders).await,
            };
            match reason {
                Stop::Over => std::future::pending().await,
                Stop::Moved => {
                    pause = FIRST_PAUSE;
                    tokio::time::sleep(pause).await;
                }
                Stop::Lost(error) => {
                    self.lost(&error).await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Says that something cannot be read, once until all is read again.
    async fn lost(&self, error: &Error) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            let text = format!("{error}: reading goes on once it is back");
            self.sink.tell(Finding { code: "link-lost".into(), text }).await;
        }
    }

    async fn back(&self) {
        if self.is_lost.swap(false, Ordering::Relaxed) {
            let text = format!("connected to {} again: nothing was missed", self.cluster.shown());
            self.sink.tell(Finding { code: "link-back".into(), text }).await;
        }
    }

    /// Who leads what; topics that are gone are dropped, and those that are new are read from their start.
    async fn leaders(&self) -> Result<Leaders> {
        let known: Vec<Arc<str>> = {
            let mut names: Vec<_> = self.places().iter().map(|place| place.topic.clone()).collect();
            names.dedup();
            names
        };
        let topics = self.topics(&known).await?;
        for name in known.iter().filter(|name| topics.iter().all(|topic| topic.name != **name)) {
            self.places().retain(|place| place.topic != *name);
            let text = format!("topic `{name}` is gone");
            self.sink.tell(Finding { code: "topic-gone".into(), text }).await;
        }
        let mut leaders = Leaders { places: HashMap::new(), leaderless: None };
        let mut places = self.places();
        for topic in &topics {
            for (partition, leader) in (0..).zip(&topic.leaders) {
                let is_it = |place: &&Arc<Place>| place.topic == topic.name && place.partition == partition;
                let place = places.iter().find(is_it).cloned();
                let place = place.unwrap_or_else(|| {
                    // Nobody could have written to it before it was there.
                    let place = Arc::new(Place::new(
                        topic.name.clone(),
                        partition,
                        0,
                        if self.stops { 0 } else { i64::MAX },
                    ));
                    place.reach();
                    places.push(place.clone());
                    place
                });
                match leader {
                    Some(leader) => leaders.places.entry(*leader).or_default().push(place),
                    None => leaders.leaderless = Some((topic.name.clone(), partition)),
                }
            }
        }
        Ok(leaders)
    }

    /// The topics that are meant, and those that are read already.
    async fn topics(&self, known: &[Arc<str>]) -> Result<Vec<Topic>> {
        let Some(mut names) = self.choice.names() else {
            let mut topics = self.cluster.all_topics().await?;
            topics.retain(|topic| {
                known.contains(&topic.name) || self.choice.means(&topic.name, topic.is_internal)
            });
            return Ok(topics);
        };
        names.extend(known.iter().map(ToString::to_string));
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.cluster.topics(&names.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Reads from all leaders until one of them has to be looked for again; where one cannot be reached the others are
    /// read meanwhile.
    async fn read(self: Arc<Self>, leaders: Leaders) -> Stop {
        const LOOK_AROUND: Duration = Duration::from_secs(1);
        let mut opening = JoinSet::new();
        for (leader, places) in leaders.places {
            let cluster = self.cluster.clone();
            opening.spawn(async move { (cluster.open(leader).await, places) });
        }
        let (mut readers, mut missing) = (JoinSet::new(), None);
        while let Some(opened) = opening.join_next().await {
            match opened {
                Ok((Ok(link), places)) => drop(readers.spawn(self.clone().follow(link, places))),
                Ok((Err(error), _)) => missing = Some(error),
                Err(_) => return Stop::Moved,
            }
        }
        let leaderless = leaders.leaderless.map(|(topic, at)| self.cluster.leaderless(&topic, at));
        let is_partial = match missing.or(leaderless) {
            Some(error) if readers.is_empty() => return Stop::Lost(error),
            Some(error) => {
                self.lost(&error).await;
                true
            }
            None => {
                self.back().await;
                false
            }
        };
        let mut around = tokio::time::interval(LOOK_AROUND);
        around.reset();
        loop {
            tokio::select! {
                Some(ended) = readers.join_next() => match ended {
                    Ok(Stop::Over) if is_partial || !readers.is_empty() => {}
                    Ok(stop) => return stop,
                    Err(_) => return Stop::Moved,
                },
                _ = around.tick(), if is_partial || !self.stops => match self.has_news().await {
                    Ok(has_news) if !has_news && !is_partial => {}
                    Ok(_) => return Stop::Moved,
                    Err(error) => return Stop::Lost(error),
                },
                else => return Stop::Over,
            }
        }
    }

    /// Whether there are topics that are not read and should be, or the other way round.
    async fn has_news(&self) -> Result<bool> {
        let known: Vec<_> = self.places().iter().map(|place| place.topic.clone()).collect();
        let topics = self.topics(&known).await?;
        let places = self.places();
        let is_read = |name: &str, partition: i32| {
            places.iter().any(|place| *place.topic == *name && place.partition == partition)
        };
        let is_new = topics
            .iter()
            .any(|topic| (0..topic.partitions()).any(|partition| !is_read(&topic.name, partition)));
        let is_gone = places.iter().any(|place| topics.iter().all(|topic| topic.name != place.topic));
        Ok(is_new || is_gone)
    }

    /// Reads what the broker on `link` leads.
    async fn follow(self: Arc<Self>, link: Arc<Link>, places: Vec<Arc<Place>>) -> Stop {
        loop {
            let open: Vec<_> =
                places.iter().filter(|place| !(self.stops && place.has_reached())).cloned().collect();
            if open.is_empty() {
                self.check_end();
                return Stop::Over;
            }
            let fetched = match fetch(&link, &open, self.cluster.options.isolation).await {
                Ok(fetched) => fetched,
                Err(error) => return Stop::Lost(error),
            };
            for fetched in fetched {
                if let Err(stop) = self.tell(&fetched).await {
                    return stop;
                }
            }
            self.check_end();
        }
    }

    async fn tell(&self, fetched: &Fetched) -> Result<(), Stop> {
        if let Some(error) = ResponseError::try_from_code(fetched.error) {
            return self.mend(fetched, error).await;
        }
        let place = &fetched.place;
        for (records, next) in fetched.batches() {
            match records {
                Ok(records) => {
                    for record in records {
                        if self.stops && record.offset >= place.end() {
                            break;
                        }
                        let offset = record.offset;
                        self.sink.take(place, record).await;
                        place.go_on(offset + 1);
                    }
                }
                Err(damage) => {
                    let what = format!("partition {} of topic `{}`: {damage}", place.partition, place.topic);
                    self.sink.miss(place, None, &what).await;
                }
            }
            match next {
                Some(next) => place.go_on(next.max(place.next())),
                // Where a batch ends that cannot be read nobody knows: what follows is behind what is there now.
                None => place.go_on(fetched.stable.max(place.next() + 1)),
            }
        }
        // Compaction may have left nothing of what was the end: a broker with nothing to send says so.
        if fetched.is_empty() && fetched.stable >= place.end() {
            place.reach();
        }
        Ok(())
    }

    async fn mend(&self, fetched: &Fetched, error: ResponseError) -> Result<(), Stop> {
        let place = &fetched.place;
        match error {
            ResponseError::OffsetOutOfRange => {
                let earliest =
                    self.cluster.offsets(&[(place.topic.clone(), place.partition)], EARLIEST).await;
                let earliest = earliest.map_err(Stop::Lost)?.pop().flatten().unwrap_or(0).max(fetched.start);
                let lost = u64::try_from(earliest - place.next()).ok();
                let what = format!(
                    "partition {} of topic `{}` no longer has offset {}",
                    place.partition,
                    place.topic,
                    place.next()
                );
                self.sink.miss(place, lost, &what).await;
                place.go_on(earliest);
                Ok(())
            }
            ResponseError::UnknownTopicOrPartition => Err(Stop::Moved),
            error if is_moving(error) => Err(Stop::Moved),
            error => {
                let text = format!(
                    "partition {} of topic `{}` cannot be read: {}",
                    place.partition,
                    place.topic,
                    told(error)
                );
                self.sink.tell(Finding { code: "refused".into(), text }).await;
                self.places().retain(|other| !Arc::ptr_eq(other, place));
                Err(Stop::Moved)
            }
        }
    }

    /// Says once that everything is read that was there at the start.
    fn check_end(&self) {
        if !self.places().iter().all(|place| place.has_reached()) {
            return;
        }
        let mut is_told = self.is_told.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *is_told, true) {
            self.sink.catch_up();
            self.told.notify_one();
        }
    }
}
