//! jq filters, by jaq: `--filter` over a record, `--expect` over a reply's data.

use std::borrow::Cow;

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, ValT as _, Vars};
use jaq_json::{Val, read};

use crate::fault::Fault;

/// A compiled jq filter.
pub struct Query {
    filter: jaq_core::Filter<JustLut<Val>>,
}

impl Query {
    /// Compiles `code`.
    ///
    /// # Errors
    /// What does not parse, or is not defined, with the column.
    pub fn compile(code: &str) -> Result<Self, Fault> {
        let arena = Arena::default();
        let loader = Loader::new(jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()));
        let modules = loader
            .load(&arena, File { code, path: () })
            .map_err(|errors| unreadable(code, errors.into_iter().map(|(file, error)| (file.code, error))))?;
        let filter = Compiler::default()
            .with_funs(jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()))
            .compile(modules)
            .map_err(|errors| {
                let undefined = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
                let (name, kind) = undefined.map_or(("", "symbol"), |(name, kind)| (name, kind.as_str()));
                fault(code, name, &format!("there is no {kind} `{name}`"))
            })?;
        Ok(Self { filter })
    }

    /// Whether the first output for `json` is neither `false` nor `null`; no output is `false`.
    ///
    /// # Errors
    /// What jq says when the filter fails on this value.
    pub fn holds(&self, json: &str) -> Result<bool, String> {
        Ok(self.run(json)?.is_some_and(|value| value.as_bool()))
    }

    /// The first output for `json`, as JSON; `null` where there is none.
    ///
    /// # Errors
    /// What jq says when the filter fails on this value.
    pub fn first(&self, json: &str) -> Result<String, String> {
        Ok(self.run(json)?.map_or_else(|| "null".to_owned(), |value| value.to_string()))
    }

    fn run(&self, json: &str) -> Result<Option<Val>, String> {
        let json = without_lone_surrogates(json);
        let input = read::parse_single(json.as_bytes()).map_err(|error| error.to_string())?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        match self.filter.id.run((context, input)).next() {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            // What is not an error is `halt`, and a filter does not end the program.
            Some(Err(exception)) => Err(exception
                .get_err()
                .map_or_else(|_| "it called halt".to_owned(), |error| error.to_string())),
        }
    }
}

fn unreadable<'s>(code: &str, errors: impl Iterator<Item = (&'s str, load::Error<&'s str>)>) -> Fault {
    for (_, error) in errors {
        let first = match error {
            load::Error::Io(errors) => errors.into_iter().next(),
            load::Error::Lex(errors) => errors
                .into_iter()
                .next()
                .map(|(expected, at)| (at, format!("expected {}", expected.as_str()))),
            load::Error::Parse(errors) => errors
                .into_iter()
                .next()
                .map(|(expected, at)| (at, format!("expected {}", expected.as_str()))),
        };
        if let Some((at, why)) = first {
            return fault(code, at, &why);
        }
    }
    fault(code, code, "it does not parse")
}

/// `at` is the part of `code` that is wrong; what stands nowhere in it means its end.
fn fault(code: &str, at: &str, why: &str) -> Fault {
    // A slice of `code` tells its place by its address; jaq says "at the end" with an empty one.
    let offset = (at.as_ptr() as usize).checked_sub(code.as_ptr() as usize);
    let before = offset.and_then(|offset| code.get(..offset)).unwrap_or(code);
    Fault::new(format!("the filter `{code}` is no jq: column {}: {why}", before.chars().count() + 1))
        .hint("a filter is jq over the record, for instance '.data.total > 100'")
}

/// jaq cannot hold a lone surrogate, which Nest emits (`wire.md` §11.13): it reads U+FFFD in its place.
fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (taken, replaced) = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(_), _) => (6, true),
            // Any other escape: two characters at least, the second of which may be a backslash.
            (None, _) => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        out.push_str(if replaced { "\\ufffd" } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The surrogate whose escape `text` starts with.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..=0xDFFF).contains(unit))
}
