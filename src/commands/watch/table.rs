//! `--stats`: the numbers of each pattern, as a table.

use crate::traffic::{Row, Summary};

/// The summary as a line.
pub fn line(summary: &Summary) -> String {
    let Summary { messages, seconds, errors, unanswered, lost, .. } = summary;
    let lost = match lost {
        Some(0) => String::new(),
        Some(lost) => format!(", {lost} lost"),
        None => ", nobody knows how many lost".to_owned(),
    };
    format!("{messages} messages in {seconds:.1}s, {errors} errors, {unanswered} unanswered{lost}")
}

/// The rows as lines, with a head.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let longest = |text: &dyn Fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let width = longest(&|row| row.pattern.chars().count()).clamp(7, 48);
    let services = longest(&|row| row.service.as_ref().map_or(0, |service| service.chars().count()));
    let service = |name: &str| match services {
        0 => String::new(),
        services => format!("{name:<width$} ", width = services.max(7)),
    };
    let head = format!(
        "{}{:<width$} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>9} {:>9} {:>9}",
        service("service"),
        "pattern",
        "msg/s",
        "requests",
        "replies",
        "events",
        "errors",
        "unansw.",
        "p50 ms",
        "p99 ms",
        "max ms"
    );
    let row = |row: &Row| {
        let Row { pattern, rate, requests, replies, events, errors, unanswered, latency_ms, .. } = row;
        let times = latency_ms.map_or_else(
            || format!("{:>9} {:>9} {:>9}", "-", "-", "-"),
            |times| format!("{:>9.2} {:>9.2} {:>9.2}", times.p50, times.p99, times.max),
        );
        let service = service(row.service.as_deref().unwrap_or_default());
        format!(
            "{service}{pattern:<width$} {rate:>8.1} {requests:>8} {replies:>8} {events:>8} {errors:>7} {unanswered:>7} {times}"
        )
    };
    std::iter::once(head).chain(rows.iter().map(row)).collect()
}
