//! Which features stand and which variables apply, once the graph of needs is held against the choice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::given::{Given, variables};
use super::{CLIENTS, typed};
use crate::scaffold::catalog::{Fragment, Kind, Template};
use crate::scaffold::condition::{Alternative, Atom, Clause, Condition};
use crate::scaffold::manifest::Variable;
use crate::scaffold::problem::{Problem, Problems};
use crate::scaffold::{name, placeholder};

/// What stands.
pub struct Settled<'a> {
    /// The features, in the template's order.
    pub features: Vec<String>,
    /// The variables that apply, template first.
    pub variables: Vec<&'a Variable>,
    /// Their values, where there is one.
    pub values: BTreeMap<&'a str, Value>,
    /// The variables whose value came from the preset.
    pub preset_keys: BTreeSet<String>,
    /// What the preset would have given and could not.
    pub left_out: Vec<String>,
}

/// Holds the choice against what everything chosen needs and excludes.
pub fn settle<'a>(
    template: &'a Template,
    given: &Given,
    transports: &[String],
    preset: Option<&str>,
    problems: &mut Problems,
) -> Settled<'a> {
    let manifest = &template.manifest;
    let mut choice = Choice {
        template,
        given,
        names: transports.iter().map(String::as_str).collect(),
        preset: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let asked: BTreeSet<&str> = given
        .features
        .iter()
        .map(String::as_str)
        .chain(manifest.always.iter().map(|one| one.as_str()))
        .chain(given.clients.iter().map(|client| client.fragment.as_str()))
        .collect();
    choice.names.extend(&asked);
    let preset = manifest.presets.iter().find(|one| Some(one.name.as_str()) == preset);
    if let Some(preset) = preset {
        choice.names.extend(preset.features.iter().map(|one| one.as_str()));
        choice.preset = preset.set.iter().map(|(key, value)| (key.as_str(), value)).collect();
    }
    let mut left_out = Vec::new();
    choice.evaluate();
    while let Some((dropped, why)) = choice.weakest(&asked, transports) {
        left_out.push(why);
        if choice.preset.remove(dropped).is_none() {
            choice.names.remove(dropped);
        }
        choice.evaluate();
    }
    problems.0.extend(choice.problems());
    let features = template.of(Kind::Feature).map(Fragment::name).filter(|name| choice.names.contains(name));
    Settled {
        features: features.map(str::to_owned).collect(),
        variables: choice.applying().collect(),
        preset_keys: choice.preset.keys().map(|key| (*key).to_owned()).collect(),
        left_out,
        values: choice.values,
    }
}

/// A choice under judgement.
struct Choice<'a, 'b> {
    template: &'a Template,
    given: &'b Given,
    /// Transports and features.
    names: BTreeSet<&'b str>,
    preset: BTreeMap<&'b str, &'b Value>,
    values: BTreeMap<&'a str, Value>,
}

