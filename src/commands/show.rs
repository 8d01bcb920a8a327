//! How what was seen reaches the screen: filtered, then as a record, a template, a line or a paragraph.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use super::flags::ShowFlags;
use crate::fault::Fault;
use crate::message::{Delivery, Direction, Finding, Pattern};
use crate::record::{self, Context, Pair, Unanswered};
use crate::tape::Writer;
use crate::traffic::{Criteria, Filter};
use crate::ui::template::Template;
use crate::ui::{Format, Shown, Ui};

/// Writes `body` as a `summary` record, seen now.
///
/// # Errors
/// stdout cannot be written.
pub fn summary(ui: &mut Ui, body: &impl Serialize) -> anyhow::Result<()> {
    let mut line = Vec::new();
    record::summary(&mut line, Timestamp::now(), body)?;
    Ok(ui.json_line(&line)?)
}

/// A recording that several endpoints are written to.
pub type Tape = Arc<Mutex<Writer>>;

/// The recording, to write to.
pub fn locked(tape: &Tape) -> MutexGuard<'_, Writer> {
    // Nothing panics while it holds the lock; were it to, the recording still has whole lines.
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is shown of one target's traffic.
pub struct Show {
    transport: &'static str,
    services: Vec<String>,
    /// What people read where no service is known.
    label: String,
    /// Messages are filtered, and not shown.
    is_hidden: bool,
    /// Where records go instead of the screen.
    tape: Option<Tape>,
    template: Option<Template>,
    filter: Filter,
    line: Vec<u8>,
}

impl Show {
    /// Shows traffic of `transport`, and of `service` where it is one.
    ///
    /// # Errors
    /// A filter or template that does not compile.
    pub fn new(flags: &ShowFlags, transport: &'static str, service: Option<String>) -> Result<Self, Fault> {
        Self::of(flags, Criteria::default(), transport, service.into_iter().collect())
    }

    /// The same with further criteria, and for several services: whose a message is tells its pattern or its
    /// queue, which begin with the service's name.
    ///
    /// # Errors
    /// A filter or template that does not compile.
    pub fn of(
        flags: &ShowFlags,
        criteria: Criteria,
        transport: &'static str,
        services: Vec<String>,
    ) -> Result<Self, Fault> {
        let criteria = Criteria { jq: flags.filter.clone(), grep: flags.grep.clone(), ..criteria };
        let template = flags.format.as_deref().map(Template::parse).transpose()?;
        let filter = Filter::new(&criteria)?;
        let label = transport.to_owned();
        Ok(Self {
            transport,
            services,
            label,
            is_hidden: false,
            tape: None,
            template,
            filter,
            line: Vec::new(),
        })
    }

    /// Records go to `tape`, all of them, and nothing to the screen.
    #[must_use]
    pub fn recorded(mut self, tape: Tape) -> Self {
        self.tape = Some(tape);
        self
    }

    /// Writes what a recording has held back long enough.
    ///
    /// # Errors
    /// The recording cannot be written.
    pub fn settle(&self) -> anyhow::Result<()> {
        Ok(self.tape.as_ref().map_or(Ok(()), |tape| locked(tape).settle())?)
    }

    /// What people read where no service is known.
    #[must_use]
    pub fn called(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// Messages are filtered and counted; shown they are only if not `is_hidden`.
    #[must_use]
    pub fn hidden(mut self, is_hidden: bool) -> Self {
        self.is_hidden = is_hidden;
        self
    }

    /// Whose a message with this pattern is, as people read it.
    pub fn whose(&self, pattern: Option<&Pattern>, dest: Option<&str>) -> &str {
        self.service(pattern, dest).unwrap_or(&self.label)
    }

    /// Whose a message is, as far as anything tells.
    fn service(&self, pattern: Option<&Pattern>, dest: Option<&str>) -> Option<&str> {
        let [_, _, ..] = &self.services[..] else { return self.services.first().map(String::as_str) };
        let begins = |text: &str, name: &str| {
            text.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/', '_', '-', ':']))
        };
        let is_of = |name: &&String| {
            [pattern.map(Pattern::as_str), dest].into_iter().flatten().any(|text| begins(text, name))
        };
        self.services.iter().filter(is_of).max_by_key(|name| name.len()).map(String::as_str)
    }

    /// Shows a message as it was seen on its way; says whether it was kept.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn message(&mut self, ui: &mut Ui, delivery: &Delivery, pair: Option<&Pair>) -> anyhow::Result<bool> {
        if !self.keeps(ui, delivery, pair) {
            return Ok(false);
        }
        match ui.format() {
            _ if self.is_hidden => {}
            _ if self.tape.is_some() => self.put(ui)?,
            _ if self.template.is_some() => self.fill(ui)?,
            Format::Json => self.put(ui)?,
            Format::Raw => {
                if let Some(data) = delivery.data.as_ref().or(delivery.error.as_ref()) {
                    ui.data(data)?;
                }
            }
            Format::Pretty | Format::Line | Format::Github => ui.delivery(&self.shown(delivery, pair))?,
            Format::Quiet => {}
        }
        Ok(true)
    }

