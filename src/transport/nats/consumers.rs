//! Who subscribes to what, where the broker tells: since 2.9 a user may ask for the connections of its own account.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::client::Client;
use super::{inbox_prefix, session};
use crate::transport::{Endpoint, Kind, Result};
use crate::wire::nats::subject;

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
    #[serde(default)]
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    name: String,
    #[serde(default)]
    subscriptions_list: Vec<String>,
}

/// The subjects among those that somebody subscribes to which cover one of `routes`, or any at all where there are
/// none; `None` where the broker does not tell. Those who only look on are none of them.
pub(super) async fn list(
    client: &Client,
    routes: &[String],
    endpoint: &Endpoint,
) -> Result<Option<Vec<String>>> {
    let answer = match timeout(PATIENCE, client.ask(CONNECTIONS, &[], br#"{"subscriptions":true}"#)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == Kind::Closed => return Err(error),
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    let Ok(Answer { data }) = serde_json::from_slice(&answer) else { return Ok(None) };
    let inboxes = format!("{}.", inbox_prefix(endpoint));
    let serves = |filter: &String| {
        let is_ours = filter != ">" && !filter.starts_with(&inboxes) && !filter.starts_with(['$', '_']);
        is_ours && (routes.is_empty() || routes.iter().any(|route| subject::covers(filter, route)))
    };
    let others = data.connections.into_iter().filter(|connection| connection.name != session::ONLOOKER);
    let mut subjects: Vec<_> =
        others.flat_map(|connection| connection.subscriptions_list).filter(serves).collect();
    subjects.sort_unstable();
    subjects.dedup();
    Ok(Some(subjects))
}
