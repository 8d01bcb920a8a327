//! Who subscribes to what, where the broker tells: since 2.9 a user may ask for the connections of its own account.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::client::Client;
use super::{inbox_prefix, jetstream, session};
use crate::transport::{Endpoint, Kind, Offer, Offers, Result};
use crate::wire::nats::subject;

/// What it answers to this, and the words it does so in, are those of the server's monitoring at `/connz`.
const CONNECTIONS: &str = "$SYS.REQ.SERVER.PING.CONNZ";
/// A broker that does not answer by then does not tell.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    /// Of all connections, of which only the first thousand or so are told.
    #[serde(default)]
    total: usize,
    #[serde(default)]
    connections: Vec<Connection>,
    #[serde(skip)]
    untold: usize,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    name: String,
    #[serde(default)]
    subscriptions_list_detail: Vec<Subscription>,
}

#[derive(Deserialize)]
struct Subscription {
    subject: String,
    #[serde(default)]
    qgroup: String,
}

/// The connections of services; `None` where the broker does not tell. Those who only look on are none of them.
async fn connections(client: &Client, endpoint: &Endpoint) -> Result<Option<Data>> {
    let asked = client.ask(CONNECTIONS, &[], br#"{"subscriptions_detail":true}"#);
    let answer = match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == Kind::Closed => return Err(error),
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    let Ok(Answer { mut data }) = serde_json::from_slice(&answer) else { return Ok(None) };
    data.untold = data.total.saturating_sub(data.connections.len());
    let inboxes = format!("{}.", inbox_prefix(endpoint));
    data.connections.retain(|connection| connection.name != session::ONLOOKER);
    for connection in &mut data.connections {
        connection.subscriptions_list_detail.retain(|Subscription { subject, .. }| {
            subject != ">" && !subject.starts_with(&inboxes) && !subject.starts_with(['$', '_'])
        });
    }
    Ok(Some(data))
}

/// The subjects among those that somebody subscribes to which cover one of `routes`, or any at all where there are
/// none; `None` where the broker does not tell.
pub(super) async fn consumers(
    client: &Client,
    routes: &[String],
    endpoint: &Endpoint,
) -> Result<Option<Vec<String>>> {
    let Some(data) = connections(client, endpoint).await? else { return Ok(None) };
    let serves =
        |filter: &String| routes.is_empty() || routes.iter().any(|route| subject::covers(filter, route));
    let all = data.connections.into_iter().flat_map(|connection| connection.subscriptions_list_detail);
    let mut subjects: Vec<_> = all.map(|subscription| subscription.subject).filter(serves).collect();
    subjects.sort_unstable();
    subjects.dedup();
    Ok(Some(subjects))
}

/// Every subject that somebody subscribes to, and every stream.
pub(super) async fn list(client: &Client, endpoint: &Endpoint) -> Result<Offers> {
    let data = connections(client, endpoint).await?;
    let mut unseen = Vec::new();
    match &data {
        None => unseen.push(
            "who subscribes is not told: the broker is older than 2.9, or does not let this user ask"
                .to_owned(),
        ),
        Some(Data { untold: 1.., total, .. }) => {
            unseen.push(format!("the broker told only the first of its {total} connections"));
        }
        Some(_) => {}
    }
    let mut found = subjects(data.unwrap_or_default());
    match jetstream::streams(client, None).await {
        Ok(streams) => found.extend(streams.into_iter().map(|stream| {
            let consumers = stream.state.consumer_count;
            Offer::of_store("stream", stream.into(), Some(consumers))
        })),
        // No streams at all, then.
        Err(error) if error.kind() == Kind::Unsupported => {}
        Err(error) if error.kind() == Kind::Denied => unseen.push(format!("streams: {error}")),
        Err(error) => return Err(error),
    }
    Ok(Offers { found, unseen: (!unseen.is_empty()).then(|| unseen.join("; ")) })
}

/// An offer for each subject, with all who subscribe to it.
fn subjects(data: Data) -> Vec<Offer> {
    let mut subjects: BTreeMap<String, Offer> = BTreeMap::new();
    let mut queues: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Connection { name, subscriptions_list_detail } in data.connections {
        for Subscription { subject, qgroup } in subscriptions_list_detail {
            let offer =
                subjects.entry(subject.clone()).or_insert_with(|| Offer::new("subject", subject.clone()));
            offer.consumers = Some(offer.consumers.unwrap_or_default() + 1);
            add(&mut offer.by, &name);
            add(queues.entry(subject).or_default(), &qgroup);
        }
    }
    for (subject, groups) in queues {
        if let Some(offer) = subjects.get_mut(&subject).filter(|_| !groups.is_empty()) {
            offer.details.push(("queue", groups.join(" ").into()));
        }
    }
    subjects.into_values().collect()
}

fn add(names: &mut Vec<String>, name: &str) {
    if !name.is_empty() && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
