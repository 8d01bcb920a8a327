//! What no manifest can tell by itself: whether the names in one are declared in another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::{Content, Part, RENDERED, SlotKind, Variable, VariableKind};
use crate::scaffold::answers::{CLIENTS, is_client_placeholder};
use crate::scaffold::catalog::{Files, Fragment, Kind, Template};
use crate::scaffold::condition::Condition;
use crate::scaffold::name;
use crate::scaffold::placeholder;
use crate::scaffold::problem::{Located, Place, Problem, Problems};

static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)\[[=%].*?[=%]\]").expect("a fixed pattern"));
static MEMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(has|slots|filled)\.([A-Za-z0-9_]+)").expect("a fixed pattern"));
/// Everything that is wrong between the manifests and the files of a template.
pub fn verify(template: &Template) -> Problems {
    let mut names = Names::of(template);
    names.selections(template);
    let parts = std::iter::once((&template.manifest.part, &template.files, template.origin.as_str())).chain(
        template
            .fragments
            .iter()
            .map(|fragment| (&fragment.manifest.part, &fragment.files, fragment.origin.as_str())),
    );
    for (part, files, origin) in parts {
        names.part(part, files);
        names.files(files, origin);
    }
    let mut schemes = BTreeSet::new();
    for fragment in &template.fragments {
        names.schemes(fragment, &mut schemes);
        names.condition(&fragment.manifest.requires);
        names.condition(&fragment.manifest.excludes);
        names.driver(fragment, template);
    }
    for slot in &template.manifest.slots {
        if !names.mentioned.contains(slot.name.as_str()) {
            let message = format!("slot `{}` stands in no file", slot.name.value);
            names.problems.push(Problem::at(&slot.name.place, message));
        }
    }
    names.problems
}

/// Every name that is declared, and what was found wrong so far.
struct Names<'a> {
    fragments: BTreeSet<&'a str>,
    /// What fragments provide beside themselves.
    provided: BTreeSet<&'a str>,
    variables: BTreeMap<&'a str, &'a Variable>,
    slots: BTreeMap<&'a str, SlotKind>,
    mentioned: BTreeSet<String>,
    problems: Problems,
}

impl<'a> Names<'a> {
    fn of(template: &'a Template) -> Self {
        let mut names = Self {
            fragments: BTreeSet::new(),
            provided: template
                .fragments
                .iter()
                .flat_map(|fragment| fragment.manifest.provides.iter().map(|name| name.as_str()))
                .collect(),
            variables: BTreeMap::new(),
            slots: BTreeMap::new(),
            mentioned: BTreeSet::new(),
            problems: Problems::default(),
        };
        for fragment in &template.fragments {
            let own = std::iter::once(&fragment.manifest.name).chain(&fragment.manifest.aliases);
            for name in own {
                if !names.fragments.insert(name) {
                    names.twice("fragment", name);
                }
            }
        }
        let fragments = template.fragments.iter().map(|fragment| &fragment.manifest.part);
        for part in std::iter::once(&template.manifest.part).chain(fragments) {
            for variable in &part.variables {
                let key = variable.key.as_str();
                let taken = names.fragments.contains(key) || names.provided.contains(key);
                if names.variables.insert(&variable.key, variable).is_some() || taken {
                    names.twice("variable", &variable.key);
                }
            }
        }
        for slot in &template.manifest.slots {
            if names.slots.insert(&slot.name, slot.kind).is_some() {
                names.twice("slot", &slot.name);
            }
        }
        names
    }

    fn twice(&mut self, what: &str, name: &Located<String>) {
        self.problems.push(Problem::at(&name.place, format!("{what} `{}` is declared twice", name.value)));
    }

    /// Schemes belong to clients, each to one.
    fn schemes(&mut self, fragment: &'a Fragment, taken: &mut BTreeSet<&'a str>) {
        let manifest = &fragment.manifest;
        if fragment.kind == Kind::Client && manifest.schemes.is_empty() {
            let message = format!("client `{}` has no `schemes` that choose it", manifest.name.value);
            self.problems.push(Problem::at(&manifest.name.place, message));
        }
        for scheme in &manifest.schemes {
            if fragment.kind != Kind::Client {
                self.belongs_to_clients(fragment, "schemes", &scheme.place);
            } else if !taken.insert(scheme) {
                self.twice("scheme", scheme);
            }
        }
    }

