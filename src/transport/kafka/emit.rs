//! Events on their way out: batches by partition, several of them in flight.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kafka_protocol::messages::ProduceResponse;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::cluster::{Cluster, Topic, merged, produce, produce_request};
use super::parcel::{Parcel, Verdict};
use super::topic;
use crate::message::{Message, Pattern};
use crate::transport::{Delivered, Error, Kind, Publisher, Push, Result};
use crate::wire::kafka::{Body, Chooser, Damage, Draft};

/// A batch of this many bytes is full, and leaves whatever else is under way.
const BATCH: usize = 256 << 10;
/// A request carries no more than this, but for one batch that is larger.
const REQUEST: usize = 1 << 20;
/// Requests in flight.
const IN_FLIGHT: usize = 5;
/// Bytes that wait before there is no room.
const ROOM: usize = 8 << 20;
/// How long a batch is offered again where a partition has no leader, or too few replicas.
const PERSISTENCE: Duration = Duration::from_secs(30);
/// Before it is offered again.
const PAUSE: Duration = Duration::from_millis(100);
/// A broker that says nothing for this long will not: it gives its replicas 30 seconds.
const SILENCE: Duration = Duration::from_secs(45);

/// Events on their way out.
pub(super) struct Pipeline {
    shared: Arc<Shared>,
    cluster: Arc<Cluster>,
    chooser: Chooser,
    /// The topic of the pattern that was asked for last: most messages go where the one before went.
    last: Option<(Pattern, Arc<str>)>,
    /// What must be known before the next message can go.
    wanted: Option<String>,
    sending: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Notify,
    changed: Notify,
}

#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, Topic>,
    parcels: VecDeque<Parcel>,
    /// Bytes in them.
    waiting: usize,
    finished: bool,
    /// Why nothing more can go.
    broken: bool,
    fates: Delivered,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the tables are still tables.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn blame(&mut self, error: Error) {
        self.fates.error.get_or_insert(error);
    }
}

fn count(parcel: &Parcel) -> u64 {
    parcel.draft.count() as u64
}

impl Pipeline {
    pub(super) fn start(cluster: Arc<Cluster>) -> Self {
        let shared = Arc::new(Shared::default());
        let sender = Sender { shared: shared.clone(), cluster: cluster.clone() };
        let sending = tokio::spawn(sender.run());
        Self { shared, cluster, chooser: Chooser::new(fastrand::i32(0..)), last: None, wanted: None, sending }
    }

    fn topic_of(&mut self, pattern: &Pattern) -> Result<Arc<str>> {
        match &self.last {
            Some((last, topic)) if last == pattern => Ok(topic.clone()),
            _ => {
                let found: Arc<str> = topic(pattern, self.cluster.endpoint.nest)?.into();
                self.last = Some((pattern.clone(), found.clone()));
                Ok(found)
            }
        }
    }
}