    /// Shows the reply to a request of ours: a person wants its data and nothing else.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn reply(&mut self, ui: &mut Ui, delivery: &Delivery, pair: &Pair) -> anyhow::Result<()> {
        let is_bare = self.template.is_none() && matches!(ui.format(), Format::Pretty | Format::Raw);
        if !is_bare {
            return self.message(ui, delivery, Some(pair)).map(drop);
        }
        if self.keeps(ui, delivery, Some(pair))
            && let Some(data) = &delivery.data
        {
            ui.data(data)?;
        }
        Ok(())
    }

    /// Whether what is shown are records: a template says otherwise, whatever the format.
    pub fn is_json(&self, ui: &Ui) -> bool {
        self.tape.is_some() || (self.template.is_none() && ui.format() == Format::Json)
    }

    /// Tells that a request had no reply in time; says whether it was kept.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn unanswered(&mut self, ui: &mut Ui, request: &Unanswered) -> anyhow::Result<bool> {
        if !self.filter.keeps_unanswered(request) {
            return Ok(false);
        }
        let of = (request.pattern.as_ref(), request.dest.as_deref());
        self.write(of, |line, context, now| record::unanswered(line, context, now, request));
        if !self.keeps_line(ui) {
            return Ok(false);
        }
        let pattern = request.pattern.as_ref().map(Pattern::as_str);
        if self.is_hidden {
            return Ok(true);
        }
        let is_row = self.template.is_none() && matches!(ui.format(), Format::Pretty | Format::Line);
        if self.is_json(ui) {
            self.put(ui)?;
        } else if is_row {
            let blank = Delivery { id: request.id.clone(), ..Delivery::new(Direction::Request, 0) };
            let waited = Some(request.waited.as_secs_f64() * 1e3);
            let dest = request.dest.as_deref();
            ui.delivery(&Shown {
                service: self.service(of.0, of.1),
                pattern,
                dest,
                pair_ms: waited,
                is_unanswered: true,
                ..self.shown(&blank, None)
            })?;
        } else {
            ui.warn(&format!(
                "`{}` has no reply so far, after {:.1?}",
                pattern.unwrap_or("?"),
                request.waited
            ));
        }
        Ok(true)
    }

    /// Writes a record that is no message.
    fn write(
        &mut self,
        (pattern, dest): (Option<&Pattern>, Option<&str>),
        write: impl FnOnce(&mut Vec<u8>, &Context<'_>, Timestamp),
    ) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let context = Context { transport: self.transport, service: self.service(pattern, dest) };
        write(&mut line, &context, Timestamp::now());
        self.line = line;
    }

    /// Tells that messages are missing here.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn gap(&mut self, ui: &mut Ui, lost: Option<u64>, why: &str) -> anyhow::Result<bool> {
        let text = match lost {
            Some(lost) => format!("gap: {lost} messages are missing here: {why}"),
            None => format!("gap: messages are missing here, nobody knows how many: {why}"),
        };
        self.note(ui, &text, |line, context, now| record::gap(line, context, now, lost, why))
    }

    /// Tells a diagnosis.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn finding(&mut self, ui: &mut Ui, finding: &Finding) -> anyhow::Result<bool> {
        self.note(ui, &finding.text, |line, context, now| record::finding(line, context, now, finding))
    }

    /// A record of its own type in JSON; talk on stderr otherwise. The same filter decides in both.
    fn note(
        &mut self,
        ui: &mut Ui,
        text: &str,
        write: impl FnOnce(&mut Vec<u8>, &Context<'_>, Timestamp),
    ) -> anyhow::Result<bool> {
        self.write((None, None), write);
        if !self.keeps_line(ui) {
            return Ok(false);
        }
        if self.is_json(ui) {
            self.put(ui)?;
        } else {
            ui.warn(text);
        }
        Ok(true)
    }

    /// Whether it is shown at all. Where a filter, a format or a program reads the record it is written here.
    fn keeps(&mut self, ui: &mut Ui, delivery: &Delivery, pair: Option<&Pair>) -> bool {
        if !self.filter.keeps(delivery, pair) {
            return false;
        }
        if self.filter.reads_records() || self.template.is_some() || self.is_json(ui) {
            let of = (asked_for(delivery, pair), delivery.dest.as_deref());
            self.write(of, |line, context, _| record::message(line, context, delivery, pair));
            return self.keeps_line(ui);
        }
        true
    }

    /// The record that was written last, to where records go.
    fn put(&self, ui: &mut Ui) -> anyhow::Result<()> {
        match &self.tape {
            Some(tape) => locked(tape).record(&self.line)?,
            None => ui.json_line(&self.line)?,
        }
        Ok(())
    }

    fn keeps_line(&mut self, ui: &mut Ui) -> bool {
        if !self.filter.reads_records() {
            return true;
        }
        let line = String::from_utf8_lossy(&self.line);
        let kept = self.filter.keeps_record(line.trim_end());
        if let Some(trouble) = self.filter.take_trouble() {
            ui.warn(&trouble);
        }
        kept
    }

    fn fill(&self, ui: &mut Ui) -> anyhow::Result<()> {
        // A record is JSON of ours; a payload that serde cannot hold (a lone surrogate) leaves its field empty.
        let record = serde_json::from_slice(&self.line).unwrap_or_default();
        let Some(template) = &self.template else { return Ok(()) };
        Ok(ui.out_line(&template.render(&record))?)
    }

    fn shown<'a>(&'a self, delivery: &'a Delivery, pair: Option<&'a Pair>) -> Shown<'a> {
        let asked = pair.and_then(|pair| pair.pattern.as_ref()).map(Pattern::as_str);
        let is_reply = delivery.direction == Direction::Reply;
        Shown {
            at: delivery.at,
            service: self.service(asked_for(delivery, pair), delivery.dest.as_deref()),
            transport: &self.label,
            direction: delivery.direction,
            pattern: delivery.pattern.as_ref().map(Pattern::as_str).or(asked),
            dest: delivery.dest.as_deref(),
            id: delivery.id.as_ref().map(|id| id.get()),
            headers: &delivery.headers,
            data: delivery.data.as_ref(),
            error: delivery.error.as_ref(),
            size: delivery.size,
            pair_ms: pair.filter(|_| is_reply).map(|pair| pair.ms),
            is_final: delivery.is_final,
            is_unanswered: false,
            of_pattern: asked,
        }
    }
}

