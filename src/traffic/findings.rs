//! Findings: what a watcher can say in words about what it sees, each told once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use serde::Deserialize;

use crate::message::{Data, Delivery, Direction, Finding, Pattern};
use crate::record::Pair;

/// Nest's error for a pattern without a handler (`wire.md` §1).
const NO_HANDLER: &str = "There is no matching message handler defined in the remote service.";

/// How many findings are remembered as told; after that there are too many to tell any.
const MOST: usize = 1000;

/// How many requests are remembered as answered.
const MOST_ANSWERED: usize = 1024;

/// Which findings have been told, and what they are found by.
#[derive(Debug, Default)]
pub struct Findings {
    told: HashSet<(Cow<'static, str>, String)>,
    answered: Answered,
}

/// Requests that had their last reply, by scope and id; the oldest goes first.
#[derive(Debug, Default)]
struct Answered {
    patterns: HashMap<(u64, Box<str>), String>,
    order: VecDeque<(u64, Box<str>)>,
}

impl Answered {
    fn remember(&mut self, key: (u64, Box<str>), pattern: &str) {
        if self.patterns.insert(key.clone(), pattern.to_owned()).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST_ANSWERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.patterns.remove(&oldest);
        }
    }
}

impl Findings {
    /// What there is to say about `delivery`, unless it was said before for the same pattern. `pair` is what
    /// [`super::Pairing`] knows of a reply's request.
    pub fn of(&mut self, delivery: &Delivery, pair: Option<&Pair>) -> Option<Finding> {
        if delivery.direction != Direction::Reply {
            return None;
        }
        let pattern = pair.and_then(|pair| pair.pattern.as_ref()).or(delivery.pattern.as_ref());
        let shown = pattern.map_or("", Pattern::as_str);
        let key = delivery.id.as_ref().map(|id| (delivery.scope, Box::from(id.get())));
        if let Some(key) = key {
            if pair.is_some() && delivery.is_final {
                self.answered.remember(key, shown);
            } else if pair.is_none()
                && let Some(pattern) = self.answered.patterns.get(&key).cloned()
            {
                return self.once(answered_again(&pattern), &pattern);
            }
        }
        let finding = if is_no_handler(delivery.error.as_ref()) {
            let subject = if shown.is_empty() { "a request".to_owned() } else { format!("`{shown}`") };
            Finding {
                code: "no-handler".into(),
                text: format!(
                    "{subject} has no handler: the service answered \"{NO_HANDLER}\"; compare the pattern with its \
                     @MessagePattern, and see that no other service listens at the same address or queue"
                ),
            }
        } else if pair.is_none() && delivery.id.is_some() {
            Finding {
                code: "unmatched-reply".into(),
                text: format!(
                    "a reply has the id {}, which no request that was seen is waiting for: the request came \
                     before eyas did, was answered long ago, or the service sent a wrong id",
                    delivery.id.as_ref().map_or("", |id| id.get())
                ),
            }
        } else if let Some(stream) = acknowledging_stream(delivery, pair) {
            Finding {
                code: "stream-ack".into(),
                text: format!(
                    "the first reply to `{shown}` is JetStream's acknowledgement: the stream `{stream}` captures the \
                     subject of the request, and Nest's client takes that for the answer; keep requests out of the \
                     stream's subjects"
                ),
            }
        } else {
            return None;
        };
        self.once(finding, shown)
    }

    /// `finding`, unless one with its code was told before for `pattern` (empty where there is none).
    pub fn once(&mut self, finding: Finding, pattern: &str) -> Option<Finding> {
        let is_new = self.told.len() < MOST && self.told.insert((finding.code.clone(), pattern.to_owned()));
        is_new.then_some(finding)
    }
}

fn answered_again(pattern: &str) -> Finding {
    Finding {
        code: "answered-twice".into(),
        text: format!(
            "a request to `{pattern}` was answered again after its last reply: several instances got it and each \
             answers, so the caller may see values twice; let them share a queue group or a shared subscription, \
             or run one instance where the transport has neither"
        ),
    }
}

/// The stream whose acknowledgement this is, where a request of Nest's got one for a reply (`wire.md` §5).
fn acknowledging_stream(delivery: &Delivery, pair: Option<&Pair>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Acknowledgement {
        stream: String,
        #[serde(rename = "seq")]
        _seq: u64,
        #[serde(default, rename = "domain")]
        _domain: String,
        #[serde(default, rename = "duplicate")]
        _duplicate: bool,
    }
    // Who publishes to a stream by hand wants its acknowledgement; only Nest's requests have a pattern.
    pair?.pattern.as_ref()?;
    let Some(Data::Json(json)) = &delivery.data else { return None };
    serde_json::from_str::<Acknowledgement>(json.get()).ok().map(|acknowledgement| acknowledgement.stream)
}

/// Whether the error is Nest's for a missing handler, as a JSON string or (Kafka) plain text.
fn is_no_handler(error: Option<&Data>) -> bool {
    match error {
        Some(Data::Json(json)) => {
            json.get().strip_prefix('"').and_then(|j| j.strip_suffix('"')) == Some(NO_HANDLER)
        }
        Some(Data::Text(text)) => text == NO_HANDLER,
        _ => false,
    }
}
