//! Bodies of forms: fields, and files among them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::{Fault, quoted};
use crate::message::{ATTACHED, Data};

/// What a body of a form of fields is called.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A field of a form.
enum Field {
    Text(String),
    File(File),
}

/// A file as it stands in DATA.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "@file")]
    called: String,
    base64: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn wrong(why: &str) -> Fault {
    Fault::new(format!("this cannot be sent as a form: {why}")).hint("a form has fields: name=first qty=2")
}

/// The fields of `data`, which must be an object; a list repeats its name.
fn fields(data: &Data) -> Result<Vec<(String, Field)>, Fault> {
    let Data::Json(json) = data else { return Err(wrong("it is no JSON object")) };
    let object: Map<String, Value> =
        serde_json::from_str(json.get()).map_err(|_| wrong("it is no JSON object"))?;
    let mut fields = Vec::new();
    for (name, value) in object {
        let values = if let Value::Array(values) = value { values } else { vec![value] };
        for value in values {
            let field = match value {
                Value::String(text) => Field::Text(text),
                Value::Object(ref object) if object.contains_key(ATTACHED) => Field::File(
                    File::deserialize(&value)
                        .map_err(|error| wrong(&format!("the file of `{name}`: {error}")))?,
                ),
                Value::Object(_) | Value::Array(_) => {
                    return Err(wrong(&format!("`{name}` holds an object or a list in a list")));
                }
                other => Field::Text(other.to_string()),
            };
            fields.push((name.clone(), field));
        }
    }
    Ok(fields)
}

/// `data` as a form of fields alone (`application/x-www-form-urlencoded`).
///
/// # Errors
/// It is no object, or a field holds more than such a form can.
pub fn urlencoded(data: &Data) -> Result<String, Fault> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, field) in fields(data)? {
        match field {
            Field::Text(text) => form.append_pair(&name, &text),
            Field::File(_) => {
                return Err(Fault::new(format!("`{name}` is a file, and this form has fields alone"))
                    .hint("files go in a form of several parts: -O form=multipart"));
            }
        };
    }
    Ok(form.finish())
}

/// `data` as a form of several parts (RFC 7578), and what that is called.
///
/// # Errors
/// It is no object, or a field holds more than such a form can.
pub fn multipart(data: &Data) -> Result<(String, Vec<u8>), Fault> {
    let mut parts = Vec::new();
    for (name, field) in fields(data)? {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escaped(&name));
        let content = match field {
            Field::Text(text) => text.into_bytes(),
            Field::File(File { called, base64, kind }) => {
                let kind = kind.as_deref().unwrap_or("application/octet-stream");
                if kind.contains(['\r', '\n']) {
                    return Err(wrong(&format!("`{}` is no type", quoted(kind))));
                }
                head = format!("{head}; filename=\"{}\"\r\nContent-Type: {kind}", escaped(&called));
                STANDARD.decode(base64).map_err(|error| wrong(&format!("the file of `{name}`: {error}")))?
            }
        };
        parts.push((head, content));
    }
    let boundary = boundary(&parts);
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary={boundary}"), body))
}

/// A name between quotes, as browsers write it (HTML, "multipart/form-data encoding algorithm").
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A line that none of the parts has. The same parts have the same, so that what is shown is what is sent.
fn boundary(parts: &[(String, Vec<u8>)]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    loop {
        let boundary = format!("eyas-{:016x}", hasher.finish());
        let is_within =
            |part: &[u8]| part.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !parts.iter().any(|(head, content)| is_within(head.as_bytes()) || is_within(content)) {
            return boundary;
        }
        boundary.hash(&mut hasher);
    }
}

/// Whether `data` holds a file that no form carries.
pub fn has_file(data: &Data) -> bool {
    let text = String::from_utf8_lossy(data.as_bytes());
    // Cheaper than to read what has none.
    text.contains(ATTACHED)
        && fields(data).is_ok_and(|fields| fields.iter().any(|(_, field)| matches!(field, Field::File(_))))
}
