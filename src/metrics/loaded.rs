//! What Ollama says of itself: up or not, its version, and the models that it holds in memory.

use std::collections::HashSet;
use std::sync::Mutex;

use super::families::Families;
use super::labels::{MAX_MODELS, MAX_NAME, UNKNOWN, locked};

/// What Ollama says of itself in /api/version and /api/ps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OllamaStatus {
    pub up: bool,
    pub version: Option<String>,
    pub models: Vec<LoadedModel>,
}

/// A model that Ollama holds in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedModel {
    pub name: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes on GPUs.
    pub size_vram: u64,
    /// In tokens; older versions do not say.
    pub context_length: Option<u64>,
}

/// The status that is on show. A series that stays is never taken away in between, so no scrape misses it.
#[derive(Default)]
pub struct Loaded(Mutex<OllamaStatus>);

impl Loaded {
    pub fn show(&self, status: &OllamaStatus, families: &Families) {
        let mut shown = locked(&self.0);
        let fits = |model: &&LoadedModel| !model.name.is_empty() && model.name.len() <= MAX_NAME;
        let models: Vec<LoadedModel> = status.models.iter().filter(fits).take(MAX_MODELS).cloned().collect();
        for model in &models {
            show_model(model, families);
        }
        let names: HashSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        for gone in shown.models.iter().filter(|model| !names.contains(model.name.as_str())) {
            hide_model(&gone.name, families);
        }
        show_version(version_label(&status.version), version_label(&shown.version), families);
        *shown = OllamaStatus { models, ..status.clone() };
    }
}

fn show_model(model: &LoadedModel, families: &Families) {
    let name = &[model.name.as_str()];
    families.model_loaded.with_label_values(name).set(1);
    families.model_size.with_label_values(name).set(signed(model.size));
    families.model_vram.with_label_values(name).set(signed(model.size_vram));
    match model.context_length {
        Some(tokens) => families.model_context.with_label_values(name).set(signed(tokens)),
        None => drop(families.model_context.remove_label_values(name)),
    }
}

/// A series that was not there is no error: the context's length may never have been known.
fn hide_model(name: &str, families: &Families) {
    for family in [&families.model_loaded, &families.model_size, &families.model_vram, &families.model_context] {
        drop(family.remove_label_values(&[name]));
    }
}

fn show_version(now: &str, before: &str, families: &Families) {
    families.version_info.with_label_values(&[now]).set(1);
    if now != before {
        drop(families.version_info.remove_label_values(&[before]));
    }
}

fn version_label(version: &Option<String>) -> &str {
    version.as_deref().filter(|version| !version.is_empty() && version.len() <= MAX_NAME).unwrap_or(UNKNOWN)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
