//! The speeds of many requests in bounded memory: of each class of requests that can be compared,
//! the newest.

use std::collections::HashMap;

use super::{Dimension, SIDE_MAX};
use crate::util::name_table::NameTable;

/// How many classes there are at most: of more, those are kept that had a request last.
pub const CLASSES_MAX: usize = 1000;

/// Stands for a value that is unknown.
pub const UNKNOWN: u32 = 0;

/// A request that succeeded, with all that its speed depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample<'s> {
    /// Unix seconds.
    pub timestamp: f64,
    pub model: &'s str,
    /// What is told of the speed differs between them.
    pub endpoint: &'s str,
    /// The tap that saw it: another one may be on another machine.
    pub host: Option<&'s str>,
    pub tap: Option<u16>,
    /// Generated tokens by the time that it took.
    pub tokens_per_second: f64,
    pub version: Option<&'s str>,
    pub digest: Option<&'s str>,
    pub quantization: Option<&'s str>,
    /// From 0 to 1.
    pub vram_share: Option<f64>,
    /// Tokens of the prompt and of the reply.
    pub tokens: u64,
}

/// Requests whose speeds may differ by chance alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleClass {
    pub model: u32,
    pub place: Place,
    /// By `Dimension`: the number of a name, or a percentage and 1.
    pub values: [u32; Dimension::ALL.len()],
}

/// What has to be the same on both sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    endpoint: u32,
    host: u32,
    tap: Option<u16>,
    context_band: u32,
}

/// A request's time (Unix seconds) and speed (tokens per second).
pub type Speed = (f64, f32);

/// The speeds of one class.
#[derive(Debug, Default)]
pub struct ClassSpeeds {
    newest: Vec<Speed>,
    /// When the last request came (Unix seconds).
    pub last: f64,
}

/// Gathers samples in any order.
#[derive(Default)]
pub struct Samples {
    names: NameTable,
    classes: HashMap<SampleClass, ClassSpeeds>,
}

impl Samples {
    pub fn add(&mut self, sample: &Sample) {
        if sample.tokens_per_second <= 0.0 || !sample.tokens_per_second.is_finite() {
            return;
        }
        let class = self.class(sample);
        let speed = (sample.timestamp, sample.tokens_per_second as f32);
        self.classes.entry(class).or_default().add(speed);
        if self.classes.len() > 2 * CLASSES_MAX {
            self.forget_oldest();
        }
    }

    fn class(&mut self, sample: &Sample) -> SampleClass {
        let names = &mut self.names;
        names.number(""); // has the number of what is unknown
        let mut number = |name: Option<&str>| names.number(name.unwrap_or_default());
        let percent = |share: f64| (share.clamp(0.0, 1.0) * 100.0).round() as u32 + 1;
        SampleClass {
            model: number(Some(sample.model)),
            place: Place {
                endpoint: number(Some(sample.endpoint)),
                host: number(sample.host),
                tap: sample.tap,
                context_band: context_band(sample.tokens),
            },
            values: Dimension::ALL.map(|dimension| match dimension {
                Dimension::Version => number(sample.version),
                Dimension::Quantization => number(sample.quantization),
                Dimension::Digest => number(sample.digest),
                Dimension::VramShare => sample.vram_share.map_or(UNKNOWN, percent),
            }),
        }
    }

    fn forget_oldest(&mut self) {
        let mut times: Vec<f64> = self.classes.values().map(|speeds| speeds.last).collect();
        let (_, bound, _) = times.select_nth_unstable_by(CLASSES_MAX, |a, b| b.total_cmp(a));
        let bound = *bound;
        self.classes.retain(|_, speeds| speeds.last > bound);
    }

    /// The models, each with its classes.
    pub fn models(&self) -> HashMap<u32, Vec<(SampleClass, &ClassSpeeds)>> {
        let mut models: HashMap<u32, Vec<_>> = HashMap::new();
        for (class, speeds) in &self.classes {
            models
                .entry(class.model)
                .or_default()
                .push((*class, speeds));
        }
        models
    }

    pub fn name(&self, number: u32) -> &str {
        self.names.text(number)
    }
}

impl ClassSpeeds {
    fn add(&mut self, speed: Speed) {
        self.last = self.last.max(speed.0);
        self.newest.push(speed);
        if self.newest.len() >= 2 * SIDE_MAX {
            self.newest
                .select_nth_unstable_by(SIDE_MAX, |a, b| b.0.total_cmp(&a.0));
            self.newest.truncate(SIDE_MAX);
        }
    }
}

/// The newest speeds of several classes that came after `after` (Unix seconds), newest first.
pub fn newest<'s>(sides: impl Iterator<Item = &'s ClassSpeeds>, after: f64) -> Vec<Speed> {
    let mut speeds: Vec<Speed> = sides
        .flat_map(|side| side.newest.iter().copied())
        .filter(|(timestamp, _)| *timestamp > after)
        .collect();
    speeds.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    speeds.truncate(SIDE_MAX);
    speeds
}

/// The band of a context that holds so many tokens: each is twice as long as the one before, from
/// 2,048 tokens on.
pub fn context_band(tokens: u64) -> u32 {
    (tokens / 2048).saturating_add(1).ilog2()
}
