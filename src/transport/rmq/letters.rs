//! Dead letters: what a queue holds because nobody could handle it.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::to_raw_value;

use super::management::{Binding, Management, Queue};
use super::session::{self, Session, refused};
use super::{NAME, Rmq};
use crate::transport::{Broker, Error, Kind, Letter, Letters, Result, Store};
use crate::wire::rmq::{self, Death, Incoming, Method, Properties, Publish, Route};

/// The channel that letters are handed out on.
const CHANNEL: u16 = 1;
/// The channel that copies take.
const COPIES: u16 = 2;

#[async_trait]
impl Broker for Rmq {
    async fn stores(&self) -> Result<Vec<Store>> {
        let management = Management::new(&self.endpoint, &self.options)?;
        let queues = management.queues().await?;
        let bindings = management.bindings().await?;
        Ok(queues.iter().map(|queue| store(queue, &queues, &bindings)).collect())
    }

    async fn letters<'a>(&'a self, store: &str) -> Result<Box<dyn Letters + 'a>> {
        let mut session = session::open(&self.endpoint, &self.options, NAME).await?;
        let (waiting, _) = session.look(CHANNEL, store).await?;
        session.channel(CHANNEL).await?;
        session.channel(COPIES).await?;
        session.call(COPIES, &Method::ConfirmSelect).await?;
        Ok(Box::new(Look {
            session,
            rmq: self,
            store: store.to_owned(),
            waiting: waiting.into(),
            seen: 0,
            current: Properties::default(),
            copies: 0,
        }))
    }

    async fn purge(&self, store: &str) -> Result<u64> {
        let mut session = session::open(&self.endpoint, &self.options, NAME).await?;
        session.channel(CHANNEL).await?;
        let purged = session.call(CHANNEL, &Method::QueuePurge { queue: store.to_owned() }).await;
        session::close(&session.outbox);
        match purged? {
            Method::QueuePurgeOk { messages } => Ok(messages.into()),
            _ => Err(Error::new(Kind::Protocol, "the broker did not answer queue.purge")),
        }
    }
}

/// What a queue is to whoever looks for dead letters.
pub(super) fn store(queue: &Queue, queues: &[Queue], bindings: &[Binding]) -> Store {
    let name = &queue.name;
    let into: Vec<_> = bindings
        .iter()
        .filter(|binding| binding.destination_type == "queue" && binding.destination == *name)
        .collect();
    // A queue's dead letters come by an exchange, or by the default one straight to the queue that the key names.
    let is_fed = queues.iter().filter_map(Queue::dead_letters).any(|(exchange, key)| {
        if exchange.is_empty() {
            key == Some(name)
        } else {
            into.iter().any(|binding| binding.source == exchange)
        }
    });
    let lower = name.to_ascii_lowercase();
    let sources = into.iter().filter(|binding| !binding.source.is_empty());
    let sources = sources.map(|binding| match &*binding.routing_key {
        "" => binding.source.clone(),
        key => format!("{}:{key}", binding.source),
    });
    Store {
        sources: sources.collect(),
        messages: queue.messages.saturating_sub(queue.messages_unacknowledged),
        bytes: queue.message_bytes,
        is_dead: is_fed || lower.contains("dlq") || lower.contains("dead"),
        caution: queue.delivery_limit().map(|limit| {
            format!(
                "`{name}` gives a message up after {limit} deliveries, and being looked at is one of them for each \
                 message that is given back"
            )
        }),
        name: name.clone(),
    }
}

/// A look into a queue: each letter is held, unacknowledged, until it is removed or the look ends.
struct Look<'a> {
    session: Session,
    rmq: &'a Rmq,
    store: String,
    /// How many there were: the management tells of some queues only what was seconds ago.
    waiting: u64,
    /// How many were handed out; RabbitMQ's tags of a channel count the same way.
    seen: u64,
    /// The properties of the one that was handed out last.
    current: Properties,
    /// How many copies were sent.
    copies: u64,
}

