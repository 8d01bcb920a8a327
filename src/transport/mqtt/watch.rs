//! Seeing what passes: a subscription of its own, which takes nothing from anyone.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::link::{Link, Sink};
use super::{Options, unusable};
use crate::fault::Fault;
use crate::message::{Delivery, Pattern};
use crate::transport::{Endpoint, Event, Feed, FeedSender, Result, feed};
use crate::wire::mqtt::{self, Filter, Received, Version, check_filter, covers, reply_topic};
use crate::wire::{NestVersion, pattern};

/// Subscribes to `patterns`, in MQTT's wildcards, and to the replies to them; to everything without.
pub(super) async fn start(endpoint: &Endpoint, options: &Options, patterns: &[String]) -> Result<Feed> {
    let topics = topics(patterns, endpoint.nest).map_err(unusable)?;
    let filters: Vec<_> = topics
        .into_iter()
        .map(|topic| Filter { topic, qos: options.qos, no_local: false, live: true })
        .collect();
    let (sender, events) = feed();
    let link = Link::open(endpoint, options, Watching { sender, nest: endpoint.nest }).await?;
    link.subscribe(&filters).await?;
    Ok(events)
}

/// The filters to subscribe to: none within another, or each message would come once for both.
fn topics(patterns: &[String], nest: NestVersion) -> Result<Vec<String>, Fault> {
    let mut topics = Vec::new();
    for word in patterns {
        let topic = match serde_json::from_str::<&RawValue>(word).ok().filter(|_| word.starts_with('{')) {
            Some(json) => pattern::route(&Pattern::Json(json.to_owned()), nest)?,
            None => word.clone(),
        };
        if topic.starts_with("$share/") {
            return Err(Fault::new(format!("`{topic}` would take messages from the services that share it"))
                .hint("leave out `$share/` and the group: every message is seen anyway"));
        }
        check_filter(&topic)?;
        if !topic.ends_with('#') {
            topics.push(reply_topic(&topic));
        }
        topics.push(topic);
    }
    if topics.is_empty() {
        topics.push("#".to_owned());
    }
    topics.sort_unstable();
    topics.dedup();
    let covered = |topic: &String| topics.iter().any(|other| other != topic && covers(other, topic));
    Ok(topics.iter().filter(|topic| !covered(topic)).cloned().collect())
}

struct Watching {
    sender: FeedSender,
    nest: NestVersion,
}

impl Sink for Watching {
    async fn take(&mut self, link: &Arc<Link>, message: &Received<'_>) {
        if self.sender.is_abandoned() {
            return link.close();
        }
        // MQTT 5 brokers are asked for none of these; in 3.1.1 the flag means that it was kept from before.
        if message.retain && link.version == Version::V4 {
            return;
        }
        let delivery = mqtt::delivery(message, self.nest);
        let size = message.payload.len() + 2 * message.topic.len() + size_of::<Delivery>();
        self.sender.push(Event::Message(Box::new(delivery)), size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_watched_with_what_they_answer() {
        let topics = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            topics(&words, NestVersion::V12).expect("filters")
        };
        assert_eq!(topics(&[]), ["#"]);
        assert_eq!(topics(&["a"]), ["a", "a/reply"]);
        assert_eq!(topics(&["a/+", "a/b"]), ["a/+", "a/+/reply", "a/b/reply"][..2]);
        assert_eq!(topics(&["a/#", "a/b", "c"]), ["a/#", "c", "c/reply"]);
        assert_eq!(topics(&[r#"{"b":1,"a":2}"#]), [r#"{"a":2,"b":1}"#, r#"{"a":2,"b":1}/reply"#]);
    }

    #[test]
    fn what_would_take_or_cannot_be_is_refused() {
        for word in ["$share/g/a", "a/#/b", "a+", "", "a/b#"] {
            topics(&[word.to_owned()], NestVersion::V12).expect_err(word);
        }
    }
}
