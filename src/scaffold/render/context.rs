//! What templates see: names, answers, facts, settings and slots.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tera::Context;

use super::engine::{Engine, render_json};
use super::layout::{self, Shape};
use super::{Job, imports};
use crate::scaffold::answers::{CLIENTS, Client, variables};
use crate::scaffold::catalog::{Fragment, Kind};
use crate::scaffold::manifest::{Content, Fill, FragmentManifest, Part, Setting, SlotKind};
use crate::scaffold::name;
use crate::scaffold::placeholder;
use crate::scaffold::problem::{Located, Place, Problem, Problems};

/// The one file that may show the examples of secrets.
pub const EXAMPLES: &str = ".env.example";

/// The contexts of a rendering.
pub struct Contexts {
    /// For fills, merges and notes: all but slots.
    pub inner: Context,
    /// For files.
    pub files: Context,
    /// For `.env.example`: settings with the examples of secrets.
    pub examples: Context,
    /// The facts of each chosen fragment, which it sees as `facts` itself.
    facts: Facts,
    /// Each client, with the facts of its fragment.
    clients: Vec<Value>,
}

/// The facts of fragments by name.
type Facts = BTreeMap<String, Value>;

impl Contexts {
    /// `context` as `owner` sees it when it makes something for `client`, or for none.
    pub fn of(&self, owner: &Owner, client: Option<usize>, context: &Context) -> Context {
        own(context, owner, client, &self.facts, &self.clients)
    }

    /// Gives `context` the name of `client` in place of the service's.
    pub fn call_as_client(&self, client: Option<usize>, context: &mut Context) {
        let Some(client) = client.and_then(|client| self.clients.get(client)) else { return };
        for (case, _) in name::CASES {
            context.insert(case, &client[case]);
        }
    }
}

/// `context` with the owner's own facts as `facts`, and the client it is about as `client`.
fn own(context: &Context, owner: &Owner, client: Option<usize>, facts: &Facts, clients: &[Value]) -> Context {
    let mut context = context.clone();
    let about = |client: Option<usize>| client.and_then(|client| clients.get(client));
    let own = about(owner.client).map(|client| &client["facts"]).or_else(|| facts.get(&owner.name));
    context.insert("facts", own.unwrap_or(&Value::Null));
    if let Some(client) = about(client) {
        context.insert("client", client);
    }
    context
}

/// Names, answers, and what the template says of itself: all that facts and defaults may use.
pub fn base(job: &Job) -> Map<String, Value> {
    let (template, answers) = (&job.template, &job.answers);
    let mut base = Map::new();
    for (key, case) in name::CASES {
        base.insert(key.to_owned(), case(&answers.name).into());
    }
    for variable in variables(template) {
        let value = answers.values.get(variable.key.as_str()).cloned().unwrap_or(Value::Null);
        base.insert(variable.key.value.clone(), value);
    }
    let mut has = Map::new();
    for fragment in &template.fragments {
        let provided = fragment.manifest.provides.iter().map(|one| one.as_str());
        for name in std::iter::once(fragment.name()).chain(provided) {
            let known = has.entry(name.replace('-', "_")).or_insert(Value::Bool(false));
            *known = (*known == Value::Bool(true) || job.is_chosen(fragment)).into();
        }
    }
    base.insert("has".to_owned(), Value::Object(has));
    base.insert("preset".to_owned(), answers.preset.clone().map_or(Value::Null, Value::from));
    base.insert("data".to_owned(), Value::Object(template.manifest.data.clone()));
    let manifest = &template.manifest;
    base.insert("template".to_owned(), json!({"name": manifest.name.value, "version": manifest.version}));
    base.insert("eyas".to_owned(), json!({"version": env!("CARGO_PKG_VERSION")}));
    base
}