    /// The transport whose driver a client uses, and its files.
    fn driver(&mut self, fragment: &Fragment, template: &Template) {
        let manifest = &fragment.manifest;
        if let Some(name) = manifest.transport.as_ref().filter(|_| fragment.kind != Kind::Client) {
            self.belongs_to_clients(fragment, "transport", &name.place);
        }
        let driver = manifest.transport.as_ref().and_then(|name| template.fragment(Kind::Transport, name));
        if let (Some(name), None) = (&manifest.transport, driver) {
            let known: Vec<&str> = template.of(Kind::Transport).map(Fragment::name).collect();
            let problem = Problem::at(&name.place, format!("unknown transport `{}`", name.value));
            self.problems.push(problem.nearest(name, known));
        }
        for share in &manifest.shares {
            if !driver.is_some_and(|driver| driver.files.contains_key(&format!("files/{}", share.value))) {
                let message = format!("its transport has no file `{}`", share.value);
                self.problems.push(Problem::at(&share.place, message));
            }
        }
    }

    fn belongs_to_clients(&mut self, fragment: &Fragment, what: &str, place: &Place) {
        let message = format!("`{what}` belongs to a client, not to a {}", fragment.kind.word());
        self.problems.push(Problem::at(place, message));
    }

    /// Presets, defaults and what is always there.
    fn selections(&mut self, template: &Template) {
        let manifest = &template.manifest;
        let presets = manifest.presets.iter().flat_map(|preset| &preset.features);
        for (kind, name) in presets
            .chain(&manifest.always)
            .map(|name| (Kind::Feature, name))
            .chain(manifest.default_transports.iter().map(|name| (Kind::Transport, name)))
        {
            let known: Vec<&str> = template.of(kind).map(Fragment::name).collect();
            if !known.contains(&name.as_str()) {
                let problem = Problem::at(&name.place, format!("unknown {} `{}`", kind.word(), name.value));
                self.problems.push(problem.nearest(name, known));
            }
        }
        let presets: Vec<&str> = manifest.presets.iter().map(|preset| preset.name.as_str()).collect();
        if let Some(name) = manifest.default_preset.as_ref().filter(|name| !presets.contains(&name.as_str()))
        {
            let problem = Problem::at(&name.place, format!("unknown preset `{}`", name.value));
            self.problems.push(problem.nearest(name, presets));
        }
        for preset in &manifest.presets {
            for (key, value) in &preset.set.value {
                let place = &preset.set.place;
                let Some(variable) = self.variables.get(key.as_str()) else {
                    let problem = Problem::at(place, format!("unknown variable `{key}`"));
                    self.problems.push(problem.nearest(key, self.variables.keys().copied()));
                    continue;
                };
                if let Err(wanted) = variable.accept(value) {
                    self.problems.push(Problem::at(place, format!("`{key}` must be {wanted}")));
                }
            }
        }
    }

    fn part(&mut self, part: &Part, files: &Files) {
        let rows = part.settings.iter().map(|setting| &setting.when);
        let rows = rows.chain(part.files.iter().map(|rule| &rule.when));
        let rows = rows.chain(part.merges.iter().map(|merge| &merge.when));
        let rows = rows.chain(part.notes.iter().map(|note| &note.when));
        for condition in rows {
            self.condition(condition);
        }
        for variable in &part.variables {
            self.condition(&variable.when);
            if let Some(default) = &variable.default {
                for name in placeholder::names(default.as_str().unwrap_or_default()) {
                    if !name::CASES.iter().any(|(case, _)| *case == name) {
                        let problem =
                            Problem::at(&default.place, format!("unknown name `{name}` in the default"));
                        self.problems.push(problem.nearest(name, name::CASES.iter().map(|(case, _)| *case)));
                    }
                }
            }
            for need in &variable.requires {
                self.condition(&need.needs);
            }
        }
        for fill in &part.fills {
            self.condition(&fill.when);
            let Some(kind) = self.slots.get(fill.slot.as_str()) else {
                let problem = Problem::at(&fill.slot.place, format!("no slot `{}`", fill.slot.value));
                self.problems.push(problem.nearest(&fill.slot, self.slots.keys().copied()));
                continue;
            };
            let is_text = matches!(kind, SlotKind::Text { .. });
            if is_text == matches!(fill.content, Content::Items(_)) {
                let wanted = if is_text { "`text` or `file`" } else { "`items`" };
                self.problems
                    .push(Problem::at(&fill.place, format!("slot `{}` takes {wanted}", fill.slot.value)));
            }
            if let Content::File(file) = &fill.content {
                self.exists(files, file, "");
            }
        }
        for rule in &part.files {
            self.exists(files, &rule.path, "files/");
        }
    }

