//! The colours, and how a watched message looks to a person.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;

use super::json::{self, Layout};
use super::visible;
use crate::message::{Data, Direction, HeaderValue, Headers};

/// Of a payload that is larger a terminal gets this many bytes: nobody reads more, and it would scroll for minutes.
const LARGEST: usize = 16 << 10;

/// Patterns wider than this do not widen the column of all others.
const WIDEST_PATTERN: usize = 32;

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
/// A request.
pub const REQUEST: Style = AnsiColor::Cyan.on_default().bold();
/// A reply.
pub const REPLY: Style = AnsiColor::Green.on_default().bold();
/// An event.
pub const EVENT: Style = AnsiColor::Blue.on_default().bold();
/// The services, one after the other; red is for errors.
pub const SERVICES: [Style; 10] = [
    AnsiColor::Magenta.on_default(),
    AnsiColor::Cyan.on_default(),
    AnsiColor::Yellow.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::BrightMagenta.on_default(),
    AnsiColor::BrightCyan.on_default(),
    AnsiColor::BrightYellow.on_default(),
    AnsiColor::BrightGreen.on_default(),
    AnsiColor::BrightBlue.on_default(),
];
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
    /// On a paired reply: milliseconds since the request. On an unanswered request: how long it has waited.
    pub pair_ms: Option<f64>,
    /// Whether a reply is the last one.
    pub is_final: bool,
    /// Whether this tells that a request had no reply in time.
    pub is_unanswered: bool,
    /// On a paired reply: the pattern of the request.
    pub of_pattern: Option<&'a str>,
}

/// How wide the columns before the payload are: they grow with what was shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns {
    service: usize,
    pattern: usize,
}

impl Columns {
    /// Makes room for `shown`.
    pub(super) fn widen(&mut self, shown: &Shown<'_>) {
        self.service = self.service.max(visible::width(&visible::line(shown.from())));
        let pattern = visible::width(&visible::line(shown.about()));
        self.pattern = self.pattern.max(pattern.min(WIDEST_PATTERN));
    }
}

/// How a message is to look.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// Where times are told.
    pub(super) zone: &'a TimeZone,
    /// How wide the columns are.
    pub(super) columns: Columns,
    /// The colour of the service.
    pub(super) color: Style,
    /// How JSON is laid out.
    pub(super) layout: Layout,
}

/// A line as it grows: text with its styles, and how wide it is without them.
struct Row {
    text: String,
    width: usize,
    paint: bool,
}

impl Row {
    /// Appends a word in `style`, padded to `width` columns, on the left where it is a number.
    fn put(&mut self, word: &str, style: Style, width: usize, is_number: bool) {
        let padding = width.saturating_sub(visible::width(word));
        let (before, after) = if is_number { (padding, 0) } else { (0, padding) };
        let space = usize::from(self.width > 0);
        self.text.extend(std::iter::repeat_n(' ', space + before));
        if self.paint && !word.is_empty() {
            let _ = write!(self.text, "{style}{word}{style:#}");
        } else {
            self.text.push_str(word);
        }
        self.text.extend(std::iter::repeat_n(' ', after));
        self.width += space + padding + visible::width(word);
    }
}