/// All contexts, or everything wrong with what they are made of.
pub fn contexts(job: &Job, engine: &Engine) -> Result<Contexts, Problems> {
    let mut problems = Problems::default();
    let mut all = base(job);
    let first = context(&all);
    let describe = |fragment: &&Fragment, problems: &mut Problems| {
        let manifest = &fragment.manifest;
        json!({
            "name": manifest.name.value, "title": manifest.title, "summary": manifest.summary,
            "kind": fragment.kind.word(), "facts": facts_of(fragment, engine, &first, problems),
        })
    };
    let mut both = Vec::new();
    let mut facts = Facts::new();
    for (key, kind) in [("transports", Kind::Transport), ("features", Kind::Feature)] {
        let chosen = job.chosen(kind);
        let list: Vec<Value> = chosen.iter().map(|fragment| describe(fragment, &mut problems)).collect();
        for described in &list {
            let name = described["name"].as_str().unwrap_or_default();
            facts.insert(name.to_owned(), described["facts"].clone());
        }
        both.extend(list.iter().cloned());
        all.insert(key.to_owned(), Value::Array(list));
    }
    all.insert("fragments".to_owned(), Value::Array(both));
    let mut drivers = all["transports"].as_array().cloned().unwrap_or_default();
    for driver in job.brought() {
        let described = describe(&driver, &mut problems);
        facts.insert(driver.name().to_owned(), described["facts"].clone());
        drivers.push(described);
    }
    all.insert("drivers".to_owned(), Value::Array(drivers));
    let clients = clients(job, engine, &first, &mut problems);
    all.insert(CLIENTS.to_owned(), Value::Array(clients.clone()));
    let open = settings(job, engine, (&first, &facts, &clients), &mut problems);
    let closed: Vec<Value> = open.iter().map(without_secret).collect();
    all.insert("settings".to_owned(), Value::Array(closed));
    let inner = context(&all);
    let (slots, filled) = slots(job, engine, (&inner, &facts, &clients), &mut problems);
    all.insert("slots".to_owned(), Value::Object(slots));
    all.insert("filled".to_owned(), Value::Object(filled));
    let files = context(&all);
    all.insert("settings".to_owned(), Value::Array(open));
    problems.or(Contexts { inner, files, examples: context(&all), facts, clients })
}

/// The facts of a fragment, rendered.
fn facts_of(fragment: &Fragment, engine: &Engine, context: &Context, problems: &mut Problems) -> Value {
    let facts = &fragment.manifest.facts;
    let file = format!("{}fragment.toml", fragment.origin);
    let mut render = |text: &str| engine.render(&file, Some(&facts.place), text, context);
    render_json(&Value::Object(facts.value.clone()), &mut render).unwrap_or_else(|problem| {
        problems.push(problem);
        Value::Null
    })
}

/// Each client, with the facts of its fragment, which may tell of the client.
fn clients(job: &Job, engine: &Engine, context: &Context, problems: &mut Problems) -> Vec<Value> {
    let chosen = job.chosen(Kind::Client);
    let pairs = job.answers.clients.iter().zip(chosen);
    pairs
        .map(|(client, fragment)| {
            let mut context = context.clone();
            context.insert("client", &client.describe(fragment, Value::Null));
            client.describe(fragment, facts_of(fragment, engine, &context, problems))
        })
        .collect()
}

/// A Tera context of a JSON object.
pub fn context(object: &Map<String, Value>) -> Context {
    let mut context = Context::new();
    for (key, value) in object {
        context.insert(key.clone(), value);
    }
    context
}

/// A row of settings as all files but one may see it.
fn without_secret(row: &Value) -> Value {
    let mut row = row.clone();
    if row["secret"] == Value::Bool(true) {
        row["example"] = Value::Null;
    }
    row
}

