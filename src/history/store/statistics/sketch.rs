//! SAMPLES: the values of one measure in a group, exactly while they are few, else as a sketch: how
//! many lie in each of the intervals that a logarithmic scale cuts.

use std::mem;

use super::answer::Distribution;
use super::buckets::{Bucket, Counts};
use super::measurement::{Measurement, rounded};
use super::rollup::SetSamples;

/// Intervals of a sketch in which a value doubles: each is 1.9 % wide, so that its middle is less
/// than 1 % away from what it holds. The bounds of `buckets` are bounds of intervals.
const INTERVALS_PER_DOUBLING: f64 = 36.0;

/// The interval of 0 and less.
const ZERO: i16 = i16::MIN;

/// The values of one measure.
#[derive(Clone)]
pub enum ValueSamples {
    Exact(Vec<Measurement>),
    Sketch(Sketch),
}

/// Values without each one's own size.
#[derive(Clone, Default)]
pub struct Sketch {
    /// How many values are 0 or less.
    zeros: u32,
    /// How many values each interval has, from `lowest` on.
    counts: Vec<u32>,
    lowest: i16,
    count: usize,
    sum: f64,
    max: Measurement,
}

impl Default for ValueSamples {
    fn default() -> ValueSamples {
        ValueSamples::Exact(Vec::new())
    }
}

impl ValueSamples {
    pub fn add(&mut self, value: f64) {
        match self {
            ValueSamples::Exact(values) => values.push(value as Measurement),
            ValueSamples::Sketch(sketch) => sketch.add(value as Measurement),
        }
    }

    /// Adds the values of a set; keeps a sketch alone, from now on.
    pub fn add_set(&mut self, set: &SetSamples) {
        if set.counts.is_empty() {
            return;
        }
        self.blur();
        if let ValueSamples::Sketch(sketch) = self {
            sketch.add_set(set);
        }
    }

    /// Keeps a sketch of the values alone, from now on.
    pub fn blur(&mut self) {
        if let ValueSamples::Exact(values) = self {
            let mut sketch = Sketch::default();
            for value in mem::take(values) {
                sketch.add(value);
            }
            *self = ValueSamples::Sketch(sketch);
        }
    }

    /// Takes the values of other samples, which are kept in the same way.
    pub fn merge(&mut self, other: ValueSamples) {
        match (self, other) {
            (ValueSamples::Exact(values), ValueSamples::Exact(more)) => values.extend(more),
            (ValueSamples::Sketch(sketch), ValueSamples::Sketch(more)) => sketch.merge(more),
            (ValueSamples::Sketch(sketch), ValueSamples::Exact(more)) => {
                more.into_iter().for_each(|value| sketch.add(value));
            }
            (exact @ ValueSamples::Exact(_), ValueSamples::Sketch(more)) => {
                exact.blur();
                exact.merge(ValueSamples::Sketch(more));
            }
        }
    }

    /// Computes the distribution; reorders the values.
    pub fn distribution(&mut self) -> Distribution {
        match self {
            ValueSamples::Exact(values) => Distribution::of(values),
            ValueSamples::Sketch(sketch) => sketch.distribution(),
        }
    }

    pub fn buckets(&self) -> Vec<Bucket> {
        let mut counts = Counts::default();
        match self {
            ValueSamples::Exact(values) => values.iter().for_each(|value| counts.add(*value, 1)),
            ValueSamples::Sketch(sketch) => sketch
                .intervals()
                .for_each(|(interval, count)| counts.add(middle(interval), u64::from(count))),
        }
        counts.buckets()
    }
}

impl Sketch {
    fn add(&mut self, value: Measurement) {
        *self.count_of(interval(value)) += 1;
        self.add_sums(1, value.into(), value);
    }

    fn add_set(&mut self, set: &SetSamples) {
        let mut count = 0;
        for (interval, times) in &set.counts {
            *self.count_of(*interval) += times;
            count += *times as usize;
        }
        self.add_sums(count, set.sum, set.max);
    }

    fn merge(&mut self, other: Sketch) {
        for (interval, count) in other.intervals() {
            *self.count_of(interval) += count;
        }
        self.add_sums(other.count, other.sum, other.max);
    }

