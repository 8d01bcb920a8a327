//! Kafka as Nest speaks it (`wire.md` §8): no envelope, the payload is the record's value and all else are headers.
//!
//! Record batches are read and written here, because no library keeps a record's headers as they are, in order and
//! with those that repeat; the requests that carry them are left to one.

mod batch;
mod compression;
mod draft;
mod message;
mod topic;
#[cfg(test)]
mod vectors;

pub use batch::{Batch, Batches, Damage, Record, RecordHeader};
pub use compression::Compression;
pub use draft::Draft;
pub use message::{
    Body, CORRELATION_ID, IS_DISPOSED, NEST_ERR, REPLY_PARTITION, REPLY_TOPIC, body, called, delivery,
    hijacker, no_handler, reply, reply_body,
};
pub use topic::{Chooser, check_topic, is_reply_topic, partition_of, reply_topic};
