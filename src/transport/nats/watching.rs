//! Seeing what a broker carries: subscriptions of our own, in no queue group, so nobody goes without.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::value::{RawValue, to_raw_value};

use super::session::{self, Session};
use super::{Told, inbox_prefix, refused};
use crate::message::{Data, Delivery, Direction, ReplyKind};
use crate::transport::{Endpoint, Event, Feed, FeedSender, Result, Watch, feed};
use crate::wire::NestVersion;
use crate::wire::nats::{self, Inbound, Op, subject};
use crate::wire::packet::Packet;

/// Inboxes of requests that are remembered, so that their replies are known as such.
const INBOXES: usize = 100_000;

/// Subscribes to the patterns, or to everything.
pub(super) async fn start(endpoint: &Endpoint, watch: &Watch) -> Result<Feed> {
    for pattern in &watch.patterns {
        subject::check(pattern).map_err(refused)?;
    }
    let mut filters = watch.patterns.clone();
    let inboxes = format!("{}.>", inbox_prefix(endpoint));
    if filters.is_empty() {
        filters.push(">".to_owned());
    } else if !filters.contains(&inboxes) {
        // Replies go to inboxes, whatever the request's subject was.
        filters.push(inboxes);
    }
    let mut session = session::open(endpoint, session::ONLOOKER).await?;
    let mut subscriptions = Vec::new();
    for (filter, sid) in filters.iter().zip(1..) {
        nats::subscribe(&mut subscriptions, filter, None, sid);
    }
    session.settle(&subscriptions).await?;
    let (sender, events) = feed();
    let tap = Tap {
        hides_broker: watch.patterns.is_empty(),
        replies_only: (!watch.patterns.is_empty() && filters.len() > watch.patterns.len())
            .then_some(filters.len()),
        filters,
        inboxes: format!("{}.", inbox_prefix(endpoint)),
        nest: endpoint.nest,
        asked: Asked::default(),
        told: Told::default(),
        hasher: RandomState::new(),
    };
    tokio::spawn(tap.run(session, sender));
    Ok(events)
}

/// What a request is known by after it has gone.
struct Request {
    id: Option<Box<RawValue>>,
    /// The broker's own business, which was not asked for.
    is_hidden: bool,
}

/// The requests whose replies may still come, by their inboxes; the oldest goes first.
#[derive(Default)]
struct Asked {
    by_inbox: HashMap<Box<str>, Request>,
    order: VecDeque<Box<str>>,
}

impl Asked {
    fn remember(&mut self, inbox: &str, request: Request) {
        let inbox: Box<str> = inbox.into();
        if self.by_inbox.insert(inbox.clone(), request).is_none() {
            self.order.push_back(inbox);
        }
        if self.order.len() > INBOXES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_inbox.remove(&oldest);
        }
    }
}

struct Tap {
    filters: Vec<String>,
    /// Whether everything was asked for, which the broker's own subjects are no part of.
    hides_broker: bool,
    /// The number of the subscription that is there for replies alone.
    replies_only: Option<usize>,
    inboxes: String,
    nest: NestVersion,
    asked: Asked,
    told: Told,
    hasher: RandomState,
}

impl Tap {
    async fn run(mut self, session: Session, sender: FeedSender) {
        // The outbox is held for as long as this runs: `PING` is answered through it.
        let Session { mut inlet, outbox, .. } = session;
        while !sender.is_abandoned() && inlet.advance().await.is_ok() {
            match inlet.current() {
                Op::Message(inbound) => self.see(&inbound, &sender),
                Op::Error(complaint) => sender.push(Event::Finding(super::complaint(complaint)), 0),
                _ => {}
            }
        }
        outbox.close();
    }

