//! The asking side: requests out, replies from the channels that all clients share.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;

use super::link::{self, told};
use super::{Channels, encode};
use crate::message::{Finding, Message};
use crate::transport::calls::Calls;
use crate::transport::{Endpoint, Error, Event, Exchange, Feed, Kind, Result, feed};
use crate::wire::redis as wire;

/// A connection for requests.
pub(super) struct Asking {
    connection: MultiplexedConnection,
    calls: Arc<Calls>,
    /// Channels that replies can come by already.
    subscribed: Mutex<HashSet<String>>,
    is_over: Arc<AtomicBool>,
}

impl Asking {
    pub(super) async fn open(endpoint: &Endpoint, secure: bool, channels: Channels) -> Result<Self> {
        let calls = Arc::new(Calls::new());
        let (sender, replies) = feed();
        let ours = calls.clone();
        let connection = link::open(endpoint, secure, move |pushed| {
            let delivery = channels.delivery(&pushed);
            // The channel is everybody's: most of what comes may be for others.
            if delivery.id.as_ref().is_some_and(|id| ours.knows(id)) {
                sender.push(Event::Message(Box::new(delivery)), pushed.payload.len());
            }
        })
        .await?;
        let is_over = Arc::new(AtomicBool::new(false));
        tokio::spawn(dispatch(replies, calls.clone(), is_over.clone(), endpoint.shown()));
        Ok(Self { connection, calls, subscribed: Mutex::default(), is_over })
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    pub(super) async fn request(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        channels: &Channels,
    ) -> Result<Exchange> {
        let call = self.calls.open();
        let asked = self.ask(message, &call.id, endpoint, channels).await;
        let finding = asked.inspect_err(|_| self.calls.forget(call.key))?;
        // The link may have ended, and told everyone it knew, while this call was being made.
        if self.is_over() {
            self.calls.end(|| lost(&endpoint.shown()));
        }
        Ok(Exchange { id: call.id, replies: call.replies, finding })
    }

    async fn ask(
        &self,
        message: &Message,
        id: &str,
        endpoint: &Endpoint,
        channels: &Channels,
    ) -> Result<Option<Finding>> {
        let (channel, body) = encode(message, Some(id), endpoint)?;
        self.listen(channels.replies_to(&channel), endpoint).await?;
        let mut connection = self.connection.clone();
        let publish = redis::cmd("PUBLISH").arg(&channel).arg(&body).to_owned();
        let receivers: u64 =
            publish.query_async(&mut connection).await.map_err(|error| told(error, endpoint))?;
        if receivers == 0 {
            if link::is_of_cluster(&connection).await {
                return Ok(None);
            }
            let what = format!("nobody is subscribed to `{channel}` on {}", endpoint.shown());
            return Err(Error::new(Kind::NobodyThere, what)
                .hint("is the service running, and is this its pattern? Redis keeps no message for later"));
        }
        if receivers == 1 {
            return Ok(None);
        }
        // Whoever watches by a pattern is a receiver, too; services subscribe to the channel itself.
        let services = subscribers(&mut connection, std::slice::from_ref(&channel)).await;
        Ok(match services.map(|counts| counts.first().map_or(0, |(_, count)| *count)) {
            Ok(count @ 2..) => Some(Finding {
                code: "several-answer".into(),
                text: format!(
                    "{count} instances are subscribed to `{channel}` and each answers every message, so values \
                     may come {count} times: Redis has no queue groups; run one instance, or take a transport that has"
                ),
            }),
            // A user who may publish may not be allowed to ask; it was only for a word of advice.
            _ => None,
        })
    }

    /// Subscribes to what is not yet subscribed to, and waits for the server to say so: a reply could otherwise
    /// come before.
    async fn listen(&self, channels: Vec<String>, endpoint: &Endpoint) -> Result<()> {
        let mut subscribed = self.subscribed.lock().await;
        let missing: Vec<_> = channels.into_iter().filter(|channel| !subscribed.contains(channel)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.connection.clone().subscribe(&missing).await.map_err(|error| told(error, endpoint))?;
        subscribed.extend(missing);
        Ok(())
    }
}

/// How many are subscribed to each of `channels`, those who are by patterns not counted.
pub(super) async fn subscribers(
    connection: &mut MultiplexedConnection,
    channels: &[String],
) -> redis::RedisResult<Vec<(String, u64)>> {
    redis::cmd("PUBSUB").arg("NUMSUB").arg(channels).query_async(connection).await
}

async fn dispatch(mut replies: Feed, calls: Arc<Calls>, is_over: Arc<AtomicBool>, shown: String) {
    while let Some(events) = replies.recv().await {
        for event in events {
            match event {
                Event::Message(mut delivery) => {
                    if let Some(id) = delivery.id.take() {
                        calls.deliver(&id, wire::reply(*delivery)).await;
                    }
                }
                Event::Gap { .. } => calls.end(|| {
                    Error::new(Kind::Closed, "replies came faster than they were read, and some were dropped")
                }),
                Event::CaughtUp | Event::Finding(_) => {}
            }
        }
    }
    is_over.store(true, Ordering::Release);
    calls.end(|| lost(&shown));
}

fn lost(shown: &str) -> Error {
    Error::new(Kind::Closed, format!("{shown} closed the connection"))
}
