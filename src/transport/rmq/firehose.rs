//! The broker's firehose: everything in a virtual host, for as long as somebody asked for it.
//!
//! It costs the broker half its pace (`measured.md` §6), so it is switched on only when told, and off by the last
//! tail that is responsible for it: one that switched it on, or began while such a one watched. Those are told by their
//! queues (`eyas.firehose.…`). A file remembers what was switched on here, for a tail may be killed.

use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::diagnosis::Diagnosis;
use super::management::Management;
use super::session::{self, Session};
use super::watch::{CHANNEL, bind, consume, own_queue};
use super::{Options, watch};
use crate::message::{Delivery, Direction, Finding, Pattern};
use crate::transport::recent::Recent;
use crate::transport::{Endpoint, Event, Feed, FeedSender, Result, feed};
use crate::wire::rmq::{Incoming, Method, Step, Trace, covers};

/// The exchange that the firehose feeds.
const TRACES: &str = "amq.rabbitmq.trace";
/// What the queue of a tail that is responsible is called by.
const RESPONSIBLE: &str = "eyas.firehose";
/// How many requests are remembered, so that only their replies are shown.
const MOST_ASKED: usize = 10_000;

/// Watches a whole virtual host; `patterns` with a topic exchange's wildcards choose among what is seen.
pub(super) async fn start(endpoint: &Endpoint, options: &Options, patterns: Vec<String>) -> Result<Feed> {
    let management = Management::new(endpoint, options)?;
    let memory = Memory::new(endpoint, &management);
    let is_on = management.is_tracing().await?;
    let others = others(&management, "").await?;
    let is_remembered = memory.as_ref().is_some_and(Memory::holds);
    let is_responsible = !is_on || is_remembered || !others.is_empty();
    let mut session = session::open(endpoint, options, watch::NAME).await?;
    let queue = own_queue(&mut session, if is_responsible { RESPONSIBLE } else { watch::QUEUE }).await?;
    bind(&mut session, &queue, TRACES, &["#".to_owned()]).await?;
    consume(&mut session, &queue).await?;
    if !is_on {
        // Remembered first: between the two nothing may happen unseen.
        if let Some(memory) = &memory {
            memory.hold(true);
        }
        management.trace(true).await?;
    }
    let (sender, events) = feed();
    if is_on && is_remembered && others.is_empty() {
        sender.push(Event::Finding(left_on()), 0);
    }
    let firehose = Firehose {
        queue,
        management,
        memory,
        is_responsible,
        shown: Shown { patterns, asked: Recent::new(MOST_ASKED) },
        endpoint: endpoint.clone(),
        diagnosis: Diagnosis::new(options),
    };
    Ok(events.closed_by(tokio::spawn(firehose.run(session, sender))))
}

/// What a tail that was killed left on is switched off, where this machine's own file says that it was one of ours.
pub(super) async fn mend(endpoint: &Endpoint, options: &Options) -> Option<Finding> {
    let management = Management::new(endpoint, options).ok()?;
    let memory = Memory::new(endpoint, &management).filter(Memory::holds)?;
    if !others(&management, "").await.ok()?.is_empty() {
        return None;
    }
    let was_on = management.is_tracing().await.ok()?;
    if was_on {
        management.trace(false).await.ok()?;
    }
    memory.hold(false);
    was_on.then(|| Finding {
        code: "firehose-left-on".into(),
        text: "an eyas tail that was killed had left the firehose of this virtual host on; it is off again"
            .into(),
    })
}

fn left_on() -> Finding {
    Finding {
        code: "firehose-left-on".into(),
        text: "an eyas tail that was killed left the firehose of this virtual host on; this one switches it off \
               when it ends"
            .into(),
    }
}

/// The queues of responsible tails, but for `ours`.
async fn others(management: &Management, ours: &str) -> Result<Vec<String>> {
    let queues = management.queues().await?.into_iter().map(|queue| queue.name);
    Ok(queues.filter(|name| name.starts_with(RESPONSIBLE) && name != ours).collect())
}