impl<'a: 'b, 'b> Choice<'a, 'b> {
    fn chosen(&self) -> impl Iterator<Item = &'a Fragment> {
        self.template.fragments.iter().filter(|fragment| self.names.contains(fragment.name()))
    }

    /// The variables that apply, by the values known now.
    fn applying(&self) -> impl Iterator<Item = &'a Variable> {
        let fragments = self.chosen().flat_map(|fragment| &fragment.manifest.part.variables);
        let all = self.template.manifest.part.variables.iter().chain(fragments);
        all.filter(|variable| self.holds(&variable.when))
    }

    /// Gives each variable that applies its value. Whether one applies may hang on another, so this goes round
    /// until nothing changes, at most once per variable.
    fn evaluate(&mut self) {
        for _ in 0..=variables(self.template).count() {
            let values: BTreeMap<&str, Value> = self
                .applying()
                .filter_map(|variable| {
                    let key = variable.key.as_str();
                    let value = self.given.values.get(key).or_else(|| self.preset.get(key).copied());
                    value.cloned().or_else(|| self.default(variable)).map(|value| (key, value))
                })
                .collect();
            if values == self.values {
                return;
            }
            self.values = values;
        }
    }

    fn default(&self, variable: &Variable) -> Option<Value> {
        let default = &variable.default.as_ref()?.value;
        let name = self.given.name.as_deref().unwrap_or_default();
        let filled = default.as_str().map(|text| {
            Value::from(placeholder::fill(text, |key| name::case(name, key).unwrap_or_default()))
        });
        Some(filled.unwrap_or_else(|| default.clone()))
    }

    fn atom(&self, atom: &Atom) -> bool {
        let value = self.values.get(atom.name.as_str());
        if let Some(wanted) = &atom.equals {
            return value.is_some_and(|value| typed(value) == *wanted);
        }
        self.chosen().any(|one| one.answers_to(&atom.name))
            || (atom.name == CLIENTS && !self.given.clients.is_empty())
            || value == Some(&Value::Bool(true))
    }

    fn holds(&self, condition: &Condition) -> bool {
        condition.holds(&|atom: &Atom| self.atom(atom))
    }

    /// Something that only the preset brought and that cannot stand, with the reason in words.
    fn weakest(&self, asked: &BTreeSet<&str>, transports: &[String]) -> Option<(&'b str, String)> {
        let is_preset = |name: &str| !asked.contains(name) && !transports.iter().any(|one| one == name);
        for fragment in self.chosen() {
            let unmet = fragment
                .manifest
                .requires
                .clauses
                .iter()
                .find(|clause| !clause.holds(&|atom: &Atom| self.atom(atom)));
            if let Some(clause) = unmet
                && is_preset(fragment.name())
            {
                return Some((fragment.name(), format!("{} needs {}", fragment.name(), self.words(clause))));
            }
            for (clause, alternative) in self.clashes(fragment) {
                let _ = clause;
                let other = alternative
                    .iter()
                    .map(|atom| atom.name.as_str())
                    .find(|name| is_preset(name) && self.names.contains(name));
                let loser = if is_preset(fragment.name()) { Some(fragment.name()) } else { other };
                if let Some(loser) = loser.and_then(|loser| self.names.get(loser).copied()) {
                    let why = format!("{} does not go with {}", fragment.name(), joined(alternative));
                    return Some((loser, why));
                }
            }
        }
        for variable in self.applying() {
            let key = variable.key.as_str();
            let from_preset = self.preset.contains_key(key) && !self.given.values.contains_key(key);
            if let Some(clause) = self.unmet_need(variable).filter(|_| from_preset) {
                let value = self.values.get(key).map(typed).unwrap_or_default();
                return Some((key, format!("{key}={value} needs {}", self.words(clause))));
            }
        }
        None
    }

    /// What `fragment` excludes and is nevertheless so.
    fn clashes(&self, fragment: &'a Fragment) -> impl Iterator<Item = (&'a Clause, &'a Alternative)> {
        let clauses = fragment.manifest.excludes.clauses.iter();
        clauses
            .flat_map(|clause| clause.alternatives.iter().map(move |all| (clause, all)))
            .filter(|(_, all)| all.iter().all(|atom| self.atom(atom) != atom.not))
    }

    fn unmet_need(&self, variable: &'a Variable) -> Option<&'a Clause> {
        let value = self.values.get(variable.key.as_str()).map(typed)?;
        let needs = variable.requires.iter().filter(|need| need.value == value);
        needs
            .flat_map(|need| &need.needs.clauses)
            .find(|clause| !clause.holds(&|atom: &Atom| self.atom(atom)))
    }

    /// All that cannot stand, once the preset has given way.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for fragment in self.chosen() {
            for clause in &fragment.manifest.requires.clauses {
                if !clause.holds(&|atom: &Atom| self.atom(atom)) {
                    let problem = self.missing(fragment.name(), clause);
                    problems.push(match (&fragment.manifest.hint, problem.hint.clone()) {
                        (Some(more), Some(hint)) => problem.hint(format!("{hint}; {more}")),
                        _ => problem,
                    });
                }
            }
            for (_, alternative) in self.clashes(fragment) {
                let message = format!("{} does not go with {}", fragment.name(), joined(alternative));
                let hint = "leave one of them out";
                problems.push(Problem::new(message).hint(match &fragment.manifest.hint {
                    Some(more) => format!("{hint}; {more}"),
                    None => hint.to_owned(),
                }));
            }
        }
        for variable in self.applying() {
            if let Some(clause) = self.unmet_need(variable) {
                let value = self.values.get(variable.key.as_str()).map(typed).unwrap_or_default();
                problems.push(self.missing(&format!("{}={value}", variable.key.value), clause));
            }
        }
        let applying: BTreeSet<&str> = self.applying().map(|variable| variable.key.as_str()).collect();
        for key in self.given.values.keys().filter(|key| !applying.contains(key.as_str())) {
            problems.push(self.idle(key));
        }
        problems
    }

    fn missing(&self, who: &str, clause: &Clause) -> Problem {
        let problem = Problem::new(format!("{who} needs {}", self.words(clause)));
        // The alternative that lacks the least is the one to propose.
        let lacking = clause
            .alternatives
            .iter()
            .map(|all| all.iter().filter(|atom| self.atom(atom) == atom.not).collect::<Vec<_>>());
        match lacking.min_by_key(Vec::len) {
            Some(lacking) => {
                let flags: Vec<String> = lacking.into_iter().map(|atom| self.flag(atom)).collect();
                problem.hint(flags.join(" and "))
            }
            None => problem,
        }
    }

    /// A variable that was given and does not apply.
    fn idle(&self, key: &str) -> Problem {
        let owner = self.template.fragments.iter().find(|fragment| {
            fragment.manifest.part.variables.iter().any(|variable| variable.key.value == key)
        });
        if let Some(owner) = owner.filter(|owner| !self.names.contains(owner.name())) {
            let message =
                format!("`{key}` belongs to the {} {}, which is not chosen", owner.kind.word(), owner.name());
            return Problem::new(message).hint(format!("add {} {}", owner.kind.flag(), owner.name()));
        }
        let variable = variables(self.template).find(|variable| variable.key.value == key);
        let unmet = variable.and_then(|variable| {
            variable.when.clauses.iter().find(|clause| !clause.holds(&|atom: &Atom| self.atom(atom)))
        });
        match unmet {
            Some(clause) => self.missing(&format!("`{key}`"), clause),
            None => Problem::new(format!("`{key}` does not apply here")),
        }
    }

    /// A clause in words: `one of the transports rmq, kafka` or `rmq, or nats with jetstream`.
    fn words(&self, clause: &Clause) -> String {
        let single: Option<Vec<&Atom>> = clause
            .alternatives
            .iter()
            .map(|all| match all.as_slice() {
                [one] if !one.not && one.equals.is_none() => Some(one),
                _ => None,
            })
            .collect();
        let kind_of =
            |name: &str| self.template.fragments.iter().find(|one| one.name() == name).map(|one| one.kind);
        if let Some(single) = single {
            let kinds: BTreeSet<Option<Kind>> = single.iter().map(|atom| kind_of(&atom.name)).collect();
            let names: Vec<&str> = single.iter().map(|atom| atom.name.as_str()).collect();
            if let ([kind], [_, _, ..]) =
                (kinds.into_iter().flatten().collect::<Vec<_>>().as_slice(), names.as_slice())
            {
                return format!("one of the {}s {}", kind.word(), names.join(", "));
            }
        }
        clause.alternatives.iter().map(|all| joined(all)).collect::<Vec<_>>().join(" or ")
    }

    fn flag(&self, atom: &Atom) -> String {
        let fragment = self.template.fragments.iter().find(|one| one.name() == atom.name);
        match (fragment, &atom.equals, atom.not) {
            (Some(fragment), _, false) => format!("add {} {}", fragment.kind.flag(), atom.name),
            (Some(_), _, true) => format!("leave {} out", atom.name),
            (None, None, false) if atom.name == CLIENTS => "add --client NAME=URL".to_owned(),
            (None, None, not) => format!("add --set {}={}", atom.name, !not),
            (None, Some(value), false) => format!("add --set {}={value}", atom.name),
            (None, Some(value), true) => format!("set {} to something other than {value}", atom.name),
        }
    }
}

fn joined(all: &[Atom]) -> String {
    all.iter().map(Atom::to_string).collect::<Vec<_>>().join(" with ")
}
