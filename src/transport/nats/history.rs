//! Reading a stream: through a consumer of our own, which acknowledges nothing and goes when we go.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::{Instant, timeout_at};

use super::client::Client;
use super::jetstream::{self, Place, Stream};
use super::session::{self, Session};
use super::watching::blank;
use super::{inbox, refused};
use crate::message::{Data, Delivery, Direction};
use crate::transport::{Endpoint, Error, Event, Feed, FeedSender, From, Result, Watch, feed};
use crate::wire::nats::{self, Inbound, Op, subject};
use crate::wire::packet::Packet;

/// How often the broker gives a sign of life where there is nothing to give.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The broker's word that there is nothing to give, or that it wants to know whether we keep up.
const IDLE: u16 = 100;

/// What a consumer is to be. Its fields are those of the protocol.
#[derive(Debug, Serialize)]
struct Consumer<'a> {
    deliver_subject: &'a str,
    deliver_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_time: Option<String>,
    ack_policy: &'static str,
    max_deliver: i64,
    replay_policy: &'static str,
    flow_control: bool,
    idle_heartbeat: u64,
    mem_storage: bool,
    num_replicas: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_subjects: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Creation<'a> {
    stream_name: &'a str,
    config: Consumer<'a>,
}

#[derive(Deserialize)]
struct Created {
    name: String,
    #[serde(default)]
    num_pending: u64,
}

/// Reads the stream that the options name, or the one that captures what is watched.
pub(super) async fn start(client: &Client, endpoint: &Endpoint, watch: &Watch) -> Result<Feed> {
    for pattern in &watch.patterns {
        subject::check(pattern).map_err(refused)?;
    }
    let stream = match endpoint.options.get("stream") {
        Some(name) => jetstream::stream(client, name).await?,
        None => capturing(client, &watch.patterns).await?,
    };
    let mut session = session::open(endpoint, session::ONLOOKER).await?;
    let (sid, skip) = begin(client, &stream, &mut session, endpoint, watch).await?;
    let (sender, events) = feed();
    let reading = Reading { stream: stream.config.name, sid, skip, expected: 1, caught_up: false };
    tokio::spawn(reading.run(session, sender));
    Ok(events)
}

/// The one stream that captures `patterns`, or that there is.
async fn capturing(client: &Client, patterns: &[String]) -> Result<Stream> {
    let subject = patterns.first().map(String::as_str);
    let mut streams = jetstream::streams(client, subject).await?;
    let what = subject.map_or_else(String::new, |subject| format!(" that captures `{subject}`"));
    match (streams.pop(), streams.is_empty()) {
        (Some(stream), true) => Ok(stream),
        (None, _) => {
            Err(Error::unsupported(format!("there is no stream{what}: nobody kept what came before")))
        }
        (Some(last), false) => {
            let names = streams.iter().chain([&last]).map(|stream| stream.config.name.as_str());
            let names: Vec<_> = names.collect();
            Err(Error::unsupported(format!("there is more than one stream{what}"))
                .hint(format!("name one with -O stream=NAME: {}", names.join(", "))))
        }
    }
}

/// Creates the consumer; tells the subscription it gives to, and how many messages it gives too many at the start.
async fn begin(
    client: &Client,
    stream: &Stream,
    session: &mut Session,
    endpoint: &Endpoint,
    watch: &Watch,
) -> Result<(u64, u64)> {
    let (name, end) = (&stream.config.name, stream.state.last_seq + 1);
    let mut start = match watch.from {
        From::Position(position) => Some(position.max(1)),
        From::Last(count) => Some(end.saturating_sub(count).max(1)),
        From::Now | From::Start | From::Time(_) => None,
    };
    for sid in 1.. {
        let inbox = inbox(endpoint);
        let mut subscription = Vec::new();
        nats::subscribe(&mut subscription, &inbox, None, sid);
        session.settle(&subscription).await?;
        let created = create(client, name, consumer(&inbox, watch, start)).await?;
        let (From::Last(count), Some(from)) = (watch.from, start) else { return Ok((sid, 0)) };
        if created.num_pending >= count || from <= stream.state.first_seq.max(1) {
            return Ok((sid, created.num_pending.saturating_sub(count)));
        }
        // Others' subjects, and messages that are gone, stand in between: twice as far back, and for another inbox.
        let delete = format!("CONSUMER.DELETE.{name}.{}", created.name);
        jetstream::ask::<serde::de::IgnoredAny>(client, &delete, &jetstream::Nothing {}).await?;
        let unsubscribe = format!("UNSUB {sid}\r\n");
        session.outbox.send(unsubscribe.as_bytes()).await?;
        start = Some(end.saturating_sub((end - from) * 2).max(1));
    }
    Err(Error::unsupported("the stream has no beginning"))
}

