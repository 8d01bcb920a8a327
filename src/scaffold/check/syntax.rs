//! Whether a file is what its name says, by the grammar of that: JSON, YAML, TOML, TypeScript and JavaScript, proto,
//! Dockerfile. Templates of a Helm chart are not YAML before Helm has rendered them; nor is there a judgement of any
//! other file.

use std::collections::BTreeSet;

use miette::Diagnostic as _;
use oxc_allocator::Allocator;
use oxc_span::SourceType;
use saphyr_parser::{Event, Parser};
use serde::de::IgnoredAny;

use super::dockerfile;
use crate::scaffold::problem::Place;

/// How large a program may be to be parsed, in bytes: parsing it recurs.
const MAX_PROGRAM: usize = 256 << 10;

/// What is wrong with a text, and where; both count from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Wrong {
    /// At a line and column that count from 0.
    pub fn new(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { line: line + 1, column: column + 1, message: message.into() }
    }

    /// At a byte of a text.
    fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let place = Place::of(&"".into(), text, offset);
        Self { line: place.line, column: place.column, message: message.into() }
    }
}

/// What a file has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Syntax {
    Json,
    /// JSON with comments, as TypeScript's own settings are.
    Jsonc,
    Yaml,
    Toml,
    Program,
    Proto,
    Dockerfile,
}

impl Syntax {
    /// What the file at `path` has to be, where `exists` tells of the files beside it.
    pub fn of(path: &str, exists: impl Fn(&str) -> bool) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let chart = path.rfind("templates/").map(|at| format!("{}Chart.yaml", &path[..at]));
        let is_in_chart = chart.is_some_and(|chart| exists(&chart));
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Some(match (name, extension) {
            (".prettierrc", _) | (_, "json") if !name.starts_with("tsconfig") => Self::Json,
            (_, "json" | "jsonc") => Self::Jsonc,
            (_, "yaml" | "yml") if !is_in_chart => Self::Yaml,
            (_, "toml") => Self::Toml,
            (_, "ts" | "mts" | "cts" | "tsx" | "js" | "mjs" | "cjs" | "jsx") => Self::Program,
            (_, "proto") => Self::Proto,
            ("Dockerfile", _) | (_, "Dockerfile") => Self::Dockerfile,
            _ if name.starts_with("Dockerfile.") => Self::Dockerfile,
            _ => return None,
        })
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Jsonc => "JSON with comments",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Program => "TypeScript or JavaScript",
            Self::Proto => "proto",
            Self::Dockerfile => "a Dockerfile",
        }
    }

    /// The first thing that is wrong with the file at `path`.
    pub fn check(self, path: &str, bytes: &[u8]) -> Result<(), Wrong> {
        let Ok(text) = std::str::from_utf8(bytes) else { return Err(Wrong::new(0, 0, "it is not UTF-8")) };
        match self {
            Self::Json => serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| {
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default().to_owned();
                Wrong { line: error.line().max(1), column: error.column().max(1), message }
            }),
            Self::Jsonc => program(&format!("({text}\n)"), SourceType::mjs()),
            Self::Yaml => yaml(text),
            Self::Toml => toml::from_str::<toml::Table>(text).map(drop).map_err(|error| {
                Wrong::at(text, error.span().map_or(0, |span| span.start), error.message().trim())
            }),
            Self::Program => program(text, SourceType::from_path(path).unwrap_or_default()),
            Self::Proto => proto(path, text),
            Self::Dockerfile => dockerfile::check(text),
        }
    }
}

fn program(text: &str, kind: SourceType) -> Result<(), Wrong> {
    if text.len() > MAX_PROGRAM {
        return Ok(());
    }
    let allocator = Allocator::default();
    let parsed = oxc_parser::Parser::new(&allocator, text, kind).parse();
    let Some(error) = parsed.errors.first() else { return Ok(()) };
    let offset = match error.labels.iter().flatten().next() {
        Some(label) => label.offset(),
        None => 0,
    };
    Err(Wrong::at(text, offset, error.message.as_ref()))
}

fn proto(path: &str, text: &str) -> Result<(), Wrong> {
    protox_parse::parse(path, text).map(drop).map_err(|error| {
        let label = error.labels().and_then(|mut labels| labels.next());
        Wrong::at(text, label.map_or(0, |label| label.offset()), error.to_string())
    })
}

