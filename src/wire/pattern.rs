//! Pattern → route: the text that Nest makes of a pattern to name a channel, a subject, a topic or a handler
//! (`wire.md` §2). It looks like JSON and is not.

use std::cmp::Ordering;
use std::sync::LazyLock;

use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use serde_json::value::RawValue;

use super::NestVersion;
use super::javascript::{self, Members};
use crate::fault::Fault;
use crate::message::Pattern;

/// Objects within objects that Nest 11 and 12 follow (`DEFAULT_MAX_DEPTH`, counted from zero).
const NEST_DEPTH: usize = 5;
/// Keys of one object that Nest 11 and 12 follow.
const NEST_KEYS: usize = 20;
/// Objects within objects that eyas follows where Nest 10 has no limit but its stack.
const DEPTH: usize = 128;

/// The pattern that a JSON value is.
pub fn from_json(json: &RawValue) -> Pattern {
    match javascript::text(json) {
        Some(text) => Pattern::Text(text.into_owned()),
        None => Pattern::Json(json.to_owned()),
    }
}

/// What Nest's `transformPatternToRoute` makes of a pattern: a client's channel, a handler's key.
///
/// A lone surrogate becomes U+FFFD, which is what Node puts on the wire for it.
///
/// # Errors
/// A pattern that is `null` or a boolean, which has no route, or one nested deeper than eyas follows.
pub fn route(pattern: &Pattern, version: NestVersion) -> Result<String, Fault> {
    let json = match pattern {
        Pattern::Text(text) => return Ok(text.clone()),
        Pattern::Json(json) => json,
    };
    let mut route = String::with_capacity(json.get().len());
    match render_root(&mut route, json, version) {
        Ok(()) => Ok(route),
        Err(NoRoute::Bare) => Err(Fault::new(format!("`{}` is no pattern", json.get()))
            .hint("a pattern is a string, a number or an object")),
        Err(NoRoute::Deep) => {
            Err(Fault::new(format!("the pattern is nested deeper than {DEPTH} levels")).hint("flatten it"))
        }
    }
}

/// The key a server looks for when it receives `pattern`: in a body as it stands, else the channel's name.
///
/// The server reads a string as JSON if it is, so `"42.0"` finds the handler of `42` and `"true"` finds none
/// (`wire.md` §2). `None` matches no handler.
pub fn lookup(pattern: &Pattern, version: NestVersion) -> Option<String> {
    let json = match pattern {
        Pattern::Text(text) => match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => json,
            Err(_) => return Some(text.clone()),
        },
        Pattern::Json(json) => json,
    };
    let mut key = String::with_capacity(json.get().len());
    render_root(&mut key, json, version).ok()?;
    Some(key)
}

/// Whether a message that is sent to `pattern` by its route ever finds the handler of `pattern`.
///
/// It does not for strings that are JSON and print differently: `"true"`, `"1.0"`, twenty digits.
pub fn is_reachable(pattern: &Pattern, version: NestVersion) -> bool {
    route(pattern, version)
        .is_ok_and(|route| lookup(&Pattern::Text(route.clone()), version).is_some_and(|key| key == route))
}

/// Sorts keys as `String.prototype.localeCompare` does under Node's default, en-US.
pub fn sort<T>(members: &mut [T], key: impl Fn(&T) -> &str) {
    members.sort_by(|a, b| compare(key(a), key(b)));
}

fn compare(a: &str, b: &str) -> Ordering {
    static COLLATOR: LazyLock<Option<CollatorBorrowed<'static>>> =
        LazyLock::new(|| Collator::try_new(CollatorPreferences::default(), CollatorOptions::default()).ok());
    COLLATOR.as_ref().map_or_else(|| a.cmp(b), |collator| collator.compare(a, b))
}

/// Why a value has no route.
enum NoRoute {
    /// `true`, `false`, `null`: Nest leaves them as they are, and no string equals them.
    Bare,
    /// Nested too deep.
    Deep,
}

fn render_root(out: &mut String, json: &RawValue, version: NestVersion) -> Result<(), NoRoute> {
    match json.get().as_bytes().first() {
        Some(b'"') => {
            out.push_str(&javascript::lossy_text(json).unwrap_or_default());
            Ok(())
        }
        Some(b't' | b'f' | b'n') => Err(NoRoute::Bare),
        _ => render(out, json, 0, version),
    }
}

fn render(out: &mut String, json: &RawValue, depth: usize, version: NestVersion) -> Result<(), NoRoute> {
    match json.get().as_bytes().first() {
        Some(b'{' | b'[') => render_members(out, json, depth, version)?,
        Some(b'"') => {
            out.push('"');
            escape(out, &javascript::lossy_text(json).unwrap_or_default(), version);
            out.push('"');
        }
        Some(b't' | b'f' | b'n') => out.push_str(json.get()),
        _ => out.push_str(ryu_js::Buffer::new().format(javascript::number(json))),
    }
    Ok(())
}

fn render_members(
    out: &mut String,
    json: &RawValue,
    depth: usize,
    version: NestVersion,
) -> Result<(), NoRoute> {
    let is_limited = version != NestVersion::V10;
    if is_limited && depth > NEST_DEPTH {
        out.push_str("[MAX_DEPTH_REACHED]");
        return Ok(());
    }
    if depth > DEPTH {
        return Err(NoRoute::Deep);
    }
    let members = ordered(json);
    if is_limited && members.len() > NEST_KEYS {
        out.push_str("[TOO_MANY_KEYS]");
        return Ok(());
    }
    out.push('{');
    for (at, (key, value)) in members.iter().enumerate() {
        out.push_str(if at == 0 { "\"" } else { ",\"" });
        escape(out, key, version);
        out.push_str("\":");
        render(out, value, depth + 1, version)?;
    }
    out.push('}');
    Ok(())
}

/// The members of an object in the order Nest writes them: `Object.keys`, sorted by collation.
fn ordered(json: &RawValue) -> Vec<(String, &RawValue)> {
    let Ok(Members(mut members)) = serde_json::from_str(json.get()) else { return Vec::new() };
    if json.get().starts_with('{') {
        members = last_of_each(members);
    }
    // Keys may differ and compare equal ("1", "\0" + "1"); then `Object.keys` decides: indices come first.
    members.sort_by_key(|(key, _)| !is_index(key));
    sort(&mut members, |(key, _)| key);
    members
}

/// Of a key that repeats, `JSON.parse` keeps the first place and the last value.
fn last_of_each<'a>(members: Vec<(String, &'a RawValue)>) -> Vec<(String, &'a RawValue)> {
    let mut places = std::collections::HashMap::with_capacity(members.len());
    let mut kept: Vec<(String, &RawValue)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        if let Some(&place) = places.get(&key) {
            let (_, old): &mut (String, &'a RawValue) = &mut kept[place];
            *old = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

/// Whether JavaScript takes a key for an array index.
fn is_index(key: &str) -> bool {
    let is_canonical = key == "0" || (!key.starts_with(['0', '+']) && !key.is_empty());
    is_canonical && key.parse::<u32>().is_ok_and(|index| index < u32::MAX)
}

/// Nest 11 and 12 escape two characters, Nest 10 none.
fn escape(out: &mut String, text: &str, version: NestVersion) {
    if version == NestVersion::V10 {
        out.push_str(text);
        return;
    }
    for part in text.split_inclusive(['\\', '"']) {
        match part.strip_suffix(['\\', '"']) {
            Some(clean) => {
                out.push_str(clean);
                out.push('\\');
                out.push_str(&part[clean.len()..]);
            }
            None => out.push_str(part),
        }
    }
}
