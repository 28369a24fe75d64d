//! The models in memory: loading them, who waits for whom, and what is left of earlier prompts.
//!
//! As with Ollama, a model is loaded again for another context; the load waits until the requests
//! for the one before are answered, and so does one that takes the room of another model. Each
//! model answers a few requests at a time, and the others in the order in which they came. All of
//! that is planned when a request arrives: then it is known how long everything takes.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::models::{MODELS, Model};
use super::prompt::tokens;
use crate::diagnose::keep_alive::KeepAlive;
use crate::util::threads::lock;

/// A model is unloaded once it was not used for this long. Ollama keeps one for five minutes; a
/// demo should show more than one load.
const KEEP_DEFAULT: Duration = Duration::from_secs(60);

/// As good as for ever.
const KEEP_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Prompts that a model remembers.
const PROMPTS_MAX: usize = 8;

/// The part of a model that lies in VRAM where there is too little of it, and its speed then.
const SPILLED_SHARE: f64 = 0.62;
const SPILLED_SPEED: f64 = 0.3;

/// The models that are in memory.
#[derive(Default)]
pub struct LoadedModels(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    models: HashMap<&'static str, LoadedModel>,
    /// Those that have to go, each with when its requests are answered.
    leaving: Vec<(LoadedModel, Instant)>,
    load_counts: HashMap<&'static str, u32>,
}

struct LoadedModel {
    model: &'static Model,
    context_length: u64,
    vram_share: f64,
    /// The moment at which it is loaded.
    ready: Instant,
    /// When each of its places is free.
    places: Vec<Instant>,
    keep: Duration,
    expires: Instant,
    /// The newest last.
    prompts: VecDeque<String>,
}

/// What a request wants of its model.
pub struct ModelUse<'a> {
    pub model: &'static Model,
    pub context_length: u64,
    pub keep_alive: Option<KeepAlive>,
    /// All that the model is to read; empty where it only has to be loaded.
    pub prompt: &'a str,
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelTurn {
    /// From the arrival until the model is loaded, all that its load waits for included.
    pub load: Duration,
    /// From then on until the requests ahead are answered.
    pub queue: Duration,
    /// Tokens of the prompt that the model has read before.
    pub cached_tokens: u64,
    /// The part of the model's speed that it has now.
    pub speed: f64,
}

/// A model as /api/ps lists it.
pub struct ListedModel {
    pub model: &'static Model,
    pub context_length: u64,
    pub vram_share: f64,
    /// Until it is unloaded, without another request.
    pub left: Duration,
}

impl LoadedModels {
    /// Uses a model at `now`, and loads it where it is not there as it is wanted; loading `takes`
    /// so long. `plan` makes of the turn what is done in it, and how long the model works for it.
    pub fn take_turn<T>(
        &self,
        wanted: &ModelUse,
        now: Instant,
        takes: Duration,
        plan: impl FnOnce(ModelTurn) -> (T, Duration),
    ) -> T {
        let mut memory = self.lock();
        let loaded = memory.load(wanted, now, takes);
        let ready = loaded.ready.max(now);
        let (place, begins) = loaded.next_place(ready);
        let (planned, work) = plan(ModelTurn {
            load: ready - now,
            queue: begins - ready,
            cached_tokens: loaded.cached_tokens(wanted.prompt),
            speed: if loaded.vram_share < 1.0 {
                SPILLED_SPEED
            } else {
                1.0
            },
        });
        loaded.places[place] = begins + work;
        loaded.expires = loaded.free().max(begins + work) + loaded.keep;
        loaded.remember(wanted.prompt);
        planned
    }

    pub fn unload(&self, model: &Model) {
        self.lock().models.remove(model.name);
    }

