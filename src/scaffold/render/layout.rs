//! Slots and lists lay themselves out where they stand.
//!
//! Tera does not know the column it writes at. So slots and the `list` filter write markers, made of characters
//! from Unicode's private use area, and the finished text is gone through once: only then are the indentation
//! and the rest of the line known that decide how prettier would break.

use crate::scaffold::manifest::Brackets;

/// Starts a marker; the next character says which.
pub const OPEN: char = '\u{E000}';
/// Ends an item of a marker.
pub const ITEM: char = '\u{E001}';
/// Ends a marker.
pub const CLOSE: char = '\u{E002}';

/// The width of a line, as prettier has it.
const WIDTH: usize = 80;

/// What a marker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Texts, one after the other; with an empty line between two or not.
    Text {
        /// Whether an empty line stands between two.
        blank: bool,
    },
    /// A list in brackets.
    List(Brackets),
}

const SHAPES: [(char, Shape); 6] = [
    ('t', Shape::Text { blank: false }),
    ('b', Shape::Text { blank: true }),
    ('[', Shape::List(Brackets::Square)),
    ('{', Shape::List(Brackets::Curly)),
    ('(', Shape::List(Brackets::Round)),
    ('-', Shape::List(Brackets::Bare)),
];

/// The marker for `items`.
pub fn marker(shape: Shape, items: &[String]) -> String {
    let letter = SHAPES.iter().find(|(_, known)| *known == shape).map_or('t', |(letter, _)| *letter);
    let mut marker = String::from_iter([OPEN, letter]);
    for item in items {
        marker.push_str(item);
        marker.push(ITEM);
    }
    marker.push(CLOSE);
    marker
}

/// Whether `text` holds a character that only markers may hold.
pub fn is_marked(text: &str) -> bool {
    text.contains([OPEN, ITEM, CLOSE])
}

/// `text` with every marker laid out.
pub fn lay_out(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text.to_owned();
    while let Some(at) = rest.find(OPEN) {
        done.push_str(&rest[..at]);
        let Some((shape, items, after)) = parse(&rest[at..]) else {
            // Not one of ours: it came with an answer, and stays what it is.
            done.push(OPEN);
            rest = rest[at + OPEN.len_utf8()..].to_owned();
            continue;
        };
        let tail = rest[at + after..].to_owned();
        let line = done.rsplit('\n').next().unwrap_or_default();
        let indent: String = line.chars().take_while(|c| *c == ' ' || *c == '\t').collect();
        match shape {
            Shape::Text { blank } if line == indent && is_line_end(&tail) => {
                done.truncate(done.len() - indent.len());
                let text = items.join(if blank { "\n\n" } else { "\n" });
                // The text may hold lists, which are laid out at their own places in it.
                let tail = if items.is_empty() { tail.strip_prefix('\n').unwrap_or(&tail) } else { &tail };
                rest = indented(&text, &indent) + tail;
            }
            Shape::Text { .. } => rest = items.concat() + &tail,
            Shape::List(brackets) => {
                let items: Vec<String> = items.iter().map(|item| flat(item)).collect();
                let before = line.chars().count();
                let after = flat(tail.split('\n').next().unwrap_or_default()).chars().count();
                done.push_str(&list(brackets, &items, &indent, before + after));
                rest = tail;
            }
        }
    }
    done + &rest
}

/// A list in brackets: on one line when it fits beside `others` other characters, else one item per line.
pub fn list(brackets: Brackets, items: &[String], indent: &str, others: usize) -> String {
    let (open, close, pad) = match brackets {
        Brackets::Square => ("[", "]", ""),
        Brackets::Curly => ("{", "}", " "),
        Brackets::Round => ("(", ")", ""),
        Brackets::Bare => return items.join(", "),
    };
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let one_line = format!("{open}{pad}{}{pad}{close}", items.join(", "));
    // Prettier always breaks an array of several objects that have several keys each.
    let objects = items.len() > 1 && items.iter().all(|item| item.starts_with('{') && item.contains(','));
    let is_forced = one_line.contains('\n') || (brackets == Brackets::Square && objects);
    if !is_forced && others + one_line.chars().count() <= WIDTH {
        return one_line;
    }
    let inner = format!("{indent}  ");
    let lines: Vec<String> = items.iter().map(|item| indented(item, &inner) + ",\n").collect();
    format!("{open}\n{}{indent}{close}", lines.concat())
}

