//! Whether a template holds what it promises, whatever is answered: every two options rendered together, and each
//! result judged as what it is.
//!
//! The engine knows neither clock nor dice nor disk: what would ask them is an unknown name, told with its place.

mod covering;
mod dockerfile;
mod space;
mod syntax;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Instant;

use regex::Regex;

use super::answers::{self, Answers, Request, Resolution, typed};
use super::catalog::{Kind, Template};
use super::manifest::RENDERED;
use super::problem::{Place, Problem};
use super::render::{self, DEADLINE, Rendered};
use super::state::digest;
use space::Options;
use syntax::{Syntax, Wrong};

/// The most questions that a person should be asked.
const QUESTIONS: usize = 6;
/// For what parses by recursion; only what is used of it is ever taken.
const STACK: usize = 512 << 20;

/// Folders of people, as they stand on the usual systems. Images have users of their own.
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)([A-Za-z0-9._-]+)").expect("a fixed pattern")
});
const IMAGE_USERS: [&str; 3] = ["node", "nonroot", "app"];

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, and where.
    pub problem: Problem,
    /// The answers under which it shows, as flags; none where it always does.
    pub answers: Option<String>,
}

/// What became of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each once, in the order of places.
    pub findings: Vec<Finding>,
    /// How many answers were tried.
    pub combinations: usize,
    /// The pairs of options that stood together in one of them.
    pub pairs: usize,
    /// The pairs that cannot stand together.
    pub impossible: usize,
    /// How many different files came out.
    pub files: usize,
    /// Whether it was ended before the end.
    pub is_interrupted: bool,
}

/// Checks a template that was found sound in itself, until `stop` says so.
pub fn check(template: &Arc<Template>, stop: &dyn Fn() -> bool) -> Report {
    let mut report = Report::default();
    let (options, without) = Options::of(template);
    for variable in without {
        let message = format!("no value is known that `{}` takes", variable.key.value);
        report.tell(Problem::at(&variable.key.place, message).hint("give it a default"), None);
    }
    let (mut rows, cover) = options.cover();
    (report.pairs, report.impossible) = (cover.covered, cover.impossible);
    if cover.unknown > 0 {
        let message =
            format!("whether {} pairs of options go together could not be told in time", cover.unknown);
        report
            .tell(Problem::new(format!("{}: {message}", template.origin)).hint("use fewer conditions"), None);
    }
    for problem in unused::find(template, &options, &mut rows) {
        report.tell(problem, None);
    }
    rows.extend(presets(template, &mut report));
    let mut files = Files::default();
    for answers in &rows {
        if stop() {
            report.is_interrupted = true;
            break;
        }
        if !rendered(template, answers, stop, &mut report, &mut files) {
            break;
        }
    }
    report.files = files.seen.len();
    files.judge(template, &mut report);
    report.findings.sort_by(|a, b| a.problem.place.cmp(&b.problem.place));
    report
}

/// Answers in which every two options stand together that can.
pub fn combinations(template: &Template) -> Vec<Answers> {
    Options::of(template).0.cover().0
}

impl Report {
    fn tell(&mut self, problem: Problem, answers: Option<&Answers>) {
        let is_same = |other: &Problem| (&other.place, &other.message) == (&problem.place, &problem.message);
        if !self.findings.iter().any(|finding| is_same(&finding.problem)) {
            self.findings.push(Finding { problem, answers: answers.map(flags) });
        }
    }
}

/// The answers that the presets give, over each transport, and whether they ask too much.
fn presets(template: &Arc<Template>, report: &mut Report) -> Vec<Answers> {
    let transports: Vec<Vec<String>> = match template.of(Kind::Transport).count() {
        0 => vec![Vec::new()],
        // One that needs more than a preset gives stands among the pairs.
        _ => template
            .of(Kind::Transport)
            .filter(|one| one.manifest.requires.clauses.is_empty())
            .map(|one| vec![one.name().to_owned()])
            .collect(),
    };
    let mut rows: Vec<Answers> = Vec::new();
    let mut asked = 0;
    for preset in &template.manifest.presets {
        for transports in &transports {
            let request = Request {
                name: Some("orders".to_owned()),
                transports: transports.clone(),
                preset: Some(preset.name.value.clone()),
                ..Request::default()
            };
            if let Ok(Resolution::Open(questions)) = answers::resolve(template, &request) {
                asked = asked.max(questions.len());
            }
            match answers::resolve(template, &Request { defaults: true, ..request }) {
                Ok(Resolution::Ready(answers)) => rows.push(answers),
                Ok(Resolution::Open(_)) => {}
                // A question without a default is answered by a person; all else is the template's fault.
                Err(problems) => {
                    let faults =
                        problems.0.into_iter().filter(|one| !one.message.starts_with("no answer for"));
                    for fault in faults {
                        let message = format!("the preset {}: {}", preset.name.value, fault.message);
                        report
                            .tell(Problem { message, place: Some(preset.name.place.clone()), ..fault }, None);
                    }
                }
            }
        }
    }
    // Name, transports and preset are asked for by themselves.
    let asked = asked + 1 + usize::from(transports.len() > 1) + usize::from(!rows.is_empty());
    if asked > QUESTIONS {
        let message = format!("it asks {asked} questions; the most is {QUESTIONS}");
        let place = &template.manifest.name.place;
        report.tell(Problem::at(place, message).hint("leave out the `prompt` of some variables"), None);
    }
    rows
}

