//! What is wanted, settled before anything is rendered: [`resolve`] turns what the user gave into [`Answers`], into
//! the questions that are still open, or into everything that is wrong with it.
//!
//! Nothing is ever added silently: what a choice needs and does not have is a problem that names the flag.

mod clients;
mod given;
mod settle;

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::{Fragment, Kind, Template};
use super::condition::Atom;
use super::manifest::{Variable, VariableKind};
use super::name;
use super::problem::{Problem, Problems};

pub use clients::Client;
pub(super) use clients::is_placeholder as is_client_placeholder;
use given::Given;
pub use given::variables;

/// The condition that holds where there is a client of another service.
pub const CLIENTS: &str = "clients";

/// What the user asked for, as typed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `NAME`.
    pub name: Option<String>,
    /// `--transport`, in order; the first is the main one.
    pub transports: Vec<String>,
    /// `--with`.
    pub features: Vec<String>,
    /// `--preset`.
    pub preset: Option<String>,
    /// `--http`, which is `--with http`.
    pub http: bool,
    /// `--client`, each `NAME=URL`.
    pub clients: Vec<String>,
    /// `--set`, each `key=value`.
    pub set: Vec<String>,
    /// `--answers`: the file's name and its text, TOML unless the name ends in `.json`.
    pub answers: Option<(String, String)>,
    /// Whether questions take their defaults: without a terminal, with `--no-input` or `--defaults`.
    pub defaults: bool,
}

impl Request {
    /// Takes the answer to a question. Several answers are separated by commas.
    pub fn answer(&mut self, question: &Question, answer: &str) {
        match question.key.as_str() {
            "name" => self.name = Some(answer.to_owned()),
            "preset" => self.preset = Some(answer.to_owned()),
            "transports" => {
                self.transports = answer.split(',').map(|one| one.trim().to_owned()).collect();
            }
            key => self.set.push(format!("{key}={answer}")),
        }
    }
}

/// Something only the user can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `name`, `transports`, `preset` or the key of a variable.
    pub key: String,
    /// The question itself.
    pub prompt: String,
    /// One line of explanation.
    pub doc: Option<String>,
    /// What sort of answer is wanted.
    pub kind: QuestionKind,
    /// The answer that is taken when none is given, as it would be typed.
    pub default: Option<String>,
    /// The answers there are, each with a few words; empty for free text.
    pub choices: Vec<(String, String)>,
}

/// What sort of answer a question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionKind {
    /// Any text.
    Text,
    /// Yes or no, as `true` or `false`.
    Confirm,
    /// One of the choices.
    One,
    /// At least one of the choices.
    Many,
}

/// Everything that is wanted; rendering needs no more than this.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The name of the service.
    pub name: String,
    /// The transports as the user named them; the first is the main one.
    pub transports: Vec<String>,
    /// The clients of other services, in the order they were given.
    pub clients: Vec<Client>,
    /// The features, in the template's order.
    pub features: Vec<String>,
    /// The preset they came from.
    pub preset: Option<String>,
    /// The variables that apply.
    pub values: BTreeMap<String, Value>,
    /// What the preset would have given and could not, each in words.
    pub left_out: Vec<String>,
}

impl Answers {
    /// Whether `fragment` is chosen.
    pub fn has(&self, fragment: &Fragment) -> bool {
        let name = fragment.name();
        match fragment.kind {
            Kind::Transport => self.transports.iter().any(|one| one == name),
            Kind::Client => self.clients.iter().any(|one| one.fragment == name),
            Kind::Feature => self.features.iter().any(|one| one == name),
        }
    }

