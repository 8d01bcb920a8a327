//! All that can be answered to a template, as parameters with levels, and which answers go together.
//!
//! While not everything is chosen a condition may be neither true nor false; what is certain already is enough to turn
//! back. Once all is chosen this agrees with what `answers` settles.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::covering::{Choices, Cover, Found, Row, Space};
use crate::scaffold::answers::{Answers, CLIENTS, Client, typed};
use crate::scaffold::catalog::{Fragment, Kind, Template};
use crate::scaffold::condition::{Atom, Condition};
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
        (Self { template, parameters, places }, without)
    }

    /// Answers in which every two options stand together that can, and how well that went.
    pub fn cover(&self) -> (Vec<Answers>, Cover) {
        let cover = self.space(&|choices| self.allows(choices)).cover();
        (cover.rows.iter().map(|row| self.answers(row)).collect(), cover)
    }

    /// Answers under which `condition` holds while `owner` is chosen; none where that can never be, or cannot be
    /// told.
    pub fn reach(&self, owner: Option<&Fragment>, condition: &Condition) -> Reach {
        let allows = |choices: &Choices| {
            self.allows(choices) && holds(condition, &|atom| self.atom(choices, atom)) != Some(false)
        };
        let mut choices = vec![None; self.parameters.len()];
        if let Some(at) = owner.and_then(|owner| self.places.get(owner.name())) {
            choices[*at] = Some(self.parameters[*at].levels.len() - 1);
        }
        match self.space(&allows).complete(choices) {
            Found::Row(row) => Reach::By(Box::new(self.answers(&row))),
            Found::Nothing => Reach::Never,
            Found::Unknown => Reach::Unknown,
        }
    }

    fn space<'b>(&self, allows: &'b dyn Fn(&Choices) -> bool) -> Space<'b> {
        Space { levels: self.parameters.iter().map(|one| one.levels.len()).collect(), allows }
    }

    fn level(&self, choices: &Choices, at: usize) -> Option<&Level> {
        self.parameters[at].levels.get(choices[at]?)
    }

    /// Whether a fragment is chosen.
    fn is_chosen(&self, choices: &Choices, fragment: &Fragment) -> Option<bool> {
        let level = self.level(choices, *self.places.get(fragment.name())?)?;
        Some(matches!(level, Level::Times(1..)))
    }

    /// Whether an atom holds, its `not` left aside.
    fn atom(&self, choices: &Choices, atom: &Atom) -> Option<bool> {
        let Some(wanted) = &atom.equals else {
            let is_variable = |at: &&usize| matches!(self.parameters[**at].what, What::Variable(..));
            let variable = self.places.get(atom.name.as_str()).filter(is_variable);
            let is_true = variable.map(|at| match self.level(choices, *at)? {
                Level::Value(value) => Some(*value == Value::Bool(true)),
                _ => Some(false),
            });
            let bearing = self.template.fragments.iter().filter(|one| {
                one.answers_to(&atom.name) || (atom.name == CLIENTS && one.kind == Kind::Client)
            });
            return any(bearing.map(|one| self.is_chosen(choices, one)).chain(is_true));
        };
        let Some(at) = self.places.get(atom.name.as_str()) else { return Some(false) };
        Some(match self.level(choices, *at)? {
            Level::Value(value) => typed(value) == *wanted,
            _ => false,
        })
    }

    /// Whether the choices do not contradict what everything chosen needs and excludes.
    fn allows(&self, choices: &Choices) -> bool {
        let memory = RefCell::new(BTreeMap::new());
        let atom = |atom: &Atom| {
            let key = (atom.name.clone(), atom.equals.clone());
            if let Some(known) = memory.borrow().get(&key) {
                return *known;
            }
            let holds = self.atom(choices, atom);
            memory.borrow_mut().insert(key, holds);
            holds
        };
        let transports = self.template.of(Kind::Transport).map(|one| self.is_chosen(choices, one));
        let mut transports = transports.peekable();
        if transports.peek().is_some() && any(transports) == Some(false) {
            return false;
        }
        self.parameters.iter().enumerate().all(|(at, parameter)| match &parameter.what {
            What::Name => true,
            What::Fragment(fragment) => {
                self.is_chosen(choices, fragment) != Some(true)
                    || (holds(&fragment.manifest.requires, &atom) != Some(false)
                        && fragment.manifest.excludes.clauses.iter().all(|clause| {
                            let one = |one: &Atom| atom(one).map(|holds| holds != one.not);
                            any(clause.alternatives.iter().map(|every| all(every.iter().map(one))))
                                != Some(true)
                        }))
            }
            What::Variable(variable, owner) => {
                let Some(level) = self.level(choices, at) else { return true };
                let stands = owner.map_or(Some(true), |owner| self.is_chosen(choices, owner));
                let applies = all([stands, holds(&variable.when, &atom)]);
                match level {
                    Level::Value(value) => {
                        let text = typed(value);
                        let mut needs = variable.requires.iter().filter(|need| need.value == text);
                        applies != Some(false) && needs.all(|need| holds(&need.needs, &atom) != Some(false))
                    }
                    _ => applies != Some(true),
                }
            }
        })
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

/// Whether a condition holds, as far as that is certain.
fn holds(condition: &Condition, atom: &dyn Fn(&Atom) -> Option<bool>) -> Option<bool> {
    let one = |one: &Atom| atom(one).map(|holds| holds != one.not);
    all(condition
        .clauses
        .iter()
        .map(|clause| any(clause.alternatives.iter().map(|alternative| all(alternative.iter().map(one))))))
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
