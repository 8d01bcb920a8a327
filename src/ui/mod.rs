//! Every stream a command speaks through: what is shown, in which format, with which colours.
//!
//! stdout is data, stderr is talk. What goes to a terminal has its control bytes made visible first; what goes
//! into a pipe goes as it is. Output is buffered: the caller flushes, once per message while idle.

pub mod json;
pub mod progress;
pub mod prompt;
pub mod style;
pub mod table;
pub mod template;
pub mod visible;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use jiff::tz::TimeZone;

use crate::message::Data;
use crate::settings::{Color, Settings};

pub use crate::settings::Format;
pub use progress::Progress;
pub use style::Shown;

/// The streams, and everything decided about them once.
pub struct Ui {
    out: BufWriter<Box<dyn Write + Send>>,
    err: Box<dyn Write + Send>,
    look: Look,
    asked: Option<Format>,
    default: (Format, Format),
    /// Read when the first message is shown.
    zone: OnceCell<TimeZone>,
    columns: style::Columns,
    /// Whose messages were shown, in the order of their colours.
    names: Vec<String>,
    /// How many lines of stdout the next [`Ui::redraw`] replaces.
    drawn: usize,
}

/// What is known about the streams.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact about a stream")]
struct Look {
    out_terminal: bool,
    out_color: bool,
    /// Columns of the terminal that stdout is.
    width: Option<usize>,
    /// Its lines.
    height: Option<usize>,
    err_terminal: bool,
    err_color: bool,
    in_terminal: bool,
    quiet: bool,
    verbose: bool,
    no_input: bool,
}

