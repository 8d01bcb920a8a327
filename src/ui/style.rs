//! The colours, and how a watched message looks to a person.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;

use super::json::{self, Layout};
use super::visible;
use crate::message::{Data, Direction, HeaderValue, Headers};

/// `error:`
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// `warning:`
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// `hint:`
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What matters least.
pub const DIM: Style = Style::new().dimmed();
/// A pattern.
pub const PATTERN: Style = Style::new().bold();
/// A service.
pub const SERVICE: Style = AnsiColor::Magenta.on_default();
/// A key of a JSON object.
pub const KEY: Style = AnsiColor::Blue.on_default();
/// A JSON string.
pub const STRING: Style = AnsiColor::Green.on_default();
/// A JSON number.
pub const NUMBER: Style = AnsiColor::Cyan.on_default();
/// `true`, `false`, `null`.
pub const KEYWORD: Style = AnsiColor::Yellow.on_default();

/// A watched message, as far as a person sees it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// When eyas saw it.
    pub at: jiff::Timestamp,
    /// The service, where queue or pattern tells it.
    pub service: Option<&'a str>,
    /// The transport's name.
    pub transport: &'a str,
    /// Request, reply or event.
    pub direction: Direction,
    /// Its pattern.
    pub pattern: Option<&'a str>,
    /// Subject, channel, queue or topic.
    pub dest: Option<&'a str>,
    /// Its id, as JSON text.
    pub id: Option<&'a str>,
    /// Headers.
    pub headers: &'a Headers,
    /// The payload.
    pub data: Option<&'a Data>,
    /// The error of an error reply.
    pub error: Option<&'a Data>,
    /// Size on the wire, in bytes.
    pub size: usize,
    /// On a paired reply: milliseconds since the request.
    pub pair_ms: Option<f64>,
    /// Whether a reply is the last one.
    pub is_final: bool,
    /// On a paired reply: the pattern of the request.
    pub of_pattern: Option<&'a str>,
}

impl Shown<'_> {
    /// A header line, then headers and payload, indented; with its line break.
    pub(super) fn paragraph(&self, zone: &TimeZone, layout: Layout) -> String {
        let mut out = self.head(zone, layout);
        out.push('\n');
        for (name, value) in self.headers {
            let value = match value {
                HeaderValue::Text(text) => visible::line(text),
                HeaderValue::Binary(bytes) => format!("({} bytes)", bytes.len()).into(),
                HeaderValue::Json(json) => json::one_line(json.get()),
            };
            let _ = writeln!(out, "  {}", styled(&format!("{}: {value}", visible::line(name)), DIM, layout));
        }
        if let Some(data) = self.error.or(self.data) {
            out.push_str("  ");
            match data {
                Data::Json(text) => json::pretty(text.get(), 2, layout, &mut out),
                other => out.push_str(&of_bytes(other, layout).replace('\n', "\n  ")),
            }
            out.push('\n');
        }
        out
    }

    /// Everything on one line; with its line break.
    pub(super) fn line(&self, zone: &TimeZone, layout: Layout) -> String {
        let mut out = self.head(zone, layout);
        if let Some(data) = self.error.or(self.data) {
            let text = match data {
                Data::Json(text) if layout.visible => visible::json(&json::one_line(text.get())).into_owned(),
                Data::Json(text) => json::one_line(text.get()).into_owned(),
                other => of_bytes(other, layout).replace('\n', "\\n"),
            };
            out.push_str("  ");
            out.push_str(&text);
        }
        out.push('\n');
        out
    }

    /// `14:03:21.123 orders → sum #3b81c2 12 B 1.3 ms`
    fn head(&self, zone: &TimeZone, layout: Layout) -> String {
        let at = self.at.to_zoned(zone.clone());
        let mut words = vec![styled(&at.strftime("%H:%M:%S%.3f").to_string(), DIM, layout)];
        words.push(styled(&visible::line(self.service.unwrap_or(self.transport)), SERVICE, layout));
        words.push(styled(self.arrow(), if self.error.is_some() { ERROR } else { HINT }, layout));
        let pattern = self.pattern.or(self.of_pattern).or(self.dest).unwrap_or("?");
        words.push(styled(&visible::line(pattern), PATTERN, layout));
        if let Some(dest) = self.dest.filter(|dest| *dest != pattern) {
            words.push(styled(&format!("on {}", visible::line(dest)), DIM, layout));
        }
        if let Some(id) = self.id {
            let short: String = id.trim_matches('"').chars().take(8).collect();
            words.push(styled(&format!("#{}", visible::line(&short)), DIM, layout));
        }
        words.push(styled(&format!("{} B", self.size), DIM, layout));
        if let Some(ms) = self.pair_ms {
            words.push(format!("{ms:.1} ms"));
        }
        if self.direction == Direction::Reply && !self.is_final {
            words.push(styled("(more to come)", DIM, layout));
        }
        if self.error.is_some() {
            words.push(styled("error", ERROR, layout));
        }
        words.join(" ")
    }

    fn arrow(&self) -> &'static str {
        match self.direction {
            Direction::Request => "→",
            Direction::Reply => "←",
            Direction::Event => "»",
        }
    }
}

fn of_bytes(data: &Data, layout: Layout) -> String {
    match (data, layout.visible) {
        (Data::Text(text), false) => text.clone(),
        (data, _) => String::from_utf8_lossy(&visible::bytes(data.as_bytes())).into_owned(),
    }
}

fn styled(text: &str, style: Style, layout: Layout) -> String {
    if layout.paint { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
