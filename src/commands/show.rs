//! How what was seen reaches the screen: filtered, then as a record, a template, a line or a paragraph.

use jiff::Timestamp;
use serde::Serialize;

use super::flags::ShowFlags;
use crate::fault::Fault;
use crate::message::{Delivery, Direction, Finding, Pattern};
use crate::record::{self, Context, Pair, Unanswered};
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

/// What is shown of one target's traffic.
pub struct Show {
    transport: &'static str,
    service: Option<String>,
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
        Self::filtered(flags, Criteria::default(), transport, service)
    }

    /// The same with further criteria.
    ///
    /// # Errors
    /// A filter or template that does not compile.
    pub fn filtered(
        flags: &ShowFlags,
        criteria: Criteria,
        transport: &'static str,
        service: Option<String>,
    ) -> Result<Self, Fault> {
        let criteria = Criteria { jq: flags.filter.clone(), grep: flags.grep.clone(), ..criteria };
        let template = flags.format.as_deref().map(Template::parse).transpose()?;
        Ok(Self { transport, service, template, filter: Filter::new(&criteria)?, line: Vec::new() })
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
            _ if self.template.is_some() => self.fill(ui)?,
            Format::Json => ui.json_line(&self.line)?,
            Format::Raw => {
                if let Some(data) = delivery.data.as_ref().or(delivery.error.as_ref()) {
                    ui.data(data)?;
                }
            }
            Format::Pretty | Format::Line => ui.delivery(&self.shown(delivery, pair))?,
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
        self.template.is_none() && ui.format() == Format::Json
    }

    /// Tells that a request had no reply in time; says whether it was kept.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn unanswered(&mut self, ui: &mut Ui, request: &Unanswered) -> anyhow::Result<bool> {
        if !self.filter.keeps_unanswered(request) {
            return Ok(false);
        }
        self.write(|line, context, now| record::unanswered(line, context, now, request));
        if !self.keeps_line(ui) {
            return Ok(false);
        }
        let pattern = request.pattern.as_ref().map(Pattern::as_str);
        let is_row = self.template.is_none() && matches!(ui.format(), Format::Pretty | Format::Line);
        if self.is_json(ui) {
            ui.json_line(&self.line)?;
        } else if is_row {
            let blank = Delivery { id: request.id.clone(), ..Delivery::new(Direction::Request, 0) };
            let waited = Some(request.waited.as_secs_f64() * 1e3);
            let dest = request.dest.as_deref();
            ui.delivery(&Shown {
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
    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>, &Context<'_>, Timestamp)) {
        self.line.clear();
        let context = Context { transport: self.transport, service: self.service.as_deref() };
        write(&mut self.line, &context, Timestamp::now());
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
        self.write(write);
        if !self.keeps_line(ui) {
            return Ok(false);
        }
        if self.is_json(ui) {
            ui.json_line(&self.line)?;
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
        if self.filter.reads_records() || self.template.is_some() || ui.format() == Format::Json {
            self.line.clear();
            let context = Context { transport: self.transport, service: self.service.as_deref() };
            record::message(&mut self.line, &context, delivery, pair);
            return self.keeps_line(ui);
        }
        true
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
            service: self.service.as_deref(),
            transport: self.transport,
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
