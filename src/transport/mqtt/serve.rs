//! The answering side: subscribed as a Nest service is, and connected again when the link is lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::link::{Link, Sink};
use super::{Options, unusable};
use crate::message::{Finding, Headers, Pattern, Reply};
use crate::transport::{Answer, Call, Endpoint, Incoming, Push, Result, Service};
use crate::wire::mqtt::{self, Filter, Publish, Qos, Received, check_filter, covers, reply_topic, served};
use crate::wire::{packet, pattern};

/// Calls that wait to be answered before the connection waits for them.
const CALLS_WAITING: usize = 1024;
/// The longest pause before the next attempt to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Subscribes to `patterns`, to everything without.
pub(super) async fn start(endpoint: &Endpoint, options: &Options, patterns: &[Pattern]) -> Result<Service> {
    let mut handlers = Vec::new();
    for pattern in patterns {
        let route = pattern::route(pattern, endpoint.nest).map_err(unusable)?;
        check_filter(served(&route)).map_err(unusable)?;
        handlers.push((route, pattern.clone()));
    }
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let responder =
        Responder { endpoint: endpoint.clone(), options: *options, handlers: handlers.into(), sender };
    let link = responder.connect().await?;
    let listening = endpoint.shown();
    let closing = tokio::spawn(responder.keep(link));
    Ok(Service { listening, incoming, closing })
}

struct Responder {
    endpoint: Endpoint,
    options: Options,
    /// Route and pattern of each handler.
    handlers: Arc<[(String, Pattern)]>,
    sender: mpsc::Sender<Incoming>,
}

impl Responder {
    async fn connect(&self) -> Result<Arc<Link>> {
        let serving = Serving { handlers: self.handlers.clone(), sender: self.sender.clone() };
        let link = Link::open(&self.endpoint, &self.options, serving).await?;
        let mut topics: Vec<_> = self.handlers.iter().map(|(route, _)| route.clone()).collect();
        if topics.is_empty() {
            topics.push("#".to_owned());
        }
        let filter = |topic| Filter { topic, qos: self.options.qos, no_local: true, live: false };
        link.subscribe(&topics.into_iter().map(filter).collect::<Vec<_>>()).await?;
        Ok(link)
    }

    /// Connects again whenever the link is lost, until nobody takes calls any more.
    async fn keep(self, mut link: Arc<Link>) {
        loop {
            tokio::select! {
                () = self.sender.closed() => break,
                () = link.ended() => {}
            }
            self.tell("link-lost", format!("{}: requests are missed until it is back", link.ending())).await;
            let mut pause = Duration::from_millis(100);
            link = loop {
                tokio::select! {
                    () = self.sender.closed() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                match self.connect().await {
                    Ok(link) => break link,
                    Err(_) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            };
            self.tell("link-back", format!("connected to {} again", self.endpoint.shown())).await;
        }
        link.outbox.flush().await;
        link.close();
    }

    async fn tell(&self, code: &'static str, text: String) {
        // Nobody may listen any more; then there is nobody to tell.
        let _ = self.sender.send(Incoming::Finding(Finding { code: code.into(), text })).await;
    }
}

/// Hands on what is asked on one connection.
struct Serving {
    handlers: Arc<[(String, Pattern)]>,
    sender: mpsc::Sender<Incoming>,
}

impl Serving {
    /// The handler's pattern, where it is another than the topic: an exact one wins, else the first wildcard that
    /// means it (`wire.md` §6).
    fn wildcard(&self, topic: &str) -> Option<Pattern> {
        let exact = self.handlers.iter().any(|(route, _)| route == topic);
        let mut wild = self.handlers.iter().filter(|_| !exact);
        wild.find(|(route, _)| covers(served(route), topic)).map(|(_, pattern)| pattern.clone())
    }
}

impl Sink for Serving {
    async fn take(&mut self, link: &Arc<Link>, message: &Received<'_>) {
        // Nest's own services take the replies that their wildcards mean for events; nobody wants that.
        if mqtt::is_reply(message) {
            return;
        }
        let (mut called, id) = mqtt::called(message);
        if let Some(pattern) = self.wildcard(message.topic) {
            called.pattern = Some(pattern);
        }
        let answer = Box::new(Answers { link: link.clone(), topic: reply_topic(message.topic), id });
        if self.sender.send(Incoming::Call(Call { called, answer })).await.is_err() {
            link.close();
        }
    }
}

/// The replies to one request; an event has no id and takes none.
struct Answers {
    link: Arc<Link>,
    topic: String,
    id: Option<Box<RawValue>>,
}

impl Answers {
    /// Replies go at QoS 0, whatever the request had (`wire.md` §6).
    async fn send(&self, headers: &Headers, encode: impl Fn(&mut Vec<u8>, &RawValue)) -> Result<()> {
        let Some(id) = &self.id else { return Ok(()) };
        let (mut payload, mut frame) = (Vec::new(), Vec::new());
        encode(&mut payload, id);
        let (topic, payload) = (&*self.topic, &*payload);
        let message = Publish { topic, payload, headers, qos: Qos::AtMostOnce, id: 0, retain: false };
        while self.link.publish(&message, &mut frame)?.0 == Push::Full {
            self.link.room().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        self.send(&reply.headers, |out, id| packet::encode_reply(out, reply, Some(id))).await
    }

    async fn no_handler(&self) -> Result<()> {
        self.send(&Headers::new(), packet::encode_no_handler).await
    }
}
