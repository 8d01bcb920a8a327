//! What a project remembers of its making, in `.eyas/`: `project.toml` (template, answers, a digest per file) and
//! `base`, the last pristine render. Without them nothing made today could ever be updated.
//!
//! # `base`
//!
//! One text, sorted by path, made to be read in a `git diff`:
//!
//! ```text
//! eyas base 1
//! file lines src/main.ts
//! |import 'reflect-metadata';
//! |
//! file open VERSION
//! |1.0.0
//! file base64 logo.png
//! |iVBORw0KGgo=
//! ```
//!
//! `lines`: UTF-8 whose last line is ended (or no line at all); `open`: UTF-8 whose last line is not; `base64`: all
//! else, which is what holds a carriage return or a zero byte or is not UTF-8. So a carriage return at a line's end
//! is never content: git may add them on checkout, and reading drops them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::answers::{Answers, Client};
use super::catalog::Template;
use super::path;
use super::problem::{Place, Problem, Problems};
use super::reader::Document;
use super::render::{File, Tree};

/// Where the state lies.
pub const STATE: &str = ".eyas/project.toml";
/// Where the last pristine render lies.
pub const BASE: &str = ".eyas/base";

/// The version of both formats.
const VERSION: i64 = 1;
const FIRST_LINE: &str = "eyas base 1";
/// How long the lines of base64 are.
const WIDTH: usize = 76;

/// `.eyas/project.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The eyas that made it.
    pub eyas: String,
    /// The template.
    pub template: String,
    /// Its version.
    pub template_version: String,
    /// The answers. Variables hold no secrets: secrets are settings, and those have no values here.
    pub answers: Answers,
    /// The SHA-256 of each file as it was rendered, in hex.
    pub files: BTreeMap<String, String>,
}

impl State {
    /// The state of a project that was just rendered.
    pub fn of(template: &Template, answers: &Answers, tree: &Tree) -> Self {
        Self {
            eyas: env!("CARGO_PKG_VERSION").to_owned(),
            template: template.manifest.name.value.clone(),
            template_version: template.manifest.version.clone(),
            answers: Answers {
                left_out: Vec::new(),
                clients: answers
                    .clients
                    .iter()
                    .map(|client| Client { fragment: String::new(), ..client.clone() })
                    .collect(),
                ..answers.clone()
            },
            files: tree.iter().map(|(path, file)| (path.clone(), digest(&file.bytes))).collect(),
        }
    }

