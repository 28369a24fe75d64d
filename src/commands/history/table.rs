//! Rows of cells as lines, aligned, none wider than the screen. Where there is no room for all, the columns that matter least are
//! left out, and names are cut in their middle; a number is never cut.

use crate::util::layout::{columns, shorten, truncate};
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};

/// The gap between two columns.
const GAP: usize = 2;

/// Names are cut to this before any column is left out.
const NAME_COMFORT: usize = 26;

/// No name is made narrower than this, as long as a column can be left out.
const NAME_MIN: usize = 12;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    is_left: bool,
    is_name: bool,
    /// 0 stays; of the others the highest goes first.
    rank: u8,
}

impl Column {
    /// Names of any length, which stand left and may be cut.
    pub const fn name() -> Column {
        Column {
            is_left: true,
            is_name: true,
            rank: 0,
        }
    }

    /// Words that stand left and stay whole.
    pub const fn word() -> Column {
        Column {
            is_left: true,
            is_name: false,
            rank: 0,
        }
    }

    /// Numbers, which stand right and stay whole.
    pub const fn number() -> Column {
        Column {
            is_left: false,
            is_name: false,
            rank: 0,
        }
    }

    /// The same column, left out where there is no room for it; of several the one with the highest rank first.
    pub const fn leave_out(self, rank: u8) -> Column {
        Column { rank, ..self }
    }
}

/// A text in a table, and its look.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// The text may be foreign.
    pub fn new(style: Style, text: &str) -> Cell {
        Cell {
            text: escape_control_chars(text).into_owned(),
            style,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::new(Style::Plain, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(Style::Plain, &text)
    }
}

/// The width of each column's longest cell so far.
#[derive(Default)]
pub struct Widths(Vec<usize>);

pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(columns: &[Column]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of headings.
    pub fn head<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        self.row(
            cells
                .into_iter()
                .map(|text| Cell::new(Style::Heading, text)),
        );
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows, a line each.
    pub fn lines(&self, screen: &Screen) -> Vec<String> {
        self.lines_below(&mut Widths::default(), screen)
    }

    /// The same below the lines of other tables, where `above` has the widths of all their columns. They only grow, so that
    /// columns stay where they are as long as what is in them fits.
    pub fn lines_below(&self, above: &mut Widths, screen: &Screen) -> Vec<String> {
        let widths = &mut above.0;
        widths.resize(self.columns.len(), 0);
        for (n, width) in widths.iter_mut().enumerate() {
            *width = self.natural(n).max(*width);
        }
        let shown = self.fit(widths, screen.width);
        let rows = self.rows.iter();
        rows.map(|row| self.line(row, &shown, screen)).collect()
    }

    /// The rows, each ended by a line break.
    pub fn text(&self, screen: &Screen) -> String {
        self.lines(screen).join("\n") + "\n"
    }

    /// The columns that are shown, each with its width.
    fn fit(&self, natural: &[usize], room: Option<usize>) -> Vec<(usize, usize)> {
        // An empty column takes no gap either.
        let mut shown: Vec<usize> = (0..natural.len()).filter(|n| natural[*n] > 0).collect();
        let Some(room) = room else {
            return shown.into_iter().map(|n| (n, natural[n])).collect();
        };
        let cut_to = |least: usize, n: usize| match self.columns[n].is_name {
            true => natural[n].min(least),
            false => natural[n],
        };
        let needs = |shown: &[usize], least| {
            let gaps = GAP * shown.len().saturating_sub(1);
            shown.iter().map(|n| cut_to(least, *n)).sum::<usize>() + gaps
        };
        while needs(&shown, NAME_COMFORT) > room {
            let least = shown.iter().enumerate();
            let least = least.max_by_key(|(_, n)| self.columns[**n].rank);
            match least {
                Some((at, n)) if self.columns[*n].rank > 0 => _ = shown.remove(at),
                _ => break,
            }
        }
        while needs(&shown, NAME_MIN) > room && shown.len() > 1 {
            shown.pop();
        }
        let spare = room.saturating_sub(needs(&shown, NAME_MIN));
        let mut widths: Vec<(usize, usize)> = shown
            .iter()
            .map(|n| (*n, cut_to(NAME_MIN, *n).min(room)))
            .collect();
        widen(&mut widths, natural, spare);
        widths
    }

    /// The width of the longest cell of a column.
    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| columns(&cell.text)).max().unwrap_or(0)
    }

    fn line(&self, row: &[Cell], shown: &[(usize, usize)], screen: &Screen) -> String {
        let mut line = String::new();
        // Spaces are written once something follows them.
        let mut gap = 0;
        for (n, width) in shown {
            let Some(cell) = row.get(*n) else { continue };
            let text = match self.columns[*n].is_name {
                true => shorten(&cell.text, *width),
                false => truncate(&cell.text, *width),
            };
            let pad = width.saturating_sub(columns(&text));
            let (before, after) = match self.columns[*n].is_left {
                true => (0, pad),
                false => (pad, 0),
            };
            if text.is_empty() {
                gap += pad + GAP;
                continue;
            }
            line += &" ".repeat(gap + before);
            line += &screen.paint(cell.style, &text);
            gap = after + GAP;
        }
        line
    }
}

