//! The tables that go into the README as they are printed: a line per figure, its target beside it.

use std::fmt;

use crate::stats::{Ratio, Runs, Ways};

/// How far a figure may fall short of its target and meets it all the same: as much as a run differs from the next.
const TOLERANCE: f64 = 0.05;

/// What a figure should be. The words are those of the table.
pub enum Target {
    /// Shown for what it tells, without a goal.
    None,
    /// Shown beside its goal and not judged: a p99 differs too much from run to run.
    Reported(&'static str),
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

impl Target {
    fn words(&self) -> &'static str {
        match self {
            Target::None => "",
            Target::Reported(words) | Target::AtMost(_, words) | Target::AtLeast(_, words) => words,
        }
    }

    fn verdict(&self, figure: Option<f64>) -> &'static str {
        match (self, figure) {
            (Target::None | Target::Reported(_), _) => "",
            (_, None) => "not measured",
            (Target::AtMost(bound, _), Some(figure)) if figure <= bound * (1.0 + TOLERANCE) => {
                "yes"
            }
            (Target::AtLeast(bound, _), Some(figure)) if figure >= bound * (1.0 - TOLERANCE) => {
                "yes"
            }
            _ => "**no**",
        }
    }
}

/// A table, by what its columns are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The same figure of each way to the upstream.
    Ways,
    /// One figure.
    Figures,
}

impl Table {
    /// All tables, in the order in which they are printed.
    pub const ALL: [Table; 2] = [Table::Ways, Table::Figures];

    /// The line that stands over all others, with its rule.
    pub fn header(self) -> &'static str {
        match self {
            Table::Ways => {
                "| measure | direct | nginx | tap | tap : nginx | target | met |\n|---|---:|---:|---:|---|---|---|"
            }
            Table::Figures => "| measure | figure | target | met |\n|---|---:|---|---|",
        }
    }
}

/// One line of a table.
pub struct Row(Vec<String>);

impl Row {
    /// Figures of every way, of which the tap's median has to reach `target`.
    pub fn absolute(measure: &str, ways: &Ways, unit: Unit, target: Target) -> Row {
        Row::of(
            measure,
            ways,
            unit,
            target,
            ways.tap.median(),
            String::new(),
        )
    }

    /// Figures of every way, where tap ÷ nginx has to reach `target`.
    pub fn ratio(measure: &str, ways: &Ways, unit: Unit, target: Target) -> Row {
        let ratio = ways.ratio();
        Row::of(
            measure,
            ways,
            unit,
            target,
            ratio.median(),
            Ratio(&ratio).to_string(),
        )
    }

    /// A figure whose median has to reach `target`.
    pub fn figure(measure: &str, runs: &Runs, unit: Unit, target: Target) -> Row {
        Row::judged(
            vec![measure.into(), unit.show_median(runs)],
            &target,
            runs.median(),
        )
    }

    /// A figure beside the one that it is measured by: `ours` ÷ `theirs` has to reach `target`.
    pub fn compared(measure: &str, ours: &Runs, theirs: &Runs, unit: Unit, target: Target) -> Row {
        let ratio = ours.with(theirs, |ours, theirs| ours / theirs);
        let figures = format!(
            "{}, {}: {}",
            unit.show_median(ours),
            unit.show_median(theirs),
            Ratio(&ratio)
        );
        Row::judged(vec![measure.into(), figures], &target, ratio.median())
    }

    /// A case that could not be measured, and why.
    pub fn failed(measure: &str, cause: &dyn fmt::Display) -> Row {
        let cause = cause.to_string().replace(['\n', '\r', '|'], " ");
        Row(vec![measure.to_owned(), format!("FAILED: {cause}")])
    }

    fn of(
        measure: &str,
        ways: &Ways,
        unit: Unit,
        target: Target,
        judged: Option<f64>,
        ratio: String,
    ) -> Row {
        let [direct, nginx, tap] =
            [&ways.direct, &ways.nginx, &ways.tap].map(|runs| unit.show_median(runs));
        Row::judged(
            vec![measure.into(), direct, nginx, tap, ratio],
            &target,
            judged,
        )
    }

    fn judged(mut cells: Vec<String>, target: &Target, figure: Option<f64>) -> Row {
        cells.extend([target.words().into(), target.verdict(figure).into()]);
        Row(cells)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "| {} |", self.0.join(" | "))
    }
}

/// How a figure is written.
#[derive(Clone, Copy)]
pub enum Unit {
    Nanos,
    Micros,
    Millis,
    PerSecond,
    Percent,
    Megabytes,
    Count,
}

impl Unit {
    fn show_median(self, runs: &Runs) -> String {
        runs.median()
            .map_or("–".to_owned(), |figure| self.show(figure))
    }

    fn show(self, figure: f64) -> String {
        match self {
            Unit::Nanos => format!("{figure:.2} ns"),
            Unit::Micros => format!("{figure:.1} µs"),
            Unit::Millis => format!("{figure:.2} ms"),
            Unit::PerSecond => format!("{figure:.0}/s"),
            Unit::Percent => format!("{figure:.2} %"),
            Unit::Megabytes => format!("{figure:.1} MB"),
            Unit::Count => format!("{figure:.0}"),
        }
    }
}
