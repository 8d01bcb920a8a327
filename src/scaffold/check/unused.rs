//! What a template holds and nothing uses: variables that no text reads, files that are never made, conditions that
//! never hold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::space::{Options, Reach};
use crate::scaffold::answers::{Answers, CLIENTS, is_client_placeholder};
use crate::scaffold::catalog::{Files, Fragment, Template};
use crate::scaffold::condition::{Atom, Clause, Condition};
use crate::scaffold::manifest::{Content, Part, RENDERED};
use crate::scaffold::placeholder;
use crate::scaffold::problem::{Place, Problem};

static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)\[[=%].*?[=%]\]").expect("a fixed pattern"));
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z_][A-Za-z0-9_]*").expect("a fixed pattern"));
static INCLUDE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"["'](parts/[^"']+)["']"#).expect("a fixed pattern"));

/// The template or a fragment of it.
#[derive(Clone, Copy)]
struct Owner<'a> {
    fragment: Option<&'a Fragment>,
    part: &'a Part,
    files: &'a Files,
    origin: &'a str,
}

fn owners(template: &Template) -> Vec<Owner<'_>> {
    let own = Owner {
        fragment: None,
        part: &template.manifest.part,
        files: &template.files,
        origin: &template.origin,
    };
    let fragments = template.fragments.iter().map(|fragment| Owner {
        fragment: Some(fragment),
        part: &fragment.manifest.part,
        files: &fragment.files,
        origin: &fragment.origin,
    });
    std::iter::once(own).chain(fragments).collect()
}

/// What nothing uses. Answers that are needed to reach a condition, and that `rows` lack, are added to them.
pub fn find(template: &Template, options: &Options, rows: &mut Vec<Answers>) -> Vec<Problem> {
    let owners = owners(template);
    let mut problems = variables(template, &owners);
    problems.extend(files(&owners));
    for owner in &owners {
        for (condition, what) in conditions(owner) {
            problems.extend(reached(template, owner, &condition, &what, options, rows));
        }
    }
    problems
}

/// Variables that stand in no condition, no path and no text.
fn variables(template: &Template, owners: &[Owner]) -> Vec<Problem> {
    let mut used: BTreeSet<String> = BTreeSet::new();
    for owner in owners {
        for (path, bytes) in owner.files {
            used.extend(placeholder::names(path).map(str::to_owned));
            let text = String::from_utf8_lossy(bytes);
            for tag in TAG.find_iter(&text) {
                used.extend(WORD.find_iter(tag.as_str()).map(|word| word.as_str().to_owned()));
            }
        }
        let part = owner.part;
        let mut all: Vec<&Condition> = vec![];
        all.extend(part.variables.iter().map(|one| &one.when));
        all.extend(part.variables.iter().flat_map(|one| one.requires.iter().map(|need| &need.needs)));
        all.extend(part.settings.iter().map(|one| &one.when));
        all.extend(part.fills.iter().map(|one| &one.when));
        all.extend(part.files.iter().map(|one| &one.when));
        all.extend(part.merges.iter().map(|one| &one.when));
        all.extend(part.notes.iter().map(|one| &one.when));
        let manifest = owner.fragment.map(|fragment| &fragment.manifest);
        all.extend(manifest.into_iter().flat_map(|manifest| [&manifest.requires, &manifest.excludes]));
        let atoms = all.into_iter().flat_map(Condition::atoms);
        used.extend(atoms.map(|(atom, _)| atom.name.clone()));
    }
    let fragments = template.fragments.iter().flat_map(|fragment| &fragment.manifest.part.variables);
    let all = template.manifest.part.variables.iter().chain(fragments);
    let unused = all.filter(|variable| !used.contains(variable.key.as_str()));
    unused
        .map(|variable| {
            let message = format!("variable `{}` is asked for and used nowhere", variable.key.value);
            Problem::at(&variable.key.place, message)
        })
        .collect()
}

