//! What passes an exchange, seen from a queue of one's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::diagnosis::Diagnosis;
use super::management::Management;
use super::session::{self, Session};
use super::{Options, firehose};
use crate::message::Delivery;
use crate::transport::{Endpoint, Error, Event, Feed, FeedSender, Kind, Result, feed};
use crate::wire::rmq::{self, Incoming, Method, Route, covers};

/// The channel that everything takes.
pub(super) const CHANNEL: u16 = 1;
/// What the broker shows of connections that only look on.
pub(super) const NAME: &str = "eyas tail";
/// What the queues of those are called by.
pub(super) const QUEUE: &str = "eyas.tail";

/// Watches the exchange that the options name; `patterns` are routing keys with a topic exchange's wildcards.
pub(super) async fn start(endpoint: &Endpoint, options: &Options, patterns: Vec<String>) -> Result<Feed> {
    let Some(exchange) = options.exchange.clone() else {
        return Err(Error::unsupported(
            "a queue cannot be watched without taking messages from the service that it belongs to",
        )
        .hint(
            "where a service has an exchange: -O exchange=NAME; else --listen 127.0.0.1:5673 stands in between, or -O \
             firehose=true has the broker show everything in this virtual host, which costs it half its pace and is \
             switched off at the end",
        ));
    };
    let mended = firehose::mend(endpoint, options).await;
    let mut session = session::open(endpoint, options, NAME).await?;
    session.look_for_exchange(CHANNEL, &exchange).await?;
    let keys = if patterns.is_empty() { vec!["#".to_owned()] } else { patterns.clone() };
    let queue = own_queue(&mut session, QUEUE).await?;
    bind(&mut session, &queue, &exchange, &keys).await?;
    consume(&mut session, &queue).await?;
    let (sender, events) = feed();
    if let Some(finding) = mended {
        sender.push(Event::Finding(finding), 0);
    }
    let watching = Watching {
        patterns,
        endpoint: endpoint.clone(),
        management: Management::new(endpoint, options)?,
        diagnosis: Diagnosis::new(options),
    };
    Ok(events.closed_by(tokio::spawn(watching.run(session, sender))))
}

struct Watching {
    patterns: Vec<String>,
    endpoint: Endpoint,
    management: Management,
    diagnosis: Diagnosis,
}

impl Watching {
    async fn run(mut self, mut session: Session, sender: FeedSender) {
        tokio::select! {
            () = self.follow(&mut session, &sender) => {}
            () = sender.abandoned() => {}
        }
        session::close(&session.outbox);
    }

    async fn follow(&mut self, session: &mut Session, sender: &FeedSender) {
        let mut looking = self.diagnosis.clock();
        loop {
            tokio::select! {
                incoming = session.inlet.next() => match incoming {
                    Ok((_, Incoming::Message(Method::Deliver { route, .. }, properties, body))) => {
                        // A fanout exchange does not ask for the key.
                        let patterns = &self.patterns;
                        if patterns.is_empty() || patterns.iter().any(|pattern| covers(pattern, &route.key)) {
                            let seen = rmq::delivery(&properties, &body, &route, self.endpoint.nest);
                            // Its reply does not pass the exchange: by an id it would be told unanswered.
                            let delivery = Delivery { id: None, ..seen };
                            sender.push(Event::Message(Box::new(delivery)), body.len());
                        }
                    }
                    // The broker took the consumer or the channel away: only opening it anew helps.
                    Ok((_, Incoming::Method(Method::Cancel { .. } | Method::ChannelClose(_)))) | Err(_) => return,
                    Ok(_) => {}
                },
                _ = looking.tick() => {
                    let told = self.diagnosis.look(&self.management).await;
                    for finding in told {
                        sender.push(Event::Finding(finding), 0);
                    }
                }
            }
        }
    }
}

/// A queue that nobody else can use, and that is gone with this connection.
pub(super) async fn own_queue(session: &mut Session, prefix: &str) -> Result<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    session.channel(CHANNEL).await?;
    // The names tell whose they are: who looks at the broker finds out, and so does another tail.
    let mut name = format!("{prefix}.{}.{}", host(), std::process::id());
    match COUNT.fetch_add(1, Ordering::Relaxed) {
        0 => {}
        further => name = format!("{name}.{further}"),
    }
    let declare = Method::QueueDeclare { queue: name, passive: false, durable: false, exclusive: true };
    match session.call(CHANNEL, &declare).await? {
        Method::QueueDeclareOk { queue, .. } => Ok(queue),
        _ => Err(Error::new(Kind::Protocol, "the broker did not answer queue.declare")),
    }
}

/// Binds `queue` by each of `keys`.
pub(super) async fn bind(session: &mut Session, queue: &str, exchange: &str, keys: &[String]) -> Result<()> {
    for key in keys {
        super::short(key, "the pattern")?;
        let route = Route { exchange: exchange.to_owned(), key: key.clone() };
        session.call(CHANNEL, &Method::QueueBind { queue: queue.to_owned(), route }).await?;
    }
    Ok(())
}

/// Has `queue` handed over here; what is lost with the link is nobody's but ours.
pub(super) async fn consume(session: &mut Session, queue: &str) -> Result<()> {
    session.call(CHANNEL, &Method::Consume { queue: queue.to_owned(), no_ack: true }).await.map(drop)
}

/// What this machine calls itself, as far as a name may hold it.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String =
        name.trim().chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}
