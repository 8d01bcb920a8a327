//! Messages on their way to one partition, and what a broker says of them.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use tokio::time::Instant;

use super::cluster::{Cluster, is_moving, told};
use crate::transport::{Error, Kind};
use crate::wire::kafka::{Batches, Draft, Record};

/// Messages on their way to one partition.
pub(super) struct Parcel {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) draft: Draft,
    /// Since when a broker is asked to take it.
    pub(super) since: Option<Instant>,
}

/// What a broker's answer means for a parcel.
pub(super) enum Verdict {
    /// All replicas that are in sync have it.
    Confirmed,
    /// Nothing was written, and it may be in a moment.
    Again,
    /// Nothing was written because of one message, or of how many there are: each on its own may go.
    Apart,
    /// Nothing was written.
    Refused(Error),
    /// It may have been written.
    Unknown(Error),
}

impl Parcel {
    /// What `code` means for it.
    pub(super) fn verdict(&self, code: i16, message: Option<&str>, cluster: &Cluster) -> Verdict {
        let Some(error) = ResponseError::try_from_code(code) else { return Verdict::Confirmed };
        let is_one = self.draft.count() == 1;
        match error {
            ResponseError::RequestTimedOut | ResponseError::NotEnoughReplicasAfterAppend => {
                let what = format!("{} has not all replicas' word: {}", cluster.shown(), told(error));
                Verdict::Unknown(Error::new(Kind::Closed, what))
            }
            ResponseError::NotEnoughReplicas | ResponseError::UnknownTopicOrPartition => Verdict::Again,
            error if is_moving(error) => Verdict::Again,
            ResponseError::MessageTooLarge
            | ResponseError::RecordListTooLarge
            | ResponseError::InvalidRecord
            | ResponseError::InvalidTimestamp
                if !is_one =>
            {
                Verdict::Apart
            }
            ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge => {
                let size = self.draft.size();
                let what = format!("a message of {size} bytes is too large for topic `{}`", self.topic);
                Verdict::Refused(Error::new(Kind::Refused, what).hint(
                    "max.message.bytes of the topic, or message.max.bytes of the broker, says how many it takes",
                ))
            }
            error => {
                let refusal = cluster.refusal(error, &format!("a message for topic `{}`", self.topic));
                Verdict::Refused(match message {
                    Some(message) => refusal.because(anyhow::anyhow!(message.to_owned())),
                    None => refusal,
                })
            }
        }
    }

    /// A parcel for each of its messages.
    pub(super) fn apart(&self) -> Vec<Self> {
        let written = self.draft.finish(crate::wire::kafka::Compression::None);
        let batches = written.into_iter().flat_map(Batches::new).flatten();
        let records = batches.flat_map(|batch| batch.records().unwrap_or_default());
        records.map(|record| self.of(&record)).collect()
    }

    fn of(&self, record: &Record) -> Self {
        let mut draft = Draft::default();
        let headers = record.headers.iter().map(|(name, value)| (&**name, value.as_deref()));
        draft.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers);
        Self { topic: self.topic.clone(), partition: self.partition, draft, since: self.since }
    }
}
