//! What the time of a request went into, as a record tells it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnose::time_spent::TimeSpent;

/// The parts of a request's duration, or of many, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecondsSpent {
    /// In the tap, in Ollama's queue, and behind the load or the answer of another request.
    pub queue: f64,
    /// Loading the model for this request.
    pub load: f64,
    /// Reading the prompt.
    pub prompt: f64,
    pub generation: f64,
    /// What nobody told.
    pub other: f64,
}

impl SecondsSpent {
    /// Returns what was found when the request ended; `None` where nobody looked.
    pub fn of(spent: TimeSpent) -> Option<SecondsSpent> {
        let seconds = |time: Duration| time.as_secs_f64();
        (spent != TimeSpent::default()).then(|| SecondsSpent {
            queue: seconds(spent.queue),
            load: seconds(spent.load),
            prompt: seconds(spent.prompt),
            generation: seconds(spent.generation),
            other: seconds(spent.other),
        })
    }

    /// Returns what a reply told by itself of a request that took `duration`: that it waited for
    /// another one was not looked at.
    pub fn told(
        duration: Option<f64>,
        load: Option<f64>,
        prompt: Option<f64>,
        generation: Option<f64>,
    ) -> SecondsSpent {
        let told = SecondsSpent {
            load: load.unwrap_or(0.0),
            prompt: prompt.unwrap_or(0.0),
            generation: generation.unwrap_or(0.0),
            ..SecondsSpent::default()
        };
        told.with_rest_of(duration.unwrap_or(0.0))
    }

    /// Returns the parts with `other` as what they lack to `duration` seconds.
    pub fn with_rest_of(self, duration: f64) -> SecondsSpent {
        let told = self.queue + self.load + self.prompt + self.generation;
        SecondsSpent {
            other: (duration - told).max(0.0),
            ..self
        }
    }

    pub fn add(&mut self, more: SecondsSpent) {
        self.queue += more.queue;
        self.load += more.load;
        self.prompt += more.prompt;
        self.generation += more.generation;
        self.other += more.other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_told_is_the_rest_and_never_less_than_nothing() {
        let told = SecondsSpent::told(Some(10.0), Some(2.0), None, Some(5.0));
        assert_eq!((told.load, told.generation, told.other), (2.0, 5.0, 3.0));
        assert_eq!(
            SecondsSpent::told(Some(1.0), Some(2.0), None, None).other,
            0.0
        );
        assert_eq!(SecondsSpent::told(Some(7.0), None, None, None).other, 7.0);
    }

    #[test]
    fn a_request_that_nobody_looked_at_has_none() {
        assert_eq!(SecondsSpent::of(TimeSpent::default()), None);
        let spent = TimeSpent {
            queue: Duration::from_millis(1500),
            ..TimeSpent::default()
        };
        assert_eq!(SecondsSpent::of(spent).map(|spent| spent.queue), Some(1.5));
    }
}