/// By the events alone: nothing that the text repeats by aliases is ever built.
fn yaml(text: &str) -> Result<(), Wrong> {
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            Wrong::new(error.marker().line().saturating_sub(1), error.marker().col(), error.info())
        })?;
        let key = match &event {
            Event::Scalar(text, ..) => Some(text.to_string()),
            _ => None,
        };
        let begins = matches!(
            event,
            Event::Scalar(..) | Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..)
        );
        if let Some(Open::Mapping { keys, is_key }) = open.last_mut().filter(|_| begins) {
            if let Some(key) = key.filter(|_| *is_key)
                && !keys.insert(key.clone())
            {
                let start = span.start;
                return Err(Wrong::new(
                    start.line() - 1,
                    start.col(),
                    format!("the key `{key}` is there twice"),
                ));
            }
            *is_key = !*is_key;
        }
        match event {
            Event::MappingStart(..) => open.push(Open::Mapping { keys: BTreeSet::new(), is_key: true }),
            Event::SequenceStart(..) => open.push(Open::Sequence),
            Event::MappingEnd | Event::SequenceEnd => _ = open.pop(),
            _ => {}
        }
    }
    Ok(())
}

/// A collection that is not yet ended.
enum Open {
    Mapping { keys: BTreeSet<String>, is_key: bool },
    Sequence,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(path: &str, text: &str) -> Result<(), Wrong> {
        Syntax::of(path, |_| false).expect(path).check(path, text.as_bytes())
    }

    fn wrong(path: &str, text: &str, line: usize, column: usize, why: &str) {
        let wrong = judged(path, text).expect_err(text);
        assert_eq!((wrong.line, wrong.column), (line, column), "{path}: {wrong:?}");
        assert!(wrong.message.contains(why), "{path}: {wrong:?}");
    }

    #[test]
    fn each_file_is_judged_by_its_own_grammar() {
        wrong("a.json", "{\n  \"a\": 1,\n}", 3, 1, "key must be");
        wrong("tsconfig.json", "{\n  // why\n  \"a\" 1\n}", 3, 7, "");
        wrong(".github/ci.yaml", "a:\n  b: 1\n c: 2\n", 3, 2, "");
        wrong("a.yml", "a: 1\nb:\n  c: 1\n  c: 2\n", 4, 3, "`c` is there twice");
        wrong("eyas.toml", "a = 1\na = 2\n", 2, 1, "duplicate");
        wrong("src/a.ts", "const a = 1;\nconst b = (;\n", 2, 12, "Unexpected token");
        wrong("a.proto", "syntax = \"proto3\";\nmessage A {\n  string = 1;\n}\n", 3, 10, "");
        wrong("Dockerfile", "FROM a\nRUNN b\n", 2, 1, "`RUNN`");
    }

    #[test]
    fn what_is_sound_is_well() {
        let sound = [
            (".prettierrc", "{}"),
            ("tsconfig.build.json", "{ // why\n  \"a\": [1, 2,],\n}"),
            ("a.yaml", "a: &x [1, {b: 2}]\nc: *x\n---\na: ${{ b }}\n? [k]\n: v\n"),
            ("a.toml", "[a]\nb = 1\n"),
            (
                "a.ts",
                "@A() export class B<T> { constructor(private readonly c?: T) {} }\ntype D = typeof import('x');\n",
            ),
            ("a.mjs", "export const a = await b?.c ?? 1;\n"),
            (
                "a.proto",
                "syntax = \"proto3\";\npackage a.v1;\nservice S { rpc Get(G) returns (stream G); }\nmessage G {}\n",
            ),
            ("web.Dockerfile", "FROM a\n"),
        ];
        for (path, text) in sound {
            judged(path, text).unwrap_or_else(|wrong| panic!("{path}: {wrong:?}"));
        }
    }

    #[test]
    fn helm_templates_are_not_yaml_yet() {
        let in_chart = |path: &str| path == "deploy/chart/Chart.yaml";
        assert_eq!(Syntax::of("deploy/chart/templates/a.yaml", in_chart), None);
        assert_eq!(Syntax::of("deploy/chart/templates/tests/a.yaml", in_chart), None);
        assert_eq!(Syntax::of("deploy/chart/values.yaml", in_chart), Some(Syntax::Yaml));
        assert_eq!(Syntax::of("templates/a.yaml", in_chart), Some(Syntax::Yaml));
        assert_eq!(Syntax::of("README.md", in_chart), None);
    }

    #[test]
    fn aliases_within_aliases_cost_nothing() {
        let levels = (1..60).map(|level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1));
        let text = "a0: &a0 [x, x]\n".to_owned() + &levels.collect::<String>();
        judged("bomb.yaml", &text).expect("sound");
    }
}
