//! All that can be answered to a template, as parameters with levels, and which answers go together.
//!
//! While not everything is chosen a condition may be neither true nor false; what is certain already is enough to turn
//! back. Once all is chosen this agrees with what `answers` settles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::covering::{Choices, Constraint, Cover, Found, Row, Space};
use crate::scaffold::answers::{Answers, CLIENTS, Client, typed};
use crate::scaffold::catalog::{Fragment, Kind, Template};
use crate::scaffold::condition::{Atom, Clause, Condition};
use crate::scaffold::manifest::{Variable, VariableKind};
use crate::scaffold::{name, placeholder};

/// Names that a service is given: one word and several.
const NAMES: [&str; 4] = ["orders", "shop-orders", "stock", "price-list"];
/// Texts that are tried for a variable that has no default.
const TEXTS: [&str; 6] = ["example", "Example", "1", "example.com", "a@example.com", "https://example.com"];

/// One thing that can be answered.
struct Parameter<'a> {
    what: What<'a>,
    levels: Vec<Level>,
}

enum What<'a> {
    Name,
    Fragment(&'a Fragment),
    /// With the fragment it belongs to.
    Variable(&'a Variable, Option<&'a Fragment>),
}

/// One of its answers.
enum Level {
    Name(&'static str),
    /// How often: a transport or feature at most once, a client for as many services.
    Times(usize),
    Value(Value),
    /// The variable does not apply.
    Absent,
}

/// What can be answered to a template.
pub struct Options<'a> {
    template: &'a Template,
    parameters: Vec<Parameter<'a>>,
    /// The place of each fragment and variable among them.
    places: BTreeMap<&'a str, usize>,
    /// What everything needs and excludes.
    constraints: Vec<Constraint>,
}

/// An atom by numbers: it holds where a parameter has a level that is marked.
struct Test {
    bearers: Vec<(usize, Vec<bool>)>,
    not: bool,
}

impl Test {
    fn holds(&self, choices: &Choices) -> Option<bool> {
        let one = |(at, levels): &(usize, Vec<bool>)| choices[*at].map(|level| levels[level]);
        any(self.bearers.iter().map(one)).map(|holds| holds != self.not)
    }
}

/// A condition by numbers.
struct Judge(Vec<Vec<Vec<Test>>>);

impl Judge {
    /// Whether the condition holds, as far as that is certain.
    fn holds(&self, choices: &Choices) -> Option<bool> {
        all(self.0.iter().map(|clause| Self::clause(clause, choices)))
    }

    /// Whether one of its texts does.
    fn holds_in_part(&self, choices: &Choices) -> Option<bool> {
        any(self.0.iter().map(|clause| Self::clause(clause, choices)))
    }

    fn clause(clause: &[Vec<Test>], choices: &Choices) -> Option<bool> {
        any(clause.iter().map(|tests| all(tests.iter().map(|test| test.holds(choices)))))
    }

    /// The parameters it looks at.
    fn scope(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flatten().flatten().flat_map(|test| &test.bearers).map(|(at, _)| *at)
    }
}

/// A constraint on these parameters, some of them told more than once.
fn constraint(
    scope: impl IntoIterator<Item = usize>,
    allows: impl Fn(&Choices) -> bool + 'static,
) -> Constraint {
    let scope: BTreeSet<usize> = scope.into_iter().collect();
    Constraint { scope: scope.into_iter().collect(), allows: Box::new(allows) }
}

/// That a condition must hold.
fn wanted(judge: Judge) -> Constraint {
    constraint(judge.scope().collect::<Vec<_>>(), move |choices| judge.holds(choices) != Some(false))
}

impl<'a> Options<'a> {
    /// The options of `template`, and the variables for which no value is known.
    pub fn of(template: &'a Template) -> (Self, Vec<&'a Variable>) {
        let reserved = template.fragments.iter().flat_map(|fragment| &fragment.manifest.reserved);
        let reserved: Vec<&str> =
            reserved.chain(&template.manifest.reserved).map(|name| name.as_str()).collect();
        let names = NAMES.into_iter().filter(|name| !reserved.contains(name)).take(2);
        let mut parameters = vec![Parameter { what: What::Name, levels: names.map(Level::Name).collect() }];
        for fragment in &template.fragments {
            let is_always = template.manifest.always.iter().any(|name| name.as_str() == fragment.name());
            let times = match fragment.kind {
                Kind::Feature if is_always => 1..2,
                Kind::Client => 0..3,
                Kind::Feature | Kind::Transport => 0..2,
            };
            let levels = times.map(Level::Times).collect();
            parameters.push(Parameter { what: What::Fragment(fragment), levels });
        }
        let mut without = Vec::new();
        let own = template.manifest.part.variables.iter().map(|variable| (variable, None));
        let fragments = template.fragments.iter().flat_map(|fragment| {
            fragment.manifest.part.variables.iter().map(move |variable| (variable, Some(fragment)))
        });
        for (variable, owner) in own.chain(fragments) {
            let mut levels: Vec<Level> = values(variable).into_iter().map(Level::Value).collect();
            if levels.is_empty() {
                without.push(variable);
                // Told; all else can be judged with a value that would not be taken.
                levels.push(Level::Value(TEXTS[0].into()));
            }
            levels.push(Level::Absent);
            parameters.push(Parameter { what: What::Variable(variable, owner), levels });
        }
        let places = parameters.iter().enumerate().filter_map(|(at, parameter)| match parameter.what {
            What::Name => None,
            What::Fragment(fragment) => Some((fragment.name(), at)),
            What::Variable(variable, _) => Some((variable.key.as_str(), at)),
        });
        let places = places.collect();
        let mut options = Self { template, parameters, places, constraints: Vec::new() };
        options.constraints = options.constraints();
        (options, without)
    }

