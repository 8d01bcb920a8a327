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

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Pattern {
        from_json(serde_json::from_str(text).expect("JSON"))
    }

    fn routed(text: &str) -> String {
        route(&json(text), NestVersion::V12).expect("a route")
    }

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        for (json, text) in [
            ("-0", "0"),
            ("1.0", "1"),
            ("1e21", "1e+21"),
            ("123456789012345678901", "123456789012345680000"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1e400", "Infinity"),
            ("-1e400", "-Infinity"),
            ("5e-324", "5e-324"),
            ("1e-400", "0"),
        ] {
            assert_eq!(routed(json), text);
            assert_eq!(routed(&format!("[{json}]")), format!(r#"{{"0":{text}}}"#));
        }
    }

    #[test]
    fn keys_are_those_of_a_javascript_object() {
        // The last value wins, at the first place; `__proto__` is a key like any other.
        assert_eq!(routed(r#"{"a":1,"__proto__":2,"a":3}"#), r#"{"__proto__":2,"a":3}"#);
        assert_eq!(routed(r#"{"a":1,"\u0061":2}"#), r#"{"a":2}"#);
        // These compare equal, as control characters are ignored: an index comes first, else the text's order.
        assert_eq!(routed(r#"{"\u00011":0,"1":0}"#), "{\"1\":0,\"\u{1}1\":0}");
        assert_eq!(routed(r#"{"\u0001a":0,"a":0}"#), "{\"\u{1}a\":0,\"a\":0}");
        assert_eq!(routed(r#"{"\u000101":0,"01":0}"#), "{\"\u{1}01\":0,\"01\":0}");
        assert_eq!(routed(r#"{"\ud83d":"\ude00"}"#), "{\"\u{fffd}\":\"\u{fffd}\"}");
        assert_eq!(routed(r#"{"\\\"":"\"\\"}"#), r#"{"\\\"":"\"\\"}"#);
    }

    #[test]
    fn a_server_reads_a_string_as_json_if_it_can() {
        for (sent, found) in [
            (r#""{ \"cmd\" : \"sum\" }""#, Some(r#"{"cmd":"sum"}"#)),
            (r#""\"echo\"""#, Some("echo")),
            (r#""42.0""#, Some("42")),
            ("42", Some("42")),
            (r#""007""#, Some("007")),
            (r#""true""#, None),
            ("true", None),
            ("null", None),
        ] {
            assert_eq!(lookup(&json(sent), NestVersion::V12).as_deref(), found, "{sent}");
        }
        let text = |text: &str| Pattern::Text(text.to_owned());
        for unreachable in ["true", "null", "1.0", "12345678901234567890", r#"{ "cmd": 1 }"#, r#""echo""#] {
            assert!(!is_reachable(&text(unreachable), NestVersion::V12), "{unreachable}");
        }
        for reachable in ["echo", "42", "007", "", r#"{"cmd":1}"#] {
            assert!(is_reachable(&text(reachable), NestVersion::V12), "{reachable}");
        }
        // Nest 10 does not escape, so a backslash in a value is an escape when it comes back.
        assert!(!is_reachable(&json(r#"{"a":"\\n"}"#), NestVersion::V10));
    }

    #[test]
    fn what_has_no_route_says_why() {
        let fault = route(&json("null"), NestVersion::V12).expect_err("no route");
        assert_eq!(fault.to_string(), "`null` is no pattern");
        let deep = json(&("[".repeat(200_000) + &"]".repeat(200_000)));
        assert!(route(&deep, NestVersion::V10).is_err());
        assert_eq!(lookup(&deep, NestVersion::V10), None);
        let nested = r#"{"0":"#.repeat(6) + "[MAX_DEPTH_REACHED]" + &"}".repeat(6);
        assert_eq!(route(&deep, NestVersion::V11).ok(), Some(nested));
    }
}
