//! What a broker keeps, and what it says of itself under `$SYS`. Who subscribes no broker tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Options;
use super::link::{Link, Sink};
use crate::transport::{Endpoint, Offer, Offers, Result};
use crate::wire::mqtt::{Filter, Qos, Received};

/// What mosquitto says of itself (mosquitto(8), "Broker status"), and what it is called here.
const STATUS: &[(&str, &str)] =
    &[("$SYS/broker/clients/connected", "clients"), ("$SYS/broker/subscriptions/count", "subscriptions")];
const VERSION: &str = "$SYS/broker/version";
/// Some brokers send what they keep in their own time: no more comes after such a silence.
const SILENCE: Duration = Duration::from_millis(100);
/// More topics than anyone reads.
const MOST: usize = 100_000;

/// What was kept, by topic: the text of `$SYS`, the size of all else.
#[derive(Default)]
struct Kept {
    status: BTreeMap<String, String>,
    topics: BTreeMap<String, usize>,
}

struct Keeping(Arc<Mutex<Kept>>);

impl Sink for Keeping {
    async fn take(&mut self, _: &Arc<Link>, message: &Received<'_>) {
        if !message.retain {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if message.topic.starts_with('$') {
            kept.status
                .insert(message.topic.to_owned(), String::from_utf8_lossy(message.payload).into_owned());
        } else if kept.topics.len() < MOST {
            kept.topics.insert(message.topic.to_owned(), message.payload.len());
        }
    }
}

/// The broker, and every topic that keeps a message.
pub(super) async fn list(endpoint: &Endpoint, options: &Options) -> Result<Offers> {
    let kept: Arc<Mutex<Kept>> = Arc::default();
    let link = Link::open(endpoint, options, Keeping(kept.clone())).await?;
    let filter =
        |topic: &str| Filter { topic: topic.to_owned(), qos: Qos::AtMostOnce, no_local: false, live: false };
    link.subscribe(&[filter("#")]).await?;
    // Not everybody may read it, and not every broker has it.
    let _ = link.subscribe(&[filter("$SYS/broker/#")]).await;
    let count = || {
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.topics.len() + kept.status.len()
    };
    loop {
        let before = count();
        tokio::time::sleep(SILENCE).await;
        if !link.barrier().await {
            return Err(link.ending());
        }
        if count() == before {
            break;
        }
    }
    link.close();
    let kept = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    let mut found = Vec::new();
    if let Some(version) = kept.status.get(VERSION) {
        let told = |(topic, name): &(&str, &'static str)| {
            let number: u64 = kept.status.get(*topic)?.parse().ok()?;
            Some((*name, number.into()))
        };
        let details = STATUS.iter().filter_map(told).collect();
        found.push(Offer { details, ..Offer::new("broker", version) });
    }
    found.extend(kept.topics.into_iter().map(|(topic, bytes)| Offer {
        messages: Some(1),
        details: vec![("bytes", bytes.into())],
        ..Offer::new("topic", topic)
    }));
    let unseen =
        "an MQTT broker tells nobody who subscribes to what: only topics that keep a message are here";
    Ok(Offers { found, unseen: Some(unseen.to_owned()) })
}
