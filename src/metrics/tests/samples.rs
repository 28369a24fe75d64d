//! The series of /metrics as data, and what an act changed of them.

use std::collections::BTreeMap;

use crate::metrics::Metrics;

/// Returns every sample but the buckets, by series.
pub fn samples(metrics: &Metrics) -> BTreeMap<String, String> {
    let text = String::from_utf8(metrics.encode()).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| (series.to_owned(), value.to_owned()))
        .collect()
}

/// Returns the samples that `act` changed or added, without zeros.
pub fn changes(metrics: &Metrics, act: impl FnOnce(&Metrics)) -> Vec<String> {
    let before = samples(metrics);
    act(metrics);
    let is_new = |(series, value): &(String, String)| {
        before.get(series).map_or("0", String::as_str) != value
    };
    samples(metrics)
        .into_iter()
        .filter(is_new)
        .map(|(series, value)| format!("{series} {value}"))
        .collect()
}

pub fn value(metrics: &Metrics, series: &str) -> Option<String> {
    samples(metrics).remove(series)
}
