//! Protobuf's JSON: 64-bit numbers as text, enums by name, Google's well-known types as they are meant to be read.

use std::io::{self, Write};

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor,
    ReflectMessage as _, SerializeOptions, Value as Field,
};
use serde::Serialize as _;
use serde_json::Value;

use crate::fault::{Fault, did_you_mean, quoted};
use crate::message::Data;

/// Whether messages of this type have a JSON of their own.
fn is_well_known(desc: &MessageDescriptor) -> bool {
    desc.package_name() == "google.protobuf"
        && DescriptorPool::global().get_message_by_name(desc.full_name()).is_some()
}

/// `data` as a message of the type `desc`; no data is a message without fields. Fields may be named as the schema
/// names them or in camelCase, whichever of the two the schema holds.
///
/// # Errors
/// Data that is not JSON; a field that there is not, with the nearest; a value of another type, with its path.
pub fn encode(data: Option<&Data>, desc: &MessageDescriptor) -> Result<Bytes, Fault> {
    let text = match data {
        None => "{}",
        Some(Data::Json(json)) => json.get(),
        // What was recorded where no schema was known.
        Some(Data::Binary(bytes)) => return Ok(bytes.clone()),
        Some(Data::Text(_)) => {
            return Err(Fault::new("the data is not JSON")
                .hint("JSON becomes protobuf by the schema; bytes that are protobuf already go with --raw"));
        }
    };
    let first = match parse(text, desc) {
        Ok(message) => return Ok(message.encode_to_vec().into()),
        Err(error) => error,
    };
    // Slower, and able to say where.
    let unread = |_| Fault::new(format!("the data is no `{}`: {first}", desc.full_name()));
    let mut value: Value = serde_json::from_str(text).map_err(unread)?;
    respell(&mut value, desc);
    match from_value(&value, desc) {
        Ok(message) => Ok(message.encode_to_vec().into()),
        Err(why) => Err(locate(&value, desc, "", &why)),
    }
}

/// A message of the type `desc` as JSON, with the fields that are not set if `defaults`.
///
/// # Errors
/// Bytes that are no such message.
pub fn decode(bytes: Bytes, desc: &MessageDescriptor, defaults: bool) -> Result<Data, Fault> {
    let wrong = |why: String| {
        Fault::new(format!("these bytes are no `{}`: {why}", desc.full_name()))
            .hint("the schema may be another than the peer's: compare its version")
    };
    let message = DynamicMessage::decode(desc.clone(), bytes).map_err(|error| wrong(error.to_string()))?;
    let options = SerializeOptions::new().skip_default_fields(!defaults);
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Numbers);
    message.serialize_with_options(&mut writer, &options).map_err(|error| wrong(error.to_string()))?;
    if holds_map(&message) {
        // A map has no order on the wire, and here none that would be the same twice.
        let mut value: Value = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        sort_maps(&mut value, desc);
        text.clear();
        let mut writer = serde_json::Serializer::with_formatter(&mut text, Numbers);
        value.serialize(&mut writer).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(Data::classify(&text))
}

/// Writes numbers as JavaScript does: `6`, where Rust has `6.0`.
struct Numbers;

impl serde_json::ser::Formatter for Numbers {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes())
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes())
    }
}

fn options() -> DeserializeOptions {
    DeserializeOptions::new().deny_unknown_fields(true)
}

fn parse(text: &str, desc: &MessageDescriptor) -> Result<DynamicMessage, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize_with_options(desc.clone(), &mut reader, &options())?;
    reader.end()?;
    Ok(message)
}

fn from_value(value: &Value, desc: &MessageDescriptor) -> Result<DynamicMessage, String> {
    DynamicMessage::deserialize_with_options(desc.clone(), value, &options())
        .map_err(|error| error.to_string())
}

/// The field that a key of JSON means.
fn field(desc: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    desc.get_field_by_json_name(key).or_else(|| desc.get_field_by_name(key))
}

/// `hero_id` → `heroId`; what has no underscore stays as it is.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Gives keys the names that the schema has. What Nest reflects has lost the proto's own names: there `hero_id`
/// is `heroId` (`wire.md` §9).
fn respell(value: &mut Value, desc: &MessageDescriptor) {
    let Value::Object(object) = value else { return };
    if is_well_known(desc) {
        return;
    }
    for (key, mut inner) in std::mem::take(object) {
        let found = field(desc, &key).or_else(|| {
            let wanted = camel(&key);
            desc.fields().find(|field| camel(field.name()) == wanted)
        });
        let Some(found) = found else {
            object.insert(key, inner);
            continue;
        };
        for_messages(&found, &mut inner, respell);
        object.insert(found.json_name().to_owned(), inner);
    }
}

