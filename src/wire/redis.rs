//! Redis Pub/Sub: which channel a message and its replies take, and what a message on a channel is (`wire.md` §4).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use regex::Regex;
use serde_json::value::RawValue;

use super::packet::Packet;
use super::{NestVersion, pattern};
use crate::fault::Fault;
use crate::message::{Called, Data, Delivery, Direction, Pattern, Reply, ReplyKind};

/// What the channel of replies has behind that of the request.
const REPLY: &str = ".reply";

/// The channel that replies to messages on `channel` take.
pub fn reply_channel(channel: &str) -> String {
    format!("{channel}{REPLY}")
}

/// The channel whose replies `channel` carries, if it is one for replies.
pub fn base_of(channel: &str) -> Option<&str> {
    channel.strip_suffix(REPLY)
}

/// Patterns that services are known to serve with `wildcards: true`. Up to Nest 12.1.0 they reply to the pattern
/// itself (`users.*.reply`), which only who knows the pattern can follow.
#[derive(Clone, Debug, Default)]
pub struct Wildcards(Vec<(String, Regex)>);

impl Wildcards {
    /// Reads a list like `users.*,orders.*`, in Redis' own wildcards.
    ///
    /// # Errors
    /// A pattern that Redis could not match with.
    pub fn parse(list: &str) -> Result<Self, Fault> {
        Self::compile(list.split(',').map(str::trim).filter(|glob| !glob.is_empty()).map(str::to_owned))
    }

