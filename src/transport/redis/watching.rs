//! Watching what a server carries, as a subscriber like any other (never `MONITOR`, which halves its throughput).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::link::{self, Pushed, told};
use super::{Channels, Endpoint, Feed, Result};
use crate::message::{Delivery, Direction, Finding};
use crate::transport::{Error, Event, FeedSender, feed};
use crate::wire::pattern;
use crate::wire::redis::{self as wire, Wildcards};

/// After so many findings there are too many to tell any.
const MOST_FINDINGS: usize = 100;

/// Subscribes to `patterns` and the replies to them; none = everything.
pub(super) async fn start(
    patterns: &[String],
    endpoint: &Endpoint,
    secure: bool,
    channels: Channels,
) -> Result<Feed> {
    let globs = globs(patterns, &channels)?;
    let ours = Wildcards::compile(globs.clone())
        .map_err(|fault| Error::unsupported("such a pattern cannot be watched").because(fault))?;
    let (sender, events) = feed();
    let tap = Tap { sender, channels, ours, told: Mutex::default() };
    let mut connection = link::open(endpoint, secure, move |pushed| tap.see(&pushed)).await?;
    connection.psubscribe(&globs).await.map_err(|error| told(error, endpoint))?;
    Ok(events)
}

/// What to subscribe to: each pattern, as a route where it is an object, and the replies to it.
fn globs(patterns: &[String], channels: &Channels) -> Result<Vec<String>> {
    if patterns.is_empty() {
        return Ok(vec!["*".to_owned()]);
    }
    let mut globs = Vec::new();
    for word in patterns {
        let glob = match serde_json::from_str(word) {
            Ok(json) if word.starts_with('{') => pattern::route(&pattern::from_json(json), channels.nest)
                .map_err(|fault| Error::unsupported("this pattern has no channel").because(fault))?,
            _ => word.clone(),
        };
        let has_replies = glob.ends_with('*') || wire::base_of(&glob).is_some();
        let replies = (!has_replies).then(|| wire::reply_channel(&glob));
        for glob in std::iter::once(glob).chain(replies) {
            if !globs.contains(&glob) {
                globs.push(glob);
            }
        }
    }
    Ok(globs)
}

/// What every message passes.
struct Tap {
    sender: FeedSender,
    channels: Channels,
    /// What we are subscribed to.
    ours: Wildcards,
    told: Mutex<HashSet<String>>,
}

impl Tap {
    fn see(&self, pushed: &Pushed) {
        // Redis sends a message once for each of our patterns that it matches.
        if self.ours.of(&pushed.channel).next() != pushed.pattern.as_deref() {
            return;
        }
        let delivery = self.channels.delivery(pushed);
        let finding = self.finding(&delivery, &pushed.channel);
        self.sender.push(Event::Message(Box::new(delivery)), pushed.payload.len());
        if let Some(finding) = finding {
            self.sender.push(Event::Finding(finding), 0);
        }
    }

    /// What is going on with wildcard services, told once for each pattern (`wire.md` §4).
    fn finding(&self, delivery: &Delivery, channel: &str) -> Option<Finding> {
        let base = wire::base_of(channel).filter(|_| delivery.direction == Direction::Reply)?;
        let (code, glob, text) = if base.contains(['*', '?', '[']) {
            let text = format!(
                "a service with `wildcards: true` replies on `{channel}`, the pattern itself, as Nest did up to \
                 12.1.0: no client of Nest's hears it; update the service, or let eyas pair these replies with \
                 -O wildcards={base}"
            );
            ("literal-reply", base, text)
        } else {
            let glob = self.channels.wildcards.of(channel).next()?;
            let text = format!(
                "`{glob}` matches `{channel}`, too: the service gets its own replies as events; take a pattern \
                 that does not match them, or let its handler pass over what comes on `….reply`"
            );
            ("own-replies", glob, text)
        };
        // Nothing panics while it holds the lock.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.len() < MOST_FINDINGS && told.insert(format!("{code} {glob}"));
        is_new.then(|| Finding { code: code.into(), text })
    }
}
