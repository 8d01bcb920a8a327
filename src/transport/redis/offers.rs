//! Which channels somebody is subscribed to.

use redis::aio::MultiplexedConnection;

use super::asking;
use super::link::{self, told};
use crate::transport::{Endpoint, Offer, Offers, Result};
use crate::wire::redis as wire;

/// The channels with a subscriber, those of replies left out: clients subscribe to them, and consume nothing.
async fn channels(connection: &mut MultiplexedConnection, endpoint: &Endpoint) -> Result<Vec<String>> {
    let all = redis::cmd("PUBSUB").arg("CHANNELS").to_owned();
    let mut channels: Vec<String> =
        all.query_async(connection).await.map_err(|error| told(error, endpoint))?;
    channels.retain(|channel| wire::base_of(channel).is_none());
    channels.sort_unstable();
    Ok(channels)
}

/// Every channel, and how many are subscribed to it.
pub(super) async fn list(connection: &mut MultiplexedConnection, endpoint: &Endpoint) -> Result<Offers> {
    let channels = channels(connection, endpoint).await?;
    let told = |error| told(error, endpoint);
    let counts = if channels.is_empty() {
        Vec::new()
    } else {
        asking::subscribers(connection, &channels).await.map_err(told)?
    };
    let offer = |(channel, count)| Offer { consumers: Some(count), ..Offer::new("channel", channel) };
    let by_pattern: u64 = redis::cmd("PUBSUB").arg("NUMPAT").query_async(connection).await.map_err(told)?;
    let mut unseen = Vec::new();
    if by_pattern > 0 {
        unseen.push(format!(
            "{by_pattern} patterns are subscribed to as well (`wildcards: true`, or `tail`): Redis names none"
        ));
    }
    if link::is_of_cluster(connection).await {
        unseen.push("this is one node of a cluster: it knows only who is subscribed at itself".to_owned());
    }
    let unseen = (!unseen.is_empty()).then(|| unseen.join("; "));
    Ok(Offers { found: counts.into_iter().map(offer).collect(), unseen })
}

/// Those of `routes` (none = any) that somebody is subscribed to. A service with `wildcards: true` is none of them.
pub(super) async fn consumers(
    connection: &mut MultiplexedConnection,
    routes: Vec<String>,
    endpoint: &Endpoint,
) -> Result<Vec<String>> {
    if routes.is_empty() {
        return channels(connection, endpoint).await;
    }
    let counts = asking::subscribers(connection, &routes).await.map_err(|error| told(error, endpoint))?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).map(|(channel, _)| channel).collect())
}
