//! Events on their way out.

use std::sync::Arc;

use async_trait::async_trait;

use super::link::Link;
use super::{Notes, Options, encode_body, topic};
use crate::message::Message;
use crate::transport::{Delivered, Error, Kind, Publisher, Push, Result};
use crate::wire::NestVersion;
use crate::wire::mqtt::{Qos, why};

/// Events on their way out: a window of them may be unconfirmed.
pub(super) struct Pipeline {
    link: Arc<Link>,
    options: Options,
    nest: NestVersion,
    notes: Arc<Notes>,
    pushed: u64,
    /// Room for one payload and one packet, kept between messages.
    body: Vec<u8>,
    frame: Vec<u8>,
}

impl Pipeline {
    pub(super) fn new(link: Arc<Link>, options: Options, nest: NestVersion, notes: Arc<Notes>) -> Self {
        Self { link, options, nest, notes, pushed: 0, body: Vec::new(), frame: Vec::new() }
    }

    /// Waits for what is under way, and says why no more came of it.
    async fn settle(&self) -> Option<Error> {
        if self.options.qos == Qos::AtMostOnce {
            // Nobody confirms these. Once the broker answers what was sent behind them it has read them all.
            if self.link.barrier().await {
                return None;
            }
        } else {
            let is_settled = self.link.settled().await;
            // What was all confirmed is so, even if the broker has gone since.
            if is_settled && self.link.fates().1 == 0 {
                return None;
            }
        }
        if self.link.has_ended() {
            return Some(self.link.ending());
        }
        Some(Error::new(Kind::Closed, "the broker stopped confirming messages"))
    }
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        let topic = topic(&message.pattern, self.nest)?;
        self.body.clear();
        encode_body(&mut self.body, message, None)?;
        self.notes.on_headers(&message.headers, &self.link);
        let publish = self.options.publish(&topic, &self.body, &message.headers);
        let (push, _) = self.link.publish(&publish, &mut self.frame)?;
        self.pushed += u64::from(push == Push::Taken);
        Ok(push)
    }

    async fn room(&mut self) -> Result<()> {
        self.link.room().await;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Delivered {
        let mut error = self.settle().await;
        let (fates, open) = self.link.fates();
        let (counted, written) = self.link.outbox.written();
        self.link.close();
        let left = if self.options.qos == Qos::AtMostOnce { self.pushed } else { open };
        // What was not written was pushed last, and cannot have been confirmed.
        let lost = left.min(counted - written);
        if error.is_none()
            && let Some(reason) = fates.why
        {
            error = Some(Error::new(Kind::Refused, format!("the broker refused a message: {}", why(reason))));
        }
        Delivered {
            confirmed: fates.confirmed,
            unconfirmed: left - lost,
            unroutable: fates.unroutable,
            lost: lost + fates.refused,
            error,
        }
    }
}