    fn add_sums(&mut self, count: usize, sum: f64, max: Measurement) {
        self.count += count;
        self.sum += sum;
        self.max = self.max.max(max);
    }

    /// Returns the count of an interval, which gets one where it has none.
    fn count_of(&mut self, interval: i16) -> &mut u32 {
        if interval == ZERO {
            return &mut self.zeros;
        }
        if self.counts.is_empty() {
            self.lowest = interval;
        }
        if interval < self.lowest {
            let more = usize::from(self.lowest.abs_diff(interval));
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.lowest = interval;
        }
        let at = usize::from(interval.abs_diff(self.lowest));
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        &mut self.counts[at]
    }

    /// The intervals that have values, ascending, with how many.
    fn intervals(&self) -> impl Iterator<Item = (i16, u32)> {
        let counts = self.counts.iter().copied();
        let ascending = (self.lowest..).zip(counts);
        let all = [(ZERO, self.zeros)].into_iter().chain(ascending);
        all.filter(|(_, count)| *count > 0)
    }

    fn distribution(&self) -> Distribution {
        let is_empty = self.count == 0;
        let mean = (self.sum / self.count as f64) as Measurement;
        Distribution {
            count: self.count as u64,
            mean: (!is_empty).then(|| rounded(mean)),
            max: (!is_empty).then(|| rounded(self.max)),
            ..Distribution::with_percentiles(self.count, |rank| self.at(rank))
        }
    }

    /// Returns the value of this rank, from 0 on, as the middle of its interval.
    fn at(&self, rank: usize) -> Measurement {
        let mut behind = 0;
        let mut intervals = self.intervals();
        let found = intervals.find(|(_, count)| {
            behind += *count as usize;
            behind > rank
        });
        found.map_or(self.max, |(interval, _)| middle(interval).min(self.max))
    }
}

/// Returns the interval that a value lies in.
pub fn interval(value: Measurement) -> i16 {
    if value > 0.0 {
        (f64::from(value.min(Measurement::MAX)).log2() * INTERVALS_PER_DOUBLING).ceil() as i16
    } else {
        ZERO
    }
}

/// Returns the value in the middle of an interval.
fn middle(interval: i16) -> Measurement {
    if interval == ZERO {
        return 0.0;
    }
    ((f64::from(interval) - 0.5) / INTERVALS_PER_DOUBLING).exp2() as Measurement
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sketch_is_less_than_a_hundredth_off(values in proptest::collection::vec(1e-6_f64..1e7, 100..400)) {
            let mut exact = ValueSamples::default();
            values.iter().for_each(|value| exact.add(*value));
            let mut sketch = exact.clone();
            sketch.blur();
            let buckets = [exact.buckets(), sketch.buckets()];
            let [exact, sketch] = [exact, sketch].map(|mut samples| samples.distribution());
            prop_assert_eq!((exact.count, exact.max), (sketch.count, sketch.max));
            for (one, other) in [(exact.p50, sketch.p50), (exact.p90, sketch.p90), (exact.p95, sketch.p95), (exact.p99, sketch.p99)] {
                let (one, other) = (one.unwrap(), other.unwrap());
                prop_assert!((one - other).abs() <= one * 0.01, "{} is {}", one, other);
            }
            prop_assert!((exact.mean.unwrap() / sketch.mean.unwrap() - 1.0).abs() < 1e-4);
            let moved: u64 = buckets[0].iter().zip(&buckets[1]).map(|(one, other)| one.requests.abs_diff(other.requests)).sum();
            prop_assert!(moved <= 2, "{} values changed their bucket", moved);
        }
    }

    #[test]
    fn parts_make_the_sketch_of_the_whole() {
        let part = |range: std::ops::Range<u32>, is_blurred: bool| {
            let mut samples = ValueSamples::default();
            range.for_each(|n| samples.add(f64::from(n)));
            if is_blurred {
                samples.blur();
            }
            samples
        };
        let mut whole = part(0..200, true);
        for is_blurred in [[true, true], [true, false], [false, true]] {
            let mut merged = part(0..50, is_blurred[0]);
            merged.merge(part(50..200, is_blurred[1]));
            assert_eq!(merged.distribution(), whole.distribution());
        }
        let nothing = ValueSamples::Sketch(Sketch::default()).distribution();
        assert_eq!(nothing, Distribution::default());
    }
}
