//! Metadata: headers of ours as HTTP/2 carries them, and back. Names that end in `-bin` hold bytes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue as Field};

use crate::fault::{Fault, quoted};
use crate::message::{HeaderValue, Headers};

/// Base64 as gRPC has it: written without padding, read with it or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What gRPC and HTTP/2 write for themselves: no metadata, and nobody may set it.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "date",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
];

fn is_reserved(name: &str) -> bool {
    name.starts_with("grpc-") || name.starts_with(':') || RESERVED.contains(&name)
}

fn is_binary(name: &str) -> bool {
    name.ends_with("-bin")
}

/// Adds `headers` to `map`.
///
/// # Errors
/// A name that is reserved or cannot stand in HTTP/2, a value that is not ASCII, base64 that is none.
pub fn write(headers: &Headers, map: &mut HeaderMap) -> Result<(), Fault> {
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        if is_reserved(&lower) {
            return Err(Fault::new(format!("`{name}` is no metadata: gRPC writes it for itself"))
                .hint("a deadline is --timeout; compression is -O gzip=true"));
        }
        let field = HeaderName::try_from(lower.as_str()).map_err(|_| {
            Fault::new(format!("`{}` cannot be the name of metadata", quoted(name)))
                .hint("a name has letters, digits, `-`, `_` and `.`")
        })?;
        let text = field_text(&lower, value)?;
        let value = Field::from_str(&text).ok().filter(|_| text.is_ascii()).ok_or_else(|| {
            Fault::new(format!("the metadata `{name}` is not printable ASCII"))
                .hint(format!("bytes go base64-encoded under a name that ends in -bin: `{name}-bin`"))
        })?;
        map.append(field, value);
    }
    Ok(())
}

/// The value as it is written.
fn field_text(name: &str, value: &HeaderValue) -> Result<String, Fault> {
    Ok(match value {
        HeaderValue::Binary(bytes) => BASE64.encode(bytes),
        HeaderValue::Json(json) => json.get().to_owned(),
        HeaderValue::Text(text) if is_binary(name) => {
            let bytes = BASE64.decode(text).map_err(|error| {
                Fault::new(format!("the metadata `{name}` is not base64: {error}"))
                    .hint("what ends in -bin holds bytes, and is typed in base64: -H 'x-bin: AQI='")
            })?;
            BASE64.encode(bytes)
        }
        HeaderValue::Text(text) => text.clone(),
    })
}

/// Where services put the details of an error, as a `google.rpc.Status`.
const DETAILS: &str = "grpc-status-details-bin";

/// The metadata among `map`, and the details of an error.
pub fn read(map: &HeaderMap) -> Headers {
    let own = map.iter().filter(|(name, _)| !is_reserved(name.as_str()) || *name == DETAILS);
    own.flat_map(|(name, value)| {
        let name = name.as_str();
        if is_binary(name) {
            // Several values of one name may stand in one line (gRPC over HTTP/2, "Custom-Metadata").
            let values = value.as_bytes().split(|byte| *byte == b',');
            return values.map(|text| (name.to_owned(), binary(text.trim_ascii()))).collect::<Vec<_>>();
        }
        let value = match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => HeaderValue::Text(text.to_owned()),
            Err(_) => HeaderValue::Binary(Bytes::copy_from_slice(value.as_bytes())),
        };
        vec![(name.to_owned(), value)]
    })
    .collect()
}

/// The details of an error among the headers of a reply, and the metadata beside them.
pub fn split_details(headers: &Headers) -> (Bytes, Headers) {
    let (details, own): (Headers, Headers) = headers.iter().cloned().partition(|(name, _)| name == DETAILS);
    let bytes = details.into_iter().find_map(|(_, value)| match value {
        HeaderValue::Binary(bytes) => Some(bytes),
        HeaderValue::Text(_) | HeaderValue::Json(_) => None,
    });
    (bytes.unwrap_or_default(), own)
}

fn binary(text: &[u8]) -> HeaderValue {
    // What is not base64 is told as it came.
    HeaderValue::Binary(BASE64.decode(text).unwrap_or_else(|_| text.to_vec()).into())
}
