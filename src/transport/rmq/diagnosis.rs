//! What is wrong with queues, in words: who takes from them, what piles up, what is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Options;
use super::management::{Consumer, Management, Queue, peer};
use crate::message::{Data, Delivery, Direction, Finding, Pattern};
use crate::transport::recent::Recent;
use crate::wire::packet::NO_HANDLER;
use crate::wire::rmq::{Step, Trace};

/// How often the queues are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// So many messages that were handed out and not acknowledged are a pile, if they do not become fewer.
const PILE: u64 = 100;
/// How many requests are remembered by who got them.
const MOST_ASKED: usize = 4096;

/// What is known of the queues that messages were seen in.
pub(super) struct Diagnosis {
    queues: BTreeSet<String>,
    /// Who got messages out of a queue.
    takers: HashMap<String, BTreeSet<String>>,
    asked: Recent<String, Asked>,
    /// How many were not acknowledged when they were last looked at.
    unacknowledged: BTreeMap<String, u64>,
    told: HashSet<(&'static str, String)>,
    /// Nobody answers there.
    is_mute: bool,
}

/// A request that was handed out.
struct Asked {
    queue: String,
    pattern: String,
}

impl Diagnosis {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            queues: options.queue.iter().cloned().collect(),
            takers: HashMap::new(),
            asked: Recent::new(MOST_ASKED),
            unacknowledged: BTreeMap::new(),
            told: HashSet::new(),
            is_mute: false,
        }
    }

    /// Tells when to look again.
    #[expect(clippy::unused_self, reason = "the pace belongs to what is looked for")]
    pub(super) fn clock(&self) -> Interval {
        let mut clock = interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock
    }

    /// Takes note of a message that was handed out.
    pub(super) fn delivered(&mut self, trace: &Trace) {
        let Step::Delivered(queue) = &trace.step else { return };
        self.takers.entry(queue.clone()).or_default().insert(trace.connection.clone());
        self.queues.insert(queue.clone());
    }

    /// Takes note of a message that was published; tells of two services on one queue, whom the broker's management
    /// names.
    pub(super) async fn published(
        &mut self,
        trace: &Trace,
        delivery: &Delivery,
        management: &Management,
    ) -> Option<Finding> {
        let id = trace.properties.correlation_id.as_ref()?;
        if delivery.direction == Direction::Request {
            let Step::Published(queues) = &trace.step else { return None };
            let pattern = delivery.pattern.as_ref().map_or("", Pattern::as_str).to_owned();
            let asked = Asked { queue: queues.first()?.clone(), pattern };
            self.asked.insert(id.clone(), asked);
            return None;
        }
        let Some(Data::Json(error)) = &delivery.error else { return None };
        if !error.get().contains(NO_HANDLER) {
            return None;
        }
        let Asked { queue, pattern } = self.asked.get(id)?;
        let others: Vec<_> =
            self.takers.get(queue)?.iter().filter(|taker| **taker != trace.connection).cloned().collect();
        if others.is_empty() || !self.told.insert(("two-services", queue.clone())) {
            return None;
        }
        let consumers = management.consumers().await.unwrap_or_default();
        let name = |connection: &str| {
            let known = consumers.iter().find(|one| one.queue() == queue && one.connection() == connection);
            known.map_or_else(|| peer(connection).to_owned(), Consumer::shown)
        };
        let named: Vec<_> = others.iter().map(|other| name(other)).collect();
        let text = format!(
            "two services take from the queue `{queue}`, each a share of the messages: {} has no handler for \
             `{pattern}`, and {} takes the others; give each service a queue of its own",
            name(&trace.connection),
            named.join(" and ")
        );
        Some(Finding { code: "two-services".into(), text })
    }

    /// Looks at the queues; tells what it has not told before. A broker without its management tells nothing.
    pub(super) async fn look(&mut self, management: &Management) -> Vec<Finding> {
        if self.is_mute || self.queues.is_empty() {
            return Vec::new();
        }
        let (Ok(queues), Ok(consumers), Ok(exchanges)) =
            tokio::join!(management.queues(), management.consumers(), management.exchanges())
        else {
            self.is_mute = true;
            return Vec::new();
        };
        let watched: Vec<_> = queues.iter().filter(|queue| self.queues.contains(&queue.name)).collect();
        let mut found = Vec::new();
        for queue in watched {
            let theirs: Vec<_> = consumers.iter().filter(|consumer| consumer.queue() == queue.name).collect();
            let before = self.unacknowledged.insert(queue.name.clone(), queue.messages_unacknowledged);
            for finding in judge(queue, &theirs, &exchanges, before) {
                if self.told.insert((code(&finding), queue.name.clone())) {
                    found.push(finding);
                }
            }
        }
        found
    }
}