/// Every line of `text` that is not empty, moved in; lines inside of markers are moved when those are laid out.
fn indented(text: &str, indent: &str) -> String {
    let mut moved = String::with_capacity(text.len() + indent.len());
    let mut depth = 0_usize;
    let mut is_fresh = true;
    for letter in text.chars() {
        if is_fresh && letter != '\n' {
            moved.push_str(indent);
        }
        match letter {
            OPEN => depth += 1,
            CLOSE => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_fresh = letter == '\n' && depth == 0;
        moved.push(letter);
    }
    moved
}

fn is_line_end(text: &str) -> bool {
    text.is_empty() || text.starts_with('\n')
}

/// `text` with its markers on one line each.
fn flat(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        done.push_str(&rest[..at]);
        let Some((shape, items, after)) = parse(&rest[at..]) else {
            done.push(OPEN);
            rest = &rest[at + OPEN.len_utf8()..];
            continue;
        };
        let items: Vec<String> = items.iter().map(|item| flat(item)).collect();
        match shape {
            Shape::Text { .. } => done.push_str(&items.concat()),
            Shape::List(Brackets::Bare) => done.push_str(&items.join(", ")),
            Shape::List(brackets) => {
                let one_line = list(brackets, &items, "", 0);
                done.push_str(&one_line);
            }
        }
        rest = &rest[at + after..];
    }
    done + rest
}

/// Reads the marker that `text` starts with: its shape, its items, and its length in bytes.
fn parse(text: &str) -> Option<(Shape, Vec<String>, usize)> {
    let mut letters = text.char_indices();
    letters.next().filter(|(_, letter)| *letter == OPEN)?;
    let (_, letter) = letters.next()?;
    let (_, shape) = SHAPES.iter().find(|(known, _)| *known == letter)?;
    let mut items = Vec::new();
    let mut start = OPEN.len_utf8() + letter.len_utf8();
    let mut depth = 1_usize;
    for (at, letter) in letters {
        match letter {
            OPEN => depth += 1,
            CLOSE if depth == 1 => return Some((*shape, items, at + CLOSE.len_utf8())),
            CLOSE => depth -= 1,
            ITEM if depth == 1 => {
                items.push(text[start..at].to_owned());
                start = at + ITEM.len_utf8();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn check(before: &str, shape: Shape, filled: &[&str], after: &str, expected: &str) {
        let text = format!("{before}{}{after}", marker(shape, &items(filled)));
        assert_eq!(lay_out(&text), expected);
    }

    const TEXT: Shape = Shape::Text { blank: false };
    const SQUARE: Shape = Shape::List(Brackets::Square);

    #[test]
    fn a_text_takes_the_indentation_of_its_place() {
        check("a:\n  ", TEXT, &["b: 1\n\nc:\n  d", "e"], "\nf", "a:\n  b: 1\n\n  c:\n    d\n  e\nf");
        check("a\n  ", Shape::Text { blank: true }, &["b", "c"], "\n", "a\n  b\n\n  c\n");
        check("run --x", TEXT, &[" -a", " -b"], " y\n", "run --x -a -b y\n");
    }

    #[test]
    fn an_empty_text_takes_its_line_along() {
        check("a\n  ", TEXT, &[], "\nb\n", "a\nb\n");
        check("a ", TEXT, &[], "\nb\n", "a \nb\n");
    }

    #[test]
    fn a_list_breaks_when_eighty_columns_are_full() {
        let wide = "x".repeat(74);
        let fits = wide.get(..73).expect("ASCII");
        check("  f: ", SQUARE, &[], ",\n", "  f: [],\n");
        check("  ", SQUARE, &["a", fits], "\n", &format!("  [a, {fits}]\n"));
        check("  ", SQUARE, &["a", fits], ",\n", &format!("  [\n    a,\n    {fits},\n  ],\n"));
        check("  ", SQUARE, &["a", &wide], "\n", &format!("  [\n    a,\n    {wide},\n  ]\n"));
        check("x = ", Shape::List(Brackets::Curly), &["a", "b"], ";", "x = { a, b };");
        check("f", Shape::List(Brackets::Round), &["a", "b"], ";", "f(a, b);");
        check("f(", Shape::List(Brackets::Bare), &["a", "b"], ");", "f(a, b);");
    }

    #[test]
    fn an_item_of_several_lines_breaks_the_list() {
        check(" i: ", SQUARE, &["a", "f({\n  b,\n})"], ",", " i: [\n   a,\n   f({\n     b,\n   }),\n ],");
        check(
            "",
            SQUARE,
            &["{ a: 1, b: 2 }", "{ a: 2, b: 3 }"],
            "",
            "[\n  { a: 1, b: 2 },\n  { a: 2, b: 3 },\n]",
        );
    }

    #[test]
    fn a_list_inside_of_a_text_is_laid_out_at_its_own_place() {
        let long = "x".repeat(40);
        let inner = marker(SQUARE, &items(&[&long, &long]));
        check(
            "  ",
            TEXT,
            &[&format!("f({inner});")],
            "\n",
            &format!("  f([\n    {long},\n    {long},\n  ]);\n"),
        );
    }
}
