//! Record batches, format 2 (Kafka 0.11 and later, the only one that Kafka 4 writes):
//! <https://kafka.apache.org/documentation/#recordbatch>.

use std::fmt;

use bytes::{Buf as _, Bytes};

use super::Compression;

/// The name and the value of a header, byte for byte; names may repeat, and a value may be none.
pub type RecordHeader = (Bytes, Option<Bytes>);

/// Base offset and length: what stands before that which the length counts.
pub(super) const PREFIX: usize = 12;
/// From the leader's epoch to the number of records.
pub(super) const HEAD: usize = 49;

const IS_APPEND_TIME: i16 = 1 << 3;
const IS_TRANSACTIONAL: i16 = 1 << 4;
const IS_CONTROL: i16 = 1 << 5;

/// Bytes that are no batch that eyas can read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(String);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damage {}

pub(super) fn damage(what: impl Into<String>) -> Damage {
    Damage(what.into())
}

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in its partition.
    pub offset: i64,
    /// When it was made, or appended where the topic says so: milliseconds of Unix time, -1 where nobody said.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<RecordHeader>,
}

/// A batch, its records still packed.
#[derive(Clone, Debug)]
pub struct Batch {
    base: i64,
    /// The offset after its last one: where reading goes on, however many records compaction has left of it.
    pub next: i64,
    first_time: i64,
    /// The time of all records, where the broker gave it.
    append_time: Option<i64>,
    /// Who wrote it: what an aborted transaction is found by.
    pub producer: i64,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// Whether it is a marker, which no client is to be shown.
    pub is_control: bool,
    compression: Compression,
    count: i32,
    body: Bytes,
}

/// The batches of a fetch, one after the other; the last one may be cut off, and is then left out.
pub struct Batches(Bytes);

impl Batches {
    /// Over what a broker sent.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.0.get(8..PREFIX)?.try_into().map(i32::from_be_bytes).ok()?;
        let Ok(length) = usize::try_from(length) else {
            self.0.clear();
            return Some(Err(damage("a batch of negative length")));
        };
        if self.0.len() < PREFIX.saturating_add(length) {
            return None;
        }
        Some(Batch::read(self.0.split_to(PREFIX + length)))
    }
}

impl Batch {
    fn read(mut bytes: Bytes) -> Result<Self, Damage> {
        if bytes.len() < PREFIX + HEAD {
            return Err(damage("a batch without a head"));
        }
        let base = bytes.get_i64();
        bytes.advance(8);
        match bytes.get_i8() {
            2 => {}
            magic => return Err(damage(format!("a message of format {magic}, from before Kafka 0.11"))),
        }
        let checksum = bytes.get_u32();
        if crc32c::crc32c(&bytes) != checksum {
            return Err(damage("a batch whose checksum is wrong"));
        }
        let attributes = bytes.get_i16();
        let compression = Compression::from_bits(attributes & 7)
            .ok_or_else(|| damage(format!("a batch packed in way {}", attributes & 7)))?;
        let last = bytes.get_i32();
        let (first_time, last_time) = (bytes.get_i64(), bytes.get_i64());
        let producer = bytes.get_i64();
        bytes.advance(6);
        let count = bytes.get_i32();
        Ok(Self {
            base,
            next: base.saturating_add(i64::from(last)).saturating_add(1),
            first_time,
            append_time: (attributes & IS_APPEND_TIME != 0).then_some(last_time),
            producer,
            is_transactional: attributes & IS_TRANSACTIONAL != 0,
            is_control: attributes & IS_CONTROL != 0,
            compression,
            count,
            body: bytes,
        })
    }

    /// Its records, unpacked.
    ///
    /// # Errors
    /// A body that cannot be unpacked, or ends too early.
    pub fn records(&self) -> Result<Vec<Record>, Damage> {
        let body = self.compression.unpack(self.body.clone());
        let mut body = body.map_err(|error| damage(format!("a batch that cannot be unpacked: {error:#}")))?;
        let mut records = Vec::new();
        for _ in 0..self.count {
            let length = length(&mut body)?.ok_or_else(|| damage("a record of negative length"))?;
            records.push(self.record(take(&mut body, length)?)?);
        }
        Ok(records)
    }

