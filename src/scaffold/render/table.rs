//! Markdown tables, aligned as prettier aligns them.

/// Rows of cells between bars, one row per line, the first the head. The row of dashes may be left out; where it
/// is given, its colons stay. Other lines, and a single row, stay as they are.
pub fn align(text: &str) -> String {
    let mut done: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        if let Some(inner) = line.trim().strip_prefix('|') {
            rows.push(cells(inner));
            continue;
        }
        done.extend(rendered(&std::mem::take(&mut rows)));
        done.push(line.to_owned());
    }
    done.extend(rendered(&rows));
    let end = if text.ends_with('\n') { "\n" } else { "" };
    done.join("\n") + end
}

/// The cells of a row whose first bar was taken away; `\|` is content.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_escaped = false;
    for letter in row.trim_end().chars() {
        match cells.last_mut() {
            Some(_) if letter == '|' && !is_escaped => cells.push(String::new()),
            Some(cell) => cell.push(letter),
            None => {}
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    // What follows the last bar is no cell.
    if cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

fn is_dashes(cell: &str) -> bool {
    let dashes = cell.trim_start_matches(':').trim_end_matches(':');
    !dashes.is_empty() && dashes.chars().all(|c| c == '-')
}

fn rendered(rows: &[Vec<String>]) -> Vec<String> {
    let Some((head, body)) = rows.split_first() else { return Vec::new() };
    let (dashes, body) = match body.split_first() {
        Some((first, rest)) if first.iter().all(|cell| is_dashes(cell)) => (first.clone(), rest),
        _ => (Vec::new(), body),
    };
    let columns = body.iter().map(Vec::len).chain([head.len()]).max().unwrap_or_default();
    let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
    let width = |at: usize| {
        let widths = body.iter().chain([head]).map(|row| cell(row, at).chars().count());
        widths.max().unwrap_or_default().max(3)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells =
            widths.iter().enumerate().map(|(at, width)| aligned(&cell(row, at), *width, &cell(&dashes, at)));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(at, width)| {
        let given = cell(&dashes, at);
        let (start, end) = (given.starts_with(':'), given.ends_with(':'));
        let colon = |is_there: bool| if is_there { ":" } else { "" };
        let dashes = "-".repeat(width - usize::from(start) - usize::from(end));
        format!("{}{dashes}{}", colon(start), colon(end))
    });
    let rule = format!("| {} |", rule.collect::<Vec<_>>().join(" | "));
    let mut lines = vec![line(head), rule];
    lines.extend(body.iter().map(|row| line(row)));
    lines
}

/// A cell padded to `width`, on the side that the colons of its column ask for.
fn aligned(cell: &str, width: usize, dashes: &str) -> String {
    match (dashes.starts_with(':'), dashes.ends_with(':')) {
        (false, true) => format!("{cell:>width$}"),
        (true, true) => format!("{cell:^width$}"),
        _ => format!("{cell:<width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = "\n| Name | Default |\n|`HTTP_PORT`| 3000 |\n| a \\| b | |\n";
        let expected = "\n| Name        | Default |\n| ----------- | ------- |\n| `HTTP_PORT` | 3000    |\n\
                        | a \\| b      |         |\n";
        assert_eq!(align(text), expected);
    }

    #[test]
    fn colons_and_missing_cells_are_kept() {
        let text = "| a | b | c |\n|--:|:-:|---|\n| 1 | 2 |\n| 1000 | 20000 | x |\nafter";
        let expected = "|    a |   b   | c   |\n| ---: | :---: | --- |\n|    1 |   2   |     |\n| 1000 | 20000 | x   |\nafter";
        assert_eq!(align(text), expected);
    }
}
