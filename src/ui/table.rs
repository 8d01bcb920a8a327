//! Rows of text as columns.

/// Between two columns.
const GAP: &str = "  ";

/// `rows` as lines: each column but the last as wide as it needs. Rows may be of different lengths.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A heading over `rows`, and only those of its columns that have anything in them.
pub fn titled(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let used = |column: &usize| rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
    let columns: Vec<_> = (0..heading.len()).filter(used).collect();
    let title = columns.iter().map(|column| heading[*column].to_uppercase()).collect();
    let cells = |row: &Vec<String>| {
        columns.iter().map(|column| row.get(*column).cloned().unwrap_or_default()).collect()
    };
    let all: Vec<_> = std::iter::once(title).chain(rows.iter().map(cells)).collect();
    lines(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let rows = [["a", "", "ż"], ["bbb", "", "c"]];
        let rows: Vec<Vec<_>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(lines(&rows), ["a      ż", "bbb    c"]);
        assert_eq!(titled(&["x", "y", "z"], &rows), ["X    Z", "a    ż", "bbb  c"]);
        assert_eq!(titled(&["x"], &[]), [""]);
    }
}
