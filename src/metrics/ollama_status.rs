//! The status of Ollama: its version, and the models that it holds in memory.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::SystemTime;

use super::families::Families;
use super::labels::{MAX_MODEL_LABEL, MAX_MODELS, UNKNOWN};
use crate::observe::model_name::normalize;
use crate::util::threads::lock;

/// The status of Ollama, by its /api/version and /api/ps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OllamaStatus {
    pub version: Option<String>,
    /// The reason why a part is missing, although Ollama is up.
    pub incomplete_reason: Option<String>,
    pub models: Vec<LoadedModel>,
    /// When /api/ps was asked; `None` where it did not answer.
    pub models_asked: Option<SystemTime>,
}

impl OllamaStatus {
    /// Returns the models, each once and under its normalized name.
    pub fn merged_models(&self) -> Vec<LoadedModel> {
        merge_runners(&self.models)
    }
}

/// A model that Ollama holds in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedModel {
    pub name: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes on GPUs.
    pub size_vram: u64,
    /// In tokens; older versions do not report it.
    pub context_length: Option<u64>,
    /// Of its manifest.
    pub digest: Option<String>,
    /// Such as `Q4_K_M`.
    pub quantization: Option<String>,
    /// When it is unloaded if nobody asks for it.
    pub expires: Option<SystemTime>,
}

/// The status that the metrics show. A series that stays is never removed in between, so no scrape
/// misses it.
#[derive(Default)]
pub struct ShownStatus(Mutex<OllamaStatus>);

impl ShownStatus {
    pub fn show(&self, status: &OllamaStatus, families: &Families) {
        let mut shown = lock(&self.0);
        let models = status.merged_models();
        for model in &models {
            show_model(model, families);
        }
        let names: HashSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        for gone in shown
            .models
            .iter()
            .filter(|model| !names.contains(model.name.as_str()))
        {
            hide_model(&gone.name, families);
        }
        show_version(
            version_label(&status.version),
            version_label(&shown.version),
            families,
        );
        *shown = OllamaStatus {
            models,
            ..status.clone()
        };
    }
}

/// Merges the runners of one model into one, up to `MAX_MODELS`, in the order of their first
/// runners. Ollama names a model once for each of its runners: their sizes add up, and the smallest
/// context is what a request can count on.
fn merge_runners(running: &[LoadedModel]) -> Vec<LoadedModel> {
    let mut models: Vec<LoadedModel> = Vec::new();
    for runner in running {
        let (name, is_full) = (normalize(&runner.name), models.len() == MAX_MODELS);
        match models.iter_mut().find(|model| model.name == name) {
            Some(model) => {
                model.size = model.size.saturating_add(runner.size);
                model.size_vram = model.size_vram.saturating_add(runner.size_vram);
                model.context_length = model
                    .context_length
                    .into_iter()
                    .chain(runner.context_length)
                    .min();
            }
            None if is_full || name.is_empty() || name.len() > MAX_MODEL_LABEL => {}
            None => models.push(LoadedModel {
                name: name.into_owned(),
                ..runner.clone()
            }),
        }
    }
    models
}

fn show_model(model: &LoadedModel, families: &Families) {
    let name = &[model.name.as_str()];
    families.model_loaded.with_label_values(name).set(1);
    families
        .model_size
        .with_label_values(name)
        .set(signed(model.size));
    families
        .model_vram
        .with_label_values(name)
        .set(signed(model.size_vram));
    match model.context_length {
        Some(tokens) => families
            .model_context
            .with_label_values(name)
            .set(signed(tokens)),
        None => drop(families.model_context.remove_label_values(name)),
    }
}

/// A series may be missing, since the context's length may never have been known.
fn hide_model(name: &str, families: &Families) {
    for family in [
        &families.model_loaded,
        &families.model_size,
        &families.model_vram,
        &families.model_context,
    ] {
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
    version
        .as_deref()
        .filter(|version| !version.is_empty() && version.len() <= MAX_MODEL_LABEL)
        .unwrap_or(UNKNOWN)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
