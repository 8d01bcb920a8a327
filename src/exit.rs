//! How a run ends: the table of exit codes, which error is which, and the last words on stderr.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use crate::fault::Fault;
use crate::transport::{self, Kind};
use crate::ui::{style, visible};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Done = 0,
    /// It ran, and the answer is no.
    Failed = 1,
    /// Asked wrongly.
    Usage = 2,
    /// Partly done.
    Partial = 3,
    /// No reply in time.
    TimedOut = 4,
    /// Could not connect.
    Unreachable = 5,
    /// Nobody there.
    NobodyThere = 6,
    /// Interrupted.
    Interrupted = 130,
}

impl Code {
    /// Every code and what it means: what `eyas help exit-codes` prints.
    pub const ALL: [(Self, &str); 8] = [
        (
            Self::Done,
            "done; also when the reader closed the pipe, and when `-n`, `--for` or `--idle` ended it",
        ),
        (
            Self::Failed,
            "it ran and the answer is no: the service answered with an error, a check found problems, \
             an expectation was not met; or reading or writing failed",
        ),
        (
            Self::Usage,
            "asked wrongly: flags, settings, a manifest, an answer missing without a terminal, or \
             something this transport cannot do",
        ),
        (Self::Partial, "partly done: some confirmed, some not or unroutable; each count is printed"),
        (Self::TimedOut, "no reply in time"),
        (Self::Unreachable, "could not connect, or was refused: network, TLS, login"),
        (Self::NobodyThere, "nobody there: no responders, no route, no subscribers, no such topic"),
        (Self::Interrupted, "interrupted, with the summary so far"),
    ];

    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// An error whose code a command has chosen.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    hint: Option<String>,
    source: Option<anyhow::Error>,
}

