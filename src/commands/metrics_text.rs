//! Numbers out of the text of /metrics.

/// Sums the series of a family that have this label; `None` without any.
pub fn sum_series(metrics: &str, family: &str, label: &str) -> Option<f64> {
    let series = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(family))
        .filter(|rest| rest.starts_with(['{', ' ']));
    let values = series
        .filter(|rest| rest.contains(label))
        .filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_label_and_names_are_not_mixed_up() {
        let metrics = "# TYPE a counter\na{status=\"x\"} 1\na{status=\"y\",model=\"m\"} 2\na_total{status=\"x\"} 4\nb 0.5\n";
        assert_eq!(sum_series(metrics, "a", ""), Some(3.0));
        assert_eq!(sum_series(metrics, "a", "status=\"y\""), Some(2.0));
        assert_eq!(
            (sum_series(metrics, "b", ""), sum_series(metrics, "c", "")),
            (Some(0.5), None)
        );
    }
}
