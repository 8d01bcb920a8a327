//! The answering side: what `mock` is to a Nest client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::Channels;
use super::link::{self, told};
use super::pump::Pump;
use crate::message::{Delivery, Direction, Finding, Reply};
use crate::transport::{Answer, Call, Endpoint, Error, Event, Feed, Incoming, Push, Result, Service, feed};
use crate::wire::{packet, redis as wire};

/// Calls that wait to be answered before the feed of calls waits for them.
const CALLS_WAITING: usize = 1024;

/// What is served, and where.
pub(super) struct Serving {
    pub(super) endpoint: Endpoint,
    pub(super) secure: bool,
    pub(super) channels: Channels,
    /// None: all that there are.
    pub(super) routes: Vec<String>,
}

impl Serving {
    pub(super) async fn start(self) -> Result<Service> {
        let (calls, pump) = self.subscribe().await?;
        let what = match &self.routes[..] {
            [] => "all channels".to_owned(),
            [only] => format!("channel {only}"),
            routes => format!("{} channels", routes.len()),
        };
        let listening = format!("{} ({what})", self.endpoint.shown());
        let (sender, incoming) = mpsc::channel(CALLS_WAITING);
        let closing = tokio::spawn(self.serve(calls, pump, sender));
        Ok(Service { listening, incoming, closing })
    }

    async fn subscribe(&self) -> Result<(Feed, Arc<Pump>)> {
        let (sender, calls) = feed();
        let channels = self.channels.clone();
        let see = move |pushed: link::Pushed| {
            let delivery = channels.delivery(&pushed);
            // Only who is subscribed to everything sees replies, and those are not for it.
            if delivery.direction != Direction::Reply {
                sender.push(Event::Message(Box::new(delivery)), pushed.payload.len());
            }
        };
        let mut connection = link::open(&self.endpoint, self.secure, see).await?;
        let subscribed = match &self.routes[..] {
            [] => connection.psubscribe("*").await,
            routes => connection.subscribe(routes).await,
        };
        subscribed.map_err(|error| told(error, &self.endpoint))?;
        let pump = Arc::new(Pump::new(connection, self.endpoint.clone()));
        Ok((calls, pump))
    }

    async fn serve(self, mut calls: Feed, mut pump: Arc<Pump>, sender: mpsc::Sender<Incoming>) {
        while self.pass(&mut calls, &pump, &sender).await.is_some() {
            let shown = self.endpoint.shown();
            let text = format!("the connection to {shown} was lost: calls are missed until it is back");
            let note = Finding { code: "link-lost".into(), text };
            if sender.send(Incoming::Finding(note)).await.is_err() {
                return;
            }
            tokio::select! {
                again = self.subscribe_again() => (calls, pump) = again,
                () = sender.closed() => return,
            }
        }
        // Nobody is told what became of the answers.
        let _ = pump.flush().await;
    }

    async fn subscribe_again(&self) -> (Feed, Arc<Pump>) {
        let mut pause = Duration::from_millis(100);
        loop {
            tokio::time::sleep(pause).await;
            match self.subscribe().await {
                Ok(again) => return again,
                Err(_) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    }

    /// Hands on calls until the link ends; `None` once nobody wants them.
    async fn pass(&self, calls: &mut Feed, pump: &Arc<Pump>, sender: &mpsc::Sender<Incoming>) -> Option<()> {
        loop {
            let events = tokio::select! {
                events = calls.recv() => events,
                () = sender.closed() => return None,
            };
            let Some(events) = events else { return Some(()) };
            for event in events {
                let incoming = match event {
                    Event::Message(delivery) => self.call(*delivery, pump),
                    Event::Gap { lost, why } => {
                        let text = format!("{} calls were dropped: {why}", lost.unwrap_or_default());
                        Incoming::Finding(Finding { code: "calls-dropped".into(), text })
                    }
                    Event::CaughtUp | Event::Finding(_) => continue,
                };
                sender.send(incoming).await.ok()?;
            }
        }
    }

    fn call(&self, mut delivery: Delivery, pump: &Arc<Pump>) -> Incoming {
        let id = delivery.id.take();
        let channel = wire::reply_channel(delivery.dest.as_deref().unwrap_or_default());
        let answer = Box::new(Answers { pump: pump.clone(), id, channel });
        Incoming::Call(Call { called: wire::called(delivery, self.endpoint.nest), answer })
    }
}

/// The replies to one request; an event has no id and takes none.
struct Answers {
    pump: Arc<Pump>,
    id: Option<Box<RawValue>>,
    channel: String,
}

impl Answers {
    async fn send(&self, encode: impl Fn(&mut Vec<u8>, &RawValue)) -> Result<(), Error> {
        let Some(id) = &self.id else { return Ok(()) };
        let mut body = Vec::new();
        encode(&mut body, id);
        while self.pump.push(&self.channel, &body)? == Push::Full {
            self.pump.room().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        self.send(|out, id| packet::encode_reply(out, reply, Some(id))).await
    }

    async fn no_handler(&self) -> Result<()> {
        self.send(packet::encode_no_handler).await
    }
}
