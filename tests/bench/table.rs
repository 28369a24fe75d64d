//! The table that goes into the README as it is printed: a line per figure, its target beside it.

use std::fmt;

use crate::stats::{Ratio, Runs, Ways};

/// What a figure should be. The words are those of the table.
pub enum Target {
    /// Shown for what it tells, without a goal.
    None,
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

impl Target {
    fn words(&self) -> &'static str {
        match self {
            Target::None => "",
            Target::AtMost(_, words) | Target::AtLeast(_, words) => words,
        }
    }

    fn verdict(&self, figure: Option<f64>) -> &'static str {
        match (self, figure) {
            (Target::None, _) => "",
            (_, None) => "not measured",
            (Target::AtMost(bound, _), Some(figure)) if figure <= *bound => "yes",
            (Target::AtLeast(bound, _), Some(figure)) if figure >= *bound => "yes",
            _ => "**no**",
        }
    }
}

/// One line of the table.
pub struct Row([String; 7]);

/// The line that stands over all others, with its rule.
pub const HEADER: &str = "| measure | direct | nginx | tap | tap : nginx | target | met |\n|---|---:|---:|---:|---|---|---|";

impl Row {
    /// Figures of every way, of which the tap's median has to reach `target`.
    pub fn absolute(measure: &str, ways: &Ways, unit: Unit, target: Target) -> Row {
        Row::of(measure, ways, unit, target, ways.tap.median(), String::new())
    }

    /// Figures of every way, where tap ÷ nginx has to reach `target`.
    pub fn ratio(measure: &str, ways: &Ways, unit: Unit, target: Target) -> Row {
        let ratio = ways.ratio();
        Row::of(measure, ways, unit, target, ratio.median(), Ratio(&ratio).to_string())
    }

    /// A case that could not be measured, and why.
    pub fn failed(measure: &str, cause: &dyn fmt::Display) -> Row {
        let cause = cause.to_string().replace(['\n', '\r', '|'], " ");
        Row([measure.to_owned(), String::new(), String::new(), String::new(), format!("FAILED: {cause}"), String::new(), String::new()])
    }

    fn of(measure: &str, ways: &Ways, unit: Unit, target: Target, judged: Option<f64>, ratio: String) -> Row {
        let show = |runs: &Runs| runs.median().map_or("–".to_owned(), |figure| unit.show(figure));
        let (verdict, words) = (target.verdict(judged), target.words());
        Row([measure.into(), show(&ways.direct), show(&ways.nginx), show(&ways.tap), ratio, words.into(), verdict.into()])
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
    Micros,
    Millis,
    PerSecond,
    Percent,
    Megabytes,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Unit::Micros => format!("{figure:.1} µs"),
            Unit::Millis => format!("{figure:.2} ms"),
            Unit::PerSecond => format!("{figure:.0}/s"),
            Unit::Percent => format!("{figure:.2} %"),
            Unit::Megabytes => format!("{figure:.1} MB"),
        }
    }
}
