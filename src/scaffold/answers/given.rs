//! From what was typed, and from an answers file, to names that exist and values of the right type.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CLIENTS, Client, Request};
use crate::scaffold::catalog::{Fragment, Kind, Template};
use crate::scaffold::manifest::{Variable, VariableKind};
use crate::scaffold::problem::{Place, Problem, Problems};
use crate::scaffold::reader::Document;

/// Keys of an answers file that are not variables.
const KEYS: [&str; 5] = ["name", "transports", "clients", "features", "preset"];

/// What the user gave, in known names; flags have won over the file.
#[derive(Debug, Default)]
pub struct Given {
    pub name: Option<String>,
    pub transports: Vec<String>,
    /// Whether a transport was named that does not exist: then none is asked for either.
    pub unknown_transport: bool,
    pub clients: Vec<Client>,
    pub features: Vec<String>,
    pub preset: Option<String>,
    pub values: BTreeMap<String, Value>,
}

impl Given {
    /// Reads a request, noting everything wrong with it.
    pub fn read(template: &Template, request: &Request, problems: &mut Problems) -> Self {
        let mut given = Self::default();
        let mut words = Vec::new();
        for word in &request.set {
            match word.split_once('=') {
                Some((key, value)) => words.push((key.trim(), value)),
                None => problems.push(
                    Problem::new(format!("`--set {word}` has no `=`"))
                        .hint(format!("write --set {word}=VALUE")),
                ),
            }
        }
        for (key, text) in words {
            let value = |variable: &Variable| parse(variable, text);
            given.value(template, None, key, value, problems);
        }
        let mut file = Given::default();
        if let Some((name, text)) = &request.answers {
            file.file(template, name, text, problems);
        }
        given.names(template, Kind::Transport, &request.transports, None, problems);
        let http = request.http.then(|| "http".to_owned());
        let features: Vec<String> = request.features.iter().cloned().chain(http).collect();
        given.names(template, Kind::Feature, &features, None, problems);
        for word in &request.clients {
            let client = Client::parse(template, word).map_err(Problems::from);
            given.clients.extend(problems.take(client));
        }
        let named: Vec<String> = given.clients.iter().map(|client| client.name.clone()).collect();
        given.clients.extend(file.clients.into_iter().filter(|client| !named.contains(&client.name)));
        given.name = request.name.clone().or(file.name);
        given.preset = request.preset.clone().or(file.preset);
        if given.transports.is_empty() && !given.unknown_transport {
            given.transports = file.transports;
            given.unknown_transport = file.unknown_transport;
        }
        given.features.extend(file.features);
        for (key, value) in file.values {
            given.values.entry(key).or_insert(value);
        }
        given.check_preset(template, problems);
        given
    }

    fn check_preset(&mut self, template: &Template, problems: &mut Problems) {
        let Some(preset) = &self.preset else { return };
        let known: Vec<&str> = template.manifest.presets.iter().map(|one| one.name.as_str()).collect();
        if !known.contains(&preset.as_str()) {
            problems.push(Problem::new(format!("unknown preset `{preset}`")).nearest(preset, known));
            self.preset = None;
        }
    }