    fn see(&mut self, inbound: &Inbound<'_>, sender: &FeedSender) {
        let sid = usize::try_from(inbound.sid).unwrap_or_default();
        // One message comes once for each subscription that covers it.
        if self
            .filters
            .iter()
            .take(sid.saturating_sub(1))
            .any(|filter| subject::covers(filter, inbound.subject))
        {
            return;
        }
        let request = self.asked.by_inbox.get(inbound.subject);
        let is_reply = request.is_some() || inbound.subject.starts_with(&self.inboxes);
        if request.is_none() && self.replies_only == Some(sid) {
            return;
        }
        if request.is_some_and(|request| request.is_hidden) {
            return;
        }
        let text = std::str::from_utf8(inbound.payload).ok();
        let packet = text.and_then(|text| Packet::parse(text).ok());
        if is_reply {
            let delivery = self.reply(inbound, packet.as_ref());
            sender.push(Event::Message(Box::new(delivery)), inbound.payload.len());
            return;
        }
        if packet.is_none() && !self.is_hidden(inbound) && self.told.is_new(inbound.subject) {
            sender.push(Event::Finding(super::not_json(inbound.subject)), 0);
        }
        let delivery = self.call(inbound, packet.as_ref());
        if self.is_hidden(inbound) {
            return;
        }
        sender.push(Event::Message(Box::new(delivery)), inbound.payload.len());
    }

    fn is_hidden(&self, inbound: &Inbound<'_>) -> bool {
        self.hides_broker && inbound.subject.starts_with('$')
    }

    fn call(&mut self, inbound: &Inbound<'_>, packet: Option<&Packet<'_>>) -> Delivery {
        let called = packet.map(Packet::called);
        let is_nest = packet.is_some_and(Packet::is_envelope);
        // An envelope without an id is an event to Nest, whatever reply subject it has (`wire.md` §5). What is no
        // envelope is somebody else's request where it names one; its inbox is all the id it has.
        let id = match (packet.filter(|packet| packet.is_request()), inbound.reply) {
            (Some(packet), Some(_)) => packet.id.map(RawValue::to_owned),
            (None, Some(inbox)) if !is_nest => to_raw_value(inbox).ok(),
            _ => None,
        };
        let direction = if id.is_some() { Direction::Request } else { Direction::Event };
        let (pattern, data) = match called {
            Some(called) => (called.pattern, called.data),
            None => (None, Some(Data::classify(inbound.payload))),
        };
        let mut delivery = Delivery { pattern, id, data, ..blank(direction, inbound) };
        if let Some(inbox) = inbound.reply {
            delivery.scope = self.hasher.hash_one(inbox);
            delivery.meta.extend(to_raw_value(inbox).ok().map(|inbox| ("reply".to_owned(), inbox)));
            let request = Request { id: delivery.id.clone(), is_hidden: self.is_hidden(inbound) };
            self.asked.remember(inbox, request);
        }
        delivery
    }

    fn reply(&self, inbound: &Inbound<'_>, packet: Option<&Packet<'_>>) -> Delivery {
        let request = self.asked.by_inbox.get(inbound.subject);
        // The inbox tells whose it is, where the reply has no id, too.
        let id =
            request.and_then(|request| request.id.clone()).or_else(|| packet?.id.map(RawValue::to_owned));
        let (data, error, is_final) = match packet.map(|packet| packet.reply(self.nest)) {
            Some(reply) if reply.kind == ReplyKind::Refused => (None, reply.data, true),
            Some(reply) => {
                let is_final = reply.is_final();
                (reply.data, None, is_final)
            }
            None => (Some(Data::classify(inbound.payload)), None, true),
        };
        let scope = self.hasher.hash_one(inbound.subject);
        Delivery { id, scope, data, error, is_final, ..blank(Direction::Reply, inbound) }
    }
}

pub(super) fn blank(direction: Direction, inbound: &Inbound<'_>) -> Delivery {
    let headers = inbound.headers().fields;
    let dest = Some(inbound.subject.to_owned());
    Delivery { dest, headers, ..Delivery::new(direction, inbound.payload.len()) }
}