struct Firehose {
    queue: String,
    management: Management,
    memory: Option<Memory>,
    is_responsible: bool,
    shown: Shown,
    endpoint: Endpoint,
    diagnosis: Diagnosis,
}

impl Firehose {
    async fn run(mut self, mut session: Session, sender: FeedSender) {
        let is_over = tokio::select! {
            () = self.follow(&mut session, &sender) => false,
            () = sender.abandoned() => true,
        };
        // A link that was lost is opened again, and the firehose is wanted then, too.
        if is_over {
            self.put_back(&mut session).await;
        }
        session::close(&session.outbox);
    }

    async fn follow(&mut self, session: &mut Session, sender: &FeedSender) {
        let mut looking = self.diagnosis.clock();
        loop {
            tokio::select! {
                incoming = session.inlet.next() => match incoming {
                    Ok((_, Incoming::Message(Method::Deliver { route, .. }, properties, body))) => {
                        if let Some(trace) = Trace::read(&route.key, &properties, body) {
                            self.see(&trace, sender).await;
                        }
                    }
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

    async fn see(&mut self, trace: &Trace, sender: &FeedSender) {
        if matches!(trace.step, Step::Published(_)) {
            let delivery = trace.delivery(self.endpoint.nest);
            let finding = self.diagnosis.published(trace, &delivery, &self.management).await;
            if self.shown.takes(&delivery) {
                sender.push(Event::Message(Box::new(delivery)), trace.body.len());
            }
            if let Some(finding) = finding {
                sender.push(Event::Finding(finding), 0);
            }
        } else {
            self.diagnosis.delivered(trace);
        }
    }

    /// Leaves the virtual host as it was found, unless another tail of ours still needs it.
    async fn put_back(&self, session: &mut Session) {
        // First, so that of two that end at once at least one sees the other gone.
        let delete = Method::QueueDelete { queue: self.queue.clone() };
        let _ = session.call(CHANNEL, &delete).await;
        if !self.is_responsible
            || others(&self.management, &self.queue).await.is_ok_and(|others| !others.is_empty())
        {
            return;
        }
        // What cannot be put back now is at the next start: the file still says so.
        if self.management.trace(false).await.is_ok()
            && let Some(memory) = &self.memory
        {
            memory.hold(false);
        }
    }
}

/// Which of all that is seen is shown.
struct Shown {
    patterns: Vec<String>,
    /// The requests that were shown, by scope and id.
    asked: Recent<(u64, String), ()>,
}

impl Shown {
    fn takes(&mut self, delivery: &Delivery) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let key = delivery.id.as_ref().map(|id| (delivery.scope, id.get().to_owned()));
        if delivery.direction == Direction::Reply {
            return key.is_some_and(|key| self.asked.get(&key).is_some());
        }
        let names = [delivery.pattern.as_ref().map(Pattern::as_str), delivery.dest.as_deref()];
        let is_shown = names.iter().flatten().any(|name| self.patterns.iter().any(|glob| covers(glob, name)));
        if let Some(key) = key.filter(|_| is_shown) {
            self.asked.insert(key, ());
        }
        is_shown
    }
}

/// What this machine remembers of a firehose that it switched on: a file, for as long as it is on.
struct Memory {
    file: PathBuf,
    what: String,
}

impl Memory {
    fn new(endpoint: &Endpoint, management: &Management) -> Option<Self> {
        let what = format!("{} {}", management.base, management.vhost);
        let digest = HEXLOWER.encode(&Sha256::digest(&what)[..8]);
        Some(Self { file: endpoint.state.as_ref()?.join(format!("firehose-{digest}")), what })
    }

    fn holds(&self) -> bool {
        self.file.exists()
    }

    /// Remembers it, or forgets it. A folder that cannot be written costs the memory, not the tail.
    fn hold(&self, is_held: bool) {
        let _ = match (is_held, self.file.parent()) {
            (true, Some(folder)) => {
                fs::create_dir_all(folder).and_then(|()| fs::write(&self.file, &self.what))
            }
            _ => fs::remove_file(&self.file),
        };
    }
}
