//! `eyas template`: which templates there are, what they can, and the start of one's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::{show, template_source as source, watch_signals};
use crate::exit::Code;
use crate::fault::Fault;
use crate::scaffold::answers::variables;
use crate::scaffold::apply::{self, Interrupted};
use crate::scaffold::catalog::{Catalog, Fragment, Kind, Template};
use crate::scaffold::manifest::VariableKind;
use crate::scaffold::plan;
use crate::scaffold::render::{File, Tree};
use crate::scaffold::{name, schema, starter};
use crate::settings::Settings;
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "See templates, and begin one of your own";

/// Flags and words.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:
  eyas template ls
  eyas template show
  eyas template schema > answers.schema.json
  eyas template init my-template && eyas check my-template
  eyas template fetch https://example.com/templates.git#v1 my-template

A template is data: a manifest, files, and nothing that runs. A SOURCE is a folder, a .tar.gz, or a git URL over https,
ssh or file, with a branch or tag after a `#`. What git fetches is never checked out, so that no hook has its turn.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The templates there are
    Ls(From),
    /// What can be chosen in a template
    Show(From),
    /// A JSON Schema of its answers
    Schema(From),
    /// Begin a template of your own
    Init(Init),
    /// Bring a template into a folder, to read or to change it
    Fetch(Fetch),
}

#[derive(ClapArgs, Debug)]
struct From {
    /// Whose template; without one, those in this eyas
    source: Option<String>,
}

#[derive(ClapArgs, Debug)]
struct Init {
    /// The folder to make, whose name is the template's
    dir: PathBuf,
}

#[derive(ClapArgs, Debug)]
struct Fetch {
    /// Where it comes from
    source: String,
    /// The folder to make; named after the template otherwise
    dir: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// A source that holds no template, or a faulty one; a folder that is taken.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    match &args.action {
        Action::Ls(from) => each(from, ui, list),
        Action::Show(from) => each(from, ui, describe),
        Action::Schema(from) => each(from, ui, |template, ui| {
            let text = serde_json::to_string_pretty(&schema::answers(template))? + "\n";
            Ok(ui.bytes(text.as_bytes())?)
        }),
        Action::Init(init) => begin(init, settings, ui),
        Action::Fetch(fetch) => bring(fetch, settings, ui),
    }
}

/// Does `what` to each template of a source.
fn each(
    from: &From,
    ui: &mut Ui,
    what: impl Fn(&Template, &mut Ui) -> anyhow::Result<()>,
) -> anyhow::Result<Code> {
    let catalog = source::open(from.source.as_deref())?;
    for name in names(&catalog, from.source.as_deref().unwrap_or("eyas"))? {
        let template = catalog.template(&name).map_err(Fault::from)?;
        what(&template, ui)?;
    }
    Ok(Code::Done)
}

fn names(catalog: &Catalog, source: &str) -> Result<Vec<String>, Fault> {
    let names = catalog.names();
    if names.is_empty() {
        return Err(
            Fault::new(format!("there is no template in `{source}`")).hint("a template has a template.toml")
        );
    }
    Ok(names)
}

fn list(template: &Template, ui: &mut Ui) -> anyhow::Result<()> {
    let manifest = &template.manifest;
    let (name, version, summary) = (&manifest.name.value, &manifest.version, &manifest.summary);
    if ui.format() == Format::Json {
        let record =
            json!({"type": "template", "v": 1, "name": name, "version": version, "summary": summary});
        return Ok(ui.json_line(record.to_string().as_bytes())?);
    }
    Ok(ui.out_line(&format!("{name} {version}  {summary}"))?)
}

/// One thing to choose.
#[derive(Serialize)]
struct Choice {
    name: String,
    summary: String,
    /// Conditions as the manifest has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requires: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excludes: Vec<String>,
}

impl Choice {
    fn of(fragment: &Fragment) -> Self {
        let manifest = &fragment.manifest;
        let name = match fragment.kind {
            Kind::Client => {
                let schemes = manifest.schemes.iter().map(|scheme| format!("{}://", scheme.value));
                schemes.collect::<Vec<_>>().join(" ")
            }
            Kind::Transport | Kind::Feature => fragment.name().to_owned(),
        };
        Self {
            name,
            summary: manifest.summary.clone(),
            requires: manifest.requires.texts(),
            excludes: manifest.excludes.texts(),
        }
    }

    fn line(&self) -> (String, String) {
        let mut text = self.summary.clone();
        for (word, all) in [("needs", &self.requires), ("not with", &self.excludes)] {
            if !all.is_empty() {
                text = format!("{text}; {word} {}", all.join(", "));
            }
        }
        (self.name.clone(), text)
    }
}

