//! A measured value, as the samples of a group hold it.

/// Seven digits of a number: far more than a clock is good for, in half the memory.
pub type Measurement = f32;

/// Returns the number with the fewest digits that rounds to this: what was 41.7 is 41.7 again.
pub fn rounded(value: Measurement) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
