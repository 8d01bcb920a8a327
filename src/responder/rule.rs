//! One rule: a pattern, and what it is answered with.

use std::time::Duration;

use serde_json::value::RawValue;

use super::{Script, Step};
use crate::fault::{self, Fault};
use crate::message::{Data, Pattern, Reply, ReplyKind};

/// A pattern and what it is answered with.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which calls it is for.
    pub pattern: Pattern,
    /// Where the rule stands, for faults: `rules.toml:4:1`, ``--on `sum=3` ``.
    pub place: String,
    /// What is answered.
    pub outcome: Outcome,
    /// How long the first reply waits; `None` takes the default of all rules.
    pub delay: Option<Duration>,
}

/// What a call is answered with.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The values, each one reply.
    pub values: Vec<Data>,
    /// The time between two replies of a stream.
    pub every: Duration,
    /// What comes after the values instead of an end: the service's error, as it stands on the wire.
    pub error: Option<Data>,
    /// The end is a reply of its own, not part of the last value (`wire.md` §1.4: Nest does both).
    pub separate_end: bool,
}

impl Outcome {
    /// A single value.
    pub fn value(data: Data) -> Self {
        Self { values: vec![data], ..Self::default() }
    }

    pub(super) fn script(self, delay: Duration) -> Script {
        let mut script = Script::new();
        let ends_merged = self.error.is_none() && !self.separate_end;
        let count = self.values.len();
        let mut push = |kind, data| {
            let after = if script.is_empty() { delay } else { self.every };
            script.push(Step { after, reply: Reply { kind, data, headers: Vec::new() } });
        };
        for (nth, value) in self.values.into_iter().enumerate() {
            push(ReplyKind::Next { last: ends_merged && nth + 1 == count }, Some(value));
        }
        if let Some(error) = self.error {
            push(ReplyKind::Refused, Some(error));
        } else if self.separate_end || count == 0 {
            push(ReplyKind::End, None);
        }
        script
    }
}

/// Reads `--on PATTERN=JSON`: split at the first `=` after the pattern, which ends at its closing `}` when it
/// starts with `{`.
///
/// # Errors
/// A word without `=`, or JSON that does not parse, with the offset.
pub fn parse_on(word: &str) -> Result<Rule, Fault> {
    let fault = |why: String| {
        Fault::new(format!("--on `{}`: {why}", fault::quoted(word)))
            .hint("a rule is written 'orders.get={\"id\":7}' or '{\"cmd\":\"sum\"}=3'")
    };
    let (pattern, value_at) = if word.starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(word).into_iter::<Box<RawValue>>();
        let pattern = match values.next() {
            Some(Ok(pattern)) => pattern,
            Some(Err(error)) => {
                return Err(fault(format!("the pattern starts with `{{` and is not JSON: {error}")));
            }
            None => return Err(fault("there is no pattern".to_owned())),
        };
        let end = values.byte_offset();
        let rest = word[end..].trim_start();
        if !rest.starts_with('=') {
            return Err(fault(format!("the pattern ends at offset {end}, and no `=` follows it")));
        }
        (Pattern::Json(pattern), word.len() - rest.len() + 1)
    } else {
        // A path's query has such signs of its own: then the reply is what is JSON to the end.
        let is_json = |at: &usize| serde_json::from_str::<&RawValue>(&word[at + 1..]).is_ok();
        let first = word.find('=').ok_or_else(|| fault("there is no `=`".to_owned()))?;
        let has_query = word[..first].contains('/') && word[..first].contains('?');
        let later = || word.match_indices('=').map(|(at, _)| at).find(is_json);
        let at = if has_query { later().unwrap_or(first) } else { first };
        if at == 0 {
            return Err(fault("there is no pattern before the `=`".to_owned()));
        }
        (Pattern::Text(word[..at].to_owned()), at + 1)
    };
    let value = serde_json::from_str(&word[value_at..])
        .map_err(|error| fault(format!("the reply (from offset {value_at}) is not JSON: {error}")))?;
    Ok(Rule {
        pattern,
        place: format!("--on `{}`", fault::quoted(word)),
        outcome: Outcome::value(Data::Json(value)),
        delay: None,
    })
}