impl Shown<'_> {
    /// A line, with the payload on it where that fits; else headers and payload follow, indented. With its line
    /// break.
    pub(super) fn paragraph(&self, look: &Look<'_>) -> String {
        let layout = look.layout;
        let mut row = self.head(look);
        let cut = self.cut(layout);
        let data = cut.as_ref().or(self.error).or(self.data);
        let room = layout.width.saturating_sub(row.width + 2);
        let (inline, below) = match data {
            None => (None, None),
            Some(Data::Json(text)) => {
                let short = json::short(text.get(), room, layout);
                let below = short.is_none().then(|| {
                    let mut out = String::new();
                    json::pretty(text.get(), 2, layout, &mut out);
                    out
                });
                (short, below)
            }
            Some(other) => match of_bytes(other, layout) {
                text if !text.contains('\n') && visible::width(&text) <= room => (Some(text), None),
                text => (None, Some(text.replace('\n', "\n  "))),
            },
        };
        if below.is_some() || cut.is_some() {
            row.put(&size(self.size), DIM, 0, false);
        }
        let mut out = self.finish(row, inline.as_deref());
        for (name, value) in self.headers {
            let value = match value {
                HeaderValue::Text(text) => visible::line(text),
                HeaderValue::Binary(bytes) => format!("({} bytes)", bytes.len()).into(),
                HeaderValue::Json(json) => visible::line(json.get()).into_owned().into(),
            };
            let _ = writeln!(out, "  {}", styled(&format!("{}: {value}", visible::line(name)), DIM, layout));
        }
        if let Some(below) = below {
            let _ = writeln!(out, "  {below}");
        }
        if cut.is_some() {
            let note = format!("… cut here, of {}; a pipe or `-o raw` gets all of it", size(self.size));
            let _ = writeln!(out, "  {}", styled(&note, WARNING, layout));
        }
        out
    }

    /// The beginning of a payload that is too large for a terminal: as text, for it is no JSON any more.
    fn cut(&self, layout: Layout) -> Option<Data> {
        let data = self.error.or(self.data).filter(|_| layout.visible)?;
        let bytes = data.as_bytes().get(..LARGEST).filter(|bytes| bytes.len() < data.as_bytes().len())?;
        // The last character may be cut in two.
        let text = String::from_utf8_lossy(bytes);
        Some(Data::Text(text.trim_end_matches('\u{fffd}').to_owned()))
    }

    /// Everything on one line; with its line break.
    pub(super) fn line(&self, look: &Look<'_>) -> String {
        let layout = look.layout;
        let cut = self.cut(layout);
        let mut text = cut.as_ref().or(self.error).or(self.data).map(|data| match data {
            Data::Json(text) if layout.visible => visible::json(&json::one_line(text.get())).into_owned(),
            Data::Json(text) => json::one_line(text.get()).into_owned(),
            other => of_bytes(other, layout).replace('\n', "\\n"),
        });
        if let (Some(text), true) = (&mut text, cut.is_some()) {
            let _ = write!(text, " … cut here, of {}", size(self.size));
        }
        self.finish(self.head(look), text.as_deref())
    }

    /// `14:03:21.123 orders ← sum          #3b81c2f0     1.3 ms`
    fn head(&self, look: &Look<'_>) -> Row {
        let Look { zone, columns, color, layout } = *look;
        let mut row = Row { text: String::new(), width: 0, paint: layout.paint };
        let at = self.at.to_zoned(zone.clone());
        row.put(&at.strftime("%H:%M:%S%.3f").to_string(), DIM, 0, false);
        row.put(&visible::line(self.from()), color, columns.service, false);
        let (arrow, style) = self.arrow();
        row.put(arrow, style, 0, false);
        let is_wrong = self.error.is_some() || self.is_unanswered;
        row.put(&visible::line(self.about()), if is_wrong { style } else { PATTERN }, columns.pattern, false);
        let id = self.id.map_or_else(String::new, |id| {
            let short: String = id.trim_matches('"').chars().take(8).collect();
            format!("#{}", visible::line(&short))
        });
        row.put(&id, DIM, 9, false);
        row.put(&self.pair_ms.map_or_else(String::new, latency), Style::new(), 9, true);
        if let Some(dest) = self.dest.filter(|dest| *dest != self.about()) {
            row.put(&format!("on {}", visible::line(dest)), DIM, 0, false);
        }
        if self.error.is_some() {
            row.put("error", ERROR, 0, false);
        }
        if self.is_unanswered {
            row.put("no reply so far", WARNING, 0, false);
        }
        row
    }

    /// The row with its payload, or with a word for one that is not there.
    fn finish(&self, row: Row, payload: Option<&str>) -> String {
        let Row { mut text, paint, .. } = row;
        let mut add = |word: &str, style: Option<Style>| {
            text.push_str("  ");
            match style.filter(|_| paint) {
                Some(style) => drop(write!(text, "{style}{word}{style:#}")),
                None => text.push_str(word),
            }
        };
        match payload {
            Some(payload) => add(payload, None),
            None if self.error.or(self.data).is_none() && !self.is_unanswered => add("(no value)", Some(DIM)),
            None => {}
        }
        if self.direction == Direction::Reply && !self.is_final {
            add("(more to come)", Some(DIM));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// Whose message it is.
    pub(super) fn from(&self) -> &str {
        self.service.unwrap_or(self.transport)
    }

    /// What it is about.
    fn about(&self) -> &str {
        self.pattern.or(self.of_pattern).or(self.dest).unwrap_or("?")
    }

    fn arrow(&self) -> (&'static str, Style) {
        match self.direction {
            _ if self.is_unanswered => ("✗", WARNING),
            Direction::Reply if self.error.is_some() => ("←", ERROR),
            Direction::Request => ("→", REQUEST),
            Direction::Reply => ("←", REPLY),
            Direction::Event => ("»", EVENT),
        }
    }
}

/// A time in milliseconds, as a person reads it.
fn latency(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.2} s", ms / 1000.0) }
}

/// A number of bytes, as a person reads it.
fn size(bytes: usize) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a digit anyway")]
    let mut number = bytes as f64 / 1024.0;
    if number < 1.0 {
        return format!("{bytes} B");
    }
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while number >= 1024.0
        && let Some(next) = units.next()
    {
        number /= 1024.0;
        unit = Some(next);
    }
    format!("{number:.1} {}", unit.unwrap_or(&"B"))
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