    /// Answers in which every two options stand together that can, and how well that went.
    pub fn cover(&self) -> (Vec<Answers>, Cover) {
        let cover = Space::new(self.levels(), &self.constraints).cover();
        (cover.rows.iter().map(|row| self.answers(row)).collect(), cover)
    }

    /// Answers under which `condition` holds while `owner` is chosen; none where that can never be, or cannot be
    /// told.
    pub fn reach(&self, owner: Option<&Fragment>, condition: &Condition) -> Reach {
        let wanted = wanted(self.judge(condition));
        let mut choices = vec![None; self.parameters.len()];
        if let Some(at) = owner.and_then(|owner| self.places.get(owner.name())) {
            choices[*at] = Some(self.parameters[*at].levels.len() - 1);
        }
        match Space::new(self.levels(), self.constraints.iter().chain([&wanted])).complete(choices) {
            Found::Row(row) => Reach::By(Box::new(self.answers(&row))),
            Found::Nothing => Reach::Never,
            Found::Unknown => Reach::Unknown,
        }
    }

    fn levels(&self) -> Vec<usize> {
        self.parameters.iter().map(|one| one.levels.len()).collect()
    }

    /// The levels of a parameter at which something is so.
    fn marked(&self, at: usize, is_so: impl Fn(&Level) -> bool) -> (usize, Vec<bool>) {
        (at, self.parameters[at].levels.iter().map(is_so).collect())
    }

    /// That a fragment is chosen.
    fn chosen(&self, fragment: &Fragment) -> Option<(usize, Vec<bool>)> {
        let at = *self.places.get(fragment.name())?;
        Some(self.marked(at, |level| matches!(level, Level::Times(1..))))
    }

    fn test(&self, atom: &Atom) -> Test {
        let named = self.places.get(atom.name.as_str()).copied();
        let variable = named.filter(|at| matches!(self.parameters[*at].what, What::Variable(..)));
        let is = |level: &Level| match (&atom.equals, level) {
            (Some(wanted), Level::Value(value)) => typed(value) == *wanted,
            (None, Level::Value(value)) => *value == Value::Bool(true),
            _ => false,
        };
        let fragments =
            self.template.fragments.iter().filter(|one| {
                one.answers_to(&atom.name) || (atom.name == CLIENTS && one.kind == Kind::Client)
            });
        let fragments = fragments.filter(|_| atom.equals.is_none());
        let bearers = variable.map(|at| self.marked(at, is)).into_iter();
        Test { bearers: bearers.chain(fragments.filter_map(|one| self.chosen(one))).collect(), not: atom.not }
    }

    fn judge(&self, condition: &Condition) -> Judge {
        let tests = |atoms: &Vec<Atom>| atoms.iter().map(|atom| self.test(atom)).collect();
        let clause = |clause: &Clause| clause.alternatives.iter().map(tests).collect();
        Judge(condition.clauses.iter().map(clause).collect())
    }

    /// What everything that is chosen needs and excludes.
    fn constraints(&self) -> Vec<Constraint> {
        let mut constraints = Vec::new();
        let transports: Vec<_> =
            self.template.of(Kind::Transport).filter_map(|one| self.chosen(one)).collect();
        if !transports.is_empty() {
            let one = Judge(vec![vec![vec![Test { bearers: transports, not: false }]]]);
            constraints.push(wanted(one));
        }
        for (at, parameter) in self.parameters.iter().enumerate() {
            match &parameter.what {
                What::Name => {}
                What::Fragment(fragment) => constraints.push(self.needs(at, fragment)),
                What::Variable(variable, owner) => {
                    constraints.extend(self.takes(at, variable, *owner));
                }
            }
        }
        constraints
    }

