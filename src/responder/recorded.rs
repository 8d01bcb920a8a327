//! Answers out of a recording: the neighbours, played.
//!
//! A request whose pattern was recorded is answered as follows:
//! 1. With the same data (as JSON; the order of keys does not matter) it gets what was recorded for it: the first
//!    time the first such answer, then the next; the last one for all that come after.
//! 2. With other data it gets the answer to the nearest request: the one that agrees with it in most values, each
//!    with its place; among those the one that differs in fewest; among those the one recorded first.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::{Script, Step};
use crate::message::{Data, Pattern, Reply};

/// A recorded request and what it was answered with.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its pattern.
    pub pattern: Pattern,
    /// Its data.
    pub data: Option<Data>,
    /// Its replies, in order.
    pub replies: Vec<Reply>,
    /// Where it stands, for people.
    pub place: String,
}

/// Recorded answers by route.
#[derive(Debug, Default)]
pub struct Recorded {
    routes: HashMap<String, Vec<Case>>,
    patterns: Vec<Pattern>,
}

/// All that was answered to one request.
#[derive(Debug)]
struct Case {
    key: String,
    leaves: HashSet<(String, String)>,
    answers: Vec<Vec<Reply>>,
    next: usize,
    place: String,
}

/// What a call is answered with.
#[derive(Debug)]
pub struct Found {
    /// The replies.
    pub script: Script,
    /// Where the request stands that was taken for this one, where that had other data.
    pub nearest: Option<String>,
}

impl Recorded {
    /// Indexes `recordings` by `route`, by which the transport finds a handler (`wire.md` §2).
    pub fn build(recordings: Vec<Recording>, route: impl Fn(&Pattern) -> String) -> Self {
        let mut recorded = Self::default();
        for Recording { pattern, data, replies, place } in recordings {
            let (key, leaves) = read(data.as_ref());
            let route = route(&pattern);
            if !recorded.routes.contains_key(&route) {
                recorded.patterns.push(pattern);
            }
            let cases = recorded.routes.entry(route).or_default();
            match cases.iter_mut().find(|case| case.key == key) {
                Some(case) => case.answers.push(replies),
                None => cases.push(Case { key, leaves, answers: vec![replies], next: 0, place }),
            }
        }
        recorded
    }

    /// The patterns that were recorded, in the order of their first requests.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// What a call with `data` on `route` is answered with; `None` where its pattern was not recorded.
    pub fn answer(&mut self, route: &str, data: Option<&Data>) -> Option<Found> {
        let cases = self.routes.get_mut(route)?;
        let (key, leaves) = read(data);
        let same = cases.iter().position(|case| case.key == key);
        let at = same.or_else(|| {
            let nearness = |case: &Case| {
                let shared = case.leaves.intersection(&leaves).count();
                (shared, std::cmp::Reverse(case.leaves.len() + leaves.len() - 2 * shared))
            };
            // The last of the greatest is taken, so they are gone through from the end.
            cases.iter().enumerate().rev().max_by_key(|(_, case)| nearness(case)).map(|(at, _)| at)
        })?;
        let case = &mut cases[at];
        let replies = case.answers.get(case.next).or(case.answers.last())?;
        case.next += 1;
        let step = |reply: &Reply| Step { after: std::time::Duration::ZERO, reply: reply.clone() };
        Some(Found {
            script: replies.iter().map(step).collect(),
            nearest: same.is_none().then(|| case.place.clone()),
        })
    }
}

/// What two requests with the same data have in common, and the values in it with their places.
fn read(data: Option<&Data>) -> (String, HashSet<(String, String)>) {
    let mut leaves = HashSet::new();
    let value = match data {
        Some(Data::Json(json)) => serde_json::from_str::<Value>(json.get()).ok(),
        _ => None,
    };
    let Some(value) = value else {
        let text = data.map(|data| String::from_utf8_lossy(data.as_bytes()).into_owned());
        return (text.unwrap_or_default(), leaves);
    };
    let mut key = String::new();
    gather(&value, &mut String::new(), &mut key, &mut leaves);
    (key, leaves)
}

/// Writes `value` with its keys in order to `key`, and each value at its end to `leaves`.
fn gather(value: &Value, path: &mut String, key: &mut String, leaves: &mut HashSet<(String, String)>) {
    let length = path.len();
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut names: Vec<_> = entries.keys().collect();
            names.sort_unstable();
            key.push('{');
            for name in names {
                let quoted = Value::from(name.as_str()).to_string();
                key.push_str(&quoted);
                key.push(':');
                path.push_str(&quoted);
                gather(&entries[name], path, key, leaves);
                path.truncate(length);
                key.push(',');
            }
            key.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            key.push('[');
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                gather(item, path, key, leaves);
                path.truncate(length);
                key.push(',');
            }
            key.push(']');
        }
        value => {
            let text = value.to_string();
            key.push_str(&text);
            leaves.insert((path.clone(), text));
        }
    }
}