impl Look<'_> {
    /// Waits for the broker's word on copy number `tag`.
    async fn confirmed(&mut self, tag: u64, to: &str) -> Result<()> {
        let mut was_returned = false;
        loop {
            match self.session.inlet.next().await? {
                (COPIES, Incoming::Message(Method::Return { .. }, ..)) => was_returned = true,
                (COPIES, Incoming::Method(Method::Ack { tag: told, .. })) if told >= tag => break,
                (COPIES, Incoming::Method(Method::Nack { .. })) => {
                    let what = format!("the queue `{to}` did not take the copy: it is full, or failed");
                    return Err(Error::new(Kind::Refused, what));
                }
                (_, Incoming::Method(Method::ChannelClose(closing))) => return Err(refused(&closing)),
                (_, Incoming::Method(Method::Blocked { reason })) => {
                    return Err(super::blocked(&self.rmq.endpoint, &reason));
                }
                _ => {}
            }
        }
        if was_returned {
            let what = format!("there is no queue `{to}`");
            return Err(Error::new(Kind::NobodyThere, what).hint("name a queue that is there: --to QUEUE"));
        }
        Ok(())
    }

    fn letter(&self, properties: &Properties, body: Bytes, route: &Route, redelivered: bool) -> Letter {
        let mut delivery = rmq::delivery(properties, &body, route, self.rmq.endpoint.nest);
        let death = properties.death();
        let mut put = |name: &str, value: serde_json::Result<Box<serde_json::value::RawValue>>| {
            delivery.meta.extend(value.ok().map(|value| (name.to_owned(), value)));
        };
        put("redelivered", to_raw_value(&redelivered));
        if let Some(Death { queue, reason, count }) = &death {
            put("origin", to_raw_value(queue));
            put("reason", to_raw_value(reason));
            put("deaths", to_raw_value(count));
        }
        Letter {
            place: self.seen,
            origin: death.as_ref().map(|death| death.queue.clone()),
            reason: death.map(|death| death.reason),
            delivery,
            payload: body,
        }
    }
}

#[async_trait]
impl Letters for Look<'_> {
    fn waiting(&self) -> Option<u64> {
        Some(self.waiting)
    }

    async fn next(&mut self) -> Result<Option<Letter>> {
        self.session.inlet.say(CHANNEL, &Method::Get { queue: self.store.clone() }).await?;
        loop {
            match self.session.inlet.next().await? {
                (CHANNEL, Incoming::Message(Method::GetOk { tag, redelivered, route }, properties, body)) => {
                    self.seen = tag;
                    let letter = self.letter(&properties, body, &route, redelivered);
                    self.current = *properties;
                    return Ok(Some(letter));
                }
                (CHANNEL, Incoming::Method(Method::GetEmpty)) => return Ok(None),
                (_, Incoming::Method(Method::ChannelClose(closing))) => return Err(refused(&closing)),
                _ => {}
            }
        }
    }

    async fn copy(&mut self, letter: &Letter, to: &str) -> Result<()> {
        super::short(to, "the queue's name")?;
        // Straight to the queue: an exchange would hand it to those, too, who have handled it.
        let route = Route { exchange: String::new(), key: to.to_owned() };
        if letter.place != self.seen {
            return Err(Error::unsupported("only the letter that was handed out last can be sent again"));
        }
        let properties = without_senders(self.current.clone());
        let publish =
            Publish { route: &route, mandatory: true, properties: &properties, body: &letter.payload };
        self.session.publish(COPIES, &publish).await?;
        self.copies += 1;
        self.confirmed(self.copies, to).await
    }

    async fn remove(&mut self, letter: &Letter) -> Result<()> {
        self.session.inlet.say(CHANNEL, &Method::Ack { tag: letter.place, multiple: false }).await
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        // Everything that was not acknowledged goes back to where it was; the answer says that it has.
        let ended = self.session.leave(CHANNEL).await;
        session::close(&self.session.outbox);
        ended
    }
}

/// What the broker would read of the sending before: whom else to send it to, and by whom it was sent.
fn without_senders(mut properties: Properties) -> Properties {
    if let Some(headers) = &mut properties.headers {
        headers.retain(|(name, _)| !matches!(name.as_str(), "CC" | "BCC"));
    }
    properties.user_id = None;
    properties
}