    /// The same of patterns that stand apart.
    ///
    /// # Errors
    /// A pattern that Redis could not match with.
    pub fn compile(globs: impl IntoIterator<Item = String>) -> Result<Self, Fault> {
        let compiled = globs.into_iter().map(|glob| match Regex::new(&expression(&glob)) {
            Ok(regex) => Ok((glob, regex)),
            Err(_) => Err(Fault::new(format!("`{glob}` is no pattern of Redis"))
                .hint("its wildcards are `*`, `?` and `[a-c]`; a `\\` before one of them makes it literal")),
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The patterns that `channel` matches.
    pub fn of<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(|(_, regex)| regex.is_match(channel)).map(|(glob, _)| glob.as_str())
    }

    /// What makes an id on `channel` unique: the pattern that serves it, else the channel.
    fn scope(&self, channel: &str) -> u64 {
        let served = self.0.iter().find(|(glob, regex)| glob == channel || regex.is_match(channel));
        let mut hasher = DefaultHasher::new();
        served.map_or(channel, |(glob, _)| glob).hash(&mut hasher);
        hasher.finish()
    }
}

/// Redis' wildcards as a regular expression: `*`, `?`, `[a-c]`, `[^a]` and `\` before what is meant literally.
fn expression(glob: &str) -> String {
    let mut out = String::from("(?s)^");
    let mut rest = glob.chars();
    while let Some(char) = rest.next() {
        match char {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            // Redis' classes know ranges, `^` and `\`, as these do; other marks inside them mean themselves.
            '[' => {
                out.push('[');
                let mut is_first = true;
                while let Some(inside) = rest.next() {
                    match inside {
                        ']' => {
                            out.push(']');
                            break;
                        }
                        '\\' => out.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
                        '^' if is_first => out.push('^'),
                        '-' => out.push('-'),
                        other => out.push_str(&regex::escape(&other.to_string())),
                    }
                    is_first = false;
                }
            }
            '\\' => out.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push('$');
    out
}

/// What a message on `channel` is to somebody who watches.
///
/// Nest tells a reply from a request by the channel alone; so that a handler of `a.reply` is seen, too, a packet
/// with a pattern, which no reply has, is a call on any channel.
pub fn delivery(channel: &str, payload: &[u8], nest: NestVersion, wildcards: &Wildcards) -> Delivery {
    let size = payload.len();
    let dest = Some(channel.to_owned());
    let packet = std::str::from_utf8(payload).ok().and_then(|text| Packet::parse(text).ok());
    let Some(packet) = packet else {
        // What is not JSON reaches a handler as its text (`wire.md` §1.1).
        let data = Some(Data::classify(payload));
        return Delivery { dest, data, ..Delivery::new(Direction::Event, size) };
    };
    let id = packet.id.map(RawValue::to_owned);
    if let Some(base) = base_of(channel)
        && packet.pattern.is_none()
        && id.is_some()
    {
        let Reply { kind, data, headers } = packet.reply(nest);
        let (data, error) = if kind == ReplyKind::Refused { (None, data) } else { (data, None) };
        let is_final = !matches!(kind, ReplyKind::Next { last: false });
        let scope = wildcards.scope(base);
        let blank = Delivery::new(Direction::Reply, size);
        return Delivery { dest, id, scope, headers, data, error, is_final, ..blank };
    }
    let Called { pattern, data, headers, is_request, .. } = packet.called();
    let blank = Delivery { pattern, dest, headers, data, ..Delivery::new(Direction::Event, size) };
    if !is_request {
        return blank;
    }
    Delivery { direction: Direction::Request, id, scope: wildcards.scope(channel), ..blank }
}

/// The reply that a delivery of one is.
pub fn reply(delivery: Delivery) -> Reply {
    let Delivery { data, error, headers, is_final, .. } = delivery;
    let kind = match (&data, &error) {
        (_, Some(_)) => ReplyKind::Refused,
        (None, None) if is_final => ReplyKind::End,
        _ => ReplyKind::Next { last: is_final },
    };
    Reply { kind, data: data.or(error), headers }
}

/// What a service that is subscribed to its channel is asked by a delivery. Nest's takes the channel for the
/// pattern, whatever the packet says (`wire.md` §1.1).
pub fn called(delivery: Delivery, nest: NestVersion) -> Called {
    let Delivery { direction, pattern, dest, data, headers, .. } = delivery;
    let channel = dest.as_deref().unwrap_or_default();
    let is_same =
        pattern.as_ref().is_some_and(|told| pattern::route(told, nest).is_ok_and(|to| to == channel));
    let pattern = if is_same { pattern } else { Some(Pattern::Text(channel.to_owned())) };
    Called { pattern, dest, data, headers, is_request: direction == Direction::Request }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::message::Message;
    use crate::wire::packet;

    fn seen(channel: &str, payload: &str) -> Delivery {
        delivery(channel, payload.as_bytes(), NestVersion::V12, &Wildcards::default())
    }

    #[test]
    fn requests_replies_and_events_are_told_apart() {
        let check = |channel, payload, expected| {
            assert_eq!(seen(channel, payload).direction, expected, "{channel} {payload}");
        };
        check("a", r#"{"pattern":"a","data":1,"id":"x"}"#, Direction::Request);
        check("a", r#"{"pattern":"a","data":1}"#, Direction::Event);
        check("a", r#"{"response":1,"isDisposed":true,"id":"x"}"#, Direction::Event);
        check("a.reply", r#"{"response":1,"isDisposed":true,"id":"x"}"#, Direction::Reply);
        check("a.reply", r#"{"hello":1,"id":"x"}"#, Direction::Reply);
        // A handler may have such a name.
        check("a.reply", r#"{"pattern":"a.reply","data":1,"id":"x"}"#, Direction::Request);
        check("a.reply", r#"{"pattern":"a.reply","data":1}"#, Direction::Event);
        check("a.reply", "hello", Direction::Event);
        check("a", "", Direction::Event);
    }

    #[test]
    fn a_reply_shares_the_scope_of_its_request_and_no_other() {
        let request = seen("a", r#"{"pattern":"a","id":"x"}"#);
        assert_eq!(request.scope, seen("a.reply", r#"{"response":1,"id":"x"}"#).scope);
        assert_ne!(request.scope, seen("b.reply", r#"{"response":1,"id":"x"}"#).scope);
        let wildcards = Wildcards::parse("users.*").unwrap();
        let scope =
            |channel| delivery(channel, br#"{"pattern":"a","id":"x"}"#, NestVersion::V12, &wildcards).scope;
        assert_eq!(scope("users.get"), scope("users.*"));
        assert_ne!(scope("users.get"), scope("orders.get"));
        assert_eq!(wildcards.of("users.get").collect::<Vec<_>>(), ["users.*"]);
    }

    #[test]
    fn wildcards_are_those_of_redis() {
        for (glob, channel, expected) in [
            ("users.*", "users.get.reply", true),
            ("users.*", "usersXget", false),
            ("h?llo", "hello", true),
            ("h[a-f]llo", "hello", true),
            ("h[^e]llo", "hello", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"[\]^]", "]", true),
            (r#"{"cmd":*}"#, r#"{"cmd":"sum"}"#, true),
        ] {
            let wildcards = Wildcards::parse(glob).unwrap();
            assert_eq!(wildcards.of(channel).next().is_some(), expected, "{glob} {channel}");
        }
        assert!(Wildcards::parse("a[b").is_err());
    }

    #[test]
    fn a_reply_comes_back_as_it_was_read() {
        for text in [
            r#"{"response":1,"isDisposed":true,"id":"x"}"#,
            r#"{"response":null,"id":"x"}"#,
            r#"{"isDisposed":true,"id":"x"}"#,
            r#"{"err":"no","isDisposed":true,"id":"x"}"#,
            r#"{"id":"x"}"#,
        ] {
            for nest in [NestVersion::V10, NestVersion::V12] {
                let expected = Packet::parse(text).unwrap().reply(nest);
                let found = reply(delivery("a.reply", text.as_bytes(), nest, &Wildcards::default()));
                assert_eq!((found.kind, found.data), (expected.kind, expected.data), "{text}");
            }
        }
    }

    #[test]
    fn a_service_is_asked_by_channel() {
        let asked = |channel, payload| {
            let called = called(seen(channel, payload), NestVersion::V12);
            (called.pattern.map(|pattern| pattern.as_str().to_owned()), called.is_request)
        };
        let pattern = |text: &str| Some(text.to_owned());
        assert_eq!(asked("a", r#"{"pattern":"b","data":1,"id":1}"#), (pattern("a"), true));
        assert_eq!(asked(r#"{"a":1}"#, r#"{"pattern":{"a": 1},"id":1}"#), (pattern(r#"{"a": 1}"#), true));
        assert_eq!(asked("a", "hello"), (pattern("a"), false));
    }

    #[derive(Deserialize)]
    struct Captured {
        version: String,
        direction: String,
        case: String,
        channel: String,
        payload: String,
        /// What services published when they were sent this.
        #[serde(default)]
        published: Vec<Published>,
        /// The data that a handler was given.
        #[serde(default)]
        seen: Vec<serde_json::Value>,
    }

    #[derive(Deserialize)]
    struct Published {
        channel: String,
        payload: String,
    }

    /// Every captured message of Nest's, read and written anew, and every probe of its services.
    #[test]
    fn captured_messages() {
        let captured: Vec<Captured> =
            serde_json::from_str(include_str!("../../tests/wire/redis.json")).expect("the vectors are JSON");
        assert_eq!(captured.len(), 152, "a vector was lost");
        for captured in captured {
            let version = captured.version.parse().expect("a version that eyas knows");
            match captured.direction.as_str() {
                "probe" => check_probe(&captured, version),
                direction => check_message(&captured, direction, version),
            }
        }
    }

    fn check_message(captured: &Captured, direction: &str, version: NestVersion) {
        let Captured { case, channel, payload, .. } = captured;
        let seen = delivery(channel, payload.as_bytes(), version, &Wildcards::default());
        let mut body = Vec::new();
        if direction == "reply" {
            assert_eq!(seen.direction, Direction::Reply, "{case}");
            let id = seen.id.clone().expect("a reply has an id");
            let is_no_handler = seen.error.as_ref().is_some_and(|err| {
                err.as_bytes() == serde_json::to_vec(packet::NO_HANDLER).expect("a string")
            });
            if is_no_handler {
                packet::encode_no_handler(&mut body, &id);
            } else {
                packet::encode_reply(&mut body, &reply(seen), Some(&id));
            }
        } else {
            let pattern = seen.pattern.expect("a call has a pattern");
            assert_eq!(&pattern::route(&pattern, version).expect("a route"), channel, "{case}");
            let message = Message { pattern, data: seen.data, headers: seen.headers, raw: false };
            match (direction, &seen.id) {
                ("request", Some(id)) => {
                    let id: String = serde_json::from_str(id.get()).expect("a string");
                    packet::encode_request(&mut body, &message, &id);
                }
                ("event", None) => packet::encode_event(&mut body, &message),
                _ => panic!("{case} was taken for {:?}", seen.direction),
            }
        }
        assert_eq!(String::from_utf8(body).expect("UTF-8"), *payload, "{case}");
    }

    fn check_probe(captured: &Captured, version: NestVersion) {
        let Captured { case, channel, payload, published, seen, .. } = captured;
        let wildcards = Wildcards::parse("users.*").expect("a pattern");
        let sent = delivery(channel, payload.as_bytes(), version, &wildcards);
        for Published { channel, payload } in published {
            let reply = delivery(channel, payload.as_bytes(), version, &wildcards);
            assert_eq!(reply.direction, Direction::Reply, "{case}");
            assert_eq!(reply.scope, sent.scope, "{case}");
            assert_eq!(
                reply.id.map(|id| id.to_string()),
                sent.id.as_ref().map(ToString::to_string),
                "{case}"
            );
        }
        let was_called = !seen.is_empty();
        let called = called(sent, version);
        assert!(!was_called || called.is_request != published.is_empty(), "{case}");
        if let Some(expected) = seen.first() {
            let found = match called.data.expect("data") {
                Data::Json(json) => serde_json::from_str(json.get()).expect("JSON"),
                data => serde_json::Value::from(String::from_utf8_lossy(data.as_bytes())),
            };
            assert_eq!(&found, expected, "{case}");
        }
    }
}
