//! TypeScript imports from many fragments, merged by module and written as prettier would.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::layout;
use crate::scaffold::manifest::Brackets;

static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?s)^import\s+(?:(?P<type>type\s+)?(?P<what>[^'"]+?)\s+from\s+)?['"](?P<module>[^'"]+)['"]\s*;?$"#;
    Regex::new(pattern).expect("a fixed pattern")
});

/// All that is imported from one module.
#[derive(Debug, Default)]
struct Module {
    default: Option<String>,
    namespace: Option<String>,
    /// The names (with `as …`), and whether each is only a type.
    names: BTreeMap<String, bool>,
}

/// The import lines for `items`, each a whole import; the item that is none as error.
pub fn merge(items: &[String]) -> Result<String, String> {
    let mut effects: Vec<String> = Vec::new();
    let mut modules: BTreeMap<(u8, String), Module> = BTreeMap::new();
    for item in items {
        let found = IMPORT.captures(item.trim()).ok_or_else(|| item.clone())?;
        let from = found["module"].to_owned();
        let Some(what) = found.name("what") else {
            if !effects.contains(&from) {
                effects.push(from);
            }
            continue;
        };
        let rank = if from.starts_with("node:") { 0 } else { 1 + u8::from(from.starts_with('.')) };
        let module = modules.entry((rank, from)).or_default();
        module.add(what.as_str(), found.name("type").is_some()).ok_or_else(|| item.clone())?;
    }
    // Imports for their effect come first and keep their order: `reflect-metadata` must precede what needs it.
    let mut lines: Vec<String> = effects.iter().map(|from| format!("import '{from}';")).collect();
    for ((_, from), module) in &modules {
        module.write(from, &mut lines);
    }
    Ok(lines.join("\n"))
}

impl Module {
    /// Takes in what stands between `import` and `from`.
    fn add(&mut self, what: &str, is_type: bool) -> Option<()> {
        let (first, named) = match what.split_once('{') {
            Some((first, named)) => (first, Some(named.trim().strip_suffix('}')?)),
            None => (what, None),
        };
        for part in first.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let slot = match part.strip_prefix('*') {
                Some(_) => &mut self.namespace,
                None => &mut self.default,
            };
            // A type-only default would have to stay a line of its own; none of ours is.
            if is_type || slot.as_ref().is_some_and(|known| known != part) {
                return None;
            }
            *slot = Some(part.to_owned());
        }
        for name in named.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let (name, is_type) =
                name.strip_prefix("type ").map_or((name, is_type), |name| (name.trim(), true));
            let only_type = self.names.entry(name.to_owned()).or_insert(is_type);
            *only_type &= is_type;
        }
        Some(())
    }

    fn write(&self, from: &str, lines: &mut Vec<String>) {
        if let Some(namespace) = &self.namespace {
            lines.push(format!("import {namespace} from '{from}';"));
        }
        let only_types = self.default.is_none() && self.names.values().all(|is_type| *is_type);
        let mut names: Vec<(&String, &bool)> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| (name.to_lowercase(), name.as_str()));
        let names: Vec<String> = names
            .into_iter()
            .map(
                |(name, is_type)| if *is_type && !only_types { format!("type {name}") } else { name.clone() },
            )
            .collect();
        let default = self.default.as_deref();
        let start = if only_types { "import type " } else { "import " };
        match (default, names.is_empty()) {
            (None, true) => {}
            (Some(default), true) => lines.push(format!("import {default} from '{from}';")),
            (default, false) => {
                let start = default.map_or_else(|| start.to_owned(), |default| format!("{start}{default}, "));
                let end = format!(" from '{from}';");
                // Prettier never breaks a single name.
                let others = if names.len() == 1 && default.is_none() { 0 } else { start.len() + end.len() };
                let names = if names.len() == 1 && default.is_none() {
                    format!("{{ {} }}", names.concat())
                } else {
                    layout::list(Brackets::Curly, &names, "", others)
                };
                lines.push(format!("{start}{names}{end}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &[&str], expected: &[&str]) {
        let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
        assert_eq!(merge(&items).expect("imports"), expected.join("\n"));
    }

    #[test]
    fn those_of_one_module_are_merged_and_sorted() {
        check(
            &[
                "import { b } from './b.js';",
                "import { Module } from '@nestjs/common'",
                "import { join } from \"node:path\";",
                "import { Global, Module, type Type } from '@nestjs/common';",
                "import 'reflect-metadata';",
                "import a from '../a.js';",
                "import * as grpc from '@grpc/grpc-js';",
            ],
            &[
                "import 'reflect-metadata';",
                "import { join } from 'node:path';",
                "import * as grpc from '@grpc/grpc-js';",
                "import { Global, Module, type Type } from '@nestjs/common';",
                "import a from '../a.js';",
                "import { b } from './b.js';",
            ],
        );
    }

    #[test]
    fn a_type_stays_a_type_until_its_value_is_needed() {
        check(
            &["import type { A } from 'x'", "import { type B } from 'x'"],
            &["import type { A, B } from 'x';"],
        );
        check(&["import type { A } from 'x'", "import { A, C } from 'x'"], &["import { A, C } from 'x';"]);
        check(&["import d, { a as b } from 'x'"], &["import d, { a as b } from 'x';"]);
    }

    #[test]
    fn a_long_line_breaks_unless_it_holds_one_name() {
        let (a, b) = ("A".repeat(35), "B".repeat(35));
        check(
            &[&format!("import {{ {a}, {b} }} from 'x'")],
            &["import {", &format!("  {a},"), &format!("  {b},"), "} from 'x';"],
        );
        let long = "L".repeat(90);
        check(&[&format!("import {{ {long} }} from 'x'")], &[&format!("import {{ {long} }} from 'x';")]);
    }

    #[test]
    fn what_is_no_import_is_given_back() {
        for item in ["const a = 1;", "import a, b from 'x'", "import { a from 'x'", "import type D from 'x'"]
        {
            let found = merge(&[item.to_owned()]);
            assert_eq!(found, Err(item.to_owned()));
        }
    }
}
