//! The brokers of a cluster, and what they know of topics. Looking never creates: every question says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Options;
use super::link::Link;
use crate::transport::{Endpoint, Error, Kind, Result};

/// Before a question is asked again whose answer was not settled yet.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A name as the protocol takes it.
pub(super) fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    /// Whether it is Kafka's own.
    pub(super) is_internal: bool,
    /// Who leads each of its partitions; `None` while nobody does.
    pub(super) leaders: Vec<Option<i32>>,
}

impl Topic {
    /// How many partitions it has.
    pub(super) fn partitions(&self) -> i32 {
        i32::try_from(self.leaders.len()).unwrap_or(i32::MAX)
    }

    fn is_led(&self) -> bool {
        !self.leaders.is_empty() && self.leaders.iter().all(Option::is_some)
    }
}

/// The brokers of a cluster.
pub(super) struct Cluster {
    pub(super) endpoint: Endpoint,
    pub(super) options: Options,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The connection to whichever of the addresses that were given could be reached, and which that was.
    first: Option<(Arc<Link>, Endpoint)>,
    addresses: HashMap<i32, (String, u16)>,
    links: HashMap<i32, Arc<Link>>,
}

impl Cluster {
    pub(super) fn new(endpoint: Endpoint, options: Options) -> Self {
        Self { endpoint, options, known: Mutex::default() }
    }

    pub(super) fn shown(&self) -> String {
        let further = self.options.bootstrap.iter().map(|(host, port)| format!(",{host}:{port}"));
        self.endpoint.shown() + &further.collect::<String>()
    }

    /// Where the cluster can be asked: at the addresses that were given, then at those it has told.
    fn candidates(&self, known: &Known) -> Vec<Endpoint> {
        let mut found = vec![self.endpoint.clone()];
        let told = known.addresses.values();
        // A cluster of one is at the address that was given, whatever it calls itself.
        let told = told.filter(|_| known.addresses.len() > 1);
        for (host, port) in self.options.bootstrap.iter().chain(told) {
            if !found.iter().any(|other| other.host == *host && other.port == *port) {
                found.push(Endpoint { host: host.clone(), port: *port, ..self.endpoint.clone() });
            }
        }
        found
    }

