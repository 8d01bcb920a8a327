//! From a template and answers to the tree of files, in memory, the same bytes each time.
//!
//! Only `*.tera` is rendered; all else is copied. What a template can do is bounded: a file may grow to
//! [`MAX_FILE`] bytes and the tree to [`MAX_TOTAL`], and after [`DEADLINE`] the run fails, naming the file. Tera
//! counts no steps, so rendering has its own thread: a loop that writes is stopped, and one that writes nothing
//! is left behind and dies with the process, before anything was written to disk.
//!
//! What is not bounded is memory inside of one expression: a template that doubles a text in a loop can exhaust
//! it and end the process. Nothing has been written then either. Embedded templates do no such thing; use
//! folders of people you trust not to waste your memory.

mod context;
mod engine;
mod imports;
mod json;
mod layout;
mod sources;
mod table;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::answers::Answers;
use super::catalog::{Fragment, Kind, MAX_FILE, MAX_TOTAL, Template};
use super::condition::Condition;
use super::manifest::{FragmentManifest, Merge, RENDERED};
use super::problem::{Located, Problem, Problems};
use context::{Contexts, EXAMPLES, Owner};
use engine::{Engine, render_json};
use sources::Source;

/// How long a template may take in all.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How long it may take until a `stop` is heard.
const TICK: Duration = Duration::from_millis(20);

/// A file of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it may be run: it starts with `#!`.
    pub executable: bool,
}

impl File {
    /// A file of `bytes`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { executable: bytes.starts_with(b"#!"), bytes }
    }
}

/// The files of the result by path, with `/` between the parts.
pub type Tree = BTreeMap<String, File>;

/// What a rendering gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The files.
    pub tree: Tree,
    /// What the user should be told.
    pub notes: Vec<String>,
    /// The commands to go on with, inside of the project.
    pub next: Vec<String>,
    /// Which file of the template made each file.
    pub sources: BTreeMap<String, String>,
}

/// Renders a template, or tells everything that is wrong with it.
pub fn render(template: &Arc<Template>, answers: &Answers) -> Result<Rendered, Problems> {
    render_until(DEADLINE, template, answers, &|| false)
}

/// Renders a template within `deadline`, and only while nobody says `stop`.
pub fn render_until(
    deadline: Duration,
    template: &Arc<Template>,
    answers: &Answers,
    stop: &dyn Fn() -> bool,
) -> Result<Rendered, Problems> {
    let job = Arc::new(Job {
        template: template.clone(),
        answers: answers.clone(),
        abandoned: AtomicBool::new(false),
        at: Mutex::new(String::new()),
    });
    let (send, receive) = channel();
    let work = job.clone();
    // Detached on purpose: a loop without end cannot be stopped from outside, only left behind.
    let spawned = thread::Builder::new().name("render".to_owned()).stack_size(8 << 20).spawn(move || {
        // Nobody listens any more only when the deadline has passed.
        let _ = send.send(work.run());
    });
    if let Err(error) = spawned {
        return Err(Problem::new(format!("cannot start rendering: {error}")).into());
    }
    let at = || job.at.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let end = Instant::now() + deadline;
    let received = loop {
        let received = receive.recv_timeout(TICK.min(end.saturating_duration_since(Instant::now())));
        if stop() || Instant::now() >= end || !matches!(received, Err(RecvTimeoutError::Timeout)) {
            break received;
        }
    };
    match received {
        Ok(rendered) => rendered,
        Err(RecvTimeoutError::Timeout) => {
            job.abandoned.store(true, Ordering::Relaxed);
            if stop() {
                return Err(Problem::new(format!("interrupted while rendering {}", at())).into());
            }
            let problem = format!("{} did not finish rendering in {}s", at(), deadline.as_secs_f32());
            Err(Problem::new(problem)
                .hint("it holds a loop that does not end in time; nothing was written")
                .into())
        }
        Err(RecvTimeoutError::Disconnected) => Err(Problem::new(format!("rendering {} failed", at())).into()),
    }
}

