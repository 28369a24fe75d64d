//! Rows of cells as lines, aligned. The first columns stand left, numbers right.

use super::format::{LINE_WIDTH, truncate};
use crate::util::sanitize::escape_control_chars;

/// The gap between two columns.
const GAP: &str = "  ";

/// A first column is not made narrower than this (characters).
const NAME_MIN: usize = 12;

pub struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose first `left` columns stand left.
    pub fn new(left: usize) -> Table {
        Table {
            left,
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells may be foreign text.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| escape_control_chars(cell.as_ref()).into_owned())
                .collect(),
        );
    }

    /// The rows, each on a line.
    pub fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        self.rows
            .iter()
            .map(|row| self.line(row, &widths))
            .collect()
    }

    /// Writes all rows, no line longer than `LINE_WIDTH`: a name in the first column that leaves no room for the numbers has a line of its own.
    pub fn text(&self) -> String {
        let mut widths = self.widths();
        let others: usize = widths.iter().skip(1).map(|width| width + GAP.len()).sum();
        if let Some(name) = widths.first_mut() {
            *name = (*name).min(LINE_WIDTH.saturating_sub(others).max(NAME_MIN));
        }
        self.rows
            .iter()
            .map(|row| self.line(row, &widths) + "\n")
            .collect()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        (0..columns)
            .map(|column| width(column).unwrap_or_default())
            .collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let is_too_long = column == 0 && cell.chars().count() > *width;
            match column {
                0 if is_too_long => {
                    line.push_str(&format!("{}\n{:width$}", truncate(cell, LINE_WIDTH), ""))
                }
                0 => line.push_str(&format!("{cell:width$}")),
                _ if column < self.left => line.push_str(&format!("{GAP}{cell:width$}")),
                _ => line.push_str(&format!("{GAP}{cell:>width$}")),
            }
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_numbers_right() {
        let mut table = Table::new(1);
        table.row(["model", "requests", "p50"]);
        table.row(["phi4", "1,234", "1.20 s"]);
        table.row(["é\n", "", "-"]);
        assert_eq!(
            table.text(),
            "model  requests     p50\nphi4      1,234  1.20 s\né\\n                   -\n"
        );
    }

    #[test]
    fn no_line_is_too_long_whatever_a_name_is() {
        let mut table = Table::new(1);
        let long = "x".repeat(300);
        table.row(["model"; 9]);
        table.row([
            long.as_str(),
            "1,234,567",
            "1,234,567",
            "1,234,567",
            "1,234,567",
            "1",
            "2",
            "3",
            "4",
        ]);
        let text = table.text();
        assert!(
            text.lines().all(|line| line.chars().count() <= LINE_WIDTH),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains('…') && text.contains("1,234,567"));
    }
}
