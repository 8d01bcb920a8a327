//! What to watch, from where, and for how long.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::commands::flags::{LinkFlags, ShowFlags};
use crate::fault::Fault;
use crate::settings::parse_duration;
use crate::traffic::{Only, TraceId};
use crate::transport::{From, Watch};

/// What to watch, from where, and for how long.
#[derive(Args, Clone, Debug)]
pub struct WatchFlags {
    /// Watch every service of eyas.toml
    #[arg(long)]
    pub all: bool,
    /// Stand in between: listen here (`127.0.0.1:4001`, or just a port of this machine) and pass everything on
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen, conflicts_with = "all")]
    pub listen: Option<String>,
    /// Begin with what came before, where the broker keeps it: start, end, a position, -N (the last N), a time
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, value_parser = parse_place, help_heading = "Begin")]
    pub from: Option<From>,
    /// Begin with the last N
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "since"], help_heading = "Begin")]
    pub last: Option<u64>,
    /// Begin with what came within this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "from", help_heading = "Begin")]
    pub since: Option<Duration>,
    /// End with what was kept until this time, or go on until then
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "End")]
    pub until: Option<Timestamp>,
    /// End with what was there at the start; without a place to begin that is everything
    #[arg(long, help_heading = "End")]
    pub no_follow: bool,
    /// Only these: requests, replies, events, errors, unanswered
    #[arg(long, value_name = "SORT", value_delimiter = ',')]
    pub only: Vec<Only>,
    /// Only what took at least this long
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub slow: Option<Duration>,
    /// Only what belongs together by this correlation id, message id, or trace id of a traceparent
    #[arg(long, value_name = "ID")]
    pub trace: Option<TraceId>,
    /// End after N messages
    #[arg(short = 'n', long, value_name = "N", help_heading = "Pace")]
    pub count: Option<u64>,
    /// End when nothing came for this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    pub idle: Option<Duration>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    pub lasting: Option<Duration>,
    #[command(flatten)]
    pub(in crate::commands) show: ShowFlags,
    #[command(flatten)]
    pub(in crate::commands) link: LinkFlags,
}

impl WatchFlags {
    /// What is watched of `patterns`: where nothing that comes later is wanted, and no place to begin is named, all of
    /// it.
    ///
    /// # Errors
    /// A time before all time.
    pub fn watch(&self, patterns: Vec<String>) -> Result<Watch, Fault> {
        let until = self.until.filter(|until| *until <= Timestamp::now());
        let is_bounded = self.no_follow || until.is_some();
        let is_placed = self.from.is_some() || self.last.is_some() || self.since.is_some();
        let from = if is_bounded && !is_placed { From::Start } else { self.begin()? };
        Ok(Watch { patterns, from, until, is_bounded })
    }

    /// How long to watch: as long as it was asked for, or until that time.
    pub fn limit(&self) -> Option<Duration> {
        let left = self.until.map(|until| until.duration_since(Timestamp::now()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        [self.lasting, left].into_iter().flatten().min()
    }

    fn begin(&self) -> Result<From, Fault> {
        if let Some(count) = self.last {
            return Ok(From::Last(count));
        }
        let Some(since) = self.since else { return Ok(self.from.unwrap_or_default()) };
        let time = Timestamp::now().checked_sub(since);
        time.map(From::Time).map_err(|_| Fault::new(format!("`--since {since:?}` is before all time")))
    }
}

/// Reads a time.
fn parse_time(text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|_| {
        Fault::new(format!("`{text}` is no time")).hint("write a time such as 2026-01-31T12:00:00Z")
    })
}

/// Reads where to listen: `host:port`; a port alone is one of this machine's own, never one for the whole network.
fn parse_listen(text: &str) -> Result<String, Fault> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    match port.parse::<u16>() {
        Ok(port) if host.is_empty() => Ok(format!("127.0.0.1:{port}")),
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Fault::new(format!("`{text}` is no address to listen on"))
            .hint("write `127.0.0.1:4001`, `:4001` or `0.0.0.0:4001`; port 0 takes a free one")),
    }
}

/// `start`, `end`, a number, a number from the end, or a time.
fn parse_place(text: &str) -> Result<From, Fault> {
    match text {
        "start" => return Ok(From::Start),
        "end" => return Ok(From::Now),
        _ => {}
    }
    if let Some(count) = text.strip_prefix('-').and_then(|count| count.parse().ok()) {
        return Ok(From::Last(count));
    }
    if let Ok(position) = text.parse() {
        return Ok(From::Position(position));
    }
    text.parse().map(From::Time).map_err(|_| {
        Fault::new(format!("`{text}` is no place to begin"))
            .hint("write start, end, a position, -N for the last N, or a time such as 2026-01-31T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_listen() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse_listen(text).ok().as_deref(), expected, "{text}");
        };
        check("127.0.0.1:4001", Some("127.0.0.1:4001"));
        check(":4001", Some("127.0.0.1:4001"));
        check("4001", Some("127.0.0.1:4001"));
        check("[::1]:0", Some("[::1]:0"));
        for none in ["", "nope", "host:", "host:x", "70000"] {
            check(none, None);
        }
    }
}
