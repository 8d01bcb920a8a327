//! Subjects: which a broker takes, and which a wildcard covers.

use crate::fault::Fault;

/// The longest subject: the broker closes a connection on a line above 4096 bytes, and an inbox and two numbers
/// stand on the line, too.
const LONGEST: usize = 3968;

/// Whether a message can be sent to `subject`.
///
/// # Errors
/// Why it cannot, in words.
pub fn check_literal(subject: &str) -> Result<(), Fault> {
    check(subject)?;
    if is_wildcard(subject) {
        return Err(Fault::new(format!("`{subject}` is a wildcard, and a message goes to one subject"))
            .hint("`*` and `>` are for those who listen; write the subject in full"));
    }
    Ok(())
}

/// Whether `subject` can be subscribed to; it may hold wildcards.
///
/// # Errors
/// Why it cannot, in words.
pub fn check(subject: &str) -> Result<(), Fault> {
    let illegal = |why: String| Fault::new(format!("`{subject}` is no NATS subject: {why}"));
    if subject.is_empty() {
        return Err(illegal("it is empty".to_owned()));
    }
    if let Some(bad) = subject.chars().find(|c| c.is_ascii_whitespace() || c.is_ascii_control()) {
        let what = if bad == ' ' { "a space".to_owned() } else { format!("{bad:?}") };
        return Err(illegal(format!("it holds {what}")).hint(
            "no handler with this pattern can be reached over NATS: Nest 12 refuses it, Nest 10 and 11 break their \
             connection on it; rename the pattern",
        ));
    }
    if subject.split('.').any(str::is_empty) {
        return Err(illegal("there is nothing before, after or between its dots".to_owned()));
    }
    let last = subject.rfind('.').map_or(0, |dot| dot + 1);
    if subject[..last].split('.').any(|token| token == ">") {
        return Err(illegal("`>` can only be its last word".to_owned()));
    }
    if subject.len() > LONGEST {
        return Err(illegal(format!("it has {} bytes, and {LONGEST} is the most", subject.len())));
    }
    Ok(())
}

/// Whether it holds `*` or `>` as a word.
pub fn is_wildcard(subject: &str) -> bool {
    subject.split('.').any(|token| token == "*" || token == ">")
}

/// Whether `filter` covers `subject`: `*` is one word, `>` at the end one or more.
pub fn covers(filter: &str, subject: &str) -> bool {
    let mut words = subject.split('.');
    for expected in filter.split('.') {
        match (expected, words.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (expected, Some(word)) if expected == word => {}
            _ => return false,
        }
    }
    words.next().is_none()
}
