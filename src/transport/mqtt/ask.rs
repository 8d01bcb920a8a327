//! Requests, and the replies on topics that all clients share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use tokio::sync::Mutex;

use super::link::{Link, NOBODY, Sink};
use super::{Notes, Options, encode_body, topic};
use crate::message::Message;
use crate::transport::calls::{Calls, Opened};
use crate::transport::{Endpoint, Error, Exchange, Kind, Push, Result};
use crate::wire::NestVersion;
use crate::wire::mqtt::{Filter, Qos, Received, reply_topic, why};
use crate::wire::packet::Packet;

/// A connection for requests.
pub(super) struct Asking {
    link: Arc<Link>,
    open: Arc<Open>,
    /// The reply topics that the broker sends us.
    subscribed: Mutex<HashSet<String>>,
    options: Options,
    nest: NestVersion,
}

/// The requests in flight.
struct Open {
    calls: Calls,
    /// Which of them a message is, until the broker has confirmed it.
    sent: Lock<HashMap<u16, u64>>,
    shown: String,
}

impl Open {
    fn sent(&self) -> MutexGuard<'_, HashMap<u16, u64>> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    pub(super) async fn open(endpoint: &Endpoint, options: &Options) -> Result<Arc<Self>> {
        let open = Arc::new(Open { calls: Calls::new(), sent: Lock::default(), shown: endpoint.shown() });
        let replies = Replies { open: open.clone(), nest: endpoint.nest };
        let link = Link::open(endpoint, options, replies).await?;
        let subscribed = Mutex::default();
        Ok(Arc::new(Self { link, open, subscribed, options: *options, nest: endpoint.nest }))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.link.has_ended()
    }

    pub(super) async fn request(&self, message: &Message, notes: &Notes) -> Result<Exchange> {
        let topic = topic(&message.pattern, self.nest)?;
        let mut body = Vec::new();
        let Opened { key, id, replies } = self.open.calls.open();
        let sent = async {
            encode_body(&mut body, message, Some(&id))?;
            notes.on_headers(&message.headers, &self.link);
            self.subscribe(&topic).await?;
            self.publish(&topic, &body, message, key).await
        };
        sent.await.inspect_err(|_| self.open.calls.forget(key))?;
        // The link may have ended, and told everyone it knew, before this call was one of them.
        if self.link.has_ended() {
            self.open.calls.end(|| self.link.ending());
        }
        Ok(Exchange { id, replies, finding: None })
    }

    /// Subscribes to the replies before anything is asked: what nobody subscribes to is lost.
    async fn subscribe(&self, topic: &str) -> Result<()> {
        let reply = reply_topic(topic);
        let mut subscribed = self.subscribed.lock().await;
        if !subscribed.contains(&reply) {
            let filter = Filter { topic: reply.clone(), qos: self.options.qos, no_local: false, live: true };
            self.link.subscribe(&[filter]).await?;
            subscribed.insert(reply);
        }
        Ok(())
    }

    async fn publish(&self, topic: &str, body: &[u8], message: &Message, key: u64) -> Result<()> {
        let publish = self.options.publish(topic, body, &message.headers);
        let mut frame = Vec::new();
        loop {
            {
                // Held while it is sent: its confirmation must find it here.
                let mut sent = self.open.sent();
                let (push, id) = self.link.publish(&publish, &mut frame)?;
                if push == Push::Taken {
                    if publish.qos != Qos::AtMostOnce {
                        sent.insert(id, key);
                    }
                    return Ok(());
                }
            }
            self.link.room().await;
        }
    }
}

/// Takes replies to their callers.
struct Replies {
    open: Arc<Open>,
    nest: NestVersion,
}

impl Sink for Replies {
    async fn take(&mut self, _: &Arc<Link>, message: &Received<'_>) {
        // The topic is everybody's: what is no JSON, or has another's id, is not for us.
        let Ok(text) = std::str::from_utf8(message.payload) else { return };
        let Ok(packet) = Packet::parse(text) else { return };
        let Some(id) = packet.id.filter(|id| self.open.calls.knows(id)) else { return };
        let mut reply = packet.reply(self.nest);
        reply.headers = message.user_properties();
        self.open.calls.deliver(id, reply).await;
    }

    fn settle(&mut self, id: u16, reason: u8) {
        let Some(key) = self.open.sent().remove(&id) else { return };
        let shown = &self.open.shown;
        let error = match reason {
            NOBODY => Error::new(Kind::NobodyThere, format!("nobody subscribes to this topic at {shown}"))
                .hint("is the service running, at this broker, and is this its pattern?"),
            0x80.. => Error::new(Kind::Refused, format!("{shown} refused the message: {}", why(reason))),
            _ => return,
        };
        self.open.calls.fail(key, error);
    }

    fn end(&mut self, link: &Link) {
        self.open.calls.end(|| link.ending());
    }
}