fn describe(template: &Template, ui: &mut Ui) -> anyhow::Result<()> {
    let choices = |kind: Kind| template.of(kind).map(Choice::of).collect::<Vec<_>>();
    let kinds = [Kind::Transport, Kind::Client, Kind::Feature].map(|kind| (kind, choices(kind)));
    if ui.format() == Format::Json {
        let [transports, clients, features] = kinds.map(|(_, choices)| choices);
        let manifest = &template.manifest;
        let record = json!({
            "type": "template", "v": 1, "name": manifest.name.value, "version": manifest.version,
            "summary": manifest.summary, "transports": transports, "clients": clients, "features": features,
            "presets": presets(template), "variables": schema::variables_of(template),
            "settings": settings(template),
        });
        return Ok(ui.json_line(record.to_string().as_bytes())?);
    }
    list(template, ui)?;
    for (kind, choices) in kinds {
        let heading = format!("{}s ({})", name::title(kind.word()), kind.flag());
        section(&heading, choices.iter().map(Choice::line).collect(), ui)?;
    }
    let presets = template.manifest.presets.iter().map(|preset| {
        let features: Vec<&str> = preset.features.iter().map(|name| name.as_str()).collect();
        let colon = if features.is_empty() { "" } else { ": " };
        (preset.name.value.clone(), format!("{}{colon}{}", preset.summary, features.join(", ")))
    });
    section("Presets (--preset)", presets.collect(), ui)?;
    let rows = variables(template).map(|variable| {
        let values = match &variable.kind {
            VariableKind::Choice(choices) => {
                choices.iter().map(|one| one.value.as_str()).collect::<Vec<_>>().join("|")
            }
            VariableKind::Bool => "true|false".to_owned(),
            VariableKind::Int(..) => "NUMBER".to_owned(),
            VariableKind::Text(_) => "TEXT".to_owned(),
        };
        let text = variable.doc.clone().or_else(|| variable.prompt.clone()).unwrap_or_default();
        let default =
            variable.default.as_ref().map_or(String::new(), |one| format!(" (default {})", one.value));
        (format!("{}={values}", variable.key.value), text + &default)
    });
    section("Variables (--set)", rows.collect(), ui)?;
    let rows = settings(template).into_iter().map(|row| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (text("key"), text("doc"))
    });
    section("Settings of what it makes (environment)", rows.collect(), ui)
}

fn section(heading: &str, rows: Vec<(String, String)>, ui: &mut Ui) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    ui.out_line(&format!("\n{heading}"))?;
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, text) in rows {
        ui.out_line(format!("  {name:<width$}  {text}").trim_end())?;
    }
    Ok(())
}

fn presets(template: &Template) -> Vec<Value> {
    let presets = template.manifest.presets.iter().map(|preset| {
        let features: Vec<&str> = preset.features.iter().map(|name| name.as_str()).collect();
        json!({"name": preset.name.value, "summary": preset.summary, "features": features})
    });
    presets.collect()
}

/// Each setting once, with whose it is.
fn settings(template: &Template) -> Vec<Value> {
    let own = template.manifest.part.settings.iter().map(|setting| (setting, None));
    let fragments = template.fragments.iter().flat_map(|fragment| {
        fragment.manifest.part.settings.iter().map(move |setting| (setting, Some(fragment.name())))
    });
    let mut rows: Vec<Value> = Vec::new();
    for (setting, of) in own.chain(fragments) {
        if !rows.iter().any(|row| row["key"] == setting.key.value) {
            let default = setting.default.as_ref().map(|default| default.value.clone());
            rows.push(json!({
                "key": setting.key.value, "type": setting.kind.value, "default": default,
                "secret": setting.secret, "doc": setting.doc.value, "of": of,
            }));
        }
    }
    rows
}

/// What came of `init` and `fetch`.
#[derive(Serialize)]
struct Made<'a> {
    path: &'a str,
    templates: &'a [String],
    files: usize,
}

fn begin(init: &Init, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let root = settings.world.cwd.join(&init.dir);
    let folder = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name::check(&folder).map_err(|problem| {
        let fault = Fault::new(problem.message.replace("name a service", "name a template"));
        match problem.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    })?;
    let tree = starter::files(&folder);
    if !write(&tree, &root, ui)? {
        return Ok(Code::Interrupted);
    }
    let shown = init.dir.display();
    if ui.format() == Format::Json {
        show::summary(ui, &Made { path: &shown.to_string(), templates: &[folder], files: tree.len() })?;
        return Ok(Code::Done);
    }
    ui.out_line(&format!("made {shown}: a template of {} files", tree.len()))?;
    ui.note(&format!("\nnext:\n  eyas check {shown}\n  eyas new orders --template {shown}"));
    Ok(Code::Done)
}

fn bring(fetch: &Fetch, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let catalog = source::open(Some(&fetch.source))?;
    let names = names(&catalog, &fetch.source)?;
    for name in &names {
        catalog.template(name).map_err(Fault::from)?;
    }
    let dir =
        fetch.dir.clone().unwrap_or_else(|| PathBuf::from(names.first().map_or("template", |name| name)));
    let tree: Tree =
        catalog.files().iter().map(|(path, bytes)| (path.clone(), File::new(bytes.to_vec()))).collect();
    if !write(&tree, &settings.world.cwd.join(&dir), ui)? {
        return Ok(Code::Interrupted);
    }
    let shown = dir.display().to_string();
    if ui.format() == Format::Json {
        show::summary(ui, &Made { path: &shown, templates: &names, files: tree.len() })?;
    } else {
        ui.out_line(&format!("made {shown}: {} files; {}", tree.len(), names.join(", ")))?;
    }
    Ok(Code::Done)
}

/// Writes a new folder, whole or not at all; says whether it came to that.
fn write(tree: &Tree, root: &Path, ui: &mut Ui) -> anyhow::Result<bool> {
    let stop = watch_signals()?;
    let is_taken = root.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_taken || root.is_file() {
        return Err(Fault::new(format!("`{}` is there already", root.display()))
            .hint("take another name")
            .into());
    }
    let plan = plan::plan(&Tree::new(), tree, &Tree::new(), false);
    match apply::apply(&plan, root, &|| stop.load(Ordering::Relaxed)) {
        Err(error) if error.is::<Interrupted>() => {
            ui.note(&error.to_string());
            Ok(false)
        }
        outcome => outcome.map(|()| true),
    }
}
