//! What happens to a text before Tera sees it, and after.

/// Makes tags and comments that stand alone on their line vanish with it.
///
/// The line end moves into the tag, where Tera ignores it: so lines and columns of all else stay what they were,
/// and errors are told at the right place. What is inside of `raw` is left alone.
pub fn standalone(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_raw = false;
    while !rest.is_empty() {
        let line_end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let tag = &rest[indent..];
        let close = match tag.get(..2) {
            Some("[%") => tag.find("%]"),
            Some("[#") => tag.find("#]"),
            _ => None,
        };
        let inner = close.and_then(|close| Some((tag.get(2..close)?, close)));
        let Some((inner, close)) =
            inner.filter(|(inner, _)| !is_raw || inner.trim_matches(['-', ' ']) == "endraw")
        else {
            is_raw = raw_after(&rest[..line_end], is_raw);
            done.push_str(&rest[..line_end]);
            rest = &rest[line_end..];
            continue;
        };
        let after = &tag[close + 2..];
        let blanks = after.len() - after.trim_start_matches([' ', '\t', '\r']).len();
        let is_trimmed = inner.starts_with('-') || inner.ends_with('-');
        if !after[blanks..].starts_with('\n') || is_trimmed {
            is_raw = raw_after(&rest[..line_end], is_raw);
            done.push_str(&rest[..line_end]);
            rest = &rest[line_end..];
            continue;
        }
        is_raw = inner.trim() == "raw";
        done.push_str(&tag[..2]);
        done.push_str(&rest[..indent]);
        done.push_str(inner);
        done.push('\n');
        done.push_str(&tag[close..close + 2]);
        rest = &after[blanks + 1..];
    }
    done
}

/// Whether a `raw` is open at the end of `line`.
fn raw_after(line: &str, before: bool) -> bool {
    let last = |name: &str| {
        let tags = line.match_indices("[%").filter(|(at, _)| {
            line[at + 2..]
                .trim_start_matches(['-', ' '])
                .strip_prefix(name)
                .is_some_and(|rest| rest.trim_start_matches([' ', '-']).starts_with("%]"))
        });
        tags.last().map(|(at, _)| at)
    };
    match (last("raw"), last("endraw")) {
        (None, None) => before,
        (start, end) => start > end,
    }
}

/// Takes away what blocks leave behind: blanks at line ends, runs of empty lines, empty lines at both ends.
pub fn tidy(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end_matches([' ', '\t']);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if empty > 0 && !done.is_empty() {
            done.push('\n');
        }
        empty = 0;
        done.push_str(line);
        done.push('\n');
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(standalone(text), expected);
    }

    #[test]
    fn a_tag_alone_takes_its_line_along() {
        check("a\n  [% if x %]  \nb\n[% endif %]\nc", "a\n[%   if x \n%]b\n[% endif \n%]c");
        check("[# one\ntwo #]\na", "[# one\ntwo \n#]a");
        check("[% set x =\n  1 %]\na", "[% set x =\n  1 \n%]a");
    }

    #[test]
    fn a_tag_in_company_stays_as_it_is() {
        for text in [
            "a [% if x %]\n",
            "[% if x %]a\n",
            "[% if x %][% if y %]\n",
            "[%- if x %]\n",
            "[% if x -%]\n",
            "[% x %]",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn raw_is_left_alone() {
        check("[% raw %]\n [% if %]\n[% endraw %]\na", "[% raw \n%] [% if %]\n[% endraw \n%]a");
        check(
            "x [% raw %] y\n[% if %]\n z [% endraw %]\n[% if a %]\n",
            "x [% raw %] y\n[% if %]\n z [% endraw %]\n[% if a \n%]",
        );
    }

    #[test]
    fn what_blocks_leave_behind_goes() {
        assert_eq!(tidy("\n\n a  \n\n\n\nb\t\r\n\n"), " a\n\nb\n");
        assert_eq!(tidy(" \n\n"), "");
    }
}
