//! The asking side: requests out, replies by direct reply-to or from a queue of one's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::value::to_raw_value;
use tokio::sync::Mutex;

use super::session::{self, Inlet, Session, refused};
use super::{NAME, Options, blocked};
use crate::message::{Finding, Message};
use crate::transport::calls::Calls;
use crate::transport::outbox::Outbox;
use crate::transport::{Endpoint, Error, Exchange, Kind, Result};
use crate::wire::rmq::{self, Incoming, Method, Publish, REPLY_TO, Route, encode_publish};

/// The channel that requests and replies take: direct reply-to wants one for both (`wire.md` §7).
const CHANNEL: u16 = 1;
/// The channel for looking at what is there.
const LOOKING: u16 = 2;

/// A connection for requests.
pub(super) struct Asking {
    outbox: Arc<Outbox>,
    calls: Arc<Calls>,
    has_ended: Arc<AtomicBool>,
    frame_max: usize,
    /// What was noticed when the connection was made.
    noticed: Mutex<Option<Finding>>,
}

impl Asking {
    pub(super) async fn open(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let mut session = session::open(endpoint, options, NAME).await?;
        let noticed = look(&mut session, options).await?;
        if let Some(queue) = &options.reply_queue {
            let (_, consumers) = session.look(LOOKING, queue).await?;
            if consumers > 0 {
                let what =
                    format!("{consumers} others take replies from `{queue}`, and each gets some of ours");
                return Err(Error::new(Kind::Refused, what).hint("leave -O reply_queue out"));
            }
        }
        session.channel(CHANNEL).await?;
        let queue = options.reply_queue.as_deref().unwrap_or(REPLY_TO).to_owned();
        session.call(CHANNEL, &Method::Consume { queue, no_ack: true }).await?;
        let Session { outbox, inlet, frame_max } = session;
        let calls = Arc::new(Calls::new());
        let has_ended = Arc::new(AtomicBool::new(false));
        let dispatch =
            Dispatch { calls: calls.clone(), has_ended: has_ended.clone(), endpoint: endpoint.clone() };
        tokio::spawn(dispatch.run(inlet));
        Ok(Self { outbox, calls, has_ended, frame_max, noticed: Mutex::new(noticed) })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) async fn request(
        &self,
        message: &Message,
        route: &Route,
        endpoint: &Endpoint,
        options: &Options,
    ) -> Result<Exchange> {
        let call = self.calls.open();
        let mut body = Vec::new();
        rmq::encode_body(&mut body, message, Some(&call.id));
        let reply_to = options.reply_queue.as_deref().unwrap_or(REPLY_TO);
        let properties = rmq::properties(message, Some((&call.id, reply_to)), options.persistent);
        let publish = Publish { route, mandatory: true, properties: &properties, body: &body };
        let mut frames = Vec::with_capacity(body.len() + 256);
        encode_publish(&mut frames, CHANNEL, &publish, self.frame_max);
        let sent = self.outbox.send(&frames).await;
        sent.inspect_err(|_| self.calls.forget(call.key))?;
        // The link may have ended, and told everyone it knew, while this call was being made.
        if self.has_ended() {
            self.calls.end(|| super::closed(endpoint));
        }
        let finding = self.noticed.lock().await.take();
        Ok(Exchange { id: call.id, replies: call.replies, finding })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        session::close(&self.outbox);
    }
}

/// What is wrong already before anything is asked.
async fn look(session: &mut Session, options: &Options) -> Result<Option<Finding>> {
    if let Some(exchange) = &options.exchange {
        session.look_for_exchange(LOOKING, exchange).await?;
        return Ok(None);
    }
    let Some(queue) = &options.queue else { return Ok(None) };
    let (messages, consumers) = session.look(LOOKING, queue).await?;
    let waiting =
        if messages > 0 { format!(", after the {messages} that wait there") } else { String::new() };
    Ok((consumers == 0).then(|| Finding {
        code: "no-consumer".into(),
        text: format!(
            "nobody consumes `{queue}`: a request stays in it{waiting}, and is run when a service starts, whose answer \
             then goes nowhere"
        ),
    }))
}

struct Dispatch {
    calls: Arc<Calls>,
    has_ended: Arc<AtomicBool>,
    endpoint: Endpoint,
}

impl Dispatch {
    async fn run(self, mut inlet: Inlet) {
        let error = loop {
            match inlet.next().await {
                Ok((_, Incoming::Method(Method::ChannelClose(closing)))) => break refused(&closing),
                Ok((_, incoming)) => self.see(incoming).await,
                Err(error) => break error,
            }
        };
        self.has_ended.store(true, Ordering::Release);
        let (kind, hint) = (error.kind(), error.advice().map(str::to_owned));
        self.calls.end(|| {
            let told = Error::new(kind, error.to_string());
            match &hint {
                Some(hint) => told.hint(hint),
                None => told,
            }
        });
    }

    async fn see(&self, incoming: Incoming) {
        match incoming {
            Incoming::Message(Method::Deliver { .. }, properties, body) => {
                // Only the correlation id tells whose it is (`wire.md` §1.2).
                let id = properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok());
                if let Some(id) = id {
                    self.calls.deliver(&id, rmq::reply(&properties, &body, self.endpoint.nest)).await;
                }
            }
            Incoming::Message(Method::Return { route, .. }, properties, _) => {
                let id = properties.correlation_id.as_ref().and_then(|id| to_raw_value(id).ok());
                if let Some(id) = id {
                    self.calls.refuse(&id, unroutable(&route, &self.endpoint));
                }
            }
            Incoming::Method(Method::Blocked { reason }) => {
                self.calls.end(|| blocked(&self.endpoint, &reason));
            }
            _ => {}
        }
    }
}

/// What the broker's return of a message means.
fn unroutable(route: &Route, endpoint: &Endpoint) -> Error {
    let shown = endpoint.shown();
    if route.exchange.is_empty() {
        return Error::new(Kind::NobodyThere, format!("there is no queue `{}` on {shown}", route.key))
            .hint("has the service ever run here? It declares its queue when it starts");
    }
    let what = format!("no queue is bound to `{}` for `{}` on {shown}", route.exchange, route.key);
    Error::new(Kind::NobodyThere, what).hint("is the service running, and is this one of its patterns?")
}
