//! The answering side: what `mock` is to a Nest client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::session::{self, Session, refused};
use super::{NAME, Options, unaddressed};
use crate::message::{Finding, Pattern, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::{Answer, Call, Endpoint, Error, Incoming, Kind, Result, Service};
use crate::wire::rmq::{self, Incoming as Said, Method, Properties, Publish, Route, covers, encode_publish};
use crate::wire::{NestVersion, packet, pattern};

/// The channel that everything takes.
const CHANNEL: u16 = 1;
/// The channel for looking at what is there.
const LOOKING: u16 = 2;
/// Calls that wait to be answered before the broker keeps them for others.
const PREFETCH: u16 = 256;
/// How often a queue is looked for that is not there yet.
const PAUSE: Duration = Duration::from_millis(300);

/// Serves the queue that the options name, or what `patterns` take from their exchange.
pub(super) async fn start(endpoint: &Endpoint, options: &Options, patterns: &[Pattern]) -> Result<Service> {
    let mut session = session::open(endpoint, options, NAME).await?;
    let mut globs = Vec::new();
    let queue = if let Some(exchange) = &options.exchange {
        globs = routes(patterns, endpoint.nest)?;
        Some(own_queue(&mut session, options, exchange, &globs).await?)
    } else {
        let queue = options.queue.as_deref().ok_or_else(unaddressed)?;
        shared_queue(&mut session, options, queue).await?.then(|| queue.to_owned())
    };
    let (sender, incoming) = mpsc::channel(PREFETCH.into());
    let mut listening = match (&options.exchange, &options.queue) {
        (Some(exchange), _) => format!("{}, exchange {exchange}", endpoint.shown()),
        (None, queue) => format!("{}, queue {}", endpoint.shown(), queue.as_deref().unwrap_or_default()),
    };
    if let Some(queue) = &queue {
        consume(&mut session, queue).await?;
    } else {
        listening.push_str(
            ", which is not there yet: it is waited for, or -O declare=durable makes it as Nest does by default",
        );
    }
    let serving = Serving {
        awaited: options.queue.clone().filter(|_| queue.is_none()),
        outbox: session.outbox.clone(),
        frame_max: session.frame_max,
        globs,
        nest: endpoint.nest,
        sender,
    };
    let closing = tokio::spawn(serving.run(session));
    Ok(Service { listening, incoming, closing })
}

/// Who consumes what a mock would: nobody is asked who they are, only how many there are.
pub(super) async fn consumers(endpoint: &Endpoint, options: &Options) -> Result<Option<Vec<String>>> {
    let Some(queue) = &options.queue else { return Ok(None) };
    let mut session = session::open(endpoint, options, NAME).await?;
    let found = session.look(LOOKING, queue).await;
    session::close(&session.outbox);
    match found {
        Ok((_, 0)) => Ok(Some(Vec::new())),
        Ok((_, 1)) => Ok(Some(vec![format!("the consumer of {queue}")])),
        Ok((_, count)) => Ok(Some(vec![format!("{count} consumers of {queue}")])),
        Err(error) if error.kind() == Kind::NobodyThere => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

fn routes(patterns: &[Pattern], nest: NestVersion) -> Result<Vec<String>> {
    patterns.iter().map(|pattern| pattern::route(pattern, nest).map_err(super::refused)).collect()
}

/// A queue that is gone with this connection, bound as a service with these patterns is. The service's own stays as
/// it is.
async fn own_queue(
    session: &mut Session,
    options: &Options,
    exchange: &str,
    globs: &[String],
) -> Result<String> {
    if options.declare {
        session.channel(CHANNEL).await?;
        let kind = if options.is_fanout { "fanout" } else { "topic" }.to_owned();
        let declare =
            Method::ExchangeDeclare { exchange: exchange.to_owned(), kind, passive: false, durable: true };
        session.call(CHANNEL, &declare).await?;
    } else {
        session.look_for_exchange(LOOKING, exchange).await?;
        session.channel(CHANNEL).await?;
    }
    let declare =
        Method::QueueDeclare { queue: String::new(), passive: false, durable: false, exclusive: true };
    let Method::QueueDeclareOk { queue, .. } = session.call(CHANNEL, &declare).await? else {
        return Err(Error::new(Kind::Protocol, "the broker did not answer queue.declare"));
    };
    let keys = match globs {
        _ if options.is_fanout => vec![String::new()],
        [] => vec!["#".to_owned()],
        globs => globs.to_vec(),
    };
    for key in keys {
        super::short(&key, "the pattern")?;
        let route = Route { exchange: exchange.to_owned(), key };
        session.call(CHANNEL, &Method::QueueBind { queue: queue.clone(), route }).await?;
    }
    Ok(queue)
}

/// Whether the service's queue is there, or was made because we were told to.
async fn shared_queue(session: &mut Session, options: &Options, queue: &str) -> Result<bool> {
    let is_there = match session.look(LOOKING, queue).await {
        Ok(_) => true,
        Err(error) if error.kind() == Kind::NobodyThere => false,
        Err(error) => return Err(error),
    };
    session.channel(CHANNEL).await?;
    if is_there || !options.declare {
        return Ok(is_there);
    }
    let declare =
        Method::QueueDeclare { queue: queue.to_owned(), passive: false, durable: true, exclusive: false };
    session.call(CHANNEL, &declare).await?;
    Ok(true)
}

async fn consume(session: &mut Session, queue: &str) -> Result<()> {
    session.call(CHANNEL, &Method::Qos { prefetch: PREFETCH }).await?;
    // What was not handed over yet when a mock ends goes back to the queue.
    session.call(CHANNEL, &Method::Consume { queue: queue.to_owned(), no_ack: false }).await.map(drop)
}

struct Serving {
    /// The queue that is not there yet.
    awaited: Option<String>,
    outbox: Arc<Outbox>,
    frame_max: usize,
    /// What the queue is bound by; empty = everything.
    globs: Vec<String>,
    nest: NestVersion,
    sender: mpsc::Sender<Incoming>,
}

impl Serving {
    async fn run(self, mut session: Session) {
        let listener = self.sender.clone();
        let ended = tokio::select! {
            ended = self.serve(&mut session) => ended,
            () = listener.closed() => Ok(()),
        };
        if let Err(error) = ended {
            let text = format!("{error}; nothing is answered any more");
            let finding = Finding { code: "link-lost".into(), text };
            let _ = self.sender.send(Incoming::Finding(finding)).await;
        }
        self.outbox.flush().await;
        session::close(&self.outbox);
        self.outbox.flush().await;
    }

    async fn serve(&self, session: &mut Session) -> Result<()> {
        if let Some(queue) = &self.awaited {
            self.wait_for(session, queue).await?;
        }
        loop {
            match session.inlet.next().await? {
                (_, Said::Message(Method::Deliver { tag, route, .. }, properties, body)) => {
                    let call = self.call(&properties, &body, &route);
                    if self.sender.send(Incoming::Call(call)).await.is_err() {
                        return Ok(());
                    }
                    session.inlet.say(CHANNEL, &Method::Ack { tag, multiple: false }).await?;
                }
                (_, Said::Method(Method::Cancel { .. })) => {
                    return Err(Error::new(Kind::Closed, "the queue was deleted"));
                }
                (_, Said::Method(Method::ChannelClose(closing))) => return Err(refused(&closing)),
                _ => {}
            }
        }
    }

    async fn wait_for(&self, session: &mut Session, queue: &str) -> Result<()> {
        loop {
            match session.look(LOOKING, queue).await {
                Ok(_) => break,
                Err(error) if error.kind() == Kind::NobodyThere => sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        consume(session, queue).await?;
        let text = format!("the queue `{queue}` is there now, and is served");
        let _ = self.sender.send(Incoming::Finding(Finding { code: "queue-appeared".into(), text })).await;
        Ok(())
    }

    fn call(&self, properties: &Properties, body: &Bytes, route: &Route) -> Call {
        let (mut called, id) = rmq::called(properties, body, route);
        if let Some(glob) = self.glob(called.pattern.as_ref()) {
            called.pattern = Some(Pattern::Text(glob));
        }
        let to = properties.reply_to.clone().filter(|_| called.is_request);
        let answer = Box::new(Answers {
            outbox: self.outbox.clone(),
            frame_max: self.frame_max,
            to,
            correlation_id: properties.correlation_id.clone(),
            id,
        });
        Call { called, answer }
    }

    /// The pattern with wildcards that takes the one of the body, where none takes it as it is: so Nest's service
    /// with `wildcards: true` finds its handlers.
    fn glob(&self, asked: Option<&Pattern>) -> Option<String> {
        let asked = pattern::lookup(asked?, self.nest)?;
        if self.globs.contains(&asked) {
            return None;
        }
        self.globs.iter().find(|glob| covers(glob, &asked)).cloned()
    }
}

/// The replies to one request, to the address it named; an event takes none.
struct Answers {
    outbox: Arc<Outbox>,
    frame_max: usize,
    to: Option<String>,
    correlation_id: Option<String>,
    id: Option<Box<RawValue>>,
}

impl Answers {
    async fn send(&self, body: &[u8]) -> Result<()> {
        let Some(key) = &self.to else { return Ok(()) };
        let route = Route { exchange: String::new(), key: key.clone() };
        let properties = rmq::reply_properties(self.correlation_id.clone());
        let publish = Publish { route: &route, mandatory: false, properties: &properties, body };
        let mut frames = Vec::with_capacity(body.len() + 256);
        encode_publish(&mut frames, CHANNEL, &publish, self.frame_max);
        self.outbox.send(&frames).await
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        let mut body = Vec::new();
        packet::encode_reply(&mut body, reply, None);
        self.send(&body).await
    }

    async fn no_handler(&self) -> Result<()> {
        let mut body = Vec::new();
        if let Some(id) = &self.id {
            rmq::encode_no_handler(&mut body, id);
        }
        self.send(&body).await
    }
}
