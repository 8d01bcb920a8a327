//! What belongs together: messages that carry one correlation id or one trace id, and the replies to them.

use std::collections::{HashSet, VecDeque};
use std::str::FromStr;

use crate::fault::Fault;
use crate::message::{Delivery, Direction, HeaderValue};

/// How many requests are remembered, so that replies which carry nothing themselves are followed, too.
const MOST_OPEN: usize = 100_000;

/// An id to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId {
    /// As it stands in headers.
    text: String,
    /// As it stands in JSON.
    quoted: String,
    /// Whether it can be a part of a longer value: a trace or span id of a `traceparent`
    /// (<https://www.w3.org/TR/trace-context/#traceparent-header>) or of its like.
    is_part: bool,
}

impl FromStr for TraceId {
    type Err = Fault;

    /// Reads an id; a whole `traceparent` stands for its trace id.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let is_hex = |part: &str, length| part.len() == length && part.chars().all(|c| c.is_ascii_hexdigit());
        let parts: Vec<_> = text.split('-').collect();
        let text = match parts[..] {
            [version, trace, span, _] if is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) => trace,
            _ => text,
        };
        if text.is_empty() {
            return Err(Fault::new("there is no id to follow")
                .hint("give a correlation id, a message id, or the trace id of a traceparent"));
        }
        let quoted = serde_json::Value::from(text).to_string();
        let is_part = is_hex(text, 32) || is_hex(text, 16);
        Ok(Self { text: text.to_owned(), quoted, is_part })
    }
}

impl TraceId {
    fn is_in(&self, value: &str) -> bool {
        let same = |part: &str| part.eq_ignore_ascii_case(&self.text);
        value == self.text || (self.is_part && value.split(|c: char| !c.is_ascii_alphanumeric()).any(same))
    }

    /// In JSON the id stands as a string of its own, or is the number.
    fn is_in_json(&self, json: &str) -> bool {
        json == self.text
            || json.contains(&self.quoted)
            || (self.is_part && json.split(['"']).any(|text| self.is_in(text)))
    }

    /// Whether `delivery` itself carries it: in its headers, its id or what only its transport has.
    fn is_on(&self, delivery: &Delivery) -> bool {
        let in_header = |value: &HeaderValue| match value {
            HeaderValue::Text(text) => self.is_in(text),
            HeaderValue::Json(json) => self.is_in_json(json.get()),
            HeaderValue::Binary(_) => false,
        };
        delivery.headers.iter().any(|(_, value)| in_header(value))
            || delivery.id.as_ref().is_some_and(|id| self.is_in_json(id.get()))
            || delivery.meta.iter().any(|(_, value)| self.is_in_json(value.get()))
    }
}

/// Follows one id over the messages of one watch.
#[derive(Debug)]
pub struct Trace {
    id: TraceId,
    /// The requests that carried it, by scope and id: their replies belong to it.
    requests: HashSet<(u64, Box<str>)>,
    order: VecDeque<(u64, Box<str>)>,
}

impl Trace {
    /// Follows `id`.
    pub fn new(id: TraceId) -> Self {
        Self { id, requests: HashSet::new(), order: VecDeque::new() }
    }

    /// Whether `delivery` belongs to it.
    pub fn follows(&mut self, delivery: &Delivery) -> bool {
        let key = delivery.id.as_ref().map(|id| (delivery.scope, Box::from(id.get())));
        let is_on = self.id.is_on(delivery);
        match (delivery.direction, key) {
            (Direction::Request, Some(key)) if is_on => {
                if self.requests.insert(key.clone()) {
                    self.order.push_back(key);
                }
                if self.order.len() > MOST_OPEN
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.requests.remove(&oldest);
                }
                true
            }
            (Direction::Reply, Some(key)) => is_on || self.requests.contains(&key),
            _ => is_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    fn delivery(direction: Direction, id: Option<&str>, header: Option<(&str, &str)>) -> Delivery {
        let headers =
            header.map(|(name, value)| (name.to_owned(), HeaderValue::Text(value.to_owned()))).into_iter();
        Delivery { id: id.map(json), headers: headers.collect(), ..Delivery::new(direction, 0) }
    }

    fn event(name: &str, value: &str) -> Delivery {
        delivery(Direction::Event, None, Some((name, value)))
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn an_id_is_followed_wherever_it_stands() {
        #[track_caller]
        fn check(id: &str, delivery: &Delivery, want: bool) {
            let mut trace = Trace::new(id.parse().expect("an id"));
            assert_eq!(trace.follows(delivery), want, "{id}");
        }
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        check(TRACE, &event("traceparent", &parent), true);
        check(&parent, &event("traceparent", &format!("00-{TRACE}-1111111111111111-00")), true);
        check(&TRACE.to_uppercase(), &event("b3", &format!("{TRACE}-00f067aa0ba902b7-1")), true);
        check("order-7", &event("x-correlation-id", "order-7"), true);
        check("order-7", &event("x-correlation-id", "order-77"), false);
        check("order", &event("x-correlation-id", "order-7"), false);
        check("3b81", &delivery(Direction::Request, Some("\"3b81\""), None), true);
        check("7", &delivery(Direction::Request, Some("7"), None), true);
        check("7", &delivery(Direction::Request, Some("77"), None), false);
        let meta = |value| Delivery {
            meta: vec![("envelope".to_owned(), json(value))],
            ..delivery(Direction::Event, None, None)
        };
        check("a-1", &meta(r#"{"correlationId":"a-1"}"#), true);
        check("a", &meta(r#"{"correlationId":"a-1"}"#), false);
        check(TRACE, &meta(&format!(r#"{{"traceparent":"{parent}"}}"#)), true);
        assert!("  ".parse::<TraceId>().is_err());
    }

    #[test]
    fn a_reply_belongs_to_its_request() {
        let mut trace = Trace::new("a-1".parse().expect("an id"));
        assert!(!trace.follows(&delivery(Direction::Reply, Some("1"), None)));
        assert!(trace.follows(&delivery(Direction::Request, Some("1"), Some(("x-request-id", "a-1")))));
        assert!(trace.follows(&delivery(Direction::Reply, Some("1"), None)));
        assert!(!trace.follows(&delivery(Direction::Reply, Some("2"), None)));
        let elsewhere = Delivery { scope: 1, ..delivery(Direction::Reply, Some("1"), None) };
        assert!(!trace.follows(&elsewhere));
    }
}