/// The pattern of a message; a reply's is that of its request.
pub fn asked_for<'a>(delivery: &'a Delivery, pair: Option<&'a Pair>) -> Option<&'a Pattern> {
    delivery.pattern.as_ref().or_else(|| pair.and_then(|pair| pair.pattern.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_or_queue_tell_whose_a_message_is() {
        #[track_caller]
        fn check(services: &[&str], pattern: Option<&str>, dest: Option<&str>, want: &str) {
            let services = services.iter().map(ToString::to_string).collect();
            let show =
                Show::of(&ShowFlags::default(), Criteria::default(), "nats", services).expect("no filter");
            let pattern = pattern.map(|pattern| Pattern::Text(pattern.to_owned()));
            assert_eq!(show.whose(pattern.as_ref(), dest), want);
        }
        check(&[], Some("orders.get"), None, "nats");
        check(&["orders"], Some("anything"), None, "orders");
        let both = &["orders", "orders-archive", "billing"];
        check(both, Some("orders.get"), None, "orders");
        check(both, Some("orders-archive.get"), None, "orders-archive");
        check(both, Some("billing"), None, "billing");
        check(both, Some("get"), Some("billing_queue"), "billing");
        check(both, Some("ordersx.get"), None, "nats");
        check(both, None, None, "nats");
    }
}
