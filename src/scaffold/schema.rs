//! A JSON Schema of a template's answers, for editors and for those who check answers files before they use them.

use serde_json::{Map, Value, json};

use super::answers::{CLIENTS, variables};
use super::catalog::{Kind, Template};
use super::manifest::{Variable, VariableKind};

/// The name of a service: what is left to the reading is its length and the words that are taken.
const NAME: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/// The schema of an answers file. What goes with what it cannot tell; `new` does.
pub fn answers(template: &Template) -> Value {
    let manifest = &template.manifest;
    let names = |kind: Kind| -> Vec<&str> {
        let all = template.of(kind);
        all.flat_map(|one| {
            std::iter::once(one.name()).chain(one.manifest.aliases.iter().map(|alias| alias.as_str()))
        })
        .collect()
    };
    let list = |kind: Kind| json!({"type": "array", "items": {"enum": names(kind)}, "uniqueItems": true});
    let mut properties = Map::new();
    properties.insert("name".into(), json!({"type": "string", "pattern": NAME, "maxLength": 53}));
    properties.insert("transports".into(), list(Kind::Transport));
    let schemes = template.of(Kind::Client).flat_map(|one| &one.manifest.schemes);
    let schemes: Vec<&str> = schemes.map(|scheme| scheme.as_str()).collect();
    if !schemes.is_empty() {
        let url = json!({"type": "string", "pattern": format!("^({})://", schemes.join("|"))});
        let names = json!({"pattern": NAME});
        let clients = json!({"type": "object", "propertyNames": names, "additionalProperties": url});
        properties.insert(CLIENTS.into(), clients);
    }
    properties.insert("features".into(), list(Kind::Feature));
    let presets: Vec<&str> = manifest.presets.iter().map(|preset| preset.name.as_str()).collect();
    if !presets.is_empty() {
        properties.insert("preset".into(), json!({"enum": presets}));
    }
    let mut required = vec!["name".to_owned()];
    for variable in variables(template) {
        properties.insert(variable.key.value.clone(), property(variable));
        let is_free = variable.default.is_none() && variable.when.clauses.is_empty();
        if is_free && manifest.part.variables.iter().any(|own| own.key.value == variable.key.value) {
            required.push(variable.key.value.clone());
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Answers to the template {}", manifest.name.value),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schemas of a template's variables, by name.
pub fn variables_of(template: &Template) -> Map<String, Value> {
    variables(template).map(|variable| (variable.key.value.clone(), property(variable))).collect()
}

fn property(variable: &Variable) -> Value {
    let mut row = match &variable.kind {
        VariableKind::Text(None) => json!({"type": "string"}),
        VariableKind::Text(Some(pattern)) => json!({"type": "string", "pattern": pattern.as_str()}),
        VariableKind::Bool => json!({"type": "boolean"}),
        VariableKind::Int(low, high) => {
            let mut row = json!({"type": "integer"});
            if *low != i64::MIN {
                row["minimum"] = (*low).into();
            }
            if *high != i64::MAX {
                row["maximum"] = (*high).into();
            }
            row
        }
        VariableKind::Choice(choices) => {
            json!({"enum": choices.iter().map(|one| one.value.as_str()).collect::<Vec<_>>()})
        }
    };
    if let Some(text) = variable.doc.as_ref().or(variable.prompt.as_ref()) {
        row["description"] = text.clone().into();
    }
    // A default with a name in it is not one value.
    if let Some(default) = variable.default.as_ref().filter(|one| !one.value.to_string().contains("{{")) {
        row["default"] = default.value.clone();
    }
    row
}
