//! The house rules that a compiler does not know.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::repository;

/// Whom each module may know beside [`ALL_MAY`]: arrows only point down.
const EDGES: &[(&str, &[&str])] = &[
    ("lib", &["cli", "commands", "exit", "settings", "ui"]),
    ("cli", &["commands", "settings"]),
    (
        "commands",
        &[
            "cli",
            "exit",
            "load",
            "message",
            "payload",
            "project",
            "record",
            "responder",
            "scaffold",
            "settings",
            "tape",
            "token",
            "traffic",
            "transport",
            "ui",
            "wire",
        ],
    ),
    ("exit", &["transport", "ui"]),
    ("settings", &["project"]),
    ("project", &[]),
    ("ui", &["message", "record", "settings"]),
    ("scaffold", &[]),
    ("payload", &["message", "record"]),
    ("traffic", &["message", "record"]),
    ("tape", &["message", "record"]),
    ("responder", &["message"]),
    ("load", &["message"]),
    ("record", &["message"]),
    ("transport", &["message", "wire"]),
    ("wire", &["message"]),
    ("message", &[]),
    ("embed", &[]),
    ("fault", &[]),
    ("secret", &[]),
    ("token", &[]),
];

/// Bad input and secrets are everybody's.
const ALL_MAY: &[&str] = &["fault", "secret"];

/// Nest's names for its transports, and HTTP.
const TRANSPORTS: &str = "tcp|redis|nats|rmq|mqtt|kafka|grpc|http";

/// A file of ours: its path from the repository, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The lines that are code, with their numbers; comments are left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The top module it belongs to.
    fn module(&self) -> String {
        let inside = self.path.strip_prefix("src").unwrap_or(&self.path);
        let first = inside.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        first.unwrap_or_default().trim_end_matches(".rs").to_owned()
    }

    /// Whether a reason stands at the top for being longer than the rule has it.
    fn has_reason(&self) -> bool {
        self.text.lines().take(20).any(|line| line.starts_with("// long: "))
    }
}

/// Every Rust file below `folder`.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![repository(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(repository("")).unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn expression(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn arrows_only_point_down() {
    let edge = expression(r"\bcrate::([a-z_]+)");
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.path != Path::new("src/main.rs")) {
        let module = source.module();
        let Some((_, may)) = EDGES.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: {module} is not in the table", source.path.display()));
            continue;
        };
        for (number, line) in source.code() {
            if line.contains("crate::{") {
                wrong.push(format!("{}:{number}: name each module on its own line", source.path.display()));
            }
            let others = edge.captures_iter(line).map(|found| found[1].to_owned());
            for other in others.filter(|other| *other != module) {
                if !may.contains(&other.as_str()) && !ALL_MAY.contains(&other.as_str()) {
                    wrong.push(format!("{}:{number}: {module} → {other}", source.path.display()));
                }
            }
        }
    }
    assert_none(&wrong, "arrows that the table in tests/cli/tidy.rs does not have");
}

#[test]
fn nobody_asks_which_transport_it_is() {
    let name = format!(r#""(?:{TRANSPORTS})s?(?:://)?""#);
    let asking = expression(&format!(r"(?:[=!]=\s*{name})|(?:{name}\s*(?:=>|\||==|!=))"));
    let elsewhere = |source: &&Source| !matches!(source.module().as_str(), "transport" | "wire");
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(elsewhere) {
        for (number, line) in source.code().filter(|(_, line)| asking.is_match(line)) {
            wrong.push(format!("{}:{number}: {}", source.path.display(), line.trim()));
        }
    }
    assert_none(&wrong, "what differs between transports is data in their `Spec`");
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")).filter(|source| !source.has_reason()) {
        let lines = source.text.lines().count();
        if lines > 400 {
            long.push(format!("{}: {lines} lines, of 400", source.path.display()));
        }
        for (number, name, lines) in functions(&source.text).filter(|(_, _, lines)| *lines > 60) {
            long.push(format!("{}:{number}: {name} has {lines} lines, of 60", source.path.display()));
        }
    }
    assert_none(&long, "split these, or begin the file with `// long: reason`");
}

/// Where each function begins, its name and its lines, from rustfmt's layout: its end stands below its beginning.
fn functions(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    static HEAD: LazyLock<Regex> =
        LazyLock::new(|| expression(r"^( *)(?:pub(?:\([a-z ]+\))? )?(?:const |async )*fn ([a-z_0-9]+)"));
    text.lines().enumerate().filter_map(move |(index, line)| {
        let head = HEAD.captures(line)?;
        let (_, [indent, name]) = head.extract();
        let end = format!("{indent}}}");
        let length = text.lines().skip(index).position(|line| line == end).map_or(1, |length| length + 1);
        let is_one_line = line.ends_with(['}', ';']);
        Some((index + 1, name, if is_one_line { 1 } else { length }))
    })
}

#[test]
fn the_rule_sees_long_functions() {
    let body = "        let x = 1;\n".repeat(61);
    let text = format!(
        "impl A {{\n    pub async fn long(\n        a: u8,\n    ) {{\n{body}    }}\n\n    fn short() {{}}\n}}\n"
    );
    let found: Vec<_> = functions(&text).collect();
    assert_eq!(found, [(2, "long", 65), (68, "short", 1)]);
}

#[test]
fn names_say_what_is_inside() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc"];
    let sources = sources("src").into_iter().chain(sources("tests"));
    let named = sources.filter(|source| {
        let mut parts = source.path.with_extension("");
        std::iter::from_fn(|| {
            let name = parts.file_name()?.to_string_lossy().into_owned();
            parts.pop();
            Some(name)
        })
        .any(|part| vague.contains(&part.as_str()))
    });
    let named: Vec<_> = named.map(|source| source.path.display().to_string()).collect();
    assert_none(&named, "name these after what they do");
}

#[test]
fn no_test_file_is_forgotten() {
    for binary in ["cli", "brokers", "generated"] {
        let folder = format!("tests/{binary}");
        let main = std::fs::read_to_string(repository(&folder).join("main.rs")).unwrap();
        for entry in std::fs::read_dir(repository(&folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
                assert!(
                    main.contains(&format!("mod {name};")),
                    "{folder}/main.rs does not have `mod {name};`"
                );
            }
        }
    }
}
