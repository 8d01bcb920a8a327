//! A response that was recorded, as it is given again.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue as Field, StatusCode, header};

use super::events;
use crate::message::{Data, HeaderValue, Reply, ReplyKind, STATUS};
use crate::secret;

/// Headers that say how a message travels, not what it is: each way has its own.
const OF_THE_LINK: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::EXPECT];

/// Whether the header `name` says how a message travels, not what it is.
pub fn is_of_the_link(name: &str) -> bool {
    OF_THE_LINK.iter().any(|own| name.eq_ignore_ascii_case(own.as_str()))
}

/// Whether the header `name` says where a message went and how, when, or what its sender reads: told again each time.
pub fn is_of_the_way(name: &str) -> bool {
    let ours = [header::HOST, header::ACCEPT_ENCODING, header::TE, header::TRAILER, header::DATE];
    let is_ours = ours.iter().any(|own| name.eq_ignore_ascii_case(own.as_str()));
    is_ours || is_of_the_link(name) || name.eq_ignore_ascii_case("keep-alive")
}

/// The response that ends with `last`, which tells its status, after `values`, which were events of it. `None` for a
/// reply that was never one of HTTP.
pub fn played(values: &[Reply], last: &Reply) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
    let status = StatusCode::from_bytes(last.status()?.as_bytes()).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &last.headers {
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        let bytes: &[u8] = match value {
            HeaderValue::Text(text) if text == secret::MASK => continue,
            HeaderValue::Text(text) => text.as_bytes(),
            HeaderValue::Binary(bytes) => bytes,
            HeaderValue::Json(json) => json.get().as_bytes(),
        };
        // What is readable was unpacked.
        let is_unpacked = key == header::CONTENT_ENCODING && !matches!(last.data, Some(Data::Binary(_)));
        let Ok(value) = Field::from_bytes(bytes) else { continue };
        if name != STATUS && !is_of_the_way(name) && !is_unpacked {
            headers.append(key, value);
        }
    }
    if !values.is_empty() {
        headers.insert(header::CONTENT_TYPE, Field::from_static(events::CONTENT_TYPE));
        return Some((status, headers, values.iter().flat_map(event).collect()));
    }
    Some((status, headers, body(last, status)))
}

/// The body of a response whose record is `reply`.
fn body(reply: &Reply, status: StatusCode) -> Vec<u8> {
    let Some(data) = &reply.data else { return Vec::new() };
    let is_json = reply.text(header::CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
    match data {
        // An error stands in a record as JSON, whatever it was.
        Data::Json(json) if reply.kind == ReplyKind::Refused && !is_json => {
            let text: String = serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned());
            // What is said in place of a body that there was not.
            if text == status.to_string() { Vec::new() } else { text.into_bytes() }
        }
        data => data.as_bytes().to_vec(),
    }
}

/// A value as a server-sent event.
fn event(reply: &Reply) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in &reply.headers {
        if let HeaderValue::Text(value) = value {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    let data =
        reply.data.as_ref().map_or_else(Default::default, |data| String::from_utf8_lossy(data.as_bytes()));
    for line in data.split('\n') {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text.into_bytes()
}