    fn needs(&self, at: usize, fragment: &Fragment) -> Constraint {
        let requires = self.judge(&fragment.manifest.requires);
        let excludes = self.judge(&fragment.manifest.excludes);
        let (_, chosen) = self.marked(at, |level| matches!(level, Level::Times(1..)));
        let scope: Vec<_> = [at].into_iter().chain(requires.scope()).chain(excludes.scope()).collect();
        constraint(scope, move |choices| {
            choices[at].is_none_or(|level| !chosen[level])
                || (requires.holds(choices) != Some(false) && excludes.holds_in_part(choices) != Some(true))
        })
    }

    /// A variable has a value where it applies, and nowhere else; each of its values may have needs.
    fn takes(&self, at: usize, variable: &Variable, owner: Option<&Fragment>) -> Vec<Constraint> {
        let mut applies = self.judge(&variable.when);
        let owner = owner.and_then(|owner| self.chosen(owner));
        applies.0.extend(owner.map(|owner| vec![vec![Test { bearers: vec![owner], not: false }]]));
        let (_, has_value) = self.marked(at, |level| matches!(level, Level::Value(_)));
        let scope: Vec<_> = [at].into_iter().chain(applies.scope()).collect();
        let stands = constraint(scope, move |choices| match choices[at] {
            None => true,
            Some(level) => applies.holds(choices) != Some(!has_value[level]),
        });
        let needs = variable.requires.iter().map(|need| {
            let judge = self.judge(&need.needs);
            let (_, is_it) =
                self.marked(at, |level| matches!(level, Level::Value(value) if typed(value) == need.value));
            let scope: Vec<_> = [at].into_iter().chain(judge.scope()).collect();
            constraint(scope, move |choices| {
                choices[at].is_none_or(|level| !is_it[level]) || judge.holds(choices) != Some(false)
            })
        });
        [stands].into_iter().chain(needs).collect()
    }

    fn answers(&self, row: &Row) -> Answers {
        let mut answers = Answers {
            name: String::new(),
            transports: Vec::new(),
            clients: Vec::new(),
            features: Vec::new(),
            preset: None,
            values: BTreeMap::new(),
            left_out: Vec::new(),
        };
        for (parameter, level) in self.parameters.iter().zip(row) {
            match (&parameter.what, &parameter.levels[*level]) {
                (_, Level::Name(name)) => (*name).clone_into(&mut answers.name),
                (What::Fragment(fragment), Level::Times(times)) => match fragment.kind {
                    Kind::Client => answers.clients.extend(clients(fragment, *times)),
                    _ if *times == 0 => {}
                    Kind::Transport => answers.transports.push(fragment.name().to_owned()),
                    Kind::Feature => answers.features.push(fragment.name().to_owned()),
                },
                (What::Variable(variable, _), Level::Value(value)) => {
                    let filled = value.as_str().map(|text| {
                        let case = |key: &str| name::case(&answers.name, key).unwrap_or_default();
                        Value::from(placeholder::fill(text, case))
                    });
                    answers
                        .values
                        .insert(variable.key.value.clone(), filled.unwrap_or_else(|| value.clone()));
                }
                _ => {}
            }
        }
        answers
    }
}

/// What became of looking for answers.
pub enum Reach {
    /// These will do.
    By(Box<Answers>),
    /// There are none.
    Never,
    /// That could not be told.
    Unknown,
}

/// So many clients that `fragment` makes, of services that no name above takes.
fn clients(fragment: &Fragment, times: usize) -> impl Iterator<Item = Client> {
    let scheme = fragment.manifest.schemes.first().map(|scheme| scheme.value.clone()).unwrap_or_default();
    let name = fragment.name();
    (1..=times).map(move |number| Client {
        name: if number == 1 { format!("peer-{name}") } else { format!("another-peer-{name}") },
        url: format!("{scheme}://localhost:{}", 4000 + number),
        fragment: name.to_owned(),
    })
}

/// The values that a variable is tried with.
fn values(variable: &Variable) -> Vec<Value> {
    let default = variable.default.as_ref().map(|default| default.value.clone());
    match &variable.kind {
        VariableKind::Bool => vec![false.into(), true.into()],
        VariableKind::Choice(choices) => choices.iter().map(|one| one.value.clone().into()).collect(),
        VariableKind::Int(low, high) => {
            let bounds = [
                default,
                (*low != i64::MIN).then(|| (*low).into()),
                (*high != i64::MAX).then(|| (*high).into()),
            ];
            let mut values: Vec<Value> = bounds.into_iter().flatten().collect();
            values.dedup();
            if values.is_empty() { vec![1.into()] } else { values }
        }
        VariableKind::Text(_) => {
            let texts = TEXTS.into_iter().map(Value::from).find(|text| variable.accept(text).is_ok());
            default.or(texts).into_iter().collect()
        }
    }
}

/// Whether all hold; unknown where that hangs on what is unknown.
fn all(each: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for one in each {
        match one {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// Whether any holds.
fn any(each: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    all(each.into_iter().map(|one| one.map(|holds| !holds))).map(|none| !none)
}
