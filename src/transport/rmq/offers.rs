//! What the broker has: queues, how deep they are, and who takes from them.

use super::letters::store;
use super::management::{Consumer, Management};
use super::{NAME, Options, session};
use crate::transport::{Endpoint, Error, Kind, Offer, Offers, Result};

/// The channel for looking at what is there.
const LOOKING: u16 = 1;

/// By the management all queues of the virtual host; without it the one that is named.
pub(super) async fn list(endpoint: &Endpoint, options: &Options) -> Result<Offers> {
    let management = Management::new(endpoint, options)?;
    let asked = tokio::try_join!(management.queues(), management.consumers(), management.bindings());
    let (queues, consumers, bindings) = match (asked, &options.queue) {
        (Ok(known), _) => known,
        (Err(error), Some(queue)) => return one(endpoint, options, queue, &error).await,
        (Err(error), None) => return Err(error),
    };
    let found = queues.iter().map(|queue| {
        let theirs: Vec<_> = consumers.iter().filter(|consumer| consumer.queue() == queue.name).collect();
        let mut offer = Offer::of_store("queue", store(queue, &queues, &bindings), Some(theirs.len() as u64));
        // The default exchange hands every queue what is sent to its name: that needs no telling.
        offer.details.retain(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()));
        offer.by = theirs.iter().map(|consumer| Consumer::shown(consumer)).collect();
        offer.details.push(("unacknowledged", queue.messages_unacknowledged.into()));
        if let Some((exchange, _)) = queue.dead_letters() {
            offer.details.push(("dead letters", exchange.into()));
        }
        offer
    });
    Ok(Offers { found: found.collect(), unseen: None })
}

/// What AMQP itself tells of one queue.
async fn one(endpoint: &Endpoint, options: &Options, queue: &str, why: &Error) -> Result<Offers> {
    let mut session = session::open(endpoint, options, NAME).await?;
    let looked = session.look(LOOKING, queue).await;
    session::close(&session.outbox);
    let found = match looked {
        Ok((messages, consumers)) => {
            let (messages, consumers) = (Some(messages.into()), Some(consumers.into()));
            vec![Offer { consumers, messages, ..Offer::new("queue", queue) }]
        }
        Err(error) if error.kind() == Kind::NobodyThere => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Offers { found, unseen: Some(format!("other queues, for {why}")) })
}
