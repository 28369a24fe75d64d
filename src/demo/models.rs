//! The stand-in's models: what they can do, how fast they are, and which of them are loaded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A model is unloaded once it was not used for this long. Ollama keeps one for five minutes; a demo should show more than one load.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

pub struct Model {
    /// Without its tag, which is `latest`.
    pub name: &'static str,
    pub capabilities: &'static [&'static str],
    pub parameters: &'static str,
    /// Bytes, on disk and in memory.
    pub size: u64,
    pub tokens_per_second: f64,
    pub load_seconds: f64,
}

pub const MODELS: [Model; 4] = [
    Model {
        name: "demo-chat",
        capabilities: &["completion"],
        parameters: "8.0B",
        size: 4_920_753_328,
        tokens_per_second: 42.0,
        load_seconds: 1.5,
    },
    Model {
        name: "demo-think",
        capabilities: &["completion", "thinking"],
        parameters: "14.8B",
        size: 9_276_198_565,
        tokens_per_second: 28.0,
        load_seconds: 2.4,
    },
    Model {
        name: "demo-tools",
        capabilities: &["completion", "tools"],
        parameters: "7.6B",
        size: 4_683_087_332,
        tokens_per_second: 36.0,
        load_seconds: 1.8,
    },
    Model {
        name: "demo-embed",
        capabilities: &["embedding"],
        parameters: "137M",
        size: 274_302_450,
        tokens_per_second: 900.0,
        load_seconds: 0.6,
    },
];

impl Model {
    /// The model of this name, which may have the tag and comes in any case.
    pub fn named(name: &str) -> Option<&'static Model> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(":latest").unwrap_or(&name);
        MODELS.iter().find(|model| model.name == name)
    }

    pub fn can(&self, what: &str) -> bool {
        self.capabilities.contains(&what)
    }

    pub fn full_name(&self) -> String {
        format!("{}:latest", self.name)
    }
}

/// The models that are in memory.
#[derive(Default)]
pub struct LoadedModels(Mutex<HashMap<&'static str, LoadedModel>>);

#[derive(Clone, Copy)]
struct LoadedModel {
    /// The moment at which it is loaded.
    ready: Instant,
    expires: Instant,
}

impl LoadedModels {
    /// Uses a model at `now`, and loads it where it is not there; loading `takes` so long. Returns how long it takes until it is ready.
    pub fn load(&self, model: &'static Model, now: Instant, takes: Duration) -> Duration {
        let mut loaded = self.lock();
        let ready = loaded
            .get(model.name)
            .filter(|loaded| loaded.expires > now)
            .map_or(now + takes, |loaded| loaded.ready);
        loaded.insert(
            model.name,
            LoadedModel {
                ready,
                expires: ready.max(now) + KEEP_ALIVE,
            },
        );
        ready.saturating_duration_since(now)
    }

    pub fn unload(&self, model: &Model) {
        self.lock().remove(model.name);
    }

    /// Lists the models in memory, and how long each stays there without another request.
    pub fn loaded(&self, now: Instant) -> Vec<(&'static Model, Duration)> {
        let loaded = self.lock();
        let left = |model: &'static Model| {
            Some((
                model,
                loaded
                    .get(model.name)?
                    .expires
                    .checked_duration_since(now)?,
            ))
        };
        MODELS.iter().filter_map(left).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, LoadedModel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD_DURATION: Duration = Duration::from_secs(2);

    #[test]
    fn a_model_is_known_with_and_without_its_tag_in_any_case() {
        for name in ["demo-chat", "demo-chat:latest", "Demo-Chat"] {
            assert_eq!(
                Model::named(name).map(|model| model.name),
                Some("demo-chat"),
                "{name}"
            );
        }
        assert!(Model::named("demo-chat:7b").is_none() && Model::named("").is_none());
    }

    #[test]
    fn a_model_is_loaded_at_its_first_use_and_again_after_it_idled() {
        let (memory, model, now) = (LoadedModels::default(), &MODELS[0], Instant::now());
        assert_eq!(memory.load(model, now, LOAD_DURATION), LOAD_DURATION);
        let later = now + Duration::from_millis(500);
        assert_eq!(
            memory.load(model, later, LOAD_DURATION),
            Duration::from_millis(1500),
            "it is still being loaded"
        );
        let later = now + LOAD_DURATION + KEEP_ALIVE - Duration::from_millis(1);
        assert_eq!(memory.load(model, later, LOAD_DURATION), Duration::ZERO);
        assert_eq!(memory.loaded(later).len(), 1);
        let later = later + KEEP_ALIVE;
        assert!(memory.loaded(later + Duration::from_millis(1)).is_empty());
        assert_eq!(memory.load(model, later, LOAD_DURATION), LOAD_DURATION);
    }

    #[test]
    fn an_unloaded_model_is_gone() {
        let (memory, now) = (LoadedModels::default(), Instant::now());
        memory.load(&MODELS[0], now, LOAD_DURATION);
        memory.unload(&MODELS[0]);
        assert!(memory.loaded(now).is_empty());
        assert_eq!(memory.load(&MODELS[0], now, LOAD_DURATION), LOAD_DURATION);
    }
}