/// Gives columns that were cut what there is to spare, the narrowest first.
fn widen(widths: &mut [(usize, usize)], natural: &[usize], spare: usize) {
    for _ in 0..spare {
        let cut = widths.iter_mut().filter(|(n, width)| *width < natural[*n]);
        match cut.min_by_key(|(_, width)| *width) {
            Some((_, width)) => *width += 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODELS: [Column; 4] = [
        Column::name(),
        Column::number(),
        Column::number().leave_out(2),
        Column::number().leave_out(1),
    ];

    fn screen(width: usize) -> Screen {
        Screen {
            width: Some(width),
            has_color: false,
        }
    }

    fn models() -> Table {
        let mut table = Table::new(&MODELS);
        table.head(["model", "requests", "success", "p50"]);
        table.row(["phi4", "1,234", "98.8%", "1.20 s"]);
        let long = "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M";
        table.row([long, "7", "100.0%", "-"]);
        table
    }

    #[test]
    fn names_stand_left_and_numbers_right() {
        let mut table = Table::new(&MODELS);
        table.head(["model", "requests", "", "p50"]);
        table.row(["phi4", "1,234", "", "1.20 s"]);
        table.row(["é\n空", "", "", "-"]);
        assert_eq!(
            table.text(&Screen::default()),
            "model  requests     p50\nphi4      1,234  1.20 s\né\\n空                 -\n"
        );
    }

    #[test]
    fn what_matters_least_is_left_out_before_names_are_cut_short() {
        let lines = |width| models().lines(&screen(width));
        assert_eq!(
            lines(54)[2],
            "hf.co/bartows…t-GGUF:Q4_K_M         7   100.0%       -"
        );
        assert_eq!(
            lines(53)[2],
            "hf.co/bartow…t-GGUF:Q4_K_M         7   100.0%       -"
        );
        assert_eq!(lines(44)[2], "hf.co/bartow…t-GGUF:Q4_K_M         7       -");
        assert_eq!(lines(24)[0], "model           requests");
        assert_eq!(lines(24)[2], "hf.co/…:Q4_K_M         7");
        assert_eq!(lines(9)[2], "hf.c…_K_M");
    }

    #[test]
    fn columns_stay_where_they_are_in_later_tables() {
        let table = |name, number| {
            let mut table = Table::new(&MODELS);
            table.row([name, number, "", "-"]);
            table
        };
        let mut above = Widths::default();
        let mut next = |table: Table| table.lines_below(&mut above, &screen(80)).concat();
        assert_eq!(next(table("llama3.2", "1,234")), "llama3.2  1,234  -");
        assert_eq!(next(table("phi4", "7")), "phi4          7  -");
        assert_eq!(
            next(table("phi4-reasoning", "7")),
            "phi4-reasoning      7  -"
        );
        assert_eq!(next(table("phi4", "7")), "phi4                7  -");
    }

    #[test]
    fn colours_take_no_room() {
        let coloured = Screen {
            has_color: true,
            ..screen(44)
        };
        let line = &models().lines(&coloured)[0];
        let plain = &models().lines(&screen(44))[0];
        let stripped = line.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(&stripped, plain);
        assert_ne!(line, plain);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen_and_no_number_is_torn(
            width in 1usize..200,
            name in "[a-zé空\\u{1b}]{0,80}",
            number in 0u64..u64::MAX,
        ) {
            let number = number.to_string();
            let mut table = Table::new(&MODELS);
            table.head(["model", "requests", "success", "p50"]);
            table.row([name.as_str(), &number, &number, &number]);
            let lines = table.lines(&screen(width));
            prop_assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
            let shown = lines[1].split_whitespace().skip(1);
            prop_assert!(shown.into_iter().all(|cell| cell == number), "{lines:?}");
        }
    }
}
