//! How the records of a batch are packed.

use anyhow::Result;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::compression::{Compressor as _, Decompressor as _, Gzip, Lz4, Snappy, Zstd};

use crate::fault::Fault;

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

    pub(super) fn unpack(self, mut packed: Bytes) -> Result<Bytes> {
        let take = |all: &mut Bytes| Ok(all.copy_to_bytes(all.remaining()));
        match self {
            Self::None => Ok(packed),
            Self::Gzip => Gzip::decompress(&mut packed, take),
            Self::Snappy => Snappy::decompress(&mut packed, take),
            Self::Lz4 => Lz4::decompress(&mut packed, take),
            Self::Zstd => Zstd::decompress(&mut packed, take),
        }
    }
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