    /// Its text.
    pub fn write(&self) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let list = |texts: &[String]| toml::Value::from(texts.to_vec()).to_string();
        let mut lines = vec![
            "# What eyas made this project from; eyas reads and writes it, nobody edits it.".to_owned(),
            format!("version = {VERSION}"),
            format!("eyas = {}", text(&self.eyas)),
            "\n[template]".to_owned(),
            format!("name = {}", text(&self.template)),
            format!("version = {}", text(&self.template_version)),
            "\n[answers]".to_owned(),
            format!("name = {}", text(&self.answers.name)),
            format!("transports = {}", list(&self.answers.transports)),
            format!("features = {}", list(&self.answers.features)),
        ];
        if !self.answers.clients.is_empty() {
            let pairs =
                self.answers.clients.iter().map(|one| format!("{} = {}", text(&one.name), text(&one.url)));
            lines.push(format!("clients = {{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
        }
        lines.extend(self.answers.preset.iter().map(|preset| format!("preset = {}", text(preset))));
        let values = self.answers.values.iter().map(|(key, value)| match value {
            Value::String(value) => format!("{key} = {}", text(value)),
            // A number or a boolean reads the same in JSON and TOML.
            other => format!("{key} = {other}"),
        });
        lines.extend(values);
        lines.push("\n[files]".to_owned());
        lines.extend(self.files.iter().map(|(path, digest)| format!("{} = {}", text(path), text(digest))));
        lines.join("\n") + "\n"
    }

    /// Reads `text`, which is the content of `file`.
    pub fn read(file: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::new(file, text);
        let mut table = document.root();
        match table.int("version") {
            Some(version) if version.value != VERSION => {
                table.note(&version.place, format!("version {} is not known to this eyas", version.value));
            }
            Some(_) => {}
            None => table.note(&table.place, "missing key `version`"),
        }
        let eyas = table.required("eyas").value;
        let mut template = table.table("template");
        let mut answers = table.table("answers");
        let files = table.free("files").value;
        let names =
            |names: Vec<super::problem::Located<String>>| names.into_iter().map(|name| name.value).collect();
        let state = Self {
            eyas,
            template: template.required("name").value,
            template_version: template.required("version").value,
            files: files
                .into_iter()
                .filter_map(|(path, hex)| Some((path, hex.as_str()?.to_owned())))
                .collect(),
            answers: Answers {
                name: answers.required("name").value,
                transports: names(answers.texts("transports")),
                features: names(answers.texts("features")),
                clients: clients(answers.free("clients").value),
                preset: answers.text("preset").map(|preset| preset.value),
                values: answers.pairs().into_iter().map(|(key, value, _)| (key, value)).collect(),
                left_out: Vec::new(),
            },
        };
        template.finish();
        table.finish();
        document.finish().or(state)
    }
}

/// The clients of `[answers]`; which fragments make them is settled with the template at hand.
fn clients(table: serde_json::Map<String, Value>) -> Vec<Client> {
    let pairs = table.into_iter().filter_map(|(name, url)| Some((name, url.as_str()?.to_owned())));
    pairs.map(|(name, url)| Client { name, url, fragment: String::new() }).collect()
}

/// `tree` with the state and the base beside it: all that is written for a new project.
pub fn with_state(template: &Template, answers: &Answers, tree: &Tree) -> Tree {
    let mut all = tree.clone();
    all.insert(STATE.to_owned(), File::new(State::of(template, answers, tree).write()));
    all.insert(BASE.to_owned(), File::new(bundle(tree)));
    all
}

/// The SHA-256 of `bytes` in hex.
pub fn digest(bytes: &[u8]) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(bytes)))
}

