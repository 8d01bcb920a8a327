//! Patterns that no handler can ever be found by.

use crate::message::{Finding, Pattern};
use crate::wire::{NestVersion, pattern};

/// What is wrong with `pattern`, if Nest reads it as something else than it says: `"true"`, `"1.0"`, twenty digits
/// (`wire.md` §2).
pub fn unreachable(pattern: &Pattern, nest: NestVersion) -> Option<Finding> {
    let Pattern::Text(text) = pattern else { return None };
    // Only what begins like JSON can be read as JSON; nothing else costs more than this look.
    let begins_like_json =
        text.starts_with(|first: char| first.is_ascii_digit() || "\"-[{ntf".contains(first));
    if !begins_like_json || pattern::is_reachable(pattern, nest) {
        return None;
    }
    let text = format!(
        "`{text}` never reaches a handler: Nest reads it as JSON and looks for the handler of what that prints as; \
         give the handler another pattern"
    );
    Some(Finding { code: "unreachable".into(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_prints_differently_is_unreachable() {
        for (text, expected) in [
            ("true", true),
            ("1.0", true),
            ("12345678901234567890", true),
            ("42", false),
            ("007", false),
            ("ping", false),
            ("null.orders", false),
            ("trueish", false),
        ] {
            let found = unreachable(&Pattern::Text(text.to_owned()), NestVersion::V12).is_some();
            assert_eq!(found, expected, "{text}");
        }
    }
}
