//! What a service offers: its methods, the messages they take and give, and their fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

use crate::transport::{Offer, Offers};
use crate::wire::grpc::json::type_of;
use crate::wire::grpc::schema::{Schema, full_name};

/// All that `schema` holds: methods first, then what they speak of, each once.
pub(super) fn list(schema: &Schema) -> Offers {
    let methods = schema.methods();
    let mut found: Vec<_> = methods.iter().map(method).collect();
    let mut kinds = Vec::new();
    for method in &methods {
        for message in [method.input(), method.output()] {
            collect(Kind::Message(message), &mut kinds);
        }
    }
    found.extend(kinds.iter().filter_map(described));
    Offers { found, unseen: None }
}

fn method(method: &MethodDescriptor) -> Offer {
    let side = |message: MessageDescriptor, is_stream: bool| {
        let stream = if is_stream { "stream " } else { "" };
        Value::from(format!("{stream}{}", message.full_name()))
    };
    let takes = side(method.input(), method.is_client_streaming());
    let gives = side(method.output(), method.is_server_streaming());
    Offer { details: vec![("takes", takes), ("gives", gives)], ..Offer::new("method", full_name(method)) }
}

/// Adds `kind` and what its fields are made of. Google's own types everyone knows.
fn collect(kind: Kind, kinds: &mut Vec<Kind>) {
    let is_known = |name: &str| name.starts_with("google.protobuf.");
    match &kind {
        Kind::Message(message) if !is_known(message.full_name()) && !kinds.contains(&kind) => {
            let is_entry = message.is_map_entry();
            let fields: Vec<_> = message.fields().collect();
            if !is_entry {
                kinds.push(kind);
            }
            for field in fields {
                collect(field.kind(), kinds);
            }
        }
        Kind::Enum(values) if !is_known(values.full_name()) && !kinds.contains(&kind) => kinds.push(kind),
        _ => {}
    }
}

fn described(kind: &Kind) -> Option<Offer> {
    match kind {
        Kind::Message(message) => {
            let field =
                |field: FieldDescriptor| Value::from(format!("{} {}", field.json_name(), type_of(&field)));
            let fields: Value = message.fields().map(field).collect();
            Some(Offer { details: vec![("fields", fields)], ..Offer::new("message", message.full_name()) })
        }
        Kind::Enum(values) => {
            let names: Value = values.values().map(|value| Value::from(value.name())).collect();
            Some(Offer { details: vec![("values", names)], ..Offer::new("enum", values.full_name()) })
        }
        _ => None,
    }
}