impl Failure {
    /// Ends the run with `code`, told by `message`: lower case, no full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, source: None }
    }

    /// Ends the run with `code` and no word: what there was to say has been said.
    pub fn silent(code: Code) -> Self {
        Self::new(code, "")
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.source = Some(cause.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Says what there is to say about `result` on stderr, as one JSON line if `json`, and gives its exit code.
pub fn finish(result: anyhow::Result<Code>, json: bool) -> ExitCode {
    let code = result.unwrap_or_else(|error| {
        if reader_left(&error) {
            return Code::Done;
        }
        let words = LastWords::of(&error);
        if !words.message.is_empty() {
            words.say(json);
        }
        words.code
    });
    ExitCode::from(code.number())
}

/// The same for what clap has to say: help and version on stdout, everything else as an error of ours.
pub fn finish_usage(error: &clap::Error, json: bool) -> ExitCode {
    use clap::error::ErrorKind as Clap;
    if matches!(error.kind(), Clap::DisplayHelp | Clap::DisplayVersion) {
        return finish(error.print().map(|()| Code::Done).map_err(Into::into), json);
    }
    if error.kind() == Clap::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        // The page goes to stderr here. A reader who left changes nothing about the code.
        let _ = error.print();
        return ExitCode::from(Code::Usage.number());
    }
    let mut words = LastWords::of_usage(&error.render().to_string());
    // A value that one of our own parsers refused: it knows the next step better than clap does.
    let advice = error.source().and_then(|cause| cause.downcast_ref::<Fault>()?.advice());
    if let Some(advice) = advice {
        words.hint = Some(advice.to_owned());
    }
    words.say(json);
    ExitCode::from(Code::Usage.number())
}

/// Ends the process at once: for the second Ctrl-C.
#[expect(clippy::exit, reason = "a second Ctrl-C must not wait for anything")]
pub fn at_once(code: Code) -> ! {
    std::process::exit(code.number().into())
}

/// Whether the one who read our output has gone. A link that broke while talking to a broker is another thing.
fn reader_left(error: &anyhow::Error) -> bool {
    let is_link = error.chain().any(<dyn StdError>::is::<transport::Error>);
    let mut io = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    !is_link && io.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// What an error comes down to.
#[derive(Debug, PartialEq, Eq)]
struct LastWords {
    code: Code,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl LastWords {
    fn of(error: &anyhow::Error) -> Self {
        let mut causes: Vec<_> = error.chain().skip(1).map(ToString::to_string).collect();
        causes.dedup();
        Self {
            code: error.chain().find_map(code_of).unwrap_or(Code::Failed),
            message: error.to_string(),
            causes,
            hint: error.chain().find_map(hint_of).map(str::to_owned),
        }
    }

    /// From clap's own text: a paragraph, perhaps a tip, and the usage.
    fn of_usage(text: &str) -> Self {
        let line = |prefix| text.lines().find_map(|line: &str| line.trim().strip_prefix(prefix));
        let message = text.split("\n\n").next().unwrap_or(text);
        let words: Vec<_> = message.split_whitespace().collect();
        let usage = line("Usage: ").map(|usage| format!("usage: {usage}"));
        Self {
            code: Code::Usage,
            message: words.join(" ").trim_start_matches("error: ").to_owned(),
            causes: Vec::new(),
            hint: line("tip: ").map(str::to_owned).or(usage),
        }
    }

    fn say(&self, json: bool) {
        let mut stderr = anstream::stderr().lock();
        // Nobody is left to be told when stderr cannot be written.
        let _ = if json {
            writeln!(stderr, "{}", self.to_json())
        } else {
            stderr.write_all(self.to_text().as_bytes())
        };
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "error",
            "code": self.code.number(),
            "message": self.message,
            "causes": self.causes,
            "hint": self.hint,
        })
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |style: anstyle::Style, label: &str, words: &str| {
            let _ = writeln!(text, "{style}{label}:{style:#} {}", visible::text(words));
        };
        line(style::ERROR, "error", &self.message);
        for cause in &self.causes {
            line(style::DIM, "  cause", cause);
        }
        if let Some(hint) = &self.hint {
            line(style::HINT, "  hint", hint);
        }
        text
    }
}

fn code_of(cause: &(dyn StdError + 'static)) -> Option<Code> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if cause.is::<Fault>() {
        return Some(Code::Usage);
    }
    let error = cause.downcast_ref::<transport::Error>()?;
    Some(match error.kind() {
        Kind::Unreachable | Kind::Denied => Code::Unreachable,
        Kind::NobodyThere => Code::NobodyThere,
        Kind::TimedOut => Code::TimedOut,
        Kind::Refused | Kind::Protocol | Kind::Closed => Code::Failed,
        Kind::Unsupported => Code::Usage,
    })
}

fn hint_of<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a str> {
    let failure = cause.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_deref());
    let fault = || cause.downcast_ref::<Fault>().and_then(Fault::advice);
    let link = || cause.downcast_ref::<transport::Error>().and_then(transport::Error::advice);
    failure.or_else(fault).or_else(link)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn check(error: impl Into<anyhow::Error>, code: Code) {
        let error = error.into();
        assert_eq!(LastWords::of(&error).code, code, "{error:#}");
        let wrapped = error.context("while doing it");
        assert_eq!(LastWords::of(&wrapped).code, code, "{wrapped:#}");
    }

    fn pipe() -> io::Error {
        io::ErrorKind::BrokenPipe.into()
    }

    #[test]
    fn each_error_has_its_code() {
        for (kind, code) in [
            (Kind::Unreachable, Code::Unreachable),
            (Kind::Denied, Code::Unreachable),
            (Kind::NobodyThere, Code::NobodyThere),
            (Kind::TimedOut, Code::TimedOut),
            (Kind::Refused, Code::Failed),
            (Kind::Protocol, Code::Failed),
            (Kind::Closed, Code::Failed),
            (Kind::Unsupported, Code::Usage),
        ] {
            check(transport::Error::new(kind, "it"), code);
        }
        check(Fault::new("it"), Code::Usage);
        check(Failure::new(Code::TimedOut, "it"), Code::TimedOut);
        check(Failure::new(Code::Partial, "it").because(Fault::new("why")), Code::Partial);
        check(io::Error::other("disk"), Code::Failed);
        check(anyhow::anyhow!("it"), Code::Failed);
    }

    #[test]
    fn a_reader_who_left_is_no_error_but_a_broken_link_is() {
        assert!(reader_left(&anyhow::Error::from(pipe()).context("cannot write")));
        let link = transport::Error::new(Kind::Closed, "link lost").because(pipe());
        assert!(!reader_left(&link.into()));
    }

    #[test]
    fn the_last_words_name_causes_and_the_next_step() {
        let link = transport::Error::new(Kind::Unreachable, "cannot connect")
            .because(anyhow::anyhow!("refused\x1b[2J"))
            .hint("start it");
        let error = Err::<(), _>(link).context("cannot send").unwrap_err();
        let words = LastWords::of(&error);
        assert_eq!(
            anstream::adapter::strip_str(&words.to_text()).to_string(),
            "error: cannot send\n  cause: cannot connect\n  cause: refused\\x1b[2J\n  hint: start it\n"
        );
        assert_eq!(
            words.to_json().to_string(),
            r#"{"type":"error","code":5,"message":"cannot send","causes":["cannot connect","refused\u001b[2J"],"hint":"start it"}"#
        );
    }
}
