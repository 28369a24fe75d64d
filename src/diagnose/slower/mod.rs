//! SLOWER: a model that answers more slowly since something changed: Ollama's version, the file,
//! its share of VRAM.
//!
//! Like is compared with like: the requests before and after differ in one thing alone. The
//! difference counts only where it is large, and its interval far from chance, since traffic
//! differs from day to day by itself.

mod interval;
mod samples;
#[cfg(test)]
mod tests;

use interval::{Shift, median};
use samples::{ClassSpeeds, SampleClass, Speed, UNKNOWN, newest};
pub use samples::{Sample, Samples};
use serde_json::json;

use super::words::percent;
use super::{Certainty, Finding, Kind};

/// How many requests each side needs, and how many of the newest are compared.
pub const SIDE_MIN: usize = 30;
pub const SIDE_MAX: usize = 300;

/// How much slower the median has to be.
pub const SLOWER_MIN: f64 = 0.08;

/// What can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Version,
    Quantization,
    Digest,
    VramShare,
}

/// A model that is slower than it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Slower {
    pub model: String,
    pub dimension: Dimension,
    pub from: String,
    pub to: String,
    /// When the first and the last request after the change came (Unix seconds).
    pub since: f64,
    pub last: f64,
    /// Medians, in tokens per second.
    pub before: f64,
    pub after: f64,
    /// The 99 % interval of after / before.
    pub interval: (f64, f64),
    pub requests: (usize, usize),
}

impl Dimension {
    /// In the order in which they are looked at: another quantization is always another file too.
    const ALL: [Dimension; 4] = [
        Dimension::Version,
        Dimension::Quantization,
        Dimension::Digest,
        Dimension::VramShare,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Dimension::Version => "version",
            Dimension::Quantization => "quantization",
            Dimension::Digest => "digest",
            Dimension::VramShare => "vram_share",
        }
    }

    fn of(self, class: &SampleClass) -> u32 {
        class.values[self as usize]
    }

    /// Whether two classes are alike in all else.
    fn is_alike(self, one: &SampleClass, other: &SampleClass) -> bool {
        let is_file = |dimension| matches!(dimension, Dimension::Digest | Dimension::Quantization);
        one.place == other.place
            && Dimension::ALL
                .into_iter()
                .filter(|dimension| *dimension != self && !(is_file(self) && is_file(*dimension)))
                .all(|dimension| dimension.of(one) == dimension.of(other))
    }

    /// A value, as machines read it.
    fn text(self, samples: &Samples, value: u32) -> String {
        match self {
            Dimension::VramShare => value.saturating_sub(1).to_string(),
            _ => samples.name(value).to_owned(),
        }
    }

    /// The side of a comparison, as people say it.
    fn said(self, value: &str) -> String {
        match self {
            Dimension::Version => format!("Ollama {value}"),
            Dimension::Quantization => value.to_owned(),
            Dimension::Digest => format!("file {value}"),
            Dimension::VramShare => format!("{value} % in VRAM"),
        }
    }
}

/// The speeds before and after the last change, newest first.
struct Sides {
    from: u32,
    to: u32,
    before: Vec<Speed>,
    after: Vec<Speed>,
}

impl Samples {
    /// The models that are slower since the last change of something.
    pub fn slower(&self) -> Vec<Slower> {
        let models = self.models().into_iter();
        // One finding a model: the first thing that explains it.
        let mut found: Vec<Slower> = models
            .filter_map(|(model, classes)| {
                let mut dimensions = Dimension::ALL.into_iter();
                dimensions.find_map(|dimension| self.compare(model, &classes, dimension))
            })
            .collect();
        found.sort_by(|a, b| a.model.cmp(&b.model));
        found
    }

    /// Compares the requests of a model as it is now with those before something changed, in the
    /// place that has most of both.
    fn compare(
        &self,
        model: u32,
        classes: &[(SampleClass, &ClassSpeeds)],
        dimension: Dimension,
    ) -> Option<Slower> {
        let places = classes.iter().filter(|(class, speeds)| {
            let others = classes
                .iter()
                .filter(|(other, _)| other.place == class.place);
            others
                .into_iter()
                .all(|(_, other)| other.last <= speeds.last)
        });
        let sides = places
            .filter_map(|(now, _)| Sides::of(classes, now, dimension))
            .max_by_key(|sides| sides.before.len().min(sides.after.len()))?;
        let speeds = |side: &[Speed]| {
            side.iter()
                .map(|speed| speed.1.into())
                .collect::<Vec<f64>>()
        };
        let (before, after) = (speeds(&sides.before), speeds(&sides.after));
        if median(&after) > (1.0 - SLOWER_MIN) * median(&before) {
            return None;
        }
        let shift = Shift::between(&before, &after).filter(|shift| shift.interval.1 < 1.0)?;
        Some(Slower {
            model: self.name(model).to_owned(),
            dimension,
            from: dimension.text(self, sides.from),
            to: dimension.text(self, sides.to),
            since: sides.after.last()?.0,
            last: sides.after.first()?.0,
            before: shift.before,
            after: shift.after,
            interval: shift.interval,
            requests: (before.len(), after.len()),
        })
    }
}

impl Sides {
    /// The requests before and after the last change in the place of `now`; `None` where a side has
    /// too few.
    fn of(
        classes: &[(SampleClass, &ClassSpeeds)],
        now: &SampleClass,
        dimension: Dimension,
    ) -> Option<Sides> {
        let to = dimension.of(now);
        let alike: Vec<_> = classes
            .iter()
            .filter(|(class, _)| dimension.of(class) != UNKNOWN && dimension.is_alike(class, now))
            .collect();
        let others = alike.iter().filter(|(class, _)| dimension.of(class) != to);
        let (last, _) = others.max_by(|a, b| a.1.last.total_cmp(&b.1.last))?;
        let from = dimension.of(last);
        let side = |value, after| {
            let own = alike
                .iter()
                .filter(|(class, _)| dimension.of(class) == value);
            newest(own.map(|(_, speeds)| *speeds), after)
        };
        let before = side(from, f64::NEG_INFINITY);
        let after = side(to, before.first()?.0);
        let is_enough = to != UNKNOWN && before.len() >= SIDE_MIN && after.len() >= SIDE_MIN;
        is_enough.then_some(Sides {
            from,
            to,
            before,
            after,
        })
    }
}

impl Slower {
    pub fn finding(&self) -> Finding {
        let slower = percent(1.0 - self.after / self.before);
        let (from, to) = (
            self.dimension.said(&self.from),
            self.dimension.said(&self.to),
        );
        let sentence = format!(
            "{} is {slower} slower with {to} than with {from}: {:.1} instead of {:.1} tokens/s \
             (medians of {} and {} requests)",
            self.model, self.after, self.before, self.requests.1, self.requests.0
        );
        Finding::new(Kind::Slower, Certainty::Likely, self.dimension.as_str())
            .sentence(sentence)
            .way_out(self.way_out())
            .field("from", Some(self.from.clone()))
            .field("to", Some(self.to.clone()))
            .field("before_tokens_per_second", Some(self.before))
            .field("after_tokens_per_second", Some(self.after))
            .field("interval", Some(json!([self.interval.0, self.interval.1])))
    }

    fn way_out(&self) -> String {
        match self.dimension {
            Dimension::Version => format!(
                "look into the release notes, and go back to {} to make sure",
                self.from
            ),
            Dimension::Digest => format!("see what the new file is: ollama show {}", self.model),
            Dimension::Quantization => format!("go back to {} if its quality is enough", self.from),
            Dimension::VramShare => "free VRAM, or take a smaller num_ctx".to_owned(),
        }
    }
}
