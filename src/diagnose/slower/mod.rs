//! SLOWER: a model that answers more slowly since something changed: Ollama's version, the file,
//! its share of VRAM.
//!
//! Like is compared with like: the requests before and after differ in one thing alone. The
//! difference counts only where it is large, and its interval far from chance, since traffic
//! differs from day to day by itself.

mod interval;
#[cfg(test)]
mod tests;

use interval::Shift;
use serde_json::json;

use super::words::percent;
use super::{Certainty, Finding, Kind};

/// How many requests each side needs, and how many of the newest are compared.
pub const SIDE_MIN: usize = 30;
pub const SIDE_MAX: usize = 300;

/// How much slower the median has to be.
pub const SLOWER_MIN: f64 = 0.08;

/// How many requests are looked at, the newest first.
pub const SAMPLES_MAX: usize = 20_000;

/// A warm request that succeeded, with all that its speed depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub id: String,
    /// Unix seconds.
    pub timestamp: f64,
    pub model: String,
    pub client: Option<String>,
    /// Generated tokens by the time that it took.
    pub tokens_per_second: f64,
    pub version: Option<String>,
    pub digest: Option<String>,
    pub quantization: Option<String>,
    /// In per cent, so that rounding does not part what is alike.
    pub vram_share: Option<u8>,
    pub context_band: u32,
}

/// What can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Version,
    Digest,
    Quantization,
    VramShare,
}

/// A model that is slower than it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Slower {
    pub model: String,
    pub dimension: Dimension,
    pub from: String,
    pub to: String,
    /// When the first request after the change came (Unix seconds).
    pub since: f64,
    /// Medians, in tokens per second.
    pub before: f64,
    pub after: f64,
    /// The 99 % interval of after / before.
    pub interval: (f64, f64),
    pub requests: (usize, usize),
    pub examples: Vec<String>,
}

/// The band of a context that holds so many tokens: each is twice as long as the one before, from
/// 2,048 tokens on.
pub fn context_band(tokens: u64) -> u32 {
    (tokens / 2048 + 1).ilog2()
}

impl Dimension {
    const ALL: [Dimension; 4] = [
        Dimension::Version,
        Dimension::Digest,
        Dimension::Quantization,
        Dimension::VramShare,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Dimension::Version => "version",
            Dimension::Digest => "digest",
            Dimension::Quantization => "quantization",
            Dimension::VramShare => "vram_share",
        }
    }

    fn of(self, sample: &Sample) -> Option<String> {
        match self {
            Dimension::Version => sample.version.clone(),
            Dimension::Digest => sample.digest.clone(),
            Dimension::Quantization => sample.quantization.clone(),
            Dimension::VramShare => sample.vram_share.map(|share| share.to_string()),
        }
    }

    /// Whether two samples are alike in all else. Another quantization is always another file.
    fn is_alike(self, one: &Sample, other: &Sample) -> bool {
        let others = Dimension::ALL
            .into_iter()
            .filter(|dimension| *dimension != self);
        let is_file = |dimension| matches!(dimension, Dimension::Digest | Dimension::Quantization);
        one.model == other.model
            && one.context_band == other.context_band
            && others
                .filter(|dimension| !(is_file(self) && is_file(*dimension)))
                .all(|dimension| dimension.of(one) == dimension.of(other))
    }

    /// The side of a comparison, as people say it.
    fn said(self, value: &str) -> String {
        match self {
            Dimension::Version => format!("Ollama {value}"),
            Dimension::Digest => format!("file {}", value.get(..12).unwrap_or(value)),
            Dimension::Quantization => value.to_owned(),
            Dimension::VramShare => format!("{value} % in VRAM"),
        }
    }
}

/// The models that are slower since the last change of something, in any order of samples.
pub fn slower(samples: &[Sample]) -> Vec<Slower> {
    let is_speed = |sample: &&Sample| sample.tokens_per_second.is_normal();
    let mut newest: Vec<&Sample> = samples.iter().filter(is_speed).collect();
    newest.sort_by(|a, b| b.timestamp.total_cmp(&a.timestamp));
    newest.truncate(SAMPLES_MAX);
    let mut models: Vec<&str> = newest.iter().map(|sample| sample.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let mut found = Vec::new();
    for model in models {
        let own: Vec<&Sample> = newest
            .iter()
            .copied()
            .filter(|s| s.model == model)
            .collect();
        // One finding a model: the first thing that explains it.
        found.extend(
            Dimension::ALL
                .into_iter()
                .find_map(|dimension| compare(&own, dimension)),
        );
    }
    found
}

/// Compares the requests of a model as it is now with those before something changed, in the
/// context band that has most of both.
fn compare(newest: &[&Sample], dimension: Dimension) -> Option<Slower> {
    let mut bands: Vec<u32> = newest.iter().map(|sample| sample.context_band).collect();
    bands.sort_unstable();
    bands.dedup();
    let sides = bands.into_iter().filter_map(|band| {
        let own: Vec<&Sample> = newest
            .iter()
            .copied()
            .filter(|s| s.context_band == band)
            .collect();
        sides(&own, dimension)
    });
    let (before, after) = sides.max_by_key(|(before, after)| before.len().min(after.len()))?;
    let speeds = |side: &[&Sample]| side.iter().map(|s| s.tokens_per_second).collect::<Vec<_>>();
    let shift = Shift::between(&speeds(&before), &speeds(&after))?;
    let is_slower = shift.ratio <= 1.0 - SLOWER_MIN && shift.interval.1 < 1.0;
    is_slower.then(|| Slower {
        model: after[0].model.clone(),
        dimension,
        from: dimension.of(before[0]).unwrap_or_default(),
        to: dimension.of(after[0]).unwrap_or_default(),
        since: after
            .iter()
            .map(|sample| sample.timestamp)
            .fold(f64::INFINITY, f64::min),
        before: shift.before,
        after: shift.after,
        interval: shift.interval,
        requests: (before.len(), after.len()),
        examples: after
            .iter()
            .take(3)
            .map(|sample| sample.id.clone())
            .collect(),
    })
}

/// The requests before and after the last change, newest first; `None` where a side has too few.
fn sides<'s>(
    newest: &[&'s Sample],
    dimension: Dimension,
) -> Option<(Vec<&'s Sample>, Vec<&'s Sample>)> {
    let now = *newest.first()?;
    let value = dimension.of(now)?;
    let alike = || {
        newest
            .iter()
            .copied()
            .filter(|sample| dimension.is_alike(sample, now))
    };
    let last = alike().find_map(|sample| dimension.of(sample).filter(|other| *other != value))?;
    let side = |value: &str| {
        let own = alike().filter(|sample| dimension.of(sample).as_deref() == Some(value));
        own.take(SIDE_MAX).collect::<Vec<_>>()
    };
    let (before, after) = (side(&last), side(&value));
    (before.len() >= SIDE_MIN && after.len() >= SIDE_MIN).then_some((before, after))
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
            Dimension::Digest => "look what the new file of the model is".to_owned(),
            Dimension::Quantization => format!("go back to {} if its quality is enough", self.from),
            Dimension::VramShare => "free VRAM, or take a smaller num_ctx".to_owned(),
        }
    }
}