    /// Whether an atom of a condition holds, its `not` left aside, with the fragments that are `chosen`.
    pub fn holds<'a>(&self, chosen: impl IntoIterator<Item = &'a Fragment>, atom: &Atom) -> bool {
        let value = self.values.get(&atom.name);
        if let Some(wanted) = &atom.equals {
            return value.is_some_and(|value| typed(value) == *wanted);
        }
        chosen.into_iter().any(|one| one.answers_to(&atom.name))
            || (atom.name == CLIENTS && !self.clients.is_empty())
            || value == Some(&Value::Bool(true))
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Resolution {
    /// All is known.
    Ready(Answers),
    /// These must be asked; ask again after answering, for an answer may open another question.
    Open(Vec<Question>),
}

/// Settles a request against a template, or tells all that is wrong with it at once.
pub fn resolve(template: &Template, request: &Request) -> Result<Resolution, Problems> {
    let mut problems = Problems::default();
    let given = Given::read(template, request, &mut problems);
    let mut open = Vec::new();
    let name = open_name(&given, request, &mut open, &mut problems);
    let transports = open_transports(template, &given, request, &mut open);
    let preset = open_preset(template, &given, request, &mut open);
    if !open.is_empty() && !request.defaults {
        return problems.or(Resolution::Open(open));
    }
    let settled = settle::settle(template, &given, &transports, preset, &mut problems);
    let chosen = |one: &Fragment| match one.kind {
        Kind::Transport => transports.iter().any(|name| name == one.name()),
        Kind::Client => given.clients.iter().any(|client| client.fragment == one.name()),
        Kind::Feature => settled.features.iter().any(|name| name == one.name()),
    };
    let own = std::iter::once(("service", name.as_str()));
    for (what, name) in own.chain(given.clients.iter().map(|client| ("client", client.name.as_str()))) {
        problems.0.extend(reserved(template, what, name, &chosen));
    }
    clients::check(given.name.as_deref(), &given.clients, &mut problems);
    let mut values = BTreeMap::new();
    for variable in settled.variables {
        let value = settled.values.get(variable.key.as_str());
        // A preset's value is an answer; a manifest's default is only what is offered.
        let answered = given.values.contains_key(variable.key.as_str())
            || settled.preset_keys.contains(&variable.key.value);
        if !request.defaults && !answered && variable.prompt.is_some() {
            open.push(ask(variable, value));
            continue;
        }
        match value {
            Some(value) => _ = values.insert(variable.key.value.clone(), value.clone()),
            None => problems.push(unanswered(&variable.key, variable.prompt.as_deref())),
        }
    }
    let answers = Answers {
        name,
        transports,
        clients: given.clients.clone(),
        features: settled.features,
        preset: preset.map(str::to_owned),
        values,
        left_out: settled.left_out,
    };
    problems.or(if open.is_empty() { Resolution::Ready(answers) } else { Resolution::Open(open) })
}

/// That the template, or what is `chosen`, has the name for itself.
fn reserved(
    template: &Template,
    what: &str,
    name: &str,
    chosen: &dyn Fn(&Fragment) -> bool,
) -> Option<Problem> {
    let chosen = template.fragments.iter().filter(|one| chosen(one));
    let chosen = chosen.map(|one| (one.kind.word(), one.name(), &one.manifest.reserved));
    let mut all = std::iter::once(("template", template.manifest.name.as_str(), &template.manifest.reserved))
        .chain(chosen);
    let (kind, owner, _) = all.find(|(_, _, names)| names.iter().any(|one| one.value == name))?;
    let problem =
        Problem::new(format!("`{name}` cannot name a {what}: the {kind} {owner} has the name for itself"));
    Some(problem.hint(format!("`{name}-service` would do")))
}

fn unanswered(key: &str, prompt: Option<&str>) -> Problem {
    let question = prompt.map_or_else(String::new, |prompt| format!(" ({prompt})"));
    Problem::new(format!("no answer for `{key}`{question}")).hint(format!("add --set {key}=…"))
}

fn open_name(given: &Given, request: &Request, open: &mut Vec<Question>, problems: &mut Problems) -> String {
    let Some(name) = given.name.clone() else {
        if request.defaults {
            problems.push(Problem::new("no name for the service").hint("eyas new NAME"));
        } else {
            open.push(Question {
                key: "name".to_owned(),
                prompt: "Name of the service".to_owned(),
                doc: Some("in kebab-case: shop-orders".to_owned()),
                kind: QuestionKind::Text,
                default: None,
                choices: Vec::new(),
            });
        }
        return String::new();
    };
    if let Err(problem) = name::check(&name) {
        problems.push(problem);
    }
    name
}

fn open_transports(
    template: &Template,
    given: &Given,
    request: &Request,
    open: &mut Vec<Question>,
) -> Vec<String> {
    if !given.transports.is_empty() || template.manifest.transports.is_empty() || given.unknown_transport {
        return given.transports.clone();
    }
    let default: Vec<String> =
        template.manifest.default_transports.iter().map(|name| name.value.clone()).collect();
    if !request.defaults {
        let choices = template.of(Kind::Transport);
        open.push(Question {
            key: "transports".to_owned(),
            prompt: "Transports".to_owned(),
            doc: Some("several make one hybrid service; the first is the main one".to_owned()),
            kind: QuestionKind::Many,
            default: (!default.is_empty()).then(|| default.join(",")),
            choices: choices.map(|one| (one.name().to_owned(), one.manifest.summary.clone())).collect(),
        });
    }
    default
}

fn open_preset<'a>(
    template: &'a Template,
    given: &'a Given,
    request: &Request,
    open: &mut Vec<Question>,
) -> Option<&'a str> {
    let manifest = &template.manifest;
    // Features come on top of a preset, named or not: who wants nothing else names the smallest.
    if given.preset.is_some() || manifest.presets.is_empty() {
        return given.preset.as_deref();
    }
    let default = manifest.default_preset.as_ref().map(|name| name.as_str());
    if !request.defaults {
        open.push(Question {
            key: "preset".to_owned(),
            prompt: "Features".to_owned(),
            doc: None,
            kind: QuestionKind::One,
            default: default.map(str::to_owned),
            choices: manifest
                .presets
                .iter()
                .map(|one| (one.name.value.clone(), one.summary.clone()))
                .collect(),
        });
    }
    default
}

fn ask(variable: &Variable, default: Option<&Value>) -> Question {
    let (kind, choices) = match &variable.kind {
        VariableKind::Text(_) | VariableKind::Int(..) => (QuestionKind::Text, Vec::new()),
        VariableKind::Bool => (QuestionKind::Confirm, Vec::new()),
        VariableKind::Choice(choices) => {
            (QuestionKind::One, choices.iter().map(|one| (one.value.clone(), String::new())).collect())
        }
    };
    Question {
        key: variable.key.value.clone(),
        prompt: variable.prompt.clone().unwrap_or_default(),
        doc: variable.doc.clone(),
        kind,
        default: default.map(typed),
        choices,
    }
}

/// A value as it would be typed after `--set key=`.
pub(super) fn typed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