/// Renders twice and looks at what comes out; says whether to go on.
fn rendered(
    template: &Arc<Template>,
    answers: &Answers,
    stop: &dyn Fn() -> bool,
    report: &mut Report,
    files: &mut Files,
) -> bool {
    let start = Instant::now();
    report.combinations += 1;
    let once = || render::render_until(DEADLINE, template, answers, stop);
    match once() {
        Ok(first) => {
            if let Ok(second) = once() {
                for path in differing(&first, &second) {
                    let message = format!("`{path}` comes out other when it is rendered again");
                    report.tell(Problem::new(message), Some(answers));
                }
            }
            files.add(&first, answers);
            true
        }
        Err(_) if stop() => {
            report.is_interrupted = true;
            false
        }
        Err(problems) => {
            for problem in problems.0 {
                report.tell(problem, Some(answers));
            }
            // What takes all the time once will do so again.
            start.elapsed() < DEADLINE
        }
    }
}

fn differing<'a>(first: &'a Rendered, second: &'a Rendered) -> Vec<&'a str> {
    let paths: BTreeSet<&String> = first.tree.keys().chain(second.tree.keys()).collect();
    let differ = paths.into_iter().filter(|path| first.tree.get(*path) != second.tree.get(*path));
    differ.map(String::as_str).collect()
}

/// A file that came out, with what made it.
struct Made {
    path: String,
    source: String,
    bytes: Vec<u8>,
    syntax: Option<Syntax>,
    answers: Answers,
}

/// All files that came out, each content once.
#[derive(Default)]
struct Files {
    seen: BTreeMap<(String, String), Made>,
}

impl Files {
    fn add(&mut self, rendered: &Rendered, answers: &Answers) {
        for (path, file) in &rendered.tree {
            let key = (path.clone(), digest(&file.bytes));
            self.seen.entry(key).or_insert_with(|| Made {
                path: path.clone(),
                source: rendered.sources.get(path).cloned().unwrap_or_default(),
                bytes: file.bytes.clone(),
                syntax: Syntax::of(path, |other| rendered.tree.contains_key(other)),
                answers: answers.clone(),
            });
        }
    }

    /// On a stack of its own: a text that nests deeply must not end the process.
    fn judge(self, template: &Template, report: &mut Report) {
        let work = move || -> Vec<(Made, Vec<(Wrong, String)>)> {
            let judged = self.seen.into_values().map(|made| {
                let wrong = made.judge();
                (made, wrong)
            });
            judged.filter(|(_, wrong)| !wrong.is_empty()).collect()
        };
        let judged = thread::Builder::new().stack_size(STACK).spawn(work).map(thread::JoinHandle::join);
        let Ok(Ok(judged)) = judged else {
            return report.tell(Problem::new("what came out could not be judged"), None);
        };
        for (made, wrong) in judged {
            for (wrong, message) in wrong {
                report.tell(made.problem(template, &wrong, &message), Some(&made.answers));
            }
        }
    }
}

impl Made {
    /// What is wrong with it, each with a sentence that lacks its subject.
    fn judge(&self) -> Vec<(Wrong, String)> {
        let mut found = Vec::new();
        if let Some(syntax) = self.syntax
            && let Err(wrong) = syntax.check(&self.path, &self.bytes)
        {
            let message = format!("is not {}: {}", syntax.title(), wrong.message);
            found.push((wrong, message));
        }
        let text = String::from_utf8_lossy(&self.bytes);
        for (line, content) in text.lines().enumerate() {
            for home in HOME.captures_iter(content).filter(|home| !IMAGE_USERS.contains(&&home[1])) {
                let column = home.get(0).map_or(0, |home| content[..home.start()].chars().count());
                let wrong = Wrong::new(line, column, "");
                found.push((wrong, format!("holds `{}`, a folder of one machine", &home[0])));
            }
        }
        found
    }

    /// A problem at the line of the template that is to blame, where that can be told.
    fn problem(&self, template: &Template, wrong: &Wrong, message: &str) -> Problem {
        if !self.source.ends_with(RENDERED) {
            let place = Place { file: self.source.as_str().into(), line: wrong.line, column: wrong.column };
            return Problem::at(&place, format!("it {message}"));
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.lines().nth(wrong.line - 1).unwrap_or_default().trim();
        let source = source(template, &self.source).unwrap_or_default();
        let same = source.lines().position(|one| !line.is_empty() && one.trim() == line);
        let place = Place { file: self.source.as_str().into(), line: same.map_or(1, |at| at + 1), column: 1 };
        let message = format!("what it makes {message}, at {}:{}:{}", self.path, wrong.line, wrong.column);
        let problem = Problem::at(&place, message);
        if line.is_empty() { problem } else { problem.hint(format!("that line is `{line}`")) }
    }
}

/// The text of a file of a template by the name that problems give it.
fn source(template: &Template, name: &str) -> Option<String> {
    let fragments = template.fragments.iter().map(|fragment| (&fragment.origin, &fragment.files));
    let mut all = fragments.chain(std::iter::once((&template.origin, &template.files)));
    let bytes = all.find_map(|(origin, files)| files.get(name.strip_prefix(origin.as_str())?))?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// Answers as one would type them.
fn flags(answers: &Answers) -> String {
    let mut words = vec![answers.name.clone()];
    words.extend(answers.transports.iter().map(|name| format!("{} {name}", Kind::Transport.flag())));
    words.extend(answers.preset.iter().map(|name| format!("--preset {name}")));
    if !answers.features.is_empty() {
        words.push(format!("{} {}", Kind::Feature.flag(), answers.features.join(",")));
    }
    words.extend(
        answers.clients.iter().map(|one| format!("{} {}={}", Kind::Client.flag(), one.name, one.url)),
    );
    words.extend(answers.values.iter().map(|(key, value)| format!("--set {key}={}", typed(value))));
    words.join(" ")
}