async fn create(client: &Client, stream: &str, config: Consumer<'_>) -> Result<Created> {
    let creation = Creation { stream_name: stream, config };
    jetstream::ask(client, &format!("CONSUMER.CREATE.{stream}"), &creation).await
}

fn consumer<'a>(inbox: &'a str, watch: &'a Watch, sequence: Option<u64>) -> Consumer<'a> {
    let time = match watch.from {
        From::Time(time) => Some(time.to_string()),
        _ => None,
    };
    let deliver_policy = match watch.from {
        From::Now => "new",
        From::Start => "all",
        From::Position(_) | From::Last(_) => "by_start_sequence",
        From::Time(_) => "by_start_time",
    };
    Consumer {
        deliver_subject: inbox,
        deliver_policy,
        opt_start_seq: sequence,
        opt_start_time: time,
        ack_policy: "none",
        max_deliver: 1,
        replay_policy: "instant",
        flow_control: true,
        idle_heartbeat: u64::try_from(HEARTBEAT.as_nanos()).unwrap_or(u64::MAX),
        mem_storage: true,
        num_replicas: 1,
        // Only 2.10 and later take several.
        filter_subject: watch.patterns.first().map(String::as_str).filter(|_| watch.patterns.len() == 1),
        filter_subjects: Some(&*watch.patterns).filter(|patterns| patterns.len() > 1),
    }
}

struct Reading {
    stream: String,
    sid: u64,
    skip: u64,
    /// The number of the consumer's next delivery.
    expected: u64,
    caught_up: bool,
}

impl Reading {
    async fn run(mut self, session: Session, sender: FeedSender) {
        let Session { mut inlet, outbox, .. } = session;
        let mut last = Instant::now();
        // Silence, a hole in the numbers or a lost link end the feed: whoever reads it begins again after the last
        // message, so that nothing is missed.
        while let Ok(Ok(())) = timeout_at(last + 3 * HEARTBEAT, inlet.advance()).await {
            let Op::Message(inbound) = inlet.current() else { continue };
            if inbound.sid != self.sid {
                continue;
            }
            last = Instant::now();
            let Some(place) = inbound.reply.and_then(Place::parse) else {
                if !answer(&inbound, &outbox).await {
                    break;
                }
                continue;
            };
            if place.delivery != self.expected {
                break;
            }
            self.expected += 1;
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            let event = Event::Message(Box::new(delivery(&inbound, place, &self.stream)));
            sender.push(event, inbound.payload.len());
            if place.pending == 0 && !std::mem::replace(&mut self.caught_up, true) {
                sender.push(Event::CaughtUp, 0);
            }
            sender.room().await;
            last = Instant::now();
            if sender.is_abandoned() {
                break;
            }
        }
        outbox.close();
    }
}

/// What stands at `place` of `stream`.
pub(super) fn delivery(inbound: &Inbound<'_>, place: Place, stream: &str) -> Delivery {
    let text = std::str::from_utf8(inbound.payload).ok();
    let packet = text.and_then(|text| Packet::parse(text).ok());
    let is_request = packet.as_ref().is_some_and(Packet::is_request);
    let direction = if is_request { Direction::Request } else { Direction::Event };
    let mut delivery = blank(direction, inbound);
    let mut meta = |name: &str, value: Option<Box<RawValue>>| {
        delivery.meta.extend(value.map(|value| (name.to_owned(), value)));
    };
    meta("stream", to_raw_value(stream).ok());
    meta("seq", to_raw_value(&place.sequence).ok());
    let time = Timestamp::from_nanosecond(place.nanoseconds).ok();
    meta("time", time.and_then(|time| to_raw_value(&time.to_string()).ok()));
    // Its reply is not in the stream: as an id it would be told unanswered.
    meta("id", packet.as_ref().and_then(|packet| packet.id.map(RawValue::to_owned)));
    delivery.position = Some(place.sequence);
    match packet.map(|packet| packet.called()) {
        Some(called) => (delivery.pattern, delivery.data) = (called.pattern, called.data),
        None => delivery.data = Some(Data::classify(inbound.payload)),
    }
    delivery
}

/// Says that we keep up, where the broker asks; `false` where the consumer is gone.
async fn answer(inbound: &Inbound<'_>, outbox: &crate::transport::outbox::Outbox) -> bool {
    let headers = inbound.headers();
    if headers.status != Some(IDLE) {
        return headers.status.is_none();
    }
    let stalled = headers.text("Nats-Consumer-Stalled").map(str::to_owned);
    let Some(to) = inbound.reply.map(str::to_owned).or(stalled) else { return true };
    let mut frame = Vec::new();
    nats::publish(&mut frame, &to, None, &[], &[]);
    outbox.send(&frame).await.is_ok()
}
