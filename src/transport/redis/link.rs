//! Connections to a Redis server. The library speaks its protocol; sockets, TLS and time limits are ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError,
    ServerErrorKind, Value,
};
use tokio::time::{Instant, sleep, timeout};

use super::net;
use crate::transport::{Endpoint, Error, Kind, Result};

/// How long a silent link is trusted before the server is asked whether it is still there, and how long it then
/// has to say so.
const SILENCE: Duration = Duration::from_secs(10);

/// A published message, as it was pushed to a subscriber.
pub(super) struct Pushed {
    /// The pattern of ours that it came by, if it came by one.
    pub(super) pattern: Option<String>,
    pub(super) channel: String,
    pub(super) payload: Vec<u8>,
}

/// Connects and logs in within the endpoint's time, without a subscription.
pub(super) async fn connect(endpoint: &Endpoint, secure: bool) -> Result<MultiplexedConnection> {
    open(endpoint, secure, |_| {}).await
}

/// The same, for subscriptions: `see` gets every message, in order, on the task that reads the socket, so it must
/// not wait. It is dropped when the link is over.
pub(super) async fn open(
    endpoint: &Endpoint,
    secure: bool,
    see: impl Fn(Pushed) + Send + Sync + 'static,
) -> Result<MultiplexedConnection> {
    let start = Instant::now();
    let (reader, writer) = net::connect(endpoint, secure).await?;
    let seen = Arc::new(AtomicU64::new(0));
    let count = seen.clone();
    let on_push = move |info| {
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(pushed) = read_push(info) {
            see(pushed);
        }
        Ok::<(), std::convert::Infallible>(())
    };
    let config = AsyncConnectionConfig::new().set_push_sender(on_push).set_response_timeout(None);
    let stream = tokio::io::join(reader, writer);
    let info = identity(endpoint);
    let left = endpoint.connect_timeout.saturating_sub(start.elapsed());
    let handshake = timeout(left, MultiplexedConnection::new_with_config(&info, stream, config)).await;
    let (connection, driver) = match handshake {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return Err(refused(error, endpoint)),
        Err(_) => {
            let what = format!("{} took the connection and did not answer", endpoint.shown());
            return Err(Error::new(Kind::Unreachable, what)
                .hint("is this a Redis server, and is TLS on for both sides or for none (rediss://)?"));
        }
    };
    let kept = connection.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = driver => {}
            () = silence(kept, seen) => {}
        }
    });
    Ok(connection)
}

fn identity(endpoint: &Endpoint) -> RedisConnectionInfo {
    // The database of the URL's path is not selected: channels belong to none (`wire.md` §4).
    let mut info =
        RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    if let Some(user) = &endpoint.user {
        info = info.set_username(user);
    }
    if let Some(password) = &endpoint.password {
        info = info.set_password(password.reveal());
    }
    info
}

fn read_push(PushInfo { kind, data }: PushInfo) -> Option<Pushed> {
    let text = |value| match value {
        Value::BulkString(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        Value::SimpleString(text) => Some(text),
        _ => None,
    };
    let mut data = data.into_iter();
    let pattern = match kind {
        PushKind::Message => None,
        PushKind::PMessage => Some(text(data.next()?)?),
        _ => return None,
    };
    let channel = text(data.next()?)?;
    let Value::BulkString(payload) = data.next()? else { return None };
    Some(Pushed { pattern, channel, payload })
}

/// Whether the server is one node of a cluster: it passes a message on to all of them, and counts only who is
/// subscribed at itself (<https://redis.io/docs/latest/commands/publish/>). Who may not ask takes it for one alone.
pub(super) async fn is_of_cluster(connection: &MultiplexedConnection) -> bool {
    let info: redis::RedisResult<String> =
        redis::cmd("INFO").arg("cluster").query_async(&mut connection.clone()).await;
    info.is_ok_and(|info| info.contains("cluster_enabled:1"))
}

/// Done once the server has said nothing for too long: a link that was cut without a word never ends by itself.
async fn silence(connection: MultiplexedConnection, seen: Arc<AtomicU64>) {
    loop {
        sleep(SILENCE).await;
        let before = seen.load(Ordering::Relaxed);
        let mut asking = connection.clone();
        let ping = redis::cmd("PING");
        let answer = timeout(SILENCE, asking.send_packed_command(&ping)).await;
        if answer.is_err() && seen.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// What an error of the library's is while a link is made.
fn refused(error: RedisError, endpoint: &Endpoint) -> Error {
    let error = told(error, endpoint);
    match error.kind() {
        Kind::Closed => Error::new(Kind::Unreachable, format!("{} closed the connection", endpoint.shown()))
            .because(error)
            .hint("is this a Redis server, and is TLS on for both sides or for none (rediss://)?"),
        _ => error,
    }
}

/// What an error of the library's is on a link that was made.
pub(super) fn told(error: RedisError, endpoint: &Endpoint) -> Error {
    let shown = endpoint.shown();
    let code = error.code().unwrap_or_default().to_owned();
    let detail = error.detail().unwrap_or_default().to_owned();
    match (error.kind(), code.as_str()) {
        (ErrorKind::AuthenticationFailed, _) | (_, "WRONGPASS" | "NOAUTH") => Error::new(
            Kind::Denied,
            format!("{shown} refused the login"),
        )
        .because(error)
        .hint(
            "the login stands in the URL: redis://USER:PASSWORD@HOST, without a user redis://:PASSWORD@HOST",
        ),
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            Error::new(Kind::Denied, format!("{shown} does not allow this: {detail}"))
                .hint("the user's ACL needs &CHANNEL for the channel and its `.reply`, and +@pubsub")
        }
        (ErrorKind::RESP3NotSupported, _) => {
            Error::unsupported(format!("{shown} is older than Redis 6")).because(error)
        }
        (ErrorKind::Parse, _) => {
            Error::new(Kind::Protocol, format!("{shown} does not speak Redis")).because(error)
        }
        (ErrorKind::Server(_) | ErrorKind::Extension, _) => {
            Error::new(Kind::Refused, format!("{shown} refused the command: {code} {detail}"))
        }
        _ => Error::new(Kind::Closed, format!("the connection to {shown} was lost")).because(error),
    }
}