fn code(finding: &Finding) -> &'static str {
    match &finding.code {
        std::borrow::Cow::Borrowed(code) => code,
        std::borrow::Cow::Owned(_) => "",
    }
}

/// What there is to say of one queue; `before` is how many messages were not acknowledged a while ago.
pub(super) fn judge(
    queue: &Queue,
    consumers: &[&Consumer],
    exchanges: &[String],
    before: Option<u64>,
) -> Vec<Finding> {
    let name = &queue.name;
    let mut found = Vec::new();
    let mut tell = |code: &'static str, text: String| found.push(Finding { code: code.into(), text });
    if consumers.is_empty() && queue.messages > 0 {
        let count = queue.messages;
        tell(
            "no-consumer",
            format!(
                "nobody consumes the queue `{name}`, in which {count} messages wait: is the service running?"
            ),
        );
    }
    let open = queue.messages_unacknowledged;
    if open >= PILE && before.is_some_and(|before| open >= before && before >= PILE) {
        tell(
            "unacknowledged",
            format!(
                "{open} messages of the queue `{name}` were handed out and are not acknowledged: with `noAck: false` a \
                 handler must call channel.ack() itself, for Nest never does"
            ),
        );
    }
    if let Some((exchange, _)) = queue.dead_letters() {
        if !exchanges.iter().any(|known| known == exchange) {
            tell(
                "no-dead-letter-exchange",
                format!(
                    "the queue `{name}` sends its dead letters to the exchange `{exchange}`, which does not exist: they \
                     are lost without a word"
                ),
            );
        }
        if let Some(consumer) = consumers.iter().find(|consumer| !consumer.ack_required) {
            tell(
                "no-ack",
                format!(
                    "{} takes from the queue `{name}` without acknowledging (`noAck`, which Nest has on by default): what \
                     fails there is lost, and never becomes a dead letter",
                    consumer.shown()
                ),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn queues_are_judged_by_what_is_there() {
        let consumer = |ack| -> Consumer {
            let consumer = json!({
                "consumer_tag": "tag", "ack_required": ack, "queue": { "name": "orders" },
                "channel_details": { "connection_name": "127.0.0.1:1 -> 127.0.0.1:2" },
            });
            from_value(consumer).expect("a consumer")
        };
        let (acking, careless) = (consumer(true), consumer(false));
        let codes = |queue: serde_json::Value, consumers: &[&Consumer], before| {
            let queue: Queue = from_value(queue).expect("a queue");
            let found = judge(&queue, consumers, &["dlx".to_owned()], before);
            found.iter().map(|finding| finding.code.to_string()).collect::<Vec<_>>().join(" ")
        };
        let plain = json!({ "name": "orders", "messages": 3, "arguments": {} });
        assert_eq!(codes(plain.clone(), &[], None), "no-consumer");
        assert_eq!(codes(plain, &[&careless], None), "");
        let dead = json!({ "name": "orders", "arguments": { "x-dead-letter-exchange": "dlx" } });
        assert_eq!(codes(dead.clone(), &[&acking], None), "");
        assert_eq!(codes(dead, &[&acking, &careless], None), "no-ack");
        let lost = json!({ "name": "orders", "arguments": { "x-dead-letter-exchange": "gone" } });
        assert_eq!(codes(lost, &[], None), "no-dead-letter-exchange");
        let by_policy =
            json!({ "name": "orders", "effective_policy_definition": { "dead-letter-exchange": "gone" } });
        assert_eq!(codes(by_policy, &[], None), "no-dead-letter-exchange");
        let pile = json!({ "name": "orders", "messages": 200, "messages_unacknowledged": 200 });
        assert_eq!(codes(pile.clone(), &[&acking], Some(150)), "unacknowledged");
        assert_eq!(codes(pile.clone(), &[&acking], Some(300)), "");
        assert_eq!(codes(pile, &[&acking], None), "");
    }
}
