//! Figures of many runs: percentiles within one, medians and ratios over all.

use std::fmt;

/// The value that `share` (0 to 1) of `sorted` does not exceed; 0 of nothing.
pub fn percentile(sorted: &[u64], share: f64) -> u64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The same figure from every run, in the order of the runs.
pub struct Runs(Vec<f64>);

impl Runs {
    /// No runs yet.
    pub const NONE: Runs = Runs(Vec::new());

    /// A figure that needs no second run.
    pub fn one(figure: f64) -> Runs {
        Runs(vec![figure])
    }

    /// Takes the figure of one more run.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The highest of all runs.
    pub fn most(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    /// The lowest of all runs.
    pub fn least(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }

    /// The middle run, or the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            length if length % 2 == 1 => Some(sorted[middle]),
            _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
        }
    }

    /// Combines the runs of the same round: what drifts between rounds then hits both alike.
    pub fn with(&self, other: &Runs, combine: impl Fn(f64, f64) -> f64) -> Runs {
        Runs(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(ours, theirs)| combine(*ours, *theirs))
                .collect(),
        )
    }
}

/// One figure for each way to the upstream; a way that is missing has no runs.
pub struct Ways {
    pub direct: Runs,
    pub nginx: Runs,
    pub tap: Runs,
}

impl Ways {
    /// No runs of any way yet.
    pub const NONE: Ways = Ways {
        direct: Runs::NONE,
        nginx: Runs::NONE,
        tap: Runs::NONE,
    };

    /// What each proxy adds to the direct way, round by round.
    pub fn added(&self) -> Ways {
        let added = |runs: &Runs| runs.with(&self.direct, |through, direct| through - direct);
        Ways {
            nginx: added(&self.nginx),
            tap: added(&self.tap),
            ..Ways::NONE
        }
    }

    /// The tap in units of nginx, round by round.
    pub fn ratio(&self) -> Runs {
        self.tap.with(&self.nginx, |tap, nginx| tap / nginx)
    }
}

/// A ratio with its spread, such as `0.71× (0.66–0.80)`.
pub struct Ratio<'a>(pub &'a Runs);

impl fmt::Display for Ratio<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (self.0.median(), self.0.least(), self.0.most()) {
            (Some(median), Some(least), Some(most)) => {
                write!(out, "{median:.2}× ({least:.2}–{most:.2})")
            }
            _ => out.write_str("–"),
        }
    }
}
