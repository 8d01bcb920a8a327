//! `{{ name }}` in paths and in defaults: a name and nothing more, so that neither needs Tera.

use std::sync::LazyLock;

use regex::{Captures, Regex};

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([^{}]*?)\s*\}\}").expect("a fixed pattern"));

/// The names that stand in `text`.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    PLACEHOLDER.captures_iter(text).filter_map(|found| found.get(1)).map(|name| name.as_str())
}

/// `text` with each name replaced by what `value` gives for it.
pub fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    PLACEHOLDER.replace_all(text, |found: &Captures| value(&found[1])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_filled() {
        let text = "src/{{ name }}/{{name_snake}}.ts";
        assert_eq!(names(text).collect::<Vec<_>>(), ["name", "name_snake"]);
        assert_eq!(fill(text, str::to_uppercase), "src/NAME/NAME_SNAKE.ts");
        assert_eq!(fill("${{ github.ref }} {}", |_| String::new()), "$ {}");
    }
}