/// Gives each message in the value of `field` to `visit`: the items of a list, the values of a map.
fn for_messages(field: &FieldDescriptor, value: &mut Value, visit: fn(&mut Value, &MessageDescriptor)) {
    let Some(desc) = message_of(field) else { return };
    match value {
        Value::Array(items) if field.is_list() => {
            for item in items {
                visit(item, &desc);
            }
        }
        Value::Object(entries) if field.is_map() => {
            for (_, entry) in entries {
                visit(entry, &desc);
            }
        }
        value => visit(value, &desc),
    }
}

/// The type of the messages in a field: of its items in a list, of its values in a map.
fn message_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    kind_of(field).as_message().cloned()
}

/// Where in `value`, which stands at `path`, the fault lies that was told as `why`: found by trying each part alone.
fn locate(value: &Value, desc: &MessageDescriptor, path: &str, why: &str) -> Fault {
    let Some(object) = value.as_object().filter(|_| !is_well_known(desc)) else {
        return misfit(path, &Kind::Message(desc.clone()), why);
    };
    for (key, inner) in object {
        let inside = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(field) = field(desc, key) else {
            let fields = desc.fields().map(|field| field.json_name().to_owned());
            let place = if path.is_empty() { String::new() } else { format!(", in `{}`", quoted(path)) };
            return Fault::new(format!("`{}` has no field `{}`{place}", desc.full_name(), quoted(key)))
                .hint(did_you_mean(&camel(key), fields, "its fields"));
        };
        let alone = |inner: &Value| Value::from_iter([(key.clone(), inner.clone())]);
        let Err(why) = from_value(&alone(inner), desc) else { continue };
        let parts: Vec<(String, Value, &Value)> = match inner {
            Value::Array(items) if field.is_list() => items
                .iter()
                .enumerate()
                .map(|(at, item)| (format!("{inside}[{at}]"), alone(&Value::from_iter([item.clone()])), item))
                .collect(),
            Value::Object(entries) if field.is_map() => entries
                .iter()
                .map(|(name, entry)| {
                    let part = alone(&Value::from_iter([(name.clone(), entry.clone())]));
                    (format!("{inside}.{name}"), part, entry)
                })
                .collect(),
            _ if field.is_list() || field.is_map() => Vec::new(),
            inner => vec![(inside.clone(), alone(inner), inner)],
        };
        for (place, part, inner) in parts {
            let Err(why) = from_value(&part, desc) else { continue };
            return match message_of(&field) {
                Some(desc) if inner.is_object() => locate(inner, &desc, &place, &why),
                _ => misfit(&place, &kind_of(&field), &why),
            };
        }
        return misfit_field(&inside, &type_of(&field), &why);
    }
    misfit(path, &Kind::Message(desc.clone()), why)
}

/// A value that is not of its kind; the values of an enum are told.
fn misfit(path: &str, kind: &Kind, why: &str) -> Fault {
    let fault = misfit_field(path, &format!("{kind:?}"), why);
    match kind {
        Kind::Enum(values) => {
            let names: Vec<_> = values.values().map(|value| value.name().to_owned()).collect();
            let word = why.split('\'').nth(1).unwrap_or_default();
            fault.hint(did_you_mean(word, names, "its values"))
        }
        _ => fault,
    }
}

fn misfit_field(path: &str, what: &str, why: &str) -> Fault {
    let place = if path.is_empty() { "the data".to_owned() } else { format!("`{}`", quoted(path)) };
    Fault::new(format!("{place} has to be {what}: {why}"))
}

/// The kind of a field's value: of its items in a list, of its values in a map.
fn kind_of(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

/// The type of a field as a proto writes it.
pub fn type_of(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            format!("map<{key:?}, {value:?}>")
        }
        kind if field.is_list() => format!("repeated {kind:?}"),
        kind => format!("{kind:?}"),
    }
}

fn holds_map(message: &DynamicMessage) -> bool {
    fn in_value(value: &Field) -> bool {
        match value {
            Field::Map(entries) => entries.len() > 1 || entries.values().any(in_value),
            Field::Message(message) => holds_map(message),
            Field::List(items) => items.iter().any(in_value),
            _ => false,
        }
    }
    // What an Any holds cannot be seen from here.
    message.descriptor().full_name() == "google.protobuf.Any"
        || message.fields().any(|(_, value)| in_value(value))
}

/// Sorts the keys of what are maps; fields stay in the schema's order.
fn sort_maps(value: &mut Value, desc: &MessageDescriptor) {
    if is_well_known(desc) {
        value.sort_all_objects();
        return;
    }
    let Value::Object(object) = value else { return };
    for (key, inner) in object {
        let Some(field) = field(desc, key) else { continue };
        if field.is_map()
            && let Value::Object(entries) = inner
        {
            entries.sort_keys();
        }
        for_messages(&field, inner, sort_maps);
    }
}
