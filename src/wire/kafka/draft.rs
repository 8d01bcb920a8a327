//! Record batches as they are written: format 2, by no producer that has an id.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::Compression;
use super::batch::{Damage, HEAD, PREFIX, damage};

/// What the checksum does not cover: epoch, magic byte, the checksum itself.
const UNCHECKED: usize = 9;

fn put_varint(out: &mut Vec<u8>, number: i64) {
    let mut number = (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned();
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_varint(out, i64::try_from(length).unwrap_or(i64::MAX));
}

fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => put_varint(out, -1),
        Some(field) => {
            put_length(out, field.len());
            out.extend_from_slice(field);
        }
    }
}

/// A batch in the making.
#[derive(Debug, Default)]
pub struct Draft {
    body: Vec<u8>,
    record: Vec<u8>,
    count: i32,
    first_time: i64,
    last_time: i64,
}

impl Draft {
    /// Adds a record of `time`, milliseconds of Unix time.
    pub fn push<'a>(
        &mut self,
        time: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        if self.count == 0 {
            (self.first_time, self.last_time) = (time, time);
        }
        self.last_time = self.last_time.max(time);
        let record = &mut self.record;
        record.clear();
        record.push(0);
        put_varint(record, time - self.first_time);
        put_varint(record, self.count.into());
        put_field(record, key);
        put_field(record, value);
        put_length(record, headers.len());
        for (name, value) in headers {
            put_field(record, Some(name));
            put_field(record, value);
        }
        put_length(&mut self.body, record.len());
        self.body.extend_from_slice(record);
        self.count += 1;
    }

    /// How many records it holds.
    pub fn count(&self) -> usize {
        usize::try_from(self.count).unwrap_or_default()
    }

    /// How many bytes it will be where nothing is packed.
    pub fn size(&self) -> usize {
        PREFIX + HEAD + self.body.len()
    }

    /// The batch as it travels.
    ///
    /// # Errors
    /// Records that cannot be packed.
    pub fn finish(&self, compression: Compression) -> Result<Bytes, Damage> {
        let packed;
        let body: &[u8] = if compression == Compression::None {
            &self.body
        } else {
            packed = compression.pack(&self.body).map_err(|error| damage(format!("{error:#}")))?;
            &packed
        };
        let mut checked = BytesMut::with_capacity(HEAD - UNCHECKED + body.len());
        checked.put_i16(compression as i16);
        checked.put_i32(self.count - 1);
        checked.put_i64(self.first_time);
        checked.put_i64(self.last_time);
        // No producer with an id, so no epoch and no sequence of its own.
        checked.put_i64(-1);
        checked.put_i16(-1);
        checked.put_i32(-1);
        checked.put_i32(self.count);
        checked.put_slice(body);
        let mut batch = BytesMut::with_capacity(PREFIX + UNCHECKED + checked.len());
        batch.put_i64(0);
        batch.put_i32(i32::try_from(UNCHECKED + checked.len()).map_err(|_| damage("a batch of over 2 GiB"))?);
        batch.put_i32(-1);
        batch.put_i8(2);
        batch.put_u32(crc32c::crc32c(&checked));
        batch.put_slice(&checked);
        Ok(batch.freeze())
    }
}
