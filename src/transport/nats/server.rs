//! The answering side: what `mock` is to a Nest client.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use super::session::{self, Session};
use super::{Told, inbox_prefix, refused};
use crate::message::{Called, Finding, Pattern, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::{Answer, Call, Endpoint, Incoming, Result, Service};
use crate::wire::nats::{self, Inbound, Op, subject};
use crate::wire::{packet, pattern};

/// Calls that wait to be answered before the broker waits for them.
const CALLS_WAITING: usize = 1024;

/// Subscribes to `patterns`, or to everything, in the queue group that the options name.
pub(super) async fn start(endpoint: &Endpoint, patterns: &[Pattern]) -> Result<Service> {
    let mut filters = Vec::new();
    for pattern in patterns {
        let route = pattern::route(pattern, endpoint.nest).map_err(refused)?;
        subject::check(&route).map_err(refused)?;
        filters.push(route);
    }
    let queue = endpoint.options.get("queue").map(String::as_str);
    if let Some(queue) = queue {
        subject::check(queue).map_err(|fault| refused(fault.at(&"queue")))?;
    }
    let session = session::open(endpoint, session::NAME).await?;
    let mut subscriptions = Vec::new();
    let all = [">".to_owned()];
    for (filter, sid) in if filters.is_empty() { &all[..] } else { &filters }.iter().zip(1..) {
        nats::subscribe(&mut subscriptions, filter, queue, sid);
    }
    subscriptions.extend_from_slice(b"PING\r\n");
    session.outbox.send(&subscriptions).await?;
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let listening = match queue {
        Some(queue) => format!("{} in the queue group {queue}", endpoint.shown()),
        None => endpoint.shown(),
    };
    let serving = Serving {
        outbox: session.outbox.clone(),
        filters,
        inboxes: format!("{}.", inbox_prefix(endpoint)),
        told: Told::default(),
        sender,
    };
    let (ready, is_ready) = oneshot::channel();
    let closing = tokio::spawn(serving.run(session, ready));
    // Once this returns whoever asks is answered.
    is_ready.await.unwrap_or_else(|_| Err(super::closed(endpoint)))?;
    Ok(Service { listening, incoming, closing })
}

struct Serving {
    outbox: Arc<Outbox>,
    /// What was subscribed to, by number from 1; empty = everything.
    filters: Vec<String>,
    inboxes: String,
    told: Told,
    sender: mpsc::Sender<Incoming>,
}

impl Serving {
    async fn run(mut self, session: Session, ready: oneshot::Sender<Result<()>>) {
        let Session { outbox, mut inlet, .. } = session;
        let listener = self.sender.clone();
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                advanced = inlet.advance() => {
                    if let Some(ready) = ready.take_if(|_| advanced.is_err() || inlet.has_settled()) {
                        let _ = ready.send(advanced.and_then(|()| inlet.take_refusal()));
                        continue;
                    }
                    if let Err(error) = advanced {
                        let text = format!("{error}; nothing is answered any more");
                        let finding = Finding { code: "link-lost".into(), text };
                        let _ = self.sender.send(Incoming::Finding(finding)).await;
                        break;
                    }
                }
                () = listener.closed() => break,
            }
            let Op::Message(inbound) = inlet.current() else { continue };
            let Some(incoming) = self.receive(&inbound) else { continue };
            if self.sender.send(incoming).await.is_err() {
                break;
            }
        }
        outbox.flush().await;
    }

    fn receive(&mut self, inbound: &Inbound<'_>) -> Option<Incoming> {
        let filter = usize::try_from(inbound.sid).ok().and_then(|sid| self.filters.get(sid.wrapping_sub(1)));
        // Who serves everything still does not answer answers, nor the broker's own subjects.
        if filter.is_none()
            && (inbound.subject.starts_with(&self.inboxes) || inbound.subject.starts_with('$'))
        {
            return None;
        }
        // The subject finds the handler, whatever the body says (`wire.md` §1.1).
        let handler = filter.map_or(inbound.subject, String::as_str);
        let Some((called, id)) = nats::called(inbound) else { return self.not_json(inbound.subject) };
        let called = Called { pattern: Some(Pattern::Text(handler.to_owned())), ..called };
        let to = inbound.reply.map(str::to_owned).zip(id.map(RawValue::to_owned));
        let answer = Box::new(Answers { outbox: self.outbox.clone(), to });
        Some(Incoming::Call(Call { called, answer }))
    }

    fn not_json(&mut self, subject: &str) -> Option<Incoming> {
        self.told.is_new(subject).then(|| Incoming::Finding(super::not_json(subject)))
    }
}

/// The replies to one request, to its inbox; an event takes none.
struct Answers {
    outbox: Arc<Outbox>,
    to: Option<(String, Box<RawValue>)>,
}

impl Answers {
    async fn send(&self, encode: impl Fn(&mut Vec<u8>, &RawValue)) -> Result<()> {
        let Some((inbox, id)) = &self.to else { return Ok(()) };
        let mut body = Vec::new();
        encode(&mut body, id);
        let mut frame = Vec::with_capacity(body.len() + inbox.len() + 24);
        nats::publish(&mut frame, inbox, None, &[], &body);
        self.outbox.send(&frame).await
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