    /// Lists the models in memory.
    pub fn list(&self, now: Instant) -> Vec<ListedModel> {
        let memory = self.lock();
        let leaving = memory
            .leaving
            .iter()
            .map(|(loaded, leaves)| (loaded, *leaves));
        let staying = memory
            .models
            .values()
            .map(|loaded| (loaded, loaded.expires));
        let all: Vec<_> = leaving
            .chain(staying)
            .filter(|(_, ends)| *ends > now)
            .collect();
        let listed = |model: &Model| {
            let (loaded, ends) = all
                .iter()
                .find(|(loaded, _)| loaded.model.name == model.name)?;
            Some(ListedModel {
                model: loaded.model,
                context_length: loaded.context_length,
                vram_share: loaded.vram_share,
                left: *ends - now,
            })
        };
        MODELS.iter().filter_map(listed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        lock(&self.0)
    }
}

impl Memory {
    fn load(&mut self, wanted: &ModelUse, now: Instant, takes: Duration) -> &mut LoadedModel {
        let name = wanted.model.name;
        self.models.retain(|_, loaded| loaded.expires > now);
        self.leaving.retain(|(_, leaves)| *leaves > now);
        let known = self.models.get(name);
        let is_there = known.is_some_and(|known| known.context_length == wanted.context_length);
        let ready = if is_there {
            now
        } else {
            self.make_room(wanted.model, now) + takes
        };
        let loads = self.load_counts.entry(name).or_default();
        *loads += u32::from(!is_there);
        let loaded = self
            .models
            .entry(name)
            .or_insert_with(|| LoadedModel::new(wanted, *loads, ready));
        loaded.keep_for(wanted.keep_alive);
        loaded
    }

    /// Has leave what has to go for a model, and returns when all of it is gone.
    fn make_room(&mut self, model: &Model, now: Instant) -> Instant {
        let goes = |other: &LoadedModel| {
            other.model.name == model.name || other.model.is_large && model.is_large
        };
        let going = self.models.extract_if(|_, other| goes(other));
        let going = going.map(|(_, other)| (other.free().max(now), other));
        self.leaving
            .extend(going.map(|(leaves, other)| (other, leaves)));
        let leaving = self.leaving.iter().filter(|(other, _)| goes(other));
        leaving.map(|(_, leaves)| *leaves).fold(now, Instant::max)
    }
}

impl LoadedModel {
    /// The model of this load of it, the first of which is 1.
    fn new(wanted: &ModelUse, load: u32, ready: Instant) -> LoadedModel {
        let is_spilled = wanted.model.spills && load.is_multiple_of(2);
        LoadedModel {
            model: wanted.model,
            context_length: wanted.context_length,
            vram_share: if is_spilled { SPILLED_SHARE } else { 1.0 },
            ready,
            places: vec![ready; wanted.model.places],
            keep: KEEP_DEFAULT,
            expires: ready + KEEP_DEFAULT,
            prompts: VecDeque::new(),
        }
    }

    fn keep_for(&mut self, keep_alive: Option<KeepAlive>) {
        match keep_alive {
            Some(KeepAlive::For(keep)) => self.keep = keep,
            Some(KeepAlive::Forever) => self.keep = KEEP_MAX,
            None => {}
        }
    }

    /// Returns the place that is free first, and when that is, from `ready` on.
    fn next_place(&self, ready: Instant) -> (usize, Instant) {
        let places = self.places.iter().copied().enumerate();
        let first = places.min_by_key(|(_, free)| *free);
        first.map_or((0, ready), |(place, free)| (place, free.max(ready)))
    }

    /// Returns when all requests are answered.
    fn free(&self) -> Instant {
        self.places.iter().copied().fold(self.ready, Instant::max)
    }

    /// Counts the tokens at the beginning of a prompt that one before it began with.
    fn cached_tokens(&self, prompt: &str) -> u64 {
        let prefixes = self
            .prompts
            .iter()
            .map(|known| common_prefix(known, prompt));
        let cached = tokens(
            prefixes
                .max_by_key(|prefix| prefix.len())
                .unwrap_or_default(),
        );
        // The last token is always read.
        cached.min(tokens(prompt).saturating_sub(1))
    }

    fn remember(&mut self, prompt: &str) {
        if prompt.is_empty() {
            return;
        }
        if self.prompts.len() >= PROMPTS_MAX {
            self.prompts.pop_front();
        }
        self.prompts.push_back(prompt.to_owned());
    }
}

/// Returns what both texts begin with.
fn common_prefix<'a>(one: &str, other: &'a str) -> &'a str {
    let mut pairs = one.chars().zip(other.char_indices());
    let end = pairs.find_map(|(one, (at, other))| (one != other).then_some(at));
    &other[..end.unwrap_or(one.len().min(other.len()))]
}
