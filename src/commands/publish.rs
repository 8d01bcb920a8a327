//! Publishing: messages that go one after the other at a pace, and what became of them.

use std::time::Duration;

use super::flags::Rate;
use super::outgoing::Messages;
use crate::message::Message;
use crate::transport::{Delivered, Publisher, Push};
use crate::ui::{Progress, Ui};

/// How long after Ctrl-C a peer may still take what was pushed.
const PARTING: Duration = Duration::from_secs(2);

/// What came of publishing.
pub struct Published {
    /// What became of what was pushed.
    pub delivered: Delivered,
    /// Why there was no more to push, where that is an error.
    pub outcome: anyhow::Result<()>,
    /// Whether Ctrl-C ended it.
    pub is_interrupted: bool,
    /// Whether the peer did not take everything, and nobody knows how much of it.
    pub is_unknown: bool,
}

/// Publishes messages until there are no more, `count` at most, for `limit` at most, at `pace`; then waits until all
/// of them have left. `before` sees each before it goes. Ctrl-C ends either.
pub async fn publish(
    mut publisher: Box<dyn Publisher>,
    messages: &mut Messages,
    count: Option<u64>,
    limit: Option<Duration>,
    pace: Option<Pace>,
    progress: Progress,
    mut before: impl FnMut(&Message),
) -> Published {
    let mut interrupted = std::pin::pin!(super::interrupted());
    let mut is_interrupted = false;
    let outcome = tokio::select! {
        // In this order: signals are listened for before the first message leaves.
        biased;
        () = &mut interrupted => {
            is_interrupted = true;
            Ok(())
        }
        () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => Ok(()),
        outcome = pump(&mut *publisher, messages, count, pace, &progress, &mut before) => outcome,
    };
    let pushed = progress.done();
    drop(progress);
    let mut finishing = publisher.finish();
    let mut finished = None;
    if !is_interrupted {
        tokio::select! {
            delivered = &mut finishing => finished = Some(delivered),
            () = &mut interrupted => is_interrupted = true,
        }
    }
    if finished.is_none() {
        finished = tokio::time::timeout(PARTING, finishing).await.ok();
    }
    let is_unknown = finished.is_none();
    let delivered = finished.unwrap_or_else(|| Delivered { unconfirmed: pushed, ..Delivered::default() });
    Published { delivered, outcome, is_interrupted, is_unknown }
}

impl Published {
    /// Says what the counts cannot.
    pub fn warn(&self, ui: &mut Ui) {
        if self.is_unknown {
            ui.warn("the peer did not take everything, and nobody can say how much of it arrived");
        }
    }
}

async fn pump(
    publisher: &mut dyn Publisher,
    messages: &mut Messages,
    count: Option<u64>,
    mut pace: Option<Pace>,
    progress: &Progress,
    before: &mut impl FnMut(&Message),
) -> anyhow::Result<()> {
    for seq in 0..count.unwrap_or(u64::MAX) {
        let Some(message) = messages.next(seq).await? else { break };
        if let Some(pace) = &mut pace {
            pace.wait().await;
        }
        before(&message);
        while publisher.push(&message)? == Push::Full {
            publisher.room().await?;
        }
        progress.advance(1);
    }
    Ok(())
}

/// An even pace: message k leaves at start + k / rate, however long the one before took.
pub struct Pace {
    step: Duration,
    next: tokio::time::Instant,
}

impl Pace {
    /// Starts now.
    pub fn new(rate: Rate) -> Self {
        Self { step: Duration::from_secs_f64(1.0 / rate.per_second()), next: tokio::time::Instant::now() }
    }

    /// Waits for the next message's turn.
    pub async fn wait(&mut self) {
        tokio::time::sleep_until(self.next).await;
        self.next += self.step;
    }
}
