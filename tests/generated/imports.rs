//! Every bare import stands in `package.json`, on the right side of it, and nothing stands there unused.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::project::Project;

/// What no file imports, and who does.
const BY_OTHERS: [(&str, &str); 9] = [
    ("@nestjs/platform-express", "@nestjs/core looks for it by name"),
    ("reflect-metadata", "@nestjs/common imports it as its peer"),
    ("amqp-connection-manager", "@nestjs/microservices looks for it by name"),
    ("amqplib", "@nestjs/microservices looks for it by name"),
    ("@grpc/proto-loader", "@nestjs/microservices looks for it by name"),
    ("@nats-io/transport-node", "@nestjs/microservices looks for it by name"),
    ("mqtt", "@nestjs/microservices looks for it by name"),
    ("ioredis", "@nestjs/microservices looks for it by name"),
    ("pg", "typeorm looks for it by name"),
];

/// Programs that scripts run, and what they run with.
const TOOLS: [(&str, &str); 7] = [
    ("@nestjs/cli", "nest build"),
    ("oxlint", "oxlint "),
    ("oxlint-tsgolint", "oxlint --type-aware"),
    ("prettier", "prettier "),
    ("typescript", "tsc "),
    ("vitest", "vitest "),
    ("@types/node", "node "),
];

/// Fails with all that is wrong.
#[track_caller]
pub fn are_declared(project: &Project) {
    let package = project.package();
    let names = |key: &str| package[key].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let (runtime, development) = (names("dependencies"), names("devDependencies"));
    let (mut by_code, mut by_tests) = (BTreeSet::new(), BTreeSet::new());
    for path in sources(&project.folder) {
        let shown = path.strip_prefix(&project.folder).unwrap().to_str().unwrap();
        let is_code = shown.starts_with("src/") && !shown.ends_with(".spec.ts");
        let all = if is_code { &mut by_code } else { &mut by_tests };
        all.extend(imported(&project.read(shown)));
    }
    assert!(by_code.contains("@nestjs/common"), "the imports are not seen: {by_code:?}");

    let undeclared: Vec<_> = by_code.difference(&runtime).collect();
    assert!(undeclared.is_empty(), "the code imports these, and dependencies lack them: {undeclared:?}");
    let undeclared: Vec<_> =
        by_tests.iter().filter(|one| !runtime.contains(*one) && !development.contains(*one)).collect();
    assert!(undeclared.is_empty(), "the tests import these, and package.json lacks them: {undeclared:?}");

    let by_others = |name: &&String| BY_OTHERS.iter().any(|(known, _)| known == *name);
    let unused: Vec<_> = runtime.difference(&by_code).filter(|name| !by_others(name)).collect();
    assert!(unused.is_empty(), "the code imports none of these dependencies: {unused:?}");
    let unused: Vec<_> = development
        .iter()
        .filter(|name| {
            !by_tests.contains(*name) && !is_tool(name, &package["scripts"]) && !is_types(name, &runtime)
        })
        .collect();
    assert!(unused.is_empty(), "nothing uses these devDependencies: {unused:?}");
}

fn is_tool(name: &str, scripts: &Value) -> bool {
    let scripts = scripts.as_object().unwrap();
    let runs = |what: &str| scripts.values().any(|script| script.as_str().unwrap().contains(what));
    TOOLS.iter().any(|(tool, what)| *tool == name && runs(what))
}

/// The types of a package that brings none of its own.
fn is_types(name: &str, runtime: &BTreeSet<String>) -> bool {
    name.strip_prefix("@types/").is_some_and(|of| runtime.contains(of))
}

/// The packages that a TypeScript file imports; Node's own modules and files are none.
fn imported(text: &str) -> BTreeSet<String> {
    static IMPORT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]"#).unwrap());
    let all = IMPORT.captures_iter(text).map(|found| found[1].to_owned());
    let bare = all.filter(|name| !name.starts_with(['.', '/']) && !name.starts_with("node:"));
    bare.map(|name| {
        let parts = if name.starts_with('@') { 2 } else { 1 };
        name.split('/').take(parts).collect::<Vec<_>>().join("/")
    })
    .collect()
}

/// Every TypeScript file of ours.
fn sources(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_theirs = ["node_modules", "dist", ".git"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !is_theirs {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ts") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn imports_of_every_form_are_seen() {
    let text = "import 'a';\nimport { x,\n  y } from 'b/deep';\nexport * from \"@c/d/e\";\nconst f = await import('g');\n\
                import type { H } from './h.js';\nimport { i } from 'node:i';\n";
    assert_eq!(imported(text).into_iter().collect::<Vec<_>>(), ["@c/d", "a", "b", "g"]);
}
