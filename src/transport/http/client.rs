//! The asking side: a pool of connections, a response for each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header;
use tokio::sync::mpsc;

use super::request::Outgoing;
use super::{Options, SPEC};
use crate::fault::Fault;
use crate::message::{Reply, ReplyKind};
use crate::transport::{Endpoint, Error, Kind, Result, net, tls};
use crate::wire::http::{self as wire, events};

/// Replies that wait for one caller before the connection waits for it.
const REPLIES_WAITING: usize = 64;
/// More than this of a response is not kept.
const MOST_BODY: usize = 512 << 20;
/// How many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// A pool of connections.
pub(super) struct Client {
    pool: reqwest::Client,
    endpoint: Endpoint,
    /// What the URL's host is replaced by, so that the certificate is looked up under this name.
    server_name: Option<String>,
}

impl Client {
    /// Sets it up; connects when something is sent.
    pub(super) async fn new(endpoint: &Endpoint, options: Options) -> Result<Arc<Self>> {
        let wrong =
            |error: anyhow::Error| Error::unsupported("TLS cannot be used as it is set up").because(error);
        let policy = if options.follow {
            reqwest::redirect::Policy::limited(MOST_REDIRECTS)
        } else {
            reqwest::redirect::Policy::none()
        };
        let mut builder = reqwest::Client::builder()
            .redirect(policy)
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(endpoint.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30));
        let is_secure = SPEC.tls_schemes.contains(&endpoint.scheme.as_str());
        // A redirect may lead from one to the other.
        let may_secure = is_secure || options.follow;
        let config = if may_secure { tls::client_config(&endpoint.tls) } else { tls::no_client_config() };
        let mut config = config.map_err(wrong)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        builder = builder.tls_backend_preconfigured(config);
        let server_name = endpoint.tls.server_name.clone();
        if let Some(name) = &server_name {
            builder = builder.resolve_to_addrs(name, &addresses(endpoint).await?);
        }
        let pool = builder.build().map_err(|error| wrong(error.into()))?;
        Ok(Arc::new(Self { pool, endpoint: endpoint.clone(), server_name }))
    }

    /// Sends `request`; the receiver gets its replies.
    pub(super) fn request(self: Arc<Self>, request: Outgoing) -> mpsc::Receiver<Result<Reply>> {
        let (sender, replies) = mpsc::channel(REPLIES_WAITING);
        tokio::spawn(async move {
            tokio::select! {
                outcome = self.ask(request, &sender) => {
                    if let Err(error) = outcome {
                        // Whoever asked may have left.
                        let _ = sender.send(Err(error)).await;
                    }
                }
                () = sender.closed() => {}
            }
        });
        replies
    }

    async fn ask(&self, request: Outgoing, sender: &mpsc::Sender<Result<Reply>>) -> Result<()> {
        let mut response = self.respond(request).await?;
        let kind = wire::text(response.headers(), &header::CONTENT_TYPE).unwrap_or_default();
        let is_plain = !response.headers().contains_key(header::CONTENT_ENCODING);
        if kind.starts_with(events::CONTENT_TYPE) && response.status().is_success() && is_plain {
            return self.follow(response, sender).await;
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > MOST_BODY {
                let what = format!("{} sent more than {MOST_BODY} bytes", self.endpoint.shown());
                return Err(Error::new(Kind::Protocol, what));
            }
            body.extend_from_slice(&chunk);
        }
        let garbled = |fault: Fault| Error::new(Kind::Protocol, fault.to_string());
        let encoding = wire::text(response.headers(), &header::CONTENT_ENCODING);
        let body = wire::unpacked(encoding, &body).map_err(garbled)?;
        let _ = sender.send(Ok(wire::reply(response.status(), response.headers(), &body))).await;
        Ok(())
    }

    /// Sends `request`, and waits for the head of the response.
    pub(super) async fn respond(&self, request: Outgoing) -> Result<reqwest::Response> {
        let Outgoing { method, mut url, headers, body } = request;
        if let Some(name) = &self.server_name
            && url.set_host(Some(name)).is_err()
        {
            return Err(Error::unsupported(format!("`{name}` cannot be the name of a server")));
        }
        let mut outgoing = reqwest::Request::new(method, url);
        if headers.contains_key(header::CONTENT_LENGTH) {
            *outgoing.body_mut() = Some(body.into());
        }
        *outgoing.headers_mut() = headers;
        self.pool.execute(outgoing).await.map_err(|error| self.broken(&error))
    }

    /// A response that is a stream: each of its events is a reply.
    async fn follow(
        &self,
        mut response: reqwest::Response,
        sender: &mpsc::Sender<Result<Reply>>,
    ) -> Result<()> {
        let mut decoder = events::Decoder::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            decoder.feed(&chunk);
            while let Some(event) = decoder.next_event() {
                if sender.send(Ok(event)).await.is_err() {
                    return Ok(());
                }
            }
            if decoder.is_flooded() {
                return Err(Error::new(Kind::Protocol, "an event has no end"));
            }
        }
        let _ = sender.send(Ok(Reply { kind: ReplyKind::End, data: None, headers: Vec::new() })).await;
        Ok(())
    }

    /// What went wrong, in a word and its first cause: those between say nothing.
    fn broken(&self, error: &reqwest::Error) -> Error {
        let is_secure = SPEC.tls_schemes.contains(&self.endpoint.scheme.as_str());
        if error.is_timeout() {
            return net::too_slow(&self.endpoint);
        }
        if error.is_connect() {
            return net::unreachable(&self.endpoint, first_cause(error), is_secure);
        }
        if error.is_redirect() {
            let what = format!("{} redirects too often", self.endpoint.shown());
            return Error::new(Kind::Protocol, what).because(first_cause(error));
        }
        let shown = self.endpoint.shown();
        let is_parse = is_parse(error);
        let cause = first_cause(error);
        if is_parse {
            return Error::new(Kind::Protocol, format!("{shown} does not speak HTTP"))
                .because(cause)
                .hint("check the port: a hybrid service has one for HTTP and another for messages");
        }
        Error::new(Kind::Closed, format!("{shown} closed the connection without an answer")).because(cause)
    }
}

/// Whether what came was no HTTP.
fn is_parse(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        source = error.source();
    }
    false
}

/// The cause that all others come from.
fn first_cause(error: &reqwest::Error) -> anyhow::Error {
    let mut first: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = first.source() {
        first = source;
    }
    match first.downcast_ref::<std::io::Error>() {
        // The kind is what advice is chosen by.
        Some(io) => match io.raw_os_error() {
            Some(code) => std::io::Error::from_raw_os_error(code).into(),
            None => std::io::Error::new(io.kind(), io.to_string()).into(),
        },
        None => anyhow::anyhow!("{first}"),
    }
}

async fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    found.map(Iterator::collect).map_err(|error| net::unreachable(endpoint, error.into(), true))
}
