//! Conditions as data: `"rmq | kafka | nats+jetstream"`, `["helm", "autoscale=keda"]`.
//!
//! All texts of a condition must hold; in a text `|` separates alternatives and `+` joins what must hold together.

use std::fmt;

use super::problem::{Located, Place, Problem};

/// One name, or one comparison with a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// The transport, feature or variable.
    pub name: String,
    /// What the variable must equal; none asks whether the name is chosen or true.
    pub equals: Option<String>,
    /// Whether the atom is turned round.
    pub not: bool,
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.equals, self.not) {
            (None, false) => write!(f, "{}", self.name),
            (None, true) => write!(f, "!{}", self.name),
            (Some(value), false) => write!(f, "{}={value}", self.name),
            (Some(value), true) => write!(f, "{}!={value}", self.name),
        }
    }
}

/// What must hold together.
pub type Alternative = Vec<Atom>;

/// One text of a condition: at least one alternative must hold.
#[derive(Debug, Clone)]
pub struct Clause {
    /// The alternatives.
    pub alternatives: Vec<Alternative>,
    /// Where the text stands.
    pub place: Place,
}

impl Clause {
    /// Whether an alternative holds, where `atom` tells whether an atom does (its `not` left aside).
    pub fn holds(&self, atom: &impl Fn(&Atom) -> bool) -> bool {
        self.alternatives.iter().any(|all| all.iter().all(|one| atom(one) != one.not))
    }
}

/// A condition; the default one always holds.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// The texts, all of which must hold.
    pub clauses: Vec<Clause>,
}

impl Condition {
    /// Adds one text.
    pub fn push(&mut self, text: &Located<String>) -> Result<(), Problem> {
        let alternatives =
            text.split('|').map(|all| all.split('+').map(|one| atom(one, &text.place)).collect());
        let alternatives = alternatives.collect::<Result<_, _>>()?;
        self.clauses.push(Clause { alternatives, place: text.place.clone() });
        Ok(())
    }

    /// Its texts.
    pub fn texts(&self) -> Vec<String> {
        let joined = |all: &Alternative| all.iter().map(Atom::to_string).collect::<Vec<_>>().join(" + ");
        self.clauses
            .iter()
            .map(|clause| clause.alternatives.iter().map(joined).collect::<Vec<_>>().join(" | "))
            .collect()
    }

    /// Whether every text holds.
    pub fn holds(&self, atom: &impl Fn(&Atom) -> bool) -> bool {
        self.clauses.iter().all(|clause| clause.holds(atom))
    }

    /// Every atom, with the place of its text.
    pub fn atoms(&self) -> impl Iterator<Item = (&Atom, &Place)> {
        self.clauses
            .iter()
            .flat_map(|clause| clause.alternatives.iter().flatten().map(move |atom| (atom, &clause.place)))
    }
}

fn atom(text: &str, place: &Place) -> Result<Atom, Problem> {
    let text = text.trim();
    let (text, not) = text.strip_prefix('!').map_or((text, false), |rest| (rest.trim(), true));
    let (name, equals, differs) = match (text.split_once("!="), text.split_once('=')) {
        (Some((name, value)), _) => (name, Some(value), true),
        (None, Some((name, value))) => (name, Some(value), false),
        (None, None) => (text, None, false),
    };
    let name = name.trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        let problem = Problem::at(place, format!("`{text}` is not a condition"));
        return Err(problem.hint("write names, `key=value`, `!`, joined by `+` and `|`"));
    }
    let equals = equals.map(|value| value.trim().to_owned());
    Ok(Atom { name: name.to_owned(), equals, not: not != differs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, chosen: &[&str], expected: bool) {
        let mut condition = Condition::default();
        let place = Place { file: "t".into(), line: 1, column: 1 };
        condition.push(&Located { value: text.to_owned(), place }).expect("a condition");
        let holds = condition.holds(&|atom: &Atom| match &atom.equals {
            Some(value) => chosen.contains(&format!("{}={value}", atom.name).as_str()),
            None => chosen.contains(&atom.name.as_str()),
        });
        assert_eq!(holds, expected, "{text} with {chosen:?}");
    }

    #[test]
    fn plus_binds_tighter_than_the_bar() {
        check("rmq | kafka | nats+jetstream", &["nats"], false);
        check("rmq | kafka | nats+jetstream", &["nats", "jetstream"], true);
        check("rmq | kafka | nats+jetstream", &["kafka"], true);
    }

    #[test]
    fn atoms_are_negated_and_compared() {
        check("!http", &[], true);
        check("!http", &["http"], false);
        check("autoscale=keda", &["autoscale=keda"], true);
        check("autoscale!=keda", &["autoscale=keda"], false);
        check("service-auth + !rmq", &["service-auth"], true);
    }

    #[test]
    fn nonsense_is_told_with_its_place() {
        let place = Place { file: "t".into(), line: 3, column: 8 };
        for text in ["", "a b", "a ||", "=x", "a & b"] {
            let text = Located { value: text.to_owned(), place: place.clone() };
            let problem = Condition::default().push(&text).expect_err("not a condition");
            assert_eq!(problem.place.as_ref(), Some(&place));
        }
    }
}