/// The rows of settings, in order, those of clients last; equal ones once.
fn settings(
    job: &Job,
    engine: &Engine,
    (context, facts, clients): (&Context, &Facts, &[Value]),
    problems: &mut Problems,
) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    let (of_clients, own): (Vec<Owner>, _) = job.owners().into_iter().partition(|one| one.client.is_some());
    for owner in own.iter().chain(&of_clients) {
        for setting in owner.part.settings.iter().filter(|setting| job.holds(&setting.when)) {
            for client in job.clients_of(owner, &setting.key) {
                let context = self::own(context, owner, client, facts, clients);
                let client = client.and_then(|client| job.answers.clients.get(client));
                let row = row(setting, owner, client, engine, &context);
                let added = row.and_then(|row| {
                    add(row, &mut rows).map_err(|why| match client {
                        Some(client) => {
                            Problem::new(why).hint(format!("call the client other than `{}`", client.name))
                        }
                        None => Problem::at(&setting.key.place, why),
                    })
                });
                problems.0.extend(added.err());
            }
        }
    }
    rows
}

/// Adds a row unless it is there already; tells of one that has the same name and says something else.
fn add(row: Value, rows: &mut Vec<Value>) -> Result<(), String> {
    let Some(other) = rows.iter().find(|other| other["key"] == row["key"]) else {
        rows.push(row);
        return Ok(());
    };
    let differing =
        row.as_object().into_iter().flatten().find(|(key, value)| {
            !["from", "group"].contains(&key.as_str()) && other[key.as_str()] != **value
        });
    let Some((key, value)) = differing else { return Ok(()) };
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let (setting, from, known) = (text(&row, "key"), text(&row, "from"), text(other, "from"));
    Err(format!(
        "setting `{setting}` of {from} has `{key}` {value}, that of {known} has {}",
        other[key.as_str()]
    ))
}

/// A setting as templates see it.
fn row(
    setting: &Setting,
    owner: &Owner,
    client: Option<&Client>,
    engine: &Engine,
    context: &Context,
) -> Result<Value, Problem> {
    let value = |value: Option<&Located<Value>>| -> Result<Value, Problem> {
        let Some(value) = value else { return Ok(Value::Null) };
        let mut render = |text: &str| engine.render(&owner.file, Some(&value.place), text, context);
        render_json(&value.value, &mut render)
    };
    let doc = engine.render(&owner.file, Some(&setting.doc.place), &setting.doc, context)?;
    let default = value(setting.default.as_ref())?;
    let example = value(setting.example.as_ref())?;
    let bounds = match setting.kind.as_str() {
        "port" => (setting.min.or(Some(1)), setting.max.or(Some(65_535))),
        _ => (setting.min, setting.max),
    };
    let choices: Vec<&str> = setting.one_of.iter().map(|one| one.as_str()).collect();
    let placeholder = |key: &str| client.and_then(|client| client.placeholder(key)).unwrap_or_default();
    let group = if client.is_some() { "Clients" } else { &owner.title };
    let from = client.map_or_else(|| owner.name.clone(), |client| format!("client {}", client.name));
    Ok(json!({
        "key": placeholder::fill(&setting.key, placeholder),
        "type": setting.kind.value,
        "default": default,
        "example": if example.is_null() { default.clone() } else { example },
        "secret": setting.secret,
        "optional": setting.optional,
        "required": !setting.optional && default.is_null(),
        "one_of": choices,
        "min": bounds.0,
        "max": bounds.1,
        "doc": doc,
        "compose": value(setting.compose.as_ref())?,
        "group": setting.group.as_deref().unwrap_or(group),
        "from": from,
    }))
}

/// The template or a chosen fragment, as one who fills and merges.
pub struct Owner<'a> {
    /// Its name; `template` for the template.
    pub name: String,
    /// The heading its settings stand under.
    pub title: String,
    /// Its manifest.
    pub file: String,
    /// What a path in a problem starts with.
    pub origin: &'a str,
    /// What it adds.
    pub part: &'a Part,
    /// What lies in its folder.
    pub files: &'a crate::scaffold::catalog::Files,
    /// Its manifest, where it is a fragment.
    pub fragment: Option<&'a FragmentManifest>,
    /// The client it is about, by its place among the answers.
    pub client: Option<usize>,
}

