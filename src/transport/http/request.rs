//! A message as an HTTP request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use super::{Form, Options, SPEC, unusable};
use crate::fault::Fault;
use crate::message::{Data, HeaderValue as Value, Message};
use crate::transport::{Endpoint, Result};
use crate::wire::http::{self as wire, form};

/// A request, ready to go.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    /// In the order they are sent, `host` the first.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What `message` is to a service at `endpoint`.
pub(super) fn build(message: &Message, endpoint: &Endpoint, options: Options) -> Result<Outgoing> {
    let (method, path) = wire::split(&message.pattern).map_err(unusable)?;
    let url = url(endpoint, path).map_err(unusable)?;
    // Its letters were checked.
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|error| unusable(Fault::new(format!("`{method}` is no method: {error}"))))?;
    let (kind, body) = match &message.data {
        None => (None, Bytes::new()),
        Some(data) => body(data, options.form).map_err(unusable)?,
    };
    let has_body = message.data.is_some();
    let headers =
        headers(message, endpoint, kind.as_deref(), has_body.then_some(body.len())).map_err(unusable)?;
    Ok(Outgoing { method, url, headers, body })
}

/// `data` as it goes, and what that is called.
fn body(data: &Data, form: Form) -> Result<(Option<String>, Bytes), Fault> {
    Ok(match form {
        Form::Fields => (Some(form::FORM.to_owned()), form::urlencoded(data)?.into()),
        Form::Parts => {
            let (kind, body) = form::multipart(data)?;
            (Some(kind), body.into())
        }
        Form::None if form::has_file(data) => {
            return Err(Fault::new("a file goes in a form, and this is sent as JSON")
                .hint("-O form=multipart sends it; -d @FILE sends a file alone, as it is"));
        }
        Form::None => (Some(wire::content_type(data).to_owned()), Bytes::copy_from_slice(data.as_bytes())),
    })
}

/// Where `path` lies: below the path of the URL that was given. `/` alone means that path itself.
fn url(endpoint: &Endpoint, path: &str) -> Result<Url, Fault> {
    let base = &endpoint.path;
    let path = match (base.is_empty(), path) {
        (true, path) => path.to_owned(),
        (false, "/") => format!("/{base}"),
        (false, path) => format!("/{}{path}", base.trim_end_matches('/')),
    };
    let text = format!("{}{path}", endpoint.shown());
    Url::parse(&text).map_err(|error| Fault::new(format!("`{text}` is no URL: {error}")))
}

fn headers(
    message: &Message,
    endpoint: &Endpoint,
    kind: Option<&str>,
    length: Option<usize>,
) -> Result<HeaderMap, Fault> {
    let mut given = HeaderMap::new();
    for (name, value) in &message.headers {
        let wrong = |why: &str| Fault::new(format!("`{name}` cannot be sent as a header: {why}"));
        // What a recorded reply has of this kind is no header.
        if name.starts_with(':') {
            continue;
        }
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|error| wrong(&error.to_string()))?;
        let bytes: &[u8] = match value {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
            Value::Json(json) => json.get().as_bytes(),
        };
        let value = HeaderValue::from_bytes(bytes).map_err(|error| wrong(&error.to_string()))?;
        // What is readable was unpacked: only bytes may still be what their encoding says.
        let is_unpacked = key == header::CONTENT_ENCODING && !matches!(message.data, Some(Data::Binary(_)));
        if !wire::is_of_the_link(name) && !is_unpacked {
            given.append(key, value);
        }
    }
    let mut headers = HeaderMap::new();
    let host = given.remove(header::HOST).map_or_else(|| HeaderValue::from_str(&authority(endpoint)), Ok);
    headers
        .insert(header::HOST, host.map_err(|error| Fault::new(format!("the host cannot be sent: {error}")))?);
    let agent = concat!("eyas/", env!("CARGO_PKG_VERSION"));
    let defaults = [
        (header::USER_AGENT, Some(agent)),
        (header::ACCEPT, Some("*/*")),
        (header::ACCEPT_ENCODING, Some("gzip")),
        (header::CONTENT_TYPE, kind),
    ];
    for (name, value) in defaults {
        if let Some(value) = value.filter(|_| !given.contains_key(&name)) {
            let wrong = |error| Fault::new(format!("`{value}` cannot be sent as `{name}`: {error}"));
            headers.insert(name.clone(), HeaderValue::from_str(value).map_err(wrong)?);
        }
    }
    if let Some(user) = endpoint.user.as_ref().filter(|_| !given.contains_key(header::AUTHORIZATION)) {
        headers.insert(header::AUTHORIZATION, login(user, endpoint)?);
    }
    for (name, value) in &given {
        headers.append(name, value.clone());
    }
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(headers)
}

fn login(user: &str, endpoint: &Endpoint) -> Result<HeaderValue, Fault> {
    let password = endpoint.password.as_ref().map_or("", |password| password.reveal());
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&text).map_err(|_| Fault::new("this login cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Host and port as the header `host` names them: without the port that its scheme has anyway.
fn authority(endpoint: &Endpoint) -> String {
    let is_secure = SPEC.tls_schemes.contains(&endpoint.scheme.as_str());
    let usual = if is_secure { SPEC.default_tls_port } else { SPEC.default_port };
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    if endpoint.port == usual { host } else { format!("{host}:{}", endpoint.port) }
}

impl Outgoing {
    /// The exact bytes over HTTP/1.1.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let query = self.url.query().map_or_else(String::new, |query| format!("?{query}"));
        let mut bytes = format!("{} {}{query} HTTP/1.1\r\n", self.method, self.url.path()).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
