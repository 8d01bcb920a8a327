//! Seeing what passes: every partition of the topics that are meant, and of those of their replies.

use std::sync::Arc;

use regex::Regex;

use super::cluster::{Cluster, Topic};
use super::place::Place;
use super::reading::{Choice, Reading, Sink};
use super::{last, start, unusable};
use crate::fault::Fault;
use crate::message::{Delivery, Finding};
use crate::transport::{Error, Event, Feed, FeedSender, From, Kind, Result, Watch, feed};
use crate::wire::kafka::{Record, check_topic, delivery, is_reply_topic, reply_topic};

/// Reads `watch.patterns` — names, `*` for any characters in one, or a regular expression that begins with `^` — and
/// the topics of their replies; all but Kafka's own without.
pub(super) async fn start(cluster: &Arc<Cluster>, watch: &Watch) -> Result<Feed> {
    let chosen = Chosen::read(&watch.patterns).map_err(unusable)?;
    let topics = chosen.existing(cluster).await?;
    let places = start::places(cluster, &topics, watch).await?;
    let (sender, events) = feed();
    let telling = Telling { sender };
    let (cluster, is_bounded) = (cluster.clone(), watch.is_bounded);
    let From::Last(count) = watch.from else {
        tokio::spawn(Reading::new(cluster, telling, chosen, places, is_bounded).run());
        return Ok(events);
    };
    tokio::spawn(async move {
        let ends = places.iter().map(Place::at_end).collect();
        tokio::select! {
            kept = last::of(&cluster, &places, count) => {
                for kept in kept {
                    telling.deliver(&kept.topic, kept.partition, &kept.record).await;
                }
            }
            () = telling.sender.abandoned() => return,
        }
        Reading::new(cluster, telling, chosen, ends, is_bounded).run().await;
    });
    Ok(events)
}

/// Which topics are meant.
#[derive(Clone)]
struct Chosen {
    names: Vec<String>,
    expressions: Vec<Regex>,
}

impl Chosen {
    fn read(words: &[String]) -> Result<Self, Fault> {
        let (mut names, mut expressions) = (Vec::new(), Vec::new());
        for word in words {
            let expression = if word.starts_with('^') {
                word.clone()
            } else if word.contains('*') {
                check_topic(&word.replace('*', "x"))?;
                format!("^{}$", regex::escape(word).replace("\\*", ".*"))
            } else {
                check_topic(word)?;
                names.push(word.clone());
                continue;
            };
            let expression = Regex::new(&expression).map_err(|error| {
                Fault::new(format!("`{word}` is no regular expression: {error}"))
                    .hint("name a topic, put `*` for any characters in one, or begin an expression with `^`")
            })?;
            expressions.push(expression);
        }
        if words.is_empty() {
            expressions.push(Regex::new("").map_err(|error| Fault::new(error.to_string()))?);
        }
        Ok(Self { names, expressions })
    }

    fn means_asked(&self, name: &str, is_internal: bool) -> bool {
        // What the broker keeps for itself is shown to whoever names it.
        let is_own = is_internal || name.starts_with("__");
        self.names.iter().any(|meant| meant == name)
            || (!is_own && self.expressions.iter().any(|expression| expression.is_match(name)))
    }

    /// The topics that there are; those that are named must be among them.
    async fn existing(&self, cluster: &Cluster) -> Result<Vec<Topic>> {
        let topics = if let Some(names) = self.names() {
            cluster.topics(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?
        } else {
            let mut topics = cluster.all_topics().await?;
            topics.retain(|topic| self.means(&topic.name, topic.is_internal));
            topics
        };
        for name in &self.names {
            if topics.iter().all(|topic| *topic.name != **name) {
                let what = format!("there is no topic `{name}` at {}", cluster.shown());
                return Err(Error::new(Kind::NobodyThere, what)
                    .hint("nothing was made by looking; `*` in a name waits for the topics that it means"));
            }
        }
        Ok(topics)
    }
}

impl Choice for Chosen {
    fn means(&self, name: &str, is_internal: bool) -> bool {
        let asked = name.strip_suffix(".reply").filter(|_| is_reply_topic(name));
        self.means_asked(name, is_internal) || asked.is_some_and(|asked| self.means_asked(asked, is_internal))
    }

    fn names(&self) -> Option<Vec<String>> {
        let with_replies = || self.names.iter().flat_map(|name| [name.clone(), reply_topic(name)]).collect();
        self.expressions.is_empty().then(with_replies)
    }
}

/// What is read already, and no more.
pub(super) struct Fixed;

impl Choice for Fixed {
    fn means(&self, _: &str, _: bool) -> bool {
        false
    }

    fn names(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

/// Tells what is read.
struct Telling {
    sender: FeedSender,
}

impl Telling {
    async fn deliver(&self, topic: &str, partition: i32, record: &Record) {
        // The broker keeps it: a slow reader loses nothing.
        self.sender.room().await;
        let delivery = delivery(topic, partition, record);
        let size = delivery.size + 2 * topic.len() + size_of::<Delivery>();
        self.sender.push(Event::Message(Box::new(delivery)), size);
    }
}

impl Sink for Telling {
    async fn take(&self, place: &Place, record: Record) {
        self.deliver(&place.topic, place.partition, &record).await;
    }

    async fn tell(&self, finding: Finding) {
        self.sender.push(Event::Finding(finding), 0);
    }

    async fn miss(&self, _: &Place, lost: Option<u64>, why: &str) {
        self.sender.push(Event::Gap { lost, why: why.to_owned() }, 0);
    }

    fn catch_up(&self) {
        self.sender.push(Event::CaughtUp, 0);
    }

    async fn closed(&self) {
        self.sender.abandoned().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_meant_by_name_or_by_what_they_look_like() {
        let means = |words: &[&str], name: &str| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            Chosen::read(&words).expect("words").means(name, false)
        };
        assert!(means(&[], "a") && means(&[], "a.reply") && !means(&[], "__consumer_offsets"));
        assert!(means(&["__consumer_offsets"], "__consumer_offsets"));
        assert!(means(&["a"], "a") && means(&["a"], "a.reply") && !means(&["a"], "ab"));
        assert!(means(&["orders.*"], "orders.get.it") && means(&["orders.*"], "orders.get.reply"));
        assert!(!means(&["orders.*"], "ordersxget") && !means(&["orders.*"], "my.orders.get"));
        assert!(
            means(&["^ord.*(get|put)$"], "orders.get") && means(&["^ord.*(get|put)$"], "orders.put.reply")
        );
        for wrong in ["a b", "^(", "a/*", ""] {
            assert!(Chosen::read(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
