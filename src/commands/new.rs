//! `eyas new`: makes a service from a template.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::npm;
use super::show;
use super::template_source;
use super::watch_signals;
use crate::exit::Code;
use crate::fault::Fault;
use crate::scaffold::answers::{self, Answers, QuestionKind, Request, Resolution};
use crate::scaffold::apply::{self, Interrupted};
use crate::scaffold::catalog::{Catalog, Template};
use crate::scaffold::plan::{self, Action, Plan};
use crate::scaffold::render::{self, Rendered, Tree};
use crate::scaffold::{name, state};
use crate::settings::Settings;
use crate::ui::prompt::{Prompt, Question};
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Make a NestJS service from a template";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas new
  eyas new orders --defaults
  eyas new orders --transport tcp --preset minimal --with metrics --http
  eyas new shop --client stock=tcp://localhost:4001 --client price=amqp://localhost
  eyas new orders --answers orders.toml --no-input
  eyas new orders --dry-run

On a terminal eyas asks for what was not given; elsewhere, or with --no-input, a question takes its default.
Nothing is overwritten unless --force says so, and a run that fails or is interrupted leaves the disk as it was.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// The service's name: kebab-case, for it names packages, images and hosts
    name: Option<String>,
    /// How it is spoken to; repeatable, the first is the main one; none: over HTTP alone, to call others
    #[arg(long = "transport", value_name = "TRANSPORT", help_heading = "What it is")]
    transports: Vec<String>,
    /// What it has beside the preset; repeatable
    #[arg(long = "with", value_name = "FEATURE", value_delimiter = ',', help_heading = "What it is")]
    features: Vec<String>,
    /// A set of features: minimal, standard, production
    #[arg(long, value_name = "PRESET", help_heading = "What it is")]
    preset: Option<String>,
    /// Serve the resource over HTTP, too
    #[arg(long, help_heading = "What it is")]
    http: bool,
    /// Another service it calls, over the transport of its URL; repeatable
    #[arg(long = "client", value_name = "NAME=URL", help_heading = "What it is")]
    clients: Vec<String>,
    /// Answer a template's question; repeatable
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What it is")]
    set: Vec<String>,
    /// Take answers from a TOML or JSON file
    #[arg(long, value_name = "FILE", help_heading = "What it is")]
    answers: Option<PathBuf>,
    /// Take every default, and ask nothing
    #[arg(long, help_heading = "What it is")]
    defaults: bool,
    /// A template of your own: a folder, a .tar.gz, or a git URL
    #[arg(long, value_name = "SOURCE")]
    template: Option<String>,
    /// Make it in DIR instead of in a folder of its name
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Run `npm install` in it
    #[arg(long)]
    install: bool,
    /// Make no git repository
    #[arg(long)]
    no_git: bool,
    /// Show the files it would make, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Show what would change as a diff, and write nothing
    #[arg(long)]
    diff: bool,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

