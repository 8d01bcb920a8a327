//! Patterns with wildcards for transports that have none of their own.
//!
//! Tokens end at `.` or `/`. `*` is one token, or any part of one (`order*`); `#` and `**` are any number of tokens,
//! none included; `>` is one or more to the end. A pattern that starts with `{` is compared as JSON.

use regex::Regex;
use serde_json::Value;

use crate::fault::Fault;
use crate::message::Pattern;

/// A compiled wildcard pattern.
#[derive(Debug)]
pub struct Glob(Kind);

#[derive(Debug)]
enum Kind {
    Words(Regex),
    Json(Value),
}

impl Glob {
    /// Compiles `word`.
    ///
    /// # Errors
    /// A word that starts with `{` and is not JSON.
    pub fn compile(word: &str) -> Result<Self, Fault> {
        let fault =
            |why: &dyn std::fmt::Display| Fault::new(format!("the pattern `{word}` cannot be used: {why}"));
        if word.starts_with('{') {
            return serde_json::from_str(word)
                .map(|json| Self(Kind::Json(json)))
                .map_err(|error| fault(&error));
        }
        Regex::new(&expression(word)).map(|regex| Self(Kind::Words(regex))).map_err(|error| fault(&error))
    }

    /// Whether `pattern` is one of those meant. Key order does not matter.
    pub fn matches(&self, pattern: &Pattern) -> bool {
        match &self.0 {
            Kind::Words(regex) => regex.is_match(pattern.as_str()),
            // A pattern that is an object travels as one, or as its text (`wire.md` §1).
            Kind::Json(json) => {
                serde_json::from_str::<Value>(pattern.as_str()).is_ok_and(|other| other == *json)
            }
        }
    }
}

fn expression(word: &str) -> String {
    let mut out = String::from("(?s)^");
    let mut separator = "";
    for part in word.split_inclusive(['.', '/']) {
        let token = part.trim_end_matches(['.', '/']);
        let next = &part[token.len()..];
        match token {
            "#" | "**" if separator.is_empty() && out.ends_with('^') && !next.is_empty() => {
                out.push_str("(?:[^./]+[./])*");
                // The separator belongs to the tokens it may stand for.
                continue;
            }
            "#" | "**" if separator.is_empty() => out.push_str(".*"),
            "#" | "**" => out.push_str("(?:[./][^./]+)*"),
            ">" => {
                out.push_str(&regex::escape(separator));
                out.push_str(".+");
            }
            "*" => {
                out.push_str(&regex::escape(separator));
                out.push_str("[^./]+");
            }
            token => {
                out.push_str(&regex::escape(separator));
                out.push_str(&token.split('*').map(regex::escape).collect::<Vec<_>>().join("[^./]*"));
            }
        }
        separator = next;
    }
    out.push_str(&regex::escape(separator));
    out.push('$');
    out
}
