//! How a call ended: the status codes of gRPC by name, and what stands for them in JSON.

use http::HeaderMap;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::message::{Data, HeaderValue, Headers};

/// The names of the codes, by number (gRPC, "Status codes and their use in gRPC").
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What Nest gives where an exception names no code.
const UNKNOWN: i32 = 2;

/// The name of `code`; `UNKNOWN` for a number that gRPC does not have.
pub fn name(code: i32) -> &'static str {
    usize::try_from(code).ok().and_then(|code| NAMES.get(code)).unwrap_or(&NAMES[2])
}

/// The number of a name.
fn number(name: &str) -> Option<i32> {
    NAMES.iter().position(|known| *known == name).and_then(|code| i32::try_from(code).ok())
}

/// The status among `headers`, which are the trailers, or the head of an answer that has nothing else; its message is
/// percent-encoded.
pub fn of(headers: &HeaderMap) -> Option<(i32, String)> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().unwrap_or(UNKNOWN);
    let message = headers.get("grpc-message").map(http::HeaderValue::as_bytes).unwrap_or_default();
    Some((code, percent_decode(message).decode_utf8_lossy().into_owned()))
}

/// A status as the error of a reply: `{"code":5,"status":"NOT_FOUND","message":"gone"}`.
pub fn to_data(code: i32, message: &str) -> Data {
    let text = json!({ "code": code, "status": name(code), "message": message }).to_string();
    Data::json(text).unwrap_or_else(|_| Data::Text(message.to_owned()))
}

/// A status that a call is to end with.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The code.
    pub code: i32,
    /// `grpc-message`, before it is percent-encoded.
    pub message: String,
    /// Metadata that goes with it.
    pub metadata: Headers,
}

/// The error that a rule answers with, read as Nest's server reads what an `RpcException` holds: text is a message
/// with the code UNKNOWN; of an object `code`, `details` before `message`, and `metadata` count.
pub fn refusal(error: Option<&Data>) -> Refusal {
    #[derive(Deserialize)]
    struct Given<'a> {
        #[serde(borrow)]
        code: Option<&'a RawValue>,
        status: Option<String>,
        message: Option<String>,
        details: Option<String>,
        #[serde(default)]
        metadata: std::collections::BTreeMap<String, String>,
    }
    let plain = |message: String| Refusal { code: UNKNOWN, message, metadata: Vec::new() };
    let Some(error) = error else { return plain(String::new()) };
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    if let Ok(message) = serde_json::from_str::<String>(&text) {
        return plain(message);
    }
    let Ok(given) = serde_json::from_str::<Given<'_>>(&text) else { return plain(text) };
    let code = given
        .code
        .map(RawValue::get)
        .and_then(|code| code.parse().ok().or_else(|| number(serde_json::from_str::<&str>(code).ok()?)));
    Refusal {
        code: code.or_else(|| number(given.status.as_deref()?)).unwrap_or(UNKNOWN),
        message: given.details.or(given.message).unwrap_or_default(),
        metadata: given.metadata.into_iter().map(|(name, value)| (name, HeaderValue::Text(value))).collect(),
    }
}

/// The numbers that calls of one link are told by, as JSON.
pub fn id(number: u64) -> Option<Box<RawValue>> {
    to_raw_value(&number).ok()
}