/// One rendering, owned by its thread.
struct Job {
    template: Arc<Template>,
    answers: Answers,
    abandoned: AtomicBool,
    /// The file that is being rendered.
    at: Mutex<String>,
}

impl Job {
    fn is_chosen(&self, fragment: &Fragment) -> bool {
        self.chosen(fragment.kind).iter().any(|one| one.name() == fragment.name())
    }

    /// The chosen fragments of one kind, in the order of the answers; that of a client once for each client.
    fn chosen(&self, kind: Kind) -> Vec<&Fragment> {
        let clients: Vec<String>;
        let names = match kind {
            Kind::Transport => &self.answers.transports,
            Kind::Feature => &self.answers.features,
            Kind::Client => {
                clients = self.answers.clients.iter().map(|client| client.fragment.clone()).collect();
                &clients
            }
        };
        names.iter().filter_map(|name| self.template.fragment(kind, name)).collect()
    }

    fn holds(&self, condition: &Condition) -> bool {
        let chosen = || self.template.fragments.iter().filter(|one| self.is_chosen(one));
        condition.holds(&|atom| self.answers.holds(chosen(), atom))
    }

    /// The template, then what is chosen.
    fn owners(&self) -> Vec<Owner<'_>> {
        let template = &self.template;
        let mut owners = vec![Owner {
            name: "template".to_owned(),
            title: "Service".to_owned(),
            file: format!("{}template.toml", template.origin),
            origin: &template.origin,
            part: &template.manifest.part,
            files: &template.files,
            fragment: None,
            client: None,
        }];
        let plain = |fragment| (fragment, None);
        let transports = self.chosen(Kind::Transport).into_iter().map(plain);
        let clients = self.chosen(Kind::Client).into_iter().enumerate().map(|(at, one)| (one, Some(at)));
        let features = self.chosen(Kind::Feature).into_iter().map(plain);
        owners.extend(transports.chain(clients).chain(features).map(|(one, client)| Owner::of(one, client)));
        owners
    }

    /// The transport whose driver a client uses.
    fn driver(&self, client: &FragmentManifest) -> Option<&Fragment> {
        self.template.fragment(Kind::Transport, client.transport.as_ref()?)
    }

    /// The transports that only clients bring, each once.
    fn brought(&self) -> Vec<&Fragment> {
        let mut brought: Vec<&Fragment> = Vec::new();
        for client in self.chosen(Kind::Client) {
            let driver = self.driver(&client.manifest).filter(|driver| !self.is_chosen(driver));
            brought.extend(driver.filter(|driver| brought.iter().all(|one| one.name() != driver.name())));
        }
        brought
    }

    fn note_place(&self, file: &str) {
        file.clone_into(&mut self.at.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn run(&self) -> Result<Rendered, Problems> {
        self.note_place(&self.template.origin);
        let engine = Engine::new(&self.template, &self.abandoned)?;
        let contexts = context::contexts(self, &engine)?;
        let owners = self.owners();
        let mut problems = Problems::default();
        let sources = self.sources(&owners, &mut problems);
        let mut tree = Tree::new();
        let mut total = 0;
        let made_by = sources.iter().map(|(path, source)| (path.clone(), source.name.clone())).collect();
        for (path, source) in sources {
            self.note_place(&source.name);
            match file(&engine, &contexts, &path, &source) {
                Ok(bytes) => {
                    total += bytes.len();
                    tree.insert(path, File::new(bytes));
                }
                Err(problem) => problems.push(problem),
            }
            if total > MAX_TOTAL {
                problems.push(Problem::new(format!("all files together are over {MAX_TOTAL} bytes")));
                break;
            }
        }
        if problems.0.is_empty() {
            self.merge(&engine, &contexts, &owners, &mut tree, &mut problems);
        }
        let notes = self.notes(&engine, &contexts, &owners, &mut problems);
        let manifest = format!("{}template.toml", self.template.origin);
        let command = |text: &Located<String>| {
            engine.render(&manifest, Some(&text.place), text, &contexts.inner).map_err(Problems::from)
        };
        let next = &self.template.manifest.next;
        let next = next.iter().filter_map(|text| problems.take(command(text)));
        // A command that is not for this choice renders to nothing.
        let next = next.filter(|command| !command.trim().is_empty()).collect();
        problems.or(Rendered { tree, notes, next, sources: made_by })
    }

    fn merge(
        &self,
        engine: &Engine,
        contexts: &Contexts,
        owners: &[Owner],
        tree: &mut Tree,
        problems: &mut Problems,
    ) {
        let mut targets: BTreeMap<&str, Vec<(&Owner, &Merge)>> = BTreeMap::new();
        let brought: Vec<Owner> = self.brought().into_iter().map(|one| Owner::of(one, None)).collect();
        for owner in owners.iter().chain(&brought) {
            for merge in owner.part.merges.iter().filter(|merge| self.holds(&merge.when)) {
                targets.entry(&merge.file).or_default().push((owner, merge));
            }
        }
        for (path, merges) in targets {
            let own =
                match tree.get(path).map(|file| serde_json::from_slice::<Map<String, Value>>(&file.bytes)) {
                    Some(Ok(own)) => own,
                    Some(Err(error)) => {
                        problems.push(Problem::new(format!(
                            "`{path}` is not a JSON object to merge into: {error}"
                        )));
                        continue;
                    }
                    None => {
                        let problem = merges.iter().map(|(_, merge)| no_target(&merge.file, tree));
                        problems.0.extend(problem);
                        continue;
                    }
                };
            let mut merged = own.clone();
            for (owner, merge) in merges {
                let place = &merge.json.place;
                let context = contexts.of(owner, owner.client, &contexts.inner);
                let mut render = |text: &str| engine.render(&owner.file, Some(place), text, &context);
                match render_json(&Value::Object(merge.json.value.clone()), &mut render) {
                    Ok(Value::Object(more)) => {
                        if let Err(why) = json::merge(&mut merged, &more, "") {
                            problems.push(Problem::at(place, format!("{path}: {why}")));
                        }
                    }
                    Ok(_) => {}
                    Err(problem) => problems.push(problem),
                }
            }
            let printed = json::print(path, json::order(merged, &own));
            tree.insert(path.to_owned(), File::new(printed));
        }
    }

    fn notes(
        &self,
        engine: &Engine,
        contexts: &Contexts,
        owners: &[Owner],
        problems: &mut Problems,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        for owner in owners {
            let context = contexts.of(owner, owner.client, &contexts.inner);
            for note in owner.part.notes.iter().filter(|note| self.holds(&note.when)) {
                match engine.render(&owner.file, Some(&note.text.place), &note.text, &context) {
                    Ok(text) => {
                        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                        // Two clients of one kind have one thing to say.
                        if !notes.contains(&text) {
                            notes.push(text);
                        }
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
        notes
    }
}

fn no_target(file: &Located<String>, tree: &Tree) -> Problem {
    let problem =
        Problem::at(&file.place, format!("nothing makes `{}`, into which this is merged", file.value));
    problem.nearest(file, tree.keys().map(String::as_str))
}

/// The bytes of one file.
fn file(engine: &Engine, contexts: &Contexts, path: &str, source: &Source) -> Result<Vec<u8>, Problem> {
    let name = &source.name;
    if !name.ends_with(RENDERED) {
        return Ok(source.bytes.to_vec());
    }
    let context = if path == EXAMPLES { &contexts.examples } else { &contexts.files };
    let mut context = contexts.of(source.owner, source.client, context);
    if source.is_of_client {
        contexts.call_as_client(source.client, &mut context);
    }
    let rendered = engine.render(name, None, &String::from_utf8_lossy(source.bytes), &context)?;
    let text = text::tidy(&layout::lay_out(&rendered));
    if text.len() > MAX_FILE {
        return Err(Problem::new(format!("{name} renders to more than {MAX_FILE} bytes")));
    }
    Ok(text.into_bytes())
}