impl<'a> Owner<'a> {
    /// A fragment, which may be about a client.
    pub fn of(fragment: &'a Fragment, client: Option<usize>) -> Self {
        Self {
            name: fragment.name().to_owned(),
            title: fragment.manifest.title.clone(),
            file: format!("{}fragment.toml", fragment.origin),
            origin: &fragment.origin,
            part: &fragment.manifest.part,
            files: &fragment.files,
            fragment: Some(&fragment.manifest),
            client,
        }
    }
}

/// The markers of all slots, and whether each is filled.
fn slots(
    job: &Job,
    engine: &Engine,
    (context, facts, clients): (&Context, &Facts, &[Value]),
    problems: &mut Problems,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut filled: BTreeMap<&str, (Vec<String>, Vec<Place>)> = BTreeMap::new();
    let owners = job.owners();
    for owner in &owners {
        let context = own(context, owner, owner.client, facts, clients);
        for fill in owner.part.fills.iter().filter(|fill| job.holds(&fill.when)) {
            match contents(fill, owner, engine, &context) {
                Ok(contents) => {
                    let (all, places) = filled.entry(fill.slot.as_str()).or_default();
                    places.extend(contents.iter().map(|_| fill.place.clone()));
                    all.extend(contents);
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
    let mut markers = Map::new();
    let mut flags = Map::new();
    for slot in &job.template.manifest.slots {
        let (mut items, places) = filled.remove(slot.name.as_str()).unwrap_or_default();
        flags.insert(slot.name.value.clone(), (!items.is_empty()).into());
        let marker = match slot.kind {
            SlotKind::Text { blank } => layout::marker(Shape::Text { blank }, &items),
            SlotKind::List { brackets, sort } => {
                let mut seen = std::collections::BTreeSet::new();
                items.retain(|item| seen.insert(item.clone()));
                if sort {
                    items.sort();
                }
                layout::marker(Shape::List(brackets), &items)
            }
            SlotKind::Imports => match imports::merge(&items) {
                Ok(lines) => {
                    let lines: Vec<String> = (!lines.is_empty()).then_some(lines).into_iter().collect();
                    layout::marker(Shape::Text { blank: false }, &lines)
                }
                Err(item) => {
                    let place = items.iter().position(|one| *one == item).and_then(|at| places.get(at));
                    let mut problem = Problem::new(format!("`{item}` is not an import that can be merged"));
                    problem.place = place.cloned();
                    problems.push(problem);
                    String::new()
                }
            },
        };
        markers.insert(slot.name.value.clone(), marker.into());
    }
    (markers, flags)
}

/// What a fill puts there, rendered; nothing where it renders to nothing.
fn contents(fill: &Fill, owner: &Owner, engine: &Engine, context: &Context) -> Result<Vec<String>, Problem> {
    let rendered = match &fill.content {
        Content::Items(items) => {
            let render = |item: &Located<String>| {
                engine
                    .render(&owner.file, Some(&item.place), item, context)
                    .map(|item| item.trim().to_owned())
            };
            items.iter().map(render).collect::<Result<Vec<_>, _>>()?
        }
        Content::Text(text) => vec![engine.render(&owner.file, Some(&text.place), text, context)?],
        Content::File(path) => {
            let bytes = owner.files.get(path.as_str()).map(AsRef::as_ref).unwrap_or_default();
            let name = format!("{}{}", owner.origin, path.value);
            vec![engine.render(&name, None, &String::from_utf8_lossy(bytes), context)?]
        }
    };
    let kept = rendered.into_iter().filter(|text| !text.trim().is_empty());
    Ok(kept.map(|text| text.trim_matches('\n').to_owned()).collect())
}
