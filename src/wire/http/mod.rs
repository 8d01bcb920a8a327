//! HTTP as Nest serves it: no envelope. The pattern is `METHOD PATH`, the payload is the body.

pub mod events;
pub mod form;
mod played;
pub mod reader;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Read as _;

use http::{HeaderMap, StatusCode, header};
use serde_json::value::RawValue;

use crate::fault::{self, Fault};
use crate::message::{Data, HeaderValue, Headers, Pattern, Reply, ReplyKind};

pub use played::{is_of_the_link, is_of_the_way, played};

/// More than this a body does not unpack to: a few kilobytes of gzip can hold gigabytes.
const MOST_UNPACKED: u64 = 256 << 20;

/// The method and the path of `pattern`.
///
/// # Errors
/// It is something else.
pub fn split(pattern: &Pattern) -> Result<(&str, &str), Fault> {
    let wrong = |why: &str| {
        Fault::new(format!("`{}` is no HTTP request: {why}", fault::quoted(pattern.as_str())))
            .hint("write METHOD and PATH: GET /orders/1")
    };
    let Pattern::Text(text) = pattern else { return Err(wrong("it is JSON")) };
    let Some((method, path)) = text.split_once(' ') else { return Err(wrong("it has no method")) };
    if !is_method(method) {
        return Err(wrong("a method is written in letters"));
    }
    if !path.starts_with('/') {
        return Err(wrong("its path does not begin with `/`"));
    }
    Ok((method, path))
}

/// Whether `word` can be a method (RFC 9110 §9.1: a token; letters and `-` are all that are registered).
pub fn is_method(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// Header values as they are shown.
pub fn headers<'a>(map: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Headers {
    let value = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => HeaderValue::Text(text.to_owned()),
        Err(_) => HeaderValue::Binary(bytes.to_vec().into()),
    };
    map.into_iter().map(|(name, bytes)| (name.to_owned(), value(bytes))).collect()
}

/// What is in `body`: unpacked where `encoding` is one that eyas reads.
///
/// # Errors
/// It is not what its encoding says, or too much of it.
pub fn unpacked<'a>(encoding: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let mut out = Vec::new();
    let read = match encoding.as_str() {
        _ if body.is_empty() => return Ok(Cow::Borrowed(body)),
        "gzip" | "x-gzip" => {
            flate2::read::MultiGzDecoder::new(body).take(MOST_UNPACKED).read_to_end(&mut out)
        }
        "deflate" => flate2::read::ZlibDecoder::new(body).take(MOST_UNPACKED).read_to_end(&mut out),
        _ => return Ok(Cow::Borrowed(body)),
    };
    match read {
        Ok(size) if size as u64 == MOST_UNPACKED => {
            Err(Fault::new(format!("a body unpacks to more than {MOST_UNPACKED} bytes")))
        }
        Ok(_) => Ok(Cow::Owned(out)),
        Err(error) => Err(Fault::new(format!("a body that should be {encoding} is not: {error}"))),
    }
}

/// The reply that a response is, its body unpacked: 4xx and 5xx are the service's error.
pub fn reply(status: StatusCode, map: &HeaderMap, body: &[u8]) -> Reply {
    let named = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let status_line = (crate::message::STATUS.to_owned(), HeaderValue::Text(status.as_str().to_owned()));
    let headers = std::iter::once(status_line).chain(headers(named)).collect();
    let is_refused = status.is_client_error() || status.is_server_error();
    let data = match (body.is_empty(), is_refused) {
        (false, _) => Some(Data::classify(body)),
        (true, true) => Some(Data::Text(status.to_string())),
        (true, false) => None,
    };
    let kind = if is_refused { ReplyKind::Refused } else { ReplyKind::Next { last: true } };
    Reply { kind, data, headers }
}

/// What a body of `data` is called, where nobody says otherwise.
pub fn content_type(data: &Data) -> &'static str {
    match data {
        Data::Json(_) => "application/json",
        Data::Text(_) => "text/plain; charset=utf-8",
        Data::Binary(_) => "application/octet-stream",
    }
}

/// What a Nest controller that returns `value` sends, and what it calls it: an object as JSON, all else as text
/// (`RouterResponseController#apply`, and Express's adapter). `None` sends nothing.
pub fn returned(value: Option<&Data>) -> (Option<&'static str>, Vec<u8>) {
    const HTML: Option<&str> = Some("text/html; charset=utf-8");
    match value {
        None => (None, Vec::new()),
        Some(Data::Json(json)) => match json.get().as_bytes().first() {
            Some(b'{' | b'[') => (Some(JSON), json.get().as_bytes().to_vec()),
            Some(b'n') => (None, Vec::new()),
            Some(b'"') => (
                HTML,
                super::javascript::text(json).map_or_else(Vec::new, |text| text.into_owned().into_bytes()),
            ),
            _ => (HTML, json.get().as_bytes().to_vec()),
        },
        Some(other) => (Some(content_type(other)), other.as_bytes().to_vec()),
    }
}

/// What Nest calls a body of JSON.
pub const JSON: &str = "application/json; charset=utf-8";

/// What Nest's own filter sends for an exception: an object as it is, a text as the message of a 500. The status is the
/// one that the object names itself.
pub fn refused(error: Option<&Data>) -> (StatusCode, Vec<u8>) {
    let object = match error {
        Some(Data::Json(json)) => serde_json::from_str::<serde_json::Value>(json.get()).unwrap_or_default(),
        Some(data) => String::from_utf8_lossy(data.as_bytes()).into_owned().into(),
        None => "Internal server error".into(),
    };
    let text = |name: &str| object.get(name).and_then(serde_json::Value::as_str);
    let named = object.get("statusCode").and_then(serde_json::Value::as_u64);
    let named = named.and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok());
    let status = named
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // How a text travels as an error of a message (`wire.md` §1).
    let message = match (text("status"), text("message")) {
        (Some("error"), Some(message)) => Some(message.to_owned()),
        _ if object.is_object() || object.is_array() => None,
        _ => Some(object.as_str().map_or_else(|| object.to_string(), str::to_owned)),
    };
    match (message, error) {
        (Some(message), _) => {
            let body = serde_json::json!({ "statusCode": status.as_u16(), "message": message });
            (status, body.to_string().into_bytes())
        }
        (None, error) => (status, error.map_or_else(Vec::new, |data| data.as_bytes().to_vec())),
    }
}

/// What Nest answers where no route fits.
pub fn no_route(method: &str, path: &str) -> Box<RawValue> {
    let text = serde_json::Value::from(format!("Cannot {method} {path}"));
    let json = format!(r#"{{"message":{text},"error":"Not Found","statusCode":404}}"#);
    RawValue::from_string(json).unwrap_or_default()
}

/// Whether `filter`, a route with `:name` for a segment and `*` for the rest, covers `path`. A route that has no
/// query covers every query.
pub fn covers(filter: &str, path: &str) -> bool {
    if filter == path {
        return true;
    }
    if filter.contains('?') {
        return false;
    }
    let mut wanted = filter.split('/');
    let mut given = path.split(['?', '#']).next().unwrap_or_default().split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) | (Some("*"), Some(_)) => return true,
            (Some(name), Some(segment)) if name.starts_with(':') && name.len() > 1 && !segment.is_empty() => {
            }
            (Some(name), Some(segment)) if name == segment => {}
            _ => return false,
        }
    }
}

/// The value of the header `name`, where it is text.
pub fn text<'a>(map: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    map.get(name).and_then(|value| value.to_str().ok())
}
