//! Which messages are shown: `--filter`, `--grep`, `--only`, `--slow` and patterns. All must agree.

use std::str::FromStr;
use std::time::Duration;

use regex::bytes::Regex;

use super::{Glob, Query};
use crate::fault::Fault;
use crate::message::{Data, Delivery, Direction, Pattern};
use crate::record::{Pair, Unanswered};

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Criteria {
    /// jq over the record.
    pub jq: Option<String>,
    /// A regular expression over pattern, payload and error.
    pub grep: Option<String>,
    /// Only these; none = all.
    pub only: Vec<Only>,
    /// Only replies that took this long, and requests without a reply.
    pub slow: Option<Duration>,
    /// Only these patterns, with the wildcards of [`Glob`]; none = all.
    pub patterns: Vec<String>,
}

/// A sort of traffic, for `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Requests.
    Requests,
    /// Replies, errors included.
    Replies,
    /// Events.
    Events,
    /// Error replies.
    Errors,
    /// Requests without a reply.
    Unanswered,
}

impl FromStr for Only {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        match word {
            "requests" => Ok(Self::Requests),
            "replies" => Ok(Self::Replies),
            "events" => Ok(Self::Events),
            "errors" => Ok(Self::Errors),
            "unanswered" => Ok(Self::Unanswered),
            other => Err(Fault::new(format!("`--only {other}` names no sort of traffic"))
                .hint("the sorts are requests, replies, events, errors and unanswered")),
        }
    }
}

/// Compiled criteria.
pub struct Filter {
    query: Option<Query>,
    grep: Option<Regex>,
    only: Vec<Only>,
    slow: Option<Duration>,
    patterns: Vec<Glob>,
    trouble: Option<String>,
    has_failed: bool,
}

impl Filter {
    /// Compiles `criteria`.
    ///
    /// # Errors
    /// What does not compile, and where.
    pub fn new(criteria: &Criteria) -> Result<Self, Fault> {
        let regex = |text: &String| {
            Regex::new(text)
                .map_err(|error| Fault::new(format!("`--grep {text}` is no regular expression: {error}")))
        };
        Ok(Self {
            query: criteria.jq.as_deref().map(Query::compile).transpose()?,
            grep: criteria.grep.as_ref().map(regex).transpose()?,
            only: criteria.only.clone(),
            slow: criteria.slow,
            patterns: criteria.patterns.iter().map(|word| Glob::compile(word)).collect::<Result<_, _>>()?,
            trouble: None,
            has_failed: false,
        })
    }

    /// Whether [`Filter::keeps_record`] must be asked too, for which the record must be written.
    pub fn reads_records(&self) -> bool {
        self.query.is_some()
    }

    /// Whether all criteria but jq keep `delivery`; `pair` is what is known of a reply's request.
    pub fn keeps(&self, delivery: &Delivery, pair: Option<&Pair>) -> bool {
        let pattern = delivery.pattern.as_ref().or_else(|| pair.and_then(|pair| pair.pattern.as_ref()));
        (self.only.is_empty() || self.only.iter().any(|only| only.means(delivery)))
            && self.slow.is_none_or(|slow| pair.is_some_and(|pair| pair.ms >= slow.as_secs_f64() * 1e3))
            && self.keeps_pattern(pattern)
            && self.grep.as_ref().is_none_or(|grep| {
                let finds = |data: &Data| grep.is_match(data.as_bytes());
                pattern.is_some_and(|pattern| grep.is_match(pattern.as_str().as_bytes()))
                    || delivery.data.as_ref().is_some_and(finds)
                    || delivery.error.as_ref().is_some_and(finds)
            })
    }

    /// Whether all criteria but jq keep a request that had no reply.
    pub fn keeps_unanswered(&self, request: &Unanswered) -> bool {
        let pattern = request.pattern.as_ref();
        (self.only.is_empty() || self.only.contains(&Only::Unanswered))
            && self.keeps_pattern(pattern)
            && self
                .grep
                .as_ref()
                .is_none_or(|grep| pattern.is_some_and(|pattern| grep.is_match(pattern.as_str().as_bytes())))
    }

    /// Whether jq keeps this record, of any type; true where there is no jq. A filter that fails keeps nothing.
    pub fn keeps_record(&mut self, record: &str) -> bool {
        let Some(query) = &self.query else { return true };
        query.holds(record).unwrap_or_else(|why| {
            if !self.has_failed {
                self.trouble = Some(why);
            }
            self.has_failed = true;
            false
        })
    }

    /// Why jq failed on a record: given out once.
    pub fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    fn keeps_pattern(&self, pattern: Option<&Pattern>) -> bool {
        self.patterns.is_empty()
            || pattern.is_some_and(|pattern| self.patterns.iter().any(|glob| glob.matches(pattern)))
    }
}

impl Only {
    fn means(self, delivery: &Delivery) -> bool {
        match self {
            Self::Requests => delivery.direction == Direction::Request,
            Self::Replies => delivery.direction == Direction::Reply,
            Self::Events => delivery.direction == Direction::Event,
            Self::Errors => delivery.error.is_some(),
            Self::Unanswered => false,
        }
    }
}
