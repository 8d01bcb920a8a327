//! How messages follow one another in a stream: a flag, a length and the protobuf (gRPC over HTTP/2,
//! "Length-Prefixed-Message").

use std::io::Read as _;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::fault::Fault;

/// The flag and the length.
const PREFIX: usize = 5;

/// One message, uncompressed.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + PREFIX);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// Takes a stream apart as it comes.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    /// What `grpc-encoding` says: how the messages are compressed that are.
    encoding: Option<String>,
    largest: usize,
}

impl Frames {
    /// A stream whose compressed messages are in `encoding`; none may be larger than `largest` bytes.
    pub fn new(encoding: Option<&str>, largest: usize) -> Self {
        Self { buffer: BytesMut::new(), encoding: encoding.map(str::to_owned), largest }
    }

    /// Takes what has come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more has come.
    ///
    /// # Errors
    /// What is not a message: a length beyond all measure, a compression that is not known or not kept to.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some((prefix, _)) = self.buffer.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let [flag, length @ ..] = *prefix;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.largest {
            return Err(Fault::new(format!("a message of {length} bytes is larger than {}", self.largest)));
        }
        if self.buffer.len() - PREFIX < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        let message = self.buffer.split_to(length).freeze();
        match flag {
            0 => Ok(Some(message)),
            1 => self.inflate(&message).map(Some),
            other => Err(Fault::new(format!("a message begins with {other}, which is no flag of gRPC"))),
        }
    }

    /// How many bytes have come of a message that is not whole.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    fn inflate(&self, message: &[u8]) -> Result<Bytes, Fault> {
        let encoding = self.encoding.as_deref().unwrap_or("identity");
        if encoding != "gzip" {
            return Err(Fault::new(format!(
                "a message is compressed with `{encoding}`, which eyas does not read"
            )));
        }
        let limit = u64::try_from(self.largest).unwrap_or(u64::MAX);
        let mut inflated = Vec::new();
        let read =
            flate2::read::GzDecoder::new(message).take(limit.saturating_add(1)).read_to_end(&mut inflated);
        read.map_err(|error| Fault::new(format!("a compressed message is damaged: {error}")))?;
        if inflated.len() > self.largest {
            return Err(Fault::new(format!("a compressed message holds more than {} bytes", self.largest)));
        }
        Ok(inflated.into())
    }
}
