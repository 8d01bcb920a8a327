//! Mock rules: which pattern is answered with what. Pure: a call in, a script of replies out.

mod file;
mod recorded;
mod rule;

use std::collections::HashMap;
use std::time::Duration;

use crate::fault::Fault;
use crate::message::{Called, Pattern, Reply, ReplyKind};

pub use file::parse_file;
pub use recorded::{Found, Recorded, Recording};
pub use rule::{Outcome, Rule, parse_on};

/// One reply of a script.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long after the call, or after the step before.
    pub after: Duration,
    /// What is sent then.
    pub reply: Reply,
}

/// The replies to one call, in their order.
pub type Script = Vec<Step>;

/// What holds for all rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// An unmatched call is answered with its own data.
    pub echo: bool,
    /// How long a call waits whose rule does not say.
    pub delay: Duration,
}

/// Rules by the route of their pattern.
#[derive(Debug)]
pub struct Rules {
    scripts: HashMap<String, Script>,
    patterns: Vec<Pattern>,
    defaults: Defaults,
}

impl Rules {
    /// Indexes `rules` by `key`: the route by which the transport finds a handler (`wire.md` §2).
    ///
    /// # Errors
    /// Two rules for one route, with both places; all such pairs at once.
    pub fn build(
        rules: Vec<Rule>,
        defaults: Defaults,
        key: impl Fn(&Pattern) -> String,
    ) -> Result<Self, Fault> {
        let mut places: HashMap<String, String> = HashMap::new();
        let mut scripts = HashMap::new();
        let mut patterns = Vec::new();
        let mut twice = Vec::new();
        for rule in rules {
            let route = key(&rule.pattern);
            if let Some(first) = places.get(&route) {
                twice.push(format!(
                    "{} and {}: two rules for `{}`",
                    first,
                    rule.place,
                    rule.pattern.as_str()
                ));
                continue;
            }
            scripts.insert(route.clone(), rule.outcome.script(rule.delay.unwrap_or(defaults.delay)));
            places.insert(route, rule.place);
            patterns.push(rule.pattern);
        }
        if twice.is_empty() {
            return Ok(Self { scripts, patterns, defaults });
        }
        Err(Fault::new(twice.join("\n")).hint("one pattern has one answer: remove one of the two"))
    }

    /// The patterns that have a rule, in the order they were given: what a broker is subscribed to.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The replies that a rule has for what came on the route `key`; `None` where there is no rule.
    pub fn scripted(&self, key: &str) -> Option<Script> {
        self.scripts.get(key).cloned()
    }

    /// The replies to `called` where no rule has any: its own data, or `None`, which is Nest's own no-handler reply.
    pub fn echoed(&self, called: &Called) -> Option<Script> {
        self.defaults.echo.then(|| {
            let kind = if called.data.is_some() { ReplyKind::Next { last: true } } else { ReplyKind::End };
            let reply = Reply { kind, data: called.data.clone(), headers: Vec::new() };
            vec![Step { after: self.defaults.delay, reply }]
        })
    }
}

#[cfg(test)]
mod tests;