/// The partition of `body`.
fn partition(body: &Body<'_>, topic: &Topic, chooser: &Chooser) -> Result<i32> {
    let partitions = topic.partitions();
    match body.partition {
        None => Ok(chooser.choose(body.key.as_deref(), partitions)),
        Some(partition) if (0..partitions).contains(&partition) => Ok(partition),
        Some(partition) => {
            let what = format!("topic `{}` has no partition {partition}: it has {partitions}", topic.name);
            Err(Error::unsupported(what).hint("they are numbered from 0"))
        }
    }
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        let name = self.topic_of(&message.pattern)?;
        let mut state = self.shared.lock();
        if state.broken {
            let error = state.fates.error.take();
            return Err(error.unwrap_or_else(|| Error::new(Kind::Closed, "the link is gone")));
        }
        if state.waiting >= ROOM {
            return Ok(Push::Full);
        }
        let State { topics, parcels, waiting, .. } = &mut *state;
        let Some(topic) = topics.get(&name) else {
            self.wanted = Some(name.to_string());
            return Ok(Push::Full);
        };
        let body = self.cluster.options.body(message);
        let partition = partition(&body, topic, &self.chooser)?;
        let size = body.size();
        *waiting += size;
        let is_open = |parcel: &Parcel| {
            parcel.partition == partition
                && parcel.topic == name
                && parcel.since.is_none()
                && parcel.draft.size() + size <= BATCH
        };
        let at = parcels.iter().rposition(is_open).unwrap_or_else(|| {
            let draft = Draft::default();
            parcels.push_back(Parcel { topic: name.clone(), partition, draft, since: None });
            parcels.len() - 1
        });
        let draft = &mut parcels[at].draft;
        let now = jiff::Timestamp::now().as_millisecond();
        draft.push(now, body.key.as_deref(), body.value.as_deref(), body.fields());
        if body.key.is_none() && draft.size() + size > BATCH {
            self.chooser.turn();
        }
        drop(state);
        self.shared.filled.notify_one();
        Ok(Push::Taken)
    }

    async fn room(&mut self) -> Result<()> {
        if let Some(wanted) = self.wanted.take() {
            let topic = self.cluster.require(&wanted).await?;
            self.shared.lock().topics.insert(topic.name.clone(), topic);
        }
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let state = self.shared.lock();
                if state.broken || state.waiting < ROOM {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    async fn finish(self: Box<Self>) -> Delivered {
        self.shared.lock().finished = true;
        self.shared.filled.notify_one();
        // It ends by itself; were it to panic, what it had counted still stands.
        let _ = self.sending.await;
        let mut state = self.shared.lock();
        let left: u64 = state.parcels.drain(..).map(|parcel| count(&parcel)).sum();
        let mut fates = std::mem::take(&mut state.fates);
        fates.lost += left;
        fates
    }
}

/// Batches that left, and the broker's word; none where it fell silent.
type Answer = (Vec<Parcel>, Option<Result<ProduceResponse>>);

/// Takes batches to their leaders.
struct Sender {
    shared: Arc<Shared>,
    cluster: Arc<Cluster>,
}

impl Sender {
    async fn run(self) {
        let mut flying: JoinSet<Answer> = JoinSet::new();
        loop {
            while flying.len() < IN_FLIGHT
                && let Some((leader, parcels)) = self.load(flying.is_empty())
            {
                self.send(leader, parcels, &mut flying).await;
            }
            if flying.is_empty() {
                let state = self.shared.lock();
                if state.broken || (state.finished && state.parcels.is_empty()) {
                    return;
                }
            }
            tokio::select! {
                Some(answer) = flying.join_next() => match answer {
                    Ok((parcels, response)) => self.settle(parcels, response).await,
                    Err(_) => return,
                },
                () = self.shared.filled.notified() => {}
            }
        }
    }

    /// What leaves next, and who takes it. Where nothing is under way a batch need not be full; a partition's
    /// batches leave in order.
    fn load(&self, is_idle: bool) -> Option<(Option<i32>, Vec<Parcel>)> {
        let mut state = self.shared.lock();
        if state.broken {
            return None;
        }
        let State { topics, parcels, waiting, finished, .. } = &mut *state;
        let leader_of = |parcel: &Parcel| {
            let topic = topics.get(&parcel.topic)?;
            *topic.leaders.get(usize::try_from(parcel.partition).ok()?)?
        };
        // Only the last parcel of a partition can be one that is not full: what others stand behind is.
        let is_ready = |parcel: &Parcel| {
            is_idle || *finished || parcel.since.is_some() || parcel.draft.size() >= BATCH / 2
        };
        let leader = leader_of(parcels.iter().find(|parcel| is_ready(parcel))?);
        let (mut load, mut size) = (Vec::<Parcel>::new(), 0);
        let mut at = 0;
        while at < parcels.len() && (size < REQUEST || load.is_empty()) {
            let parcel = &parcels[at];
            let is_taken =
                load.iter().any(|other| other.partition == parcel.partition && other.topic == parcel.topic);
            let is_next = is_ready(parcel) && leader_of(parcel) == leader && !is_taken;
            // Behind one that stays nothing of its partition may go.
            let is_behind = parcels
                .iter()
                .take(at)
                .any(|other| other.partition == parcel.partition && other.topic == parcel.topic);
            if !is_next || is_behind {
                at += 1;
                continue;
            }
            size += parcel.draft.size();
            load.extend(parcels.remove(at));
        }
        if load.is_empty() {
            return None;
        }
        *waiting = waiting.saturating_sub(size);
        drop(state);
        self.shared.changed.notify_waiters();
        Some((leader, load))
    }

    async fn send(&self, leader: Option<i32>, mut parcels: Vec<Parcel>, flying: &mut JoinSet<Answer>) {
        for parcel in &mut parcels {
            parcel.since.get_or_insert_with(Instant::now);
        }
        let Some(leader) = leader else {
            tokio::time::sleep(PAUSE).await;
            let error = || Error::new(Kind::Closed, "a partition has no leader");
            return self.offer_again(parcels, error).await;
        };
        let packed = parcels.iter().map(|parcel| {
            let records = parcel.draft.finish(self.cluster.options.compression)?;
            Ok(produce(&parcel.topic, parcel.partition, records))
        });
        let sent = async {
            let batches = packed.collect::<std::result::Result<Vec<_>, Damage>>();
            let batches = batches
                .map_err(|error| Error::unsupported("the messages cannot be packed").because(error))?;
            let request = produce_request(merged(batches), self.cluster.options.acks);
            self.cluster.link(leader).await?.send(&request).await
        };
        match sent.await {
            Ok(sent) => {
                flying.spawn(async move {
                    let response = timeout(SILENCE, sent.response()).await.ok();
                    (parcels, response)
                });
            }
            // Nothing of it left: whoever leads now may take it.
            Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::Closed) => {
                let (kind, what) = (error.kind(), error.to_string());
                self.offer_again(parcels, || Error::new(kind, what.clone())).await;
            }
            Err(error) => self.break_off(&parcels, error, false, true),
        }
    }

    /// Counts what became of `parcels`, and gives back what may still go.
    async fn settle(&self, parcels: Vec<Parcel>, response: Option<Result<ProduceResponse>>) {
        let response = match response {
            Some(Ok(response)) => response,
            // What became of these nobody can say; what comes next goes to whoever leads then.
            Some(Err(error)) => return self.break_off(&parcels, error, true, false),
            None => {
                let error = Error::new(Kind::Closed, "the broker stopped confirming messages");
                return self.break_off(&parcels, error, true, true);
            }
        };
        let mut again = Vec::new();
        for parcel in parcels {
            let answers = response.responses.iter().filter(|topic| *topic.name.0 == *parcel.topic);
            let mut answers = answers.flat_map(|topic| &topic.partition_responses);
            let answer = answers.find(|answer| answer.index == parcel.partition);
            let verdict = match answer {
                Some(answer) => {
                    parcel.verdict(answer.error_code, answer.error_message.as_deref(), &self.cluster)
                }
                None => {
                    Verdict::Unknown(Error::new(Kind::Protocol, "the broker did not answer for a partition"))
                }
            };
            let count = count(&parcel);
            let mut state = self.shared.lock();
            match verdict {
                Verdict::Confirmed => state.fates.confirmed += count,
                Verdict::Again => again.push(parcel),
                Verdict::Apart => {
                    for one in parcel.apart().into_iter().rev() {
                        state.parcels.push_front(one);
                    }
                }
                Verdict::Refused(error) => {
                    state.fates.lost += count;
                    state.blame(error);
                }
                Verdict::Unknown(error) => {
                    state.fates.unconfirmed += count;
                    state.blame(error);
                }
            }
        }
        if !again.is_empty() {
            let error =
                || Error::new(Kind::Closed, "a partition has had no leader, or too few replicas, for long");
            self.offer_again(again, error).await;
        }
        self.shared.changed.notify_waiters();
    }

    /// Puts `parcels` first in line, once it is known who leads now; gives them up after a while.
    async fn offer_again(&self, parcels: Vec<Parcel>, why: impl Fn() -> Error) {
        tokio::time::sleep(PAUSE).await;
        let mut names: Vec<_> = parcels.iter().map(|parcel| &*parcel.topic).collect();
        names.dedup();
        let topics = match self.cluster.topics(&names).await {
            Ok(topics) => topics,
            Err(error) => return self.break_off(&parcels, error, false, true),
        };
        let mut state = self.shared.lock();
        for topic in topics {
            state.topics.insert(topic.name.clone(), topic);
        }
        for parcel in parcels.into_iter().rev() {
            if parcel.since.is_some_and(|since| since.elapsed() > PERSISTENCE) {
                state.fates.lost += count(&parcel);
                state.blame(why());
            } else {
                state.waiting += parcel.draft.size();
                state.parcels.push_front(parcel);
            }
        }
    }

    /// A link is gone: of what had `left` nobody can say what became. Nothing more can go if it `is_over`.
    fn break_off(&self, parcels: &[Parcel], error: Error, left: bool, is_over: bool) {
        let mut state = self.shared.lock();
        let count: u64 = parcels.iter().map(count).sum();
        if left {
            state.fates.unconfirmed += count;
        } else {
            state.fates.lost += count;
        }
        state.broken |= is_over;
        state.blame(error);
        drop(state);
        self.shared.changed.notify_waiters();
    }
}
