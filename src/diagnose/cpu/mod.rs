//! CPU: a model that lies less in VRAM than it did before, so that the CPU does part of its work.
//!
//! The best share of each model is kept beside the history, since a machine that is started with
//! too little room would look healthy to itself.

pub mod speed;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::seen::Loaded;
use super::words::percent;
use super::{Certainty, Finding, Kind, Seen};

/// How much less of a model in VRAM is a finding: below, Ollama's own estimates differ from load to
/// load.
pub const SHARE_LOST_MIN: f64 = 0.05;

/// How long a machine counts as one with VRAM after it last showed some.
pub const VRAM_REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// How many models are remembered, and how many contexts of each.
pub const MODELS_MAX: usize = 200;
pub const CONTEXTS_MAX: usize = 8;

/// What was seen of models in VRAM. It is written as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BestShares {
    /// When some model was last seen in VRAM (Unix seconds).
    vram_seen: u64,
    /// The one that was loaded last at the end.
    models: Vec<BestShare>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct BestShare {
    model: String,
    /// Another digest is another model.
    digest: Option<String>,
    /// Context in tokens and share, each the best at that context.
    contexts: Vec<(u64, f64)>,
}

/// The part of a model that lies in VRAM, from 0 to 1; `None` where its size is not told.
pub fn vram_share(loaded: &Loaded) -> Option<f64> {
    let share = loaded.size_vram as f64 / loaded.size as f64;
    (loaded.size > 0).then_some(share.min(1.0))
}

impl BestShares {
    /// Reads what `to_json` wrote. What cannot be read is as if nothing had been seen.
    pub fn from_json(json: &[u8]) -> BestShares {
        let mut best: BestShares = serde_json::from_slice(json).unwrap_or_default();
        best.models.truncate(MODELS_MAX);
        best.models
            .iter_mut()
            .for_each(|model| model.contexts.truncate(CONTEXTS_MAX));
        best
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Notes a model of an answer of /api/ps. Whether something is new, and so has to be written.
    pub fn note(
        &mut self,
        model: &str,
        digest: Option<&str>,
        loaded: &Loaded,
        now: SystemTime,
    ) -> bool {
        let Some(share) = vram_share(loaded) else {
            return false;
        };
        let context = loaded.context_length.unwrap_or_default();
        let is_new = self.known(model, digest).note(context, share);
        let day = unix(now) / 86_400 * 86_400;
        let is_day_new = share > 0.0 && day > self.vram_seen;
        if is_day_new {
            self.vram_seen = day;
        }
        is_new || is_day_new
    }

    /// The finding of a request whose model lies less in VRAM than it could. `layers` is the
    /// `num_gpu` that it was loaded with: who asks for fewer layers on the GPU gets what was asked
    /// for.
    pub fn fallback(&self, seen: &Seen, layers: Option<i64>) -> Option<Finding> {
        let loaded = seen.loaded.as_ref()?;
        let share = vram_share(loaded)?;
        let context = loaded.context_length.unwrap_or_default();
        let best = self.best(&seen.model, context);
        let is_less = best.is_some_and(|(_, best)| share + SHARE_LOST_MIN <= best + f64::EPSILON);
        let is_none = share == 0.0 && self.has_vram(seen.arrived);
        let is_wanted = layers.is_some_and(|layers| layers >= 0);
        ((is_less || is_none) && !is_wanted).then(|| tell(seen, loaded, share, best))
    }

    /// The best share of the model at this context or a larger one, and the context of it.
    fn best(&self, model: &str, context: u64) -> Option<(u64, f64)> {
        let known = self.models.iter().find(|known| known.model == model)?;
        let mut same = known
            .contexts
            .iter()
            .filter(|(length, _)| *length >= context);
        let first = *same.next()?;
        Some(same.fold(
            first,
            |best, next| if next.1 > best.1 { *next } else { best },
        ))
    }

    fn has_vram(&self, now: SystemTime) -> bool {
        let remembered = VRAM_REMEMBERED.as_secs() + 86_400;
        self.vram_seen > 0 && unix(now).saturating_sub(self.vram_seen) <= remembered
    }

    fn known(&mut self, model: &str, digest: Option<&str>) -> &mut BestShare {
        let found = self.models.iter().position(|known| known.model == model);
        let mut known = found
            .map(|index| self.models.remove(index))
            .unwrap_or_default();
        let is_other =
            digest.is_some() && known.digest.is_some() && known.digest.as_deref() != digest;
        if is_other {
            known.contexts.clear();
        }
        known.model = model.to_owned();
        known.digest = digest.map(str::to_owned).or(known.digest);
        if self.models.len() >= MODELS_MAX {
            self.models.remove(0);
        }
        self.models.push(known);
        let last = self.models.len() - 1;
        &mut self.models[last]
    }
}

impl BestShare {
    /// Notes a share; whether it is the best at this context.
    fn note(&mut self, context: u64, share: f64) -> bool {
        if let Some((_, best)) = self
            .contexts
            .iter_mut()
            .find(|(length, _)| *length == context)
        {
            let is_better = share > *best;
            *best = best.max(share);
            return is_better;
        }
        if self.contexts.len() >= CONTEXTS_MAX {
            self.contexts.remove(0);
        }
        self.contexts.push((context, share));
        true
    }
}

fn tell(seen: &Seen, loaded: &Loaded, share: f64, best: Option<(u64, f64)>) -> Finding {
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let (vram, size) = (gigabytes(loaded.size_vram), gigabytes(loaded.size));
    let best = best.filter(|(_, best)| *best > share);
    let before = match best {
        Some((0, best)) => format!("; it was {} before", percent(best)),
        Some((context, best)) => format!("; it was {} with a context of {context}", percent(best)),
        None => "; other models are in VRAM here".to_owned(),
    };
    let share_said = format!("{} of {} runs on the CPU", percent(1.0 - share), seen.model);
    Finding::new(
        Kind::CpuFallback,
        Certainty::Sure,
        if share > 0.0 { "part" } else { "all" },
    )
    .sentence(format!(
        "{share_said}: {vram} of its {size} are in VRAM{before}"
    ))
    .way_out(
        "free VRAM: unload other models (OLLAMA_MAX_LOADED_MODELS=1), end other programs that use \
             the GPU, or take a smaller num_ctx or quantization; if no model gets VRAM any more, \
             restart Ollama and look at its log for the driver",
    )
    .field("vram_share", Some(share))
    .field("best_vram_share", best.map(|(_, best)| best))
    .field("context_length", loaded.context_length)
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