    fn names(
        &mut self,
        template: &Template,
        kind: Kind,
        names: &[String],
        place: Option<&Place>,
        problems: &mut Problems,
    ) {
        for name in
            names.iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty())
        {
            let Some(fragment) = template.fragment(kind, name) else {
                let known = template.of(kind).map(Fragment::name);
                let mut problem =
                    Problem::new(format!("unknown {} `{name}`", kind.word())).nearest(name, known);
                if variables(template).any(|variable| variable.key.value == name) {
                    problem = problem.hint(format!("it is answered: --set {name}=VALUE"));
                }
                problem.place = place.cloned();
                problems.push(problem);
                self.unknown_transport |= kind == Kind::Transport;
                continue;
            };
            let chosen = match kind {
                Kind::Transport => &mut self.transports,
                Kind::Feature | Kind::Client => &mut self.features,
            };
            if !chosen.iter().any(|one| one == fragment.name()) {
                chosen.push(fragment.name().to_owned());
            }
        }
    }

    fn value(
        &mut self,
        template: &Template,
        place: Option<&Place>,
        key: &str,
        value: impl FnOnce(&Variable) -> Value,
        problems: &mut Problems,
    ) {
        let mut told = |mut problem: Problem| {
            problem.place = place.cloned();
            problems.push(problem);
        };
        let Some(variable) = variables(template).find(|variable| variable.key.value == key) else {
            let mut known: Vec<&str> = variables(template).map(|variable| variable.key.as_str()).collect();
            if place.is_some() {
                known.extend(KEYS);
            }
            return told(Problem::new(format!("unknown key `{key}`")).nearest(key, known));
        };
        let value = value(variable);
        match variable.accept(&value) {
            Ok(()) => _ = self.values.insert(key.to_owned(), value),
            Err(wanted) => told(Problem::new(format!("`{key}` must be {wanted}, not {value}"))),
        }
    }

    /// An answers file: `name`, `transports`, `clients`, `features`, `preset` and variables, flat.
    fn file(&mut self, template: &Template, name: &str, text: &str, problems: &mut Problems) {
        let is_json =
            std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        let pairs = if is_json { json(name, text, problems) } else { toml(name, text, problems) };
        for (key, value, place) in pairs {
            let mut mistyped = |wanted: &str| {
                problems.push(Problem::at(&place, format!("`{key}` must be {wanted}, not {value}")));
            };
            let texts = || -> Option<Vec<String>> {
                value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect()
            };
            match (key.as_str(), &value) {
                ("name", Value::String(text)) => self.name = Some(text.clone()),
                ("preset", Value::String(text)) => self.preset = Some(text.clone()),
                ("name" | "preset", _) => mistyped("a text"),
                ("transports" | "features", _) => match texts() {
                    Some(names) => {
                        let kind = if key == "features" { Kind::Feature } else { Kind::Transport };
                        self.names(template, kind, &names, Some(&place), problems);
                    }
                    None => mistyped("a list of texts"),
                },
                (CLIENTS, Value::Object(clients)) => {
                    for (name, url) in clients {
                        let client = match url.as_str() {
                            Some(url) => Client::new(template, name, url),
                            None => {
                                Err(Problem::new(format!("the URL of the client `{name}` must be a text")))
                            }
                        };
                        let told = |problem| Problem { place: Some(place.clone()), ..problem };
                        self.clients.extend(problems.take(client.map_err(|problem| told(problem).into())));
                    }
                }
                (CLIENTS, _) => mistyped("a table of NAME = URL"),
                _ => self.value(template, Some(&place), &key, |_| value.clone(), problems),
            }
        }
    }
}

/// Every variable there is, chosen or not.
pub fn variables(template: &Template) -> impl Iterator<Item = &Variable> {
    let fragments = template.fragments.iter().flat_map(|fragment| &fragment.manifest.part.variables);
    template.manifest.part.variables.iter().chain(fragments)
}

/// A word from the command line in the type its variable wants; one that does not fit stays a text.
fn parse(variable: &Variable, text: &str) -> Value {
    let parsed = match variable.kind {
        VariableKind::Bool => text.parse::<bool>().ok().map(Value::from),
        VariableKind::Int(..) => text.parse::<i64>().ok().map(Value::from),
        VariableKind::Text(_) | VariableKind::Choice(_) => None,
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn toml(name: &str, text: &str, problems: &mut Problems) -> Vec<(String, Value, Place)> {
    let document = Document::new(name, text);
    let pairs = document.root().pairs();
    problems.extend(document.finish());
    pairs
}

/// JSON carries no places of its own: a key is found again by its text, which is exact for a flat file.
fn json(name: &str, text: &str, problems: &mut Problems) -> Vec<(String, Value, Place)> {
    let file = name.into();
    match serde_json::from_str::<serde_json::Map<String, Value>>(text) {
        Ok(pairs) => {
            let place = |key: &str| {
                let quoted = Value::from(key).to_string();
                Place::of(&file, text, text.find(&quoted).unwrap_or_default())
            };
            pairs
                .into_iter()
                .map(|(key, value)| (place(&key), key, value))
                .map(|(p, k, v)| (k, v, p))
                .collect()
        }
        Err(error) => {
            let place = Place { file, line: error.line().max(1), column: error.column().max(1) };
            problems.push(Problem::at(&place, "not a JSON object of answers"));
            Vec::new()
        }
    }
}