    fn record(&self, mut bytes: Bytes) -> Result<Record, Damage> {
        take(&mut bytes, 1)?;
        let time = self.first_time.saturating_add(varint(&mut bytes)?);
        let offset = self.base.saturating_add(varint(&mut bytes)?);
        let key = field(&mut bytes)?;
        let value = field(&mut bytes)?;
        let count = length(&mut bytes)?.ok_or_else(|| damage("a negative number of headers"))?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let name = field(&mut bytes)?.ok_or_else(|| damage("a header without a name"))?;
            headers.push((name, field(&mut bytes)?));
        }
        Ok(Record { offset, timestamp: self.append_time.unwrap_or(time), key, value, headers })
    }

    /// Of a marker: whether it ends its producer's transaction by giving it up.
    pub fn is_abort(&self) -> bool {
        // The key of a marker: its version and its type, 0 to abort and 1 to commit.
        let kind =
            |record: &Record| record.key.as_ref().and_then(|key| key.get(2..4).map(|kind| kind == [0, 0]));
        self.is_control && self.records().is_ok_and(|records| records.first().and_then(kind) == Some(true))
    }
}

/// A number of 7 bits a byte, the sign in the lowest bit.
fn varint(bytes: &mut Bytes) -> Result<i64, Damage> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    Err(damage("a number of more than 64 bits"))
}

/// A length; `None` where it is negative.
fn length(bytes: &mut Bytes) -> Result<Option<usize>, Damage> {
    Ok(usize::try_from(varint(bytes)?).ok())
}

fn field(bytes: &mut Bytes) -> Result<Option<Bytes>, Damage> {
    length(bytes)?.map(|length| take(bytes, length)).transpose()
}

fn take(bytes: &mut Bytes, length: usize) -> Result<Bytes, Damage> {
    if bytes.len() < length {
        return Err(damage("a record that is cut off"));
    }
    Ok(bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Draft;
    use super::*;

    fn read(bytes: Bytes) -> Vec<Record> {
        let batches: Result<Vec<_>, _> = Batches::new(bytes).collect();
        batches.expect("batches").iter().flat_map(|batch| batch.records().expect("records")).collect()
    }

    fn record() -> impl Strategy<Value = Record> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        let headers = proptest::collection::vec((bytes(), proptest::option::of(bytes())), 0..4);
        let field = || proptest::option::of(bytes());
        (0..1_i64 << 41, field(), field(), headers).prop_map(|(timestamp, key, value, headers)| Record {
            offset: 0,
            timestamp,
            key,
            value,
            headers,
        })
    }

    fn write(records: &[Record], compression: Compression) -> Bytes {
        let mut draft = Draft::default();
        for record in records {
            let headers = record.headers.iter().map(|(name, value)| (&**name, value.as_deref()));
            draft.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers);
        }
        assert_eq!(draft.count(), records.len());
        draft.finish(compression).expect("a batch")
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(records in proptest::collection::vec(record(), 1..20), packed in 0..5_i16) {
            let bytes = write(&records, Compression::from_bits(packed).expect("a way of packing"));
            let numbered = records.into_iter().zip(0..).map(|(record, offset)| Record { offset, ..record });
            prop_assert_eq!(read(bytes), numbered.collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for batch in Batches::new(bytes.into()).flatten() {
                let _ = batch.records();
            }
        }

        /// Past the checksum, too, whatever stands there.
        #[test]
        fn no_body_is_too_strange(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), count in any::<i32>(), packed in 0..5_i16,
        ) {
            let mut batch = Batches::new(write(&[], Compression::None)).next().expect("one").expect("a batch");
            batch.count = count.min(1000);
            batch.body = bytes.into();
            batch.compression = Compression::from_bits(packed).expect("a way of packing");
            let _ = batch.records();
            batch.is_control = true;
            let _ = batch.is_abort();
        }
    }

    #[test]
    fn headers_keep_their_order_and_repeat() {
        let header = |name: &'static str, value: Option<&'static str>| {
            (Bytes::from_static(name.as_bytes()), value.map(|value| Bytes::from_static(value.as_bytes())))
        };
        let headers =
            vec![header("z", Some("1")), header("a", None), header("z", Some("2")), header("z", Some("1"))];
        let record = Record { offset: 0, timestamp: 5, key: None, value: None, headers };
        assert_eq!(read(write(std::slice::from_ref(&record), Compression::None)), [record]);
    }

    #[test]
    fn a_batch_that_is_cut_off_is_not_there_yet() {
        let whole = write(
            &[Record { offset: 0, timestamp: 0, key: None, value: None, headers: vec![] }],
            Compression::None,
        );
        for length in 0..whole.len() {
            assert!(Batches::new(whole.slice(..length)).next().is_none(), "{length}");
        }
        let mut wrong = whole.to_vec();
        *wrong.last_mut().expect("bytes") ^= 1;
        let error = Batches::new(wrong.into()).next().expect("one").expect_err("damage");
        assert!(error.to_string().contains("checksum"), "{error}");
    }
}
