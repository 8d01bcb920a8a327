//! Connecting and logging in: MQTT 5 first, 3.1.1 where the broker does not speak it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{Options, SPEC, net};
use crate::secret::Secret;
use crate::transport::{Endpoint, Error, Kind, Result};
use crate::wire::mqtt::{Accepted, Decoder, Login, Packet, Version, connect, why};

/// The keep-alive that eyas asks for, in seconds.
pub(super) const KEEP_ALIVE: u16 = 20;

/// A connection that was logged in.
pub(super) struct Session {
    pub(super) version: Version,
    pub(super) broker: Accepted,
    pub(super) reader: net::Reader,
    pub(super) writer: net::Writer,
    /// What reads the rest of the stream.
    pub(super) decoder: Decoder,
}

/// Why there is no session.
enum Failed {
    /// The broker does not speak this version, as far as can be told.
    Version(Error),
    /// Another would not help.
    Error(Error),
}

/// Connects and logs in, each attempt within the endpoint's time.
pub(super) async fn login(endpoint: &Endpoint, options: &Options) -> Result<Session> {
    let first = options.version.unwrap_or(Version::V5);
    let session = match attempt(endpoint, first).await {
        Err(Failed::Version(_)) if options.version.is_none() => attempt(endpoint, Version::V4).await,
        outcome => outcome,
    };
    let session = session.map_err(|failed| match failed {
        Failed::Version(error) | Failed::Error(error) => error,
    })?;
    if options.qos as u8 > session.broker.qos_maximum {
        let most = session.broker.qos_maximum;
        return Err(Error::unsupported(format!("{} takes QoS {most} at most", endpoint.shown())));
    }
    if options.retain && !session.broker.can_retain {
        return Err(Error::unsupported(format!("{} takes no retained messages", endpoint.shown())));
    }
    Ok(session)
}

async fn attempt(endpoint: &Endpoint, version: Version) -> Result<Session, Failed> {
    let secure = SPEC.tls_schemes.contains(&endpoint.scheme.as_str());
    let (mut reader, mut writer) = net::connect(endpoint, secure).await.map_err(Failed::Error)?;
    let mut packet = Vec::new();
    let name = format!("eyas-{:016x}", RandomState::new().build_hasher().finish());
    let login = Login {
        client_id: &name,
        keep_alive: KEEP_ALIVE,
        user: endpoint.user.as_deref(),
        password: endpoint.password.as_ref().map(Secret::reveal),
    };
    connect(&mut packet, version, &login).map_err(|fault| Failed::Error(super::unusable(fault)))?;
    let mut decoder = Decoder::new(version);
    let shown = endpoint.shown();
    let answer = async {
        writer.write_all(&packet).await?;
        writer.flush().await?;
        answered(&mut reader, &mut decoder).await
    };
    let broker = match timeout(endpoint.connect_timeout, answer).await {
        Ok(Ok(Ok(broker))) => broker,
        Ok(Ok(Err((reason, text)))) => return Err(refused(&shown, reason, text.as_deref())),
        Ok(Err(error)) => return Err(broken(&shown, error)),
        Err(_) => {
            let waited = endpoint.connect_timeout;
            let error = Error::new(
                Kind::Unreachable,
                format!("{shown} did not answer the login within {waited:?}"),
            )
            .hint(
                "is this an MQTT broker's port, and one without TLS? or wait longer with --connect-timeout",
            );
            return Err(Failed::Error(error));
        }
    };
    Ok(Session { version, broker, reader, writer, decoder })
}

type Answer = Result<Accepted, (u8, Option<String>)>;

/// Reads until the broker has said yes or no.
async fn answered(reader: &mut net::Reader, decoder: &mut Decoder) -> anyhow::Result<Answer> {
    let mut buffer = [0; 1024];
    loop {
        match decoder.next_packet()? {
            Some(Packet::Accepted(broker)) => return Ok(Ok(broker)),
            Some(Packet::Refused { reason, text }) => return Ok(Err((reason, text.map(str::to_owned)))),
            Some(_) => anyhow::bail!("something else came instead of an answer to the login"),
            None => {}
        }
        let count = reader.read(&mut buffer).await?;
        anyhow::ensure!(count > 0, "it closed the connection instead of answering the login");
        decoder.feed(&buffer[..count]);
    }
}

fn refused(shown: &str, reason: u8, text: Option<&str>) -> Failed {
    let why = text.unwrap_or_else(|| why(reason));
    let what = |kind| Error::new(kind, format!("{shown} refused the login: {why}"));
    match reason {
        1 | 0x84 => {
            Failed::Version(what(Kind::Unreachable).hint("-O version=4 or 5 says which MQTT to speak"))
        }
        4 | 5 | 0x86 | 0x87 | 0x8A | 0x8C => Failed::Error(
            what(Kind::Denied).hint("name and password go in the URL: mqtt://user:${PASSWORD}@host"),
        ),
        _ => Failed::Error(what(Kind::Unreachable)),
    }
}

/// A broker that knows only 3.1.1 may close the connection for any other, without a word.
fn broken(shown: &str, cause: anyhow::Error) -> Failed {
    Failed::Version(
        Error::new(Kind::Unreachable, format!("{shown} did not log us in as an MQTT broker does"))
            .because(cause)
            .hint("is this an MQTT broker's port (1883, or 8883 with TLS: mqtts://)?"),
    )
}
