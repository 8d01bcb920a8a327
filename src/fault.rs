//! What the user gave and eyas cannot use: a word, a file, a setting.
//!
//! Every pure layer reports bad input with this one type; `exit` turns it into code 2. It names the thing and
//! its place, and may carry the next step.

use std::fmt;

/// Bad input, in words: what it is, where it stands, and what to do next.
#[derive(Debug)]
pub struct Fault {
    message: String,
    hint: Option<String>,
}

impl Fault {
    /// A fault told by `message`: lower case, no full stop, naming the thing and its place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts its place in front.
    #[must_use]
    pub fn at(mut self, place: &impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The next step, where there is one.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// `text` as a message quotes it: its control characters are escaped, its quotes stay readable.
pub fn quoted(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() }).collect()
}

/// A hint for a `word` that is none of `known`, which are called `what`: the nearest one, else all of them.
pub fn did_you_mean(word: &str, known: impl IntoIterator<Item = impl AsRef<str>>, what: &str) -> String {
    let mut known: Vec<_> = known.into_iter().map(|name| name.as_ref().to_owned()).collect();
    known.sort_unstable();
    known.dedup();
    let far = |name: &&String| strsim::damerau_levenshtein(word, name);
    let nearest = known.iter().min_by_key(far).filter(|name| far(name) <= 1 + word.chars().count() / 4);
    match nearest {
        Some(name) => format!("did you mean `{name}`? {what}: {}", known.join(", ")),
        None if known.is_empty() => format!("{what}: none"),
        None => format!("{what}: {}", known.join(", ")),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
