//! By how much one group of speeds is below another, and how sure that is, whatever their
//! distribution.

/// Normal quantile of a two-sided interval of 99 %.
const QUANTILE: f64 = 2.5758;

/// The shift from one group of speeds to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Medians.
    pub before: f64,
    pub after: f64,
    /// The median of after, by that of before.
    pub ratio: f64,
    /// The 99 % interval of the ratio: Hodges and Lehmann's, by the ranks of all ratios of a pair.
    pub interval: (f64, f64),
}

impl Shift {
    /// Compares two groups of positive speeds; `None` where one is too small for an interval.
    pub fn between(before: &[f64], after: &[f64]) -> Option<Shift> {
        let pairs = after
            .iter()
            .flat_map(|after| before.iter().map(move |before| after / before));
        let mut ratios: Vec<f64> = pairs.collect();
        ratios.sort_by(f64::total_cmp);
        let (m, n) = (before.len() as f64, after.len() as f64);
        let spread = QUANTILE * (m * n * (m + n + 1.0) / 12.0).sqrt();
        let low = (m * n / 2.0 - spread).floor();
        if low < 0.0 {
            return None;
        }
        let low = low as usize;
        let (before, after) = (median(before), median(after));
        let interval = (*ratios.get(low)?, *ratios.get(ratios.len() - 1 - low)?);
        Some(Shift {
            before,
            after,
            ratio: after / before,
            interval,
        })
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
