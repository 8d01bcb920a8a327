//! How the records of a batch are packed.

use std::io::Read;

use anyhow::{Result, bail};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::compression::{Compressor as _, Decompressor as _, Gzip, Lz4, Snappy, Zstd};

use crate::fault::Fault;

/// A batch that unpacks to more is not read: a few bytes may say that they are gigabytes.
const LARGEST: usize = 256 << 20;

/// How the records of a batch are packed; the number is the one on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    #[default]
    None = 0,
    /// gzip
    Gzip = 1,
    /// Snappy, in the framing of snappy-java.
    Snappy = 2,
    /// LZ4 frames.
    Lz4 = 3,
    /// Zstandard
    Zstd = 4,
}

impl Compression {
    pub(super) fn from_bits(bits: i16) -> Option<Self> {
        [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd]
            .get(usize::try_from(bits).ok()?)
            .copied()
    }

    pub(super) fn pack(self, records: &[u8]) -> Result<Bytes> {
        let mut packed = BytesMut::new();
        let put = |out: &mut BytesMut| {
            out.put_slice(records);
            Ok(())
        };
        match self {
            Self::None => put(&mut packed)?,
            Self::Gzip => Gzip::compress(&mut packed, put)?,
            Self::Snappy => Snappy::compress(&mut packed, put)?,
            Self::Lz4 => Lz4::compress(&mut packed, put)?,
            Self::Zstd => Zstd::compress(&mut packed, put)?,
        }
        Ok(packed.freeze())
    }

    pub(super) fn unpack(self, packed: Bytes) -> Result<Bytes> {
        self.unpack_within(packed, LARGEST)
    }

    fn unpack_within(self, mut packed: Bytes, most: usize) -> Result<Bytes> {
        match self {
            Self::None => Ok(packed),
            // Of several parts, as Java reads them.
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(&*packed), most),
            Self::Snappy => {
                check_snappy(&packed, most)?;
                Snappy::decompress(&mut packed, |all: &mut Bytes| Ok(all.copy_to_bytes(all.remaining())))
            }
            Self::Lz4 => bounded(lz4::Decoder::new(&*packed)?, most),
            Self::Zstd => bounded(zstd::Decoder::new(&*packed)?, most),
        }
    }
}

fn bounded(reader: impl Read, most: usize) -> Result<Bytes> {
    let mut unpacked = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut unpacked)?;
    check(unpacked.len(), most)?;
    Ok(unpacked.into())
}

fn check(size: usize, most: usize) -> Result<()> {
    if size > most {
        bail!("it unpacks to more than {most} bytes");
    }
    Ok(())
}

/// Each block says how large it is unpacked, and that much is taken at once. Blocks in the framing of snappy-java
/// (<https://github.com/xerial/snappy-java#compatibility-notes>) have their packed length before them; a block alone has
/// no frame.
fn check_snappy(packed: &[u8], most: usize) -> Result<()> {
    const MAGIC: &[u8] = b"\x82SNAPPY\0";
    const HEAD: usize = 16;
    let Some(mut blocks) = packed.get(HEAD..).filter(|_| packed.starts_with(MAGIC)) else {
        return check(snap::raw::decompress_len(packed)?, most);
    };
    let mut unpacked = 0_usize;
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length))?;
        let Some((block, rest)) = rest.split_at_checked(length) else { bail!("it is cut off") };
        unpacked = unpacked.saturating_add(snap::raw::decompress_len(block)?);
        check(unpacked, most)?;
        blocks = rest;
    }
    Ok(())
}

impl std::str::FromStr for Compression {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "snappy" => Ok(Self::Snappy),
            "lz4" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd),
            other => Err(Fault::new(format!("`compression={other}` is none that Kafka has"))
                .hint("it is none, gzip, snappy, lz4 or zstd")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_too_much_is_not_unpacked() {
        const MOST: usize = 100_000;
        for packing in [Compression::Gzip, Compression::Lz4, Compression::Zstd, Compression::Snappy] {
            let pack = |size| packing.pack(&vec![0; size]).expect("packed");
            assert_eq!(packing.unpack_within(pack(MOST), MOST).expect("unpacked").len(), MOST);
            let error = packing.unpack_within(pack(MOST + 1), MOST).expect_err("too large");
            assert!(error.to_string().contains("100000 bytes"), "{packing:?}: {error}");
        }
        // A block that only says so, in a frame and without.
        let mut alone = vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        alone.extend([0; 8]);
        let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        framed.extend(13_u32.to_be_bytes());
        framed.extend(&alone);
        for packed in [alone, framed] {
            assert!(Compression::Snappy.unpack(packed.into()).is_err());
        }
    }
}