    fn exists(&mut self, files: &Files, path: &Located<String>, folder: &str) {
        let full = format!("{folder}{}", path.value);
        let found = if full.ends_with('/') {
            files.keys().any(|known| known.starts_with(&full))
        } else {
            files.contains_key(&full)
        };
        if !found {
            let problem = Problem::at(&path.place, format!("no file `{}`", path.value));
            self.problems
                .push(problem.nearest(path, files.keys().filter_map(|known| known.strip_prefix(folder))));
        }
    }

    /// Every name that a choice of fragments may make hold.
    fn choosable(&self) -> impl Iterator<Item = &'a str> {
        self.fragments.iter().chain(&self.provided).copied()
    }

    fn condition(&mut self, condition: &Condition) {
        for (atom, place) in condition.atoms() {
            let variable = self.variables.get(atom.name.as_str());
            let problem = match (&atom.equals, variable) {
                (None, None) if self.choosable().any(|name| name == atom.name) => continue,
                (None, None) if atom.name == CLIENTS => continue,
                (None, Some(Variable { kind: VariableKind::Bool, .. })) => continue,
                (None, Some(_)) => Problem::at(
                    place,
                    format!("`{}` is not true or false; write `{}=…`", atom.name, atom.name),
                ),
                (Some(value), Some(Variable { kind: VariableKind::Choice(choices), .. })) => {
                    if choices.iter().any(|choice| choice.value == *value) {
                        continue;
                    }
                    Problem::at(place, format!("`{}` is never `{value}`", atom.name))
                        .nearest(value, choices.iter().map(|choice| choice.as_str()))
                }
                (Some(_), Some(_)) => continue,
                (equals, None) => {
                    let names =
                        self.choosable().filter(|_| equals.is_none()).chain(self.variables.keys().copied());
                    Problem::at(place, format!("unknown name `{}`", atom.name)).nearest(&atom.name, names)
                }
            };
            self.problems.push(problem);
        }
    }

    /// Names in paths, and those under `has.`, `slots.` and `filled.`, of which Tera would not tell in an `if`.
    fn files(&mut self, files: &Files, origin: &str) {
        for (path, bytes) in files {
            for name in placeholder::names(path) {
                let known = name::CASES.iter().map(|(case, _)| *case);
                let mut known = known.chain(self.variables.keys().copied());
                let known = is_client_placeholder(name) || known.any(|known| known == name);
                if path.starts_with("files/") && !known {
                    let problem = Problem::new(format!("{origin}{path}: unknown name `{name}` in the path"));
                    let known =
                        name::CASES.iter().map(|(case, _)| *case).chain(self.variables.keys().copied());
                    self.problems.push(problem.nearest(name, known));
                }
            }
            let Ok(text) = std::str::from_utf8(bytes) else {
                if path.ends_with(RENDERED) {
                    self.problems
                        .push(Problem::new(format!("{origin}{path} is not UTF-8 and cannot be rendered")));
                }
                continue;
            };
            if path.ends_with(RENDERED) || path == "fragment.toml" || path == "template.toml" {
                self.members(&format!("{origin}{path}").into(), text);
            }
        }
    }

    fn members(&mut self, file: &Arc<str>, text: &str) {
        for tag in TAG.find_iter(text) {
            for found in MEMBER.captures_iter(tag.as_str()) {
                let (Some(whole), Some(object), Some(member)) = (found.get(0), found.get(1), found.get(2))
                else {
                    continue;
                };
                let (object, member) = (object.as_str(), member.as_str());
                let names: Vec<String> = if object == "has" {
                    self.choosable().map(|name| name.replace('-', "_")).collect()
                } else {
                    self.slots.keys().map(|name| (*name).to_owned()).collect()
                };
                if names.iter().any(|name| name == member) {
                    if object == "slots" {
                        self.mentioned.insert(member.to_owned());
                    }
                    continue;
                }
                let place = Place::of(file, text, tag.start() + whole.start());
                let problem = Problem::at(&place, format!("nothing is named `{object}.{member}`"));
                self.problems.push(problem.nearest(member, names.iter().map(String::as_str)));
            }
        }
    }
}