/// Makes it.
///
/// # Errors
/// Answers that do not fit, a faulty template, a folder that is taken, a disk that cannot be written.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let stop = watch_signals()?;
    let catalog = template_source::open(args.template.as_deref())?;
    let template = choose(&catalog)?;
    let mut request = args.request(ui)?;
    let asks = ui.can_ask() && !request.defaults;
    let Some(answers) = settle(&template, &mut request, asks, &stop, ui)? else {
        return Ok(Code::Interrupted);
    };
    let is_stopped = || stop.load(Ordering::Relaxed);
    let rendered = render::render_until(render::DEADLINE, &template, &answers, &is_stopped);
    if rendered.is_err() && is_stopped() {
        ui.note(&Interrupted.to_string());
        return Ok(Code::Interrupted);
    }
    let Rendered { tree, notes, next, .. } = rendered.map_err(Fault::from)?;
    let wanted = state::with_state(&template, &answers, &tree);
    let root = args.root(&answers.name, settings);
    let plan = args.plan(&root, &wanted)?;
    let shown = shown_root(&root, settings);
    if args.dry_run || args.diff {
        let diff = args.diff.then(|| plan.diff());
        if ui.format() == Format::Json {
            let summary = Summary { dry_run: true, diff, ..Summary::of(&answers, &plan, &shown) };
            show::summary(ui, &summary)?;
        } else {
            ui.bytes(diff.unwrap_or_else(|| plan.tree(&shown)).as_bytes())?;
        }
        return Ok(Code::Done);
    }
    if args.install {
        npm::require_node(tree.get("package.json").map(|file| &*file.bytes))?;
    }
    if asks && !agreed(&plan, &shown, &answers, &notes, ui)? {
        ui.note("nothing was made");
        return Ok(if stop.load(Ordering::Relaxed) { Code::Interrupted } else { Code::Failed });
    }
    match apply::apply(&plan, &root, &is_stopped) {
        Err(error) if error.is::<Interrupted>() => {
            ui.note(&format!("{error}"));
            return Ok(Code::Interrupted);
        }
        outcome => outcome?,
    }
    // Installed first: the lock file belongs into the first commit.
    let installed = if args.install { npm::install(&root, ui) } else { Ok(()) };
    if !args.no_git {
        super::git::begin(&root, &answers.name, ui);
    }
    tell(&answers, &plan, &shown, settings.look.quiet, ui)?;
    installed?;
    advise(&notes, &next, &shown, args.install, ui);
    Ok(if stop.load(Ordering::Relaxed) { Code::Interrupted } else { Code::Done })
}

/// The template of a catalog: the only one, or the one that makes a service.
fn choose(catalog: &Catalog) -> Result<Arc<Template>, Fault> {
    let names = catalog.names();
    let name = match &names[..] {
        [only] => only,
        _ => "service",
    };
    catalog.template(name).map_err(Fault::from)
}

impl Args {
    fn request(&self, ui: &Ui) -> Result<Request, Fault> {
        let answers = match &self.answers {
            None => None,
            Some(path) => {
                let file = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Fault::new(format!("cannot read `{file}`: {error}")))?;
                Some((file, text))
            }
        };
        Ok(Request {
            name: self.name.clone(),
            transports: self.transports.clone(),
            features: self.features.clone(),
            preset: self.preset.clone(),
            http: self.http,
            clients: self.clients.clone(),
            set: self.set.clone(),
            answers,
            defaults: self.defaults || !ui.can_ask(),
        })
    }

    fn root(&self, name: &str, settings: &Settings) -> PathBuf {
        settings.world.cwd.join(self.into.as_deref().unwrap_or(Path::new(name)))
    }

    /// The way from what lies in `root` to what is wanted there.
    fn plan(&self, root: &Path, wanted: &Tree) -> Result<Plan, Fault> {
        let is_taken = root.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        if is_taken && self.into.is_none() && !self.force {
            return Err(Fault::new(format!("`{}` is there already", root.display()))
                .hint("take another name, --into DIR, or --force to overwrite files in it"));
        }
        let disk = apply::on_disk(root, wanted.keys().map(String::as_str)).map_err(Fault::from)?;
        Ok(plan::plan(&Tree::new(), wanted, &disk, self.force))
    }
}

