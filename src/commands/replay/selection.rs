//! Which messages of a recording are sent, and to which pattern.

use std::path::Path;

use super::Args;
use super::map::Mapping;
use crate::fault::Fault;
use crate::message::{Data, Delivery, Direction, HeaderValue, Headers, Message, Pattern};
use crate::record::Record;
use crate::secret;
use crate::tape::{MASKED, Reader};
use crate::traffic::{Criteria, Filter};

/// Which messages, and to which pattern.
pub(super) struct Selection {
    filter: Filter,
    maps: Vec<Mapping>,
    headers: Headers,
    /// How many of those that were taken hold a masked value.
    pub(super) masked: u64,
}

impl Selection {
    pub(super) fn new(args: &Args, patterns: &[String]) -> Result<Self, Fault> {
        let criteria = Criteria {
            jq: args.filter.clone(),
            grep: args.grep.clone(),
            patterns: patterns.to_vec(),
            ..Criteria::default()
        };
        Ok(Self {
            filter: Filter::new(&criteria)?,
            maps: args.maps.clone(),
            headers: args.headers.clone(),
            masked: 0,
        })
    }

    /// Reads the recording once for what `--map` names.
    ///
    /// # Errors
    /// A `--map` that matches nothing of what would be sent; what cannot be read.
    pub(super) fn check_maps(&mut self, file: &Path) -> Result<(), Fault> {
        if self.maps.is_empty() {
            return Ok(());
        }
        let mut unused: Vec<_> = self.maps.clone();
        let mut known: Vec<String> = Vec::new();
        let mut reader = Reader::open(file)?;
        while !unused.is_empty()
            && let Some(entry) = reader.next()
        {
            let record = entry?.record;
            let Some(pattern) = record.pattern.as_ref().filter(|_| record.direction != Direction::Reply)
            else {
                continue;
            };
            unused.retain(|map| map.apply(pattern).is_none());
            if known.len() < 20 && !known.iter().any(|name| name == pattern.as_str()) {
                known.push(pattern.as_str().to_owned());
            }
        }
        match unused.first() {
            None => Ok(()),
            Some(map) => {
                let fault =
                    Fault::new(format!("`--map {}` matches nothing in {}", map.as_str(), file.display()));
                Err(fault.hint(format!("its patterns are {}", known.join(", "))))
            }
        }
    }

    /// The message to send for `record`, whose line reads `text`; `None` for a reply, and for what was not asked for.
    pub(super) fn message(&mut self, record: Record, text: &str) -> Option<Message> {
        let Record { at, direction, pattern, dest, id, headers, data, .. } = record;
        if direction == Direction::Reply {
            return None;
        }
        let size = data.as_ref().map_or(0, |data| data.as_bytes().len());
        let delivery = Delivery { at, pattern, dest, id, headers, data, ..Delivery::new(direction, size) };
        if !self.filter.keeps(&delivery, None) || !self.filter.keeps_record(text) {
            return None;
        }
        let Delivery { pattern, mut headers, data, .. } = delivery;
        let pattern = self.mapped(&pattern?);
        headers.retain(|(name, _)| !self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
        headers.extend(self.headers.iter().cloned());
        self.masked += u64::from(is_masked(data.as_ref(), &headers));
        Some(Message { pattern, data, headers, raw: false })
    }

    /// Why the filter failed on a record, given out once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        self.filter.take_trouble()
    }

    fn mapped(&self, pattern: &Pattern) -> Pattern {
        self.maps.iter().find_map(|map| map.apply(pattern)).unwrap_or_else(|| pattern.clone())
    }
}

/// Whether a value is missing that the recording does not keep.
fn is_masked(data: Option<&Data>, headers: &Headers) -> bool {
    let text = data.and_then(|data| std::str::from_utf8(data.as_bytes()).ok());
    let is_mask = |value: &HeaderValue| matches!(value, HeaderValue::Text(text) if text == secret::MASK);
    text.is_some_and(|text| text.contains(MASKED)) || headers.iter().any(|(_, value)| is_mask(value))
}