    /// A connection to the cluster, wherever it can be reached, made again where it has ended.
    pub(super) async fn any(&self) -> Result<Arc<Link>> {
        let mut known = self.known.lock().await;
        if let Some((link, _)) = known.first.as_ref().filter(|(link, _)| !link.has_ended()) {
            return Ok(link.clone());
        }
        let mut failed = None;
        for endpoint in self.candidates(&known) {
            match Link::open(&endpoint).await {
                Ok(link) => {
                    known.first = Some((link.clone(), endpoint));
                    return Ok(link);
                }
                // One that is there and says no is told at once: the others would say the same.
                Err(error) if error.kind() != Kind::Unreachable => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let error = failed.unwrap_or_else(|| Error::new(Kind::Unreachable, "no address was given"));
        if self.options.bootstrap.is_empty() {
            return Err(error);
        }
        let what = format!("none of the brokers at {} can be reached", self.shown());
        Err(Error::new(Kind::Unreachable, what)
            .because(error)
            .hint("is one of them running, and are these their ports?"))
    }

    /// The connection to broker `node` that all share.
    pub(super) async fn link(&self, node: i32) -> Result<Arc<Link>> {
        {
            let known = self.known.lock().await;
            if let Some(link) = known.links.get(&node).filter(|link| !link.has_ended()) {
                return Ok(link.clone());
            }
            if !known.is_elsewhere(node) {
                drop(known);
                return self.any().await;
            }
        }
        let link = self.open(node).await?;
        self.known.lock().await.links.insert(node, link.clone());
        Ok(link)
    }

    /// A connection to broker `node` of one's own: what waits for records holds up all else on a connection.
    pub(super) async fn open(&self, node: i32) -> Result<Arc<Link>> {
        let endpoint = self.known.lock().await.endpoint_of(node, &self.endpoint);
        let is_given = endpoint.host == self.endpoint.host && endpoint.port == self.endpoint.port;
        Link::open(&endpoint).await.map_err(|error| {
            if is_given {
                return error;
            }
            let what = format!(
                "{} says that broker {node} is at {}:{}",
                self.shown(),
                endpoint.host,
                endpoint.port
            );
            Error::new(error.kind(), what).because(error).hint(
                "the broker's setting advertised.listeners says what it calls itself: clients must be able to reach that",
            )
        })
    }

    /// Whether the cluster has more than one broker, or had when it was last asked: of one that is gone the others tell.
    pub(super) async fn has_others(&self) -> bool {
        self.known.lock().await.addresses.len() > 1
    }

    /// What the cluster says of `topics`, of all there are without.
    async fn metadata(&self, topics: Option<&[&str]>) -> Result<Vec<MetadataResponseTopic>> {
        let asked = |topic: &&str| MetadataRequestTopic::default().with_name(Some(name(topic)));
        let request = MetadataRequest::default()
            .with_topics(topics.map(|topics| topics.iter().map(asked).collect()))
            .with_allow_auto_topic_creation(false);
        let response = self.any().await?.ask(&request).await?;
        let mut known = self.known.lock().await;
        known.addresses = response
            .brokers
            .iter()
            .map(|broker| {
                (*broker.node_id, (broker.host.to_string(), u16::try_from(broker.port).unwrap_or(0)))
            })
            .collect();
        Ok(response.topics)
    }

    /// Every broker there is.
    pub(super) async fn nodes(&self) -> Result<Vec<i32>> {
        self.metadata(Some(&[])).await?;
        Ok(self.known.lock().await.addresses.keys().copied().collect())
    }

    /// Every topic that may be seen.
    pub(super) async fn all_topics(&self) -> Result<Vec<Topic>> {
        let topics = self.metadata(None).await?;
        Ok(topics.iter().filter(|topic| topic.error_code == 0).map(read_topic).collect())
    }

    /// Those of `names` that exist.
    pub(super) async fn topics(&self, names: &[&str]) -> Result<Vec<Topic>> {
        let mut found = Vec::new();
        for topic in self.metadata(Some(names)).await? {
            match ResponseError::try_from_code(topic.error_code) {
                None | Some(ResponseError::LeaderNotAvailable) => found.push(read_topic(&topic)),
                Some(ResponseError::UnknownTopicOrPartition) => {}
                Some(error) => {
                    let shown = topic.name.as_ref().map_or("", |name| name.as_str());
                    return Err(self.refusal(error, &format!("topic `{shown}`")));
                }
            }
        }
        Ok(found)
    }

    /// The topic of that name, all its partitions led, where there is one.
    pub(super) async fn topic(&self, name: &str) -> Result<Option<Topic>> {
        let until = Instant::now() + self.endpoint.connect_timeout;
        loop {
            match self.topics(&[name]).await?.pop() {
                Some(topic) if !topic.is_led() && Instant::now() < until => tokio::time::sleep(PAUSE).await,
                found => return Ok(found),
            }
        }
    }

    /// The topic of that name; where there is none it is made, if `create=true` says so.
    pub(super) async fn require(&self, name: &str) -> Result<Topic> {
        if let Some(topic) = self.topic(name).await? {
            return Ok(topic);
        }
        if !self.options.create {
            let what = format!("there is no topic `{name}` at {}", self.shown());
            return Err(Error::new(Kind::NobodyThere, what)
                .hint("is this its pattern, and its broker? -O create=true makes the topic"));
        }
        self.create(name).await?;
        let until = Instant::now() + self.endpoint.connect_timeout;
        loop {
            match self.topic(name).await? {
                Some(topic) => return Ok(topic),
                None if Instant::now() < until => tokio::time::sleep(PAUSE).await,
                None => {
                    return Err(Error::new(Kind::Refused, format!("the new topic `{name}` does not appear")));
                }
            }
        }
    }

    /// Makes a topic with as many partitions and replicas as the brokers have for their default.
    async fn create(&self, topic: &str) -> Result<()> {
        let new = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(-1)
            .with_replication_factor(-1);
        let request = CreateTopicsRequest::default().with_topics(vec![new]).with_timeout_ms(30_000);
        let response = self.any().await?.ask(&request).await?;
        let Some(result) = response.topics.first() else { return Ok(()) };
        match ResponseError::try_from_code(result.error_code) {
            None | Some(ResponseError::TopicAlreadyExists) => Ok(()),
            Some(error) => Err(self.refusal(error, &format!("to make the topic `{topic}`"))),
        }
    }

    pub(super) fn leaderless(&self, topic: &str, partition: i32) -> Error {
        let what = format!("nobody leads partition {partition} of topic `{topic}` at {}", self.shown());
        Error::new(Kind::NobodyThere, what).hint("is one of its brokers down?")
    }

    /// What a broker said no to, in words.
    pub(super) fn refusal(&self, error: ResponseError, what: &str) -> Error {
        let kind = match error {
            ResponseError::TopicAuthorizationFailed
            | ResponseError::ClusterAuthorizationFailed
            | ResponseError::GroupAuthorizationFailed => Kind::Denied,
            ResponseError::UnknownTopicOrPartition => Kind::NobodyThere,
            _ => Kind::Refused,
        };
        Error::new(kind, format!("{} refuses {what}: {}", self.shown(), told(error)))
    }
}

impl Known {
    /// Where broker `node` is. A cluster of one is where it was asked, whatever it calls itself: a broker behind a
    /// relay, or in a container, often cannot be reached by that name.
    fn endpoint_of(&self, node: i32, given: &Endpoint) -> Endpoint {
        let asked = self.first.as_ref().map_or(given, |(_, asked)| asked);
        match self.addresses.get(&node).filter(|_| self.addresses.len() > 1) {
            Some((host, port)) => Endpoint { host: host.clone(), port: *port, ..given.clone() },
            None => asked.clone(),
        }
    }

    /// Whether `node` is another than the one that is asked about everything.
    fn is_elsewhere(&self, node: i32) -> bool {
        let Some((_, asked)) = &self.first else { return self.addresses.len() > 1 };
        let address = self.addresses.get(&node).filter(|_| self.addresses.len() > 1);
        address.is_some_and(|(host, port)| *host != asked.host || *port != asked.port)
    }
}

/// Whether an error only says that metadata is old, and nothing was done.
pub(super) fn is_moving(error: ResponseError) -> bool {
    matches!(
        error,
        ResponseError::NotLeaderOrFollower
            | ResponseError::LeaderNotAvailable
            | ResponseError::ReplicaNotAvailable
            | ResponseError::FencedLeaderEpoch
            | ResponseError::UnknownLeaderEpoch
            | ResponseError::KafkaStorageError
            | ResponseError::OffsetNotAvailable
    )
}

/// An error of the protocol by the name that Kafka's own documents have for it: `MESSAGE_TOO_LARGE`.
pub(super) fn told(error: ResponseError) -> String {
    let mut told = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && told.ends_with(|last: char| last.is_ascii_alphanumeric()) {
            told.push('_');
        }
        told.push(letter.to_ascii_uppercase());
    }
    told
}

fn read_topic(topic: &MetadataResponseTopic) -> Topic {
    let most = topic.partitions.iter().map(|partition| partition.partition_index + 1).max().unwrap_or(0);
    let mut leaders = vec![None; usize::try_from(most).unwrap_or(0)];
    for partition in &topic.partitions {
        let leader = Some(*partition.leader_id).filter(|leader| *leader >= 0 && partition.error_code == 0);
        if let Some(slot) = usize::try_from(partition.partition_index).ok().and_then(|at| leaders.get_mut(at))
        {
            *slot = leader;
        }
    }
    let name = topic.name.as_ref().map_or_else(|| Arc::from(""), |name| Arc::from(name.as_str()));
    Topic { name, is_internal: topic.is_internal, leaders }
}

/// A batch on its way to a partition.
pub(super) fn produce(topic: &str, partition: i32, records: bytes::Bytes) -> TopicProduceData {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data])
}

/// A request that carries batches, to be confirmed by as many.
pub(super) fn produce_request(batches: Vec<TopicProduceData>, acks: i16) -> ProduceRequest {
    ProduceRequest::default().with_acks(acks).with_timeout_ms(30_000).with_topic_data(batches)
}

/// One entry for each topic, as the protocol wants it.
pub(super) fn merged(batches: Vec<TopicProduceData>) -> Vec<TopicProduceData> {
    let mut merged: Vec<TopicProduceData> = Vec::new();
    for mut batch in batches {
        match merged.iter_mut().find(|topic| topic.name == batch.name) {
            Some(topic) => topic.partition_data.append(&mut batch.partition_data),
            None => merged.push(batch),
        }
    }
    merged
}
