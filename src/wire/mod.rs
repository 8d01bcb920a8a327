//! Nest's bytes: envelopes, framing, pattern → route. Pure: bytes in, [`crate::message`] out, and back.

pub mod grpc;
pub mod http;
pub mod javascript;
pub mod kafka;
pub mod mqtt;
pub mod nats;
pub mod packet;
pub mod pattern;
#[cfg(test)]
mod properties;
pub mod redis;
pub mod rmq;
pub mod tcp;
#[cfg(test)]
mod vectors;

/// The major version of Nest at the other end: how patterns are escaped and replies are read (`wire.md` §10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NestVersion {
    /// 10.x
    V10,
    /// 11.x
    V11,
    /// 12.x
    #[default]
    V12,
}

impl std::str::FromStr for NestVersion {
    type Err = crate::fault::Fault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "10" => Ok(Self::V10),
            "11" => Ok(Self::V11),
            "12" => Ok(Self::V12),
            other => Err(crate::fault::Fault::new(format!("`nest={other}` is no version eyas knows"))
                .hint("the versions are 10, 11 and 12")),
        }
    }
}