/// Settles for the whole process when colours are used; before the first [`Ui`] is made.
pub fn choose_colors(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

impl Ui {
    /// The process's own streams.
    pub fn new(settings: &Settings) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let size = dialoguer::console::Term::stdout().size_checked();
        let look = Look {
            out_terminal: out.is_terminal(),
            out_color: AutoStream::choice(&out) != ColorChoice::Never,
            width: size.map(|(_, columns)| columns.into()),
            height: size.map(|(lines, _)| lines.into()),
            err_terminal: err.is_terminal(),
            err_color: AutoStream::choice(&err) != ColorChoice::Never,
            in_terminal: io::stdin().is_terminal(),
            quiet: settings.look.quiet,
            verbose: settings.look.verbose,
            no_input: settings.look.no_input.value,
        };
        Self::on(Box::new(out), Box::new(err), look, settings.look.output.value)
    }

    fn on(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, look: Look, asked: Option<Format>) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, out),
            err,
            look,
            asked,
            default: (Format::Pretty, Format::Pretty),
            zone: OnceCell::new(),
            columns: style::Columns::default(),
            names: Vec::new(),
            drawn: 0,
        }
    }

    /// The format where none was asked for: on a terminal, and in a pipe. Pretty on both until a command says
    /// otherwise.
    pub fn defaulting(&mut self, terminal: Format, pipe: Format) {
        self.default = (terminal, pipe);
    }

    /// The format that holds.
    pub fn format(&self) -> Format {
        let (terminal, pipe) = self.default;
        self.asked.unwrap_or(if self.look.out_terminal { terminal } else { pipe })
    }

    /// Whether stdout is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.look.out_terminal
    }

    /// Whether a question may be asked: there is somebody to see it and to answer it.
    pub fn can_ask(&self) -> bool {
        self.look.in_terminal && self.look.err_terminal && !self.look.no_input
    }

    /// A bare payload. In `pretty` JSON is laid out; else it is one line, the text as it came unless it spans
    /// lines. Nothing in `quiet`.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn data(&mut self, data: &Data) -> io::Result<()> {
        match (self.format(), data) {
            (Format::Quiet, _) => return Ok(()),
            (Format::Pretty, Data::Json(text)) => {
                let layout = self.layout();
                let mut laid_out = String::new();
                json::pretty(text.get(), 0, layout, &mut laid_out);
                self.out.write_all(laid_out.as_bytes())?;
            }
            (_, Data::Json(text)) => {
                let line = json::one_line(text.get());
                self.text(line.as_bytes(), visible::json_bytes)?;
            }
            (_, data) => self.text(data.as_bytes(), visible::bytes)?,
        }
        self.out.write_all(b"\n")
    }

    /// One record, already encoded, with its line break or without.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn json_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.text(line.strip_suffix(b"\n").unwrap_or(line), visible::json_bytes)?;
        self.out.write_all(b"\n")
    }

    fn layout(&self) -> json::Layout {
        let width = self.look.width.filter(|_| self.look.out_terminal).unwrap_or(80);
        json::Layout { paint: self.look.out_color, visible: self.look.out_terminal, width }
    }

    /// A watched message, as a person reads it: a paragraph in `pretty`, one line in every other format.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn delivery(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let layout = self.layout();
        self.columns.widen(shown);
        let color = self.color_of(shown.from());
        let zone = self.zone.get_or_init(TimeZone::system);
        let look = style::Look { zone, columns: self.columns, color, layout };
        let text = match self.format() {
            Format::Quiet => return Ok(()),
            Format::Pretty => shown.paragraph(&look),
            Format::Line | Format::Json | Format::Raw | Format::Github => shown.line(&look),
        };
        self.out.write_all(text.as_bytes())
    }

    /// Each name has a colour of its own, in the order of their first messages.
    fn color_of(&mut self, name: &str) -> anstyle::Style {
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            // Those that come when no colour is left share the last.
            if self.names.len() < style::SERVICES.len() {
                self.names.push(name.to_owned());
            }
            self.names.len() - 1
        });
        style::SERVICES[at % style::SERVICES.len()]
    }

    /// Lines on stdout that take the place of those drawn before; as many as the terminal has room for.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn redraw(&mut self, lines: &[String]) -> io::Result<()> {
        let (height, width) = (self.look.height.unwrap_or(24), self.look.width.unwrap_or(80));
        let room = height.saturating_sub(1).max(1);
        self.undraw()?;
        // The last line sums up: it stays.
        let left_out = lines.len().saturating_sub(room);
        let end = lines.len().saturating_sub(1);
        let shown = lines[..end.saturating_sub(left_out)].iter().chain(&lines[end..]);
        for line in shown {
            let line = visible::line(line);
            let cut: String = line.chars().take(width.saturating_sub(1)).collect();
            writeln!(self.out, "{cut}")?;
            self.drawn += 1;
        }
        self.out.flush()
    }

    /// Takes away what [`Ui::redraw`] drew.
    fn undraw(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            // Up as many lines, and clear all below.
            write!(self.out, "\x1b[{}A\x1b[J", std::mem::take(&mut self.drawn))?;
        }
        Ok(())
    }

    /// A line of human text on stdout.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn out_line(&mut self, text: &str) -> io::Result<()> {
        self.text(text.as_bytes(), visible::bytes)?;
        self.out.write_all(b"\n")
    }

    /// Text with ANSI styles on stdout; they are dropped where there are no colours. Only for text of our own.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn styled(&mut self, ansi: &str) -> io::Result<()> {
        if self.look.out_color {
            self.out.write_all(ansi.as_bytes())
        } else {
            write!(self.out, "{}", anstream::adapter::strip_str(ansi))
        }
    }

    /// What would be sent: the exact bytes in a pipe; on a terminal a line a person can read.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn exact(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text(bytes, visible::bytes)?;
        if self.look.out_terminal { self.out.write_all(b"\n") } else { Ok(()) }
    }

    /// Bytes on stdout as they are: what eyas made itself, such as a script.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// A line of talk on stderr; silent with `-q`.
    pub fn note(&mut self, text: &str) {
        if !self.look.quiet {
            self.say(anstyle::Style::new(), "", text);
        }
    }

    /// A line of talk on stderr with `-v`.
    pub fn detail(&mut self, text: &str) {
        if self.look.verbose {
            self.say(style::DIM, "", text);
        }
    }

    /// A warning on stderr.
    pub fn warn(&mut self, text: &str) {
        self.say(style::WARNING, "warning: ", text);
    }

    /// Questions on stderr; ask only where [`Ui::can_ask`].
    pub fn prompt(&self) -> prompt::Prompt {
        prompt::Prompt::new(self.look.err_color)
    }

    /// Progress on stderr: shown only on a terminal, and not with `-q` or where output is for programs.
    pub fn progress(&self, total: Option<u64>, what: &'static str) -> Progress {
        let hidden = !self.look.err_terminal
            || self.look.quiet
            || matches!(self.format(), Format::Json | Format::Quiet);
        Progress::new(total, what, hidden)
    }

    /// Hands everything written so far to the reader.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn say(&mut self, style: anstyle::Style, label: &str, text: &str) {
        let text = if self.look.err_terminal { visible::text(text) } else { text.into() };
        let line = match (self.look.err_color, label) {
            (false, _) => format!("{label}{text}\n"),
            (true, "") => format!("{style}{text}{style:#}\n"),
            (true, label) => format!("{style}{label}{style:#}{text}\n"),
        };
        // What was written before must stand above it; talk that nobody can hear changes nothing.
        let _ =
            self.undraw().and_then(|()| self.out.flush()).and_then(|()| self.err.write_all(line.as_bytes()));
    }

    fn text(&mut self, bytes: &[u8], visible: fn(&[u8]) -> Cow<'_, [u8]>) -> io::Result<()> {
        if self.look.out_terminal { self.out.write_all(&visible(bytes)) } else { self.out.write_all(bytes) }
    }
}

#[cfg(test)]
mod tests;