/// Pieces that no text includes or fills; a template's own folder may hold what it likes beside.
fn files(owners: &[Owner]) -> Vec<Problem> {
    let mut included: BTreeSet<String> = BTreeSet::new();
    for (_, bytes) in owners.iter().flat_map(|owner| owner.files) {
        let text = String::from_utf8_lossy(bytes);
        included.extend(INCLUDE.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let mut problems = Vec::new();
    for owner in owners {
        let filled: BTreeSet<&str> = owner
            .part
            .fills
            .iter()
            .filter_map(|fill| match &fill.content {
                Content::File(path) => Some(path.as_str()),
                _ => None,
            })
            .collect();
        for path in owner.files.keys().map(String::as_str) {
            let is_part = path.starts_with("parts/");
            let is_used = path.starts_with("files/")
                || path == "fragment.toml"
                || path == "template.toml"
                || filled.contains(path)
                || (is_part && included.contains(path))
                || (owner.fragment.is_none() && !is_part && !path.ends_with(RENDERED));
            if !is_used {
                problems.push(Problem::at(&top(owner, path), "nothing uses it"));
            }
        }
    }
    problems
}

/// Every condition of an owner, and what it is of; those of files with all that bears on them.
fn conditions(owner: &Owner) -> Vec<(Condition, String)> {
    let part = owner.part;
    let mut all: Vec<(Condition, String)> = Vec::new();
    let mut add = |condition: &Condition, what: String| all.push((condition.clone(), what));
    for variable in &part.variables {
        add(&variable.when, format!("variable `{}` never applies", variable.key.value));
    }
    for setting in &part.settings {
        add(&setting.when, format!("setting `{}` is never there", setting.key.value));
    }
    for fill in &part.fills {
        add(&fill.when, format!("this fill of `{}` is never made", fill.slot.value));
    }
    for merge in &part.merges {
        add(&merge.when, format!("this merge into `{}` is never made", merge.file.value));
    }
    for note in &part.notes {
        add(&note.when, "this note is never told".to_owned());
    }
    for path in owner.files.keys() {
        let Some(inner) = path.strip_prefix("files/") else { continue };
        let rules = part.files.iter().filter(|rule| rule.applies(inner));
        let mut clauses: Vec<Clause> = rules.flat_map(|rule| rule.when.clauses.clone()).collect();
        if placeholder::names(inner).any(is_client_placeholder) {
            clauses.push(clients(owner));
        }
        all.push((Condition { clauses }, format!("`{inner}` is never made")));
    }
    all
}

/// The first line of a file of an owner.
fn top(owner: &Owner, path: &str) -> Place {
    Place { file: format!("{}{path}", owner.origin).into(), line: 1, column: 1 }
}

/// That there is a client.
fn clients(owner: &Owner) -> Clause {
    let atom = Atom { name: CLIENTS.to_owned(), equals: None, not: false };
    let place = Place { file: owner.origin.into(), line: 1, column: 1 };
    Clause { alternatives: vec![vec![atom]], place }
}

/// That a condition never holds, if so.
fn reached(
    template: &Template,
    owner: &Owner,
    condition: &Condition,
    what: &str,
    options: &Options,
    rows: &mut Vec<Answers>,
) -> Option<Problem> {
    let chosen = |row: &Answers| -> Vec<&Fragment> {
        template.fragments.iter().filter(|fragment| row.has(fragment)).collect()
    };
    let is_met = rows.iter().any(|row| {
        let chosen = chosen(row);
        owner.fragment.is_none_or(|fragment| row.has(fragment))
            && condition.holds(&|atom: &Atom| row.holds(chosen.iter().copied(), atom))
    });
    if is_met {
        return None;
    }
    let problem = match condition.clauses.first() {
        Some(clause) => Problem::at(&clause.place, what),
        None => Problem::at(&top(owner, ""), what),
    };
    match options.reach(owner.fragment, condition) {
        Reach::By(answers) => {
            rows.push(*answers);
            None
        }
        Reach::Never => Some(problem.hint("what it needs cannot be chosen together")),
        Reach::Unknown => None,
    }
}