/// `tree` as one text.
pub fn bundle(tree: &Tree) -> String {
    let mut lines = vec![FIRST_LINE.to_owned()];
    for (path, file) in tree {
        let text = std::str::from_utf8(&file.bytes).ok().filter(|text| !text.contains(['\r', '\0']));
        match text {
            Some(text) if text.is_empty() || text.ends_with('\n') => {
                lines.push(format!("file lines {path}"));
                lines.extend(text.split_terminator('\n').map(|line| format!("|{line}")));
            }
            Some(text) => {
                lines.push(format!("file open {path}"));
                lines.extend(text.split('\n').map(|line| format!("|{line}")));
            }
            None => {
                lines.push(format!("file base64 {path}"));
                let encoded = STANDARD.encode(&file.bytes);
                let rows = encoded.as_bytes().chunks(WIDTH).map(String::from_utf8_lossy);
                lines.extend(rows.map(|row| format!("|{row}")));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The tree of a text that [`bundle`] made; `file` is its name in problems.
pub fn unbundle(file: &str, text: &str) -> Result<Tree, Problem> {
    let wrong = |line: usize, message: &str| {
        Problem::at(&Place { file: file.into(), line: line + 1, column: 1 }, message)
            .hint("restore the file from version control")
    };
    let mut lines =
        text.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate();
    if lines.next().is_none_or(|(_, first)| first != FIRST_LINE) {
        return Err(wrong(0, "this is not a base that this eyas can read"));
    }
    let mut lines = lines.peekable();
    let mut tree = Tree::new();
    while let Some((at, header)) = lines.next() {
        let Some((kind, path)) = header.strip_prefix("file ").and_then(|rest| rest.split_once(' ')) else {
            return Err(wrong(at, "expected `file KIND PATH`"));
        };
        let mut content = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('|')) {
            content.push(&line[1..]);
        }
        let bytes = match kind {
            "lines" => content.iter().flat_map(|line| [*line, "\n"]).collect::<String>().into_bytes(),
            "open" => content.join("\n").into_bytes(),
            "base64" => STANDARD.decode(content.concat()).map_err(|_| wrong(at, "its base64 is broken"))?,
            _ => return Err(wrong(at, "a kind of file that is not known")),
        };
        path::check(path).map_err(|why| wrong(at, &why))?;
        if tree.insert(path.to_owned(), File::new(bytes)).is_some() {
            return Err(wrong(at, "a second file of this path"));
        }
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(files: &[(&str, &[u8])]) -> Tree {
        files.iter().map(|(path, bytes)| ((*path).to_owned(), File::new(*bytes))).collect()
    }

    #[test]
    fn a_bundle_reads_as_documented() {
        let files: [(&str, &[u8]); 5] = [
            ("src/main.ts", b"import 'x';\n\n|a\nfile lines b\n"),
            ("VERSION", b"1.0.0"),
            ("empty", b""),
            ("logo.png", b"\x89PNG\r\n"),
            ("run.sh", b"#!/bin/sh\n"),
        ];
        let expected = "eyas base 1\nfile open VERSION\n|1.0.0\nfile lines empty\nfile base64 logo.png\n|iVBORw0K\n\
                        file lines run.sh\n|#!/bin/sh\nfile lines src/main.ts\n|import 'x';\n|\n||a\n|file lines b\n";
        let tree = tree(&files);
        assert_eq!(bundle(&tree), expected);
        assert_eq!(unbundle("base", expected).expect("a base"), tree);
        let by_git = expected.replace('\n', "\r\n");
        assert_eq!(
            unbundle("base", &by_git).expect("a base"),
            tree,
            "carriage returns of a checkout are dropped"
        );
    }

    proptest! {
        #[test]
        fn a_bundle_gives_back_any_bytes(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
                                         texts in prop::collection::vec("[|a \n\r\t]{0,20}", 0..5)) {
            let contents = contents.into_iter().chain(texts.into_iter().map(String::into_bytes));
            let tree: Tree = contents.enumerate().map(|(at, bytes)| (format!("dir {at}/file"), File::new(bytes))).collect();
            prop_assert_eq!(unbundle("base", &bundle(&tree)).expect("a base"), tree);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "(eyas base 1\n)?(file (lines|open|base64|x) [a./]{0,4}\n|[|][a=\r]{0,5}\n|\\PC{0,9}\n){0,8}") {
            let _ = unbundle("base", &text);
        }
    }

    #[test]
    fn a_broken_bundle_is_told_with_its_line() {
        let check = |text: &str, line: usize| {
            let problem = unbundle(BASE, text).expect_err(text);
            assert_eq!(problem.place.map(|place| place.line), Some(line), "{text}");
        };
        check("", 1);
        check("eyas base 2\n", 1);
        check("eyas base 1\nfile lines a\n|x\nx\n", 4);
        check("eyas base 1\nfile base64 a\n|?\n", 2);
        check("eyas base 1\nfile zip a\n", 2);
        check("eyas base 1\nfile lines ../a\n", 2);
        check("eyas base 1\nfile lines a\nfile lines a\n", 3);
    }

    #[test]
    fn a_state_is_read_back_as_it_was_written() {
        let mut values = BTreeMap::new();
        values.insert("description".to_owned(), Value::from("it's \"this\"\nor \\that"));
        values.insert("jetstream".to_owned(), Value::from(true));
        values.insert("replicas".to_owned(), Value::from(-3));
        let state = State {
            eyas: "0.1.0".to_owned(),
            template: "service".to_owned(),
            template_version: "1.2.3".to_owned(),
            answers: Answers {
                name: "orders".to_owned(),
                transports: vec!["nats".to_owned(), "tcp".to_owned()],
                clients: vec![Client {
                    name: "stock".to_owned(),
                    url: "tcp://localhost:4001".to_owned(),
                    fragment: String::new(),
                }],
                features: Vec::new(),
                preset: Some("standard".to_owned()),
                values,
                left_out: Vec::new(),
            },
            files: [("src/{a} b.ts".to_owned(), digest(b""))].into(),
        };
        assert_eq!(State::read(STATE, &state.write()).expect("a state"), state);
        assert!(state.write().contains("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    }
}