/// All answers: those given, those asked for, and defaults. `None` if the user pressed Ctrl-C.
fn settle(
    template: &Template,
    request: &mut Request,
    asks: bool,
    stop: &AtomicBool,
    ui: &mut Ui,
) -> anyhow::Result<Option<Answers>> {
    loop {
        let open = match answers::resolve(template, request).map_err(Fault::from)? {
            Resolution::Ready(answers) => return Ok(Some(answers)),
            Resolution::Open(open) => open,
        };
        debug_assert!(asks, "without a terminal every question has been answered or told as missing");
        let prompt = ui.prompt();
        for question in &open {
            // One choice is none: asking would only take time.
            let answer = match &question.choices[..] {
                [(only, _)] => Ok(only.clone()),
                _ => ask(&prompt, question),
            };
            match answer {
                Ok(answer) => request.answer(question, &answer),
                Err(_) if stop.load(Ordering::Relaxed) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn ask(prompt: &Prompt, question: &answers::Question) -> io::Result<String> {
    let text = match &question.doc {
        Some(doc) => format!("{} ({doc})", question.prompt),
        None => question.prompt.clone(),
    };
    let asked = Question { prompt: &text, default: question.default.as_deref(), choices: &question.choices };
    match question.kind {
        QuestionKind::Confirm => {
            prompt.confirm(&text, question.default.as_deref() == Some("true")).map(|yes| yes.to_string())
        }
        QuestionKind::One => prompt.one(&asked),
        QuestionKind::Many => prompt.many(&asked).map(|names| names.join(",")),
        QuestionKind::Text => prompt.text(&asked, |text| match &*question.key {
            "name" => name::check(text).map_err(|problem| problem.to_string()),
            _ => Ok(()),
        }),
    }
}

/// Whether the user, who sees what would be made, wants it.
fn agreed(
    plan: &Plan,
    shown: &str,
    answers: &Answers,
    notes: &[String],
    ui: &mut Ui,
) -> anyhow::Result<bool> {
    ui.note(&format!("\n{}", plan.tree(shown)));
    for note in notes {
        ui.note(&format!("note: {note}"));
    }
    for left_out in &answers.left_out {
        ui.note(&format!("left out: {left_out}"));
    }
    match ui.prompt().confirm("Make it?", true) {
        Ok(answer) => Ok(answer),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The folder as the user would type it.
fn shown_root(root: &Path, settings: &Settings) -> String {
    let relative = root.strip_prefix(&settings.world.cwd).unwrap_or(root);
    relative.display().to_string().trim_end_matches('/').to_owned()
}

#[derive(Serialize)]
struct Summary<'a> {
    name: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    transports: &'a [String],
    clients: Vec<&'a str>,
    features: &'a [String],
    /// What the preset would have given and could not.
    left_out: &'a [String],
    files: Vec<&'a str>,
    /// What happens to files that are there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    there: BTreeMap<&'a str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

impl<'a> Summary<'a> {
    fn of(answers: &'a Answers, plan: &'a Plan, path: &'a str) -> Self {
        let there = plan.steps.iter().filter(|(_, step)| step.action != Action::Create);
        Self {
            name: &answers.name,
            path,
            dry_run: false,
            transports: &answers.transports,
            clients: answers.clients.iter().map(|client| client.name.as_str()).collect(),
            features: &answers.features,
            left_out: &answers.left_out,
            files: plan.steps.keys().map(String::as_str).collect(),
            there: there.map(|(path, step)| (path.as_str(), step.action.word())).collect(),
            diff: None,
        }
    }
}

fn tell(answers: &Answers, plan: &Plan, shown: &str, is_quiet: bool, ui: &mut Ui) -> anyhow::Result<()> {
    match ui.format() {
        Format::Json => return show::summary(ui, &Summary::of(answers, plan, shown)),
        Format::Quiet => return Ok(()),
        _ if is_quiet => return Ok(()),
        _ => {}
    }
    for left_out in &answers.left_out {
        ui.note(&format!("left out: {left_out}"));
    }
    let features = match &answers.features[..] {
        [] if answers.transports.is_empty() => String::new(),
        [] => "with nothing else".to_owned(),
        features => format!("with {}", features.join(", ")),
    };
    let mut parts = vec![answers.transports.join(", "), features];
    parts.retain(|part| !part.is_empty());
    let parts = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
    ui.out_line(&format!("made {shown}: {} files{parts}", plan.steps.len()))?;
    Ok(ui.flush()?)
}

fn advise(notes: &[String], next: &[String], shown: &str, is_installed: bool, ui: &mut Ui) {
    for note in notes {
        ui.note(&format!("note: {note}"));
    }
    ui.note("\nnext:");
    if !shown.is_empty() {
        ui.note(&format!("  cd {shown}"));
    }
    for command in next.iter().filter(|command| !(is_installed && *command == "npm install")) {
        ui.note(&format!("  {command}"));
    }
}
