//! MODEL NEWS: what Ollama says of its loaded models, for diagnosis.

use std::collections::HashMap;

use crate::app::diagnostics::Diagnostics;
use crate::diagnose::listing::{Listed, Listing, file};
use crate::diagnose::seen::Loaded;
use crate::metrics::{LoadedModel, OllamaStatus};
use crate::ollama::client::OllamaClient;

/// Models whose details were asked for; beyond, all are asked for again.
const ASKED_MAX: usize = 512;

/// Remembers whose details were asked for: each model's once.
#[derive(Default)]
pub struct ModelNews {
    /// By the name of the model, its digest.
    asked: HashMap<String, Option<String>>,
}

impl ModelNews {
    /// Tells an answer of /api/ps, and of models that are new in it where their weights are.
    pub fn tell(&mut self, status: &OllamaStatus, ollama: &OllamaClient, to: &Diagnostics) {
        let Some(asked) = status.models_asked else {
            return to.no_listing();
        };
        let models = status.merged_models();
        let listing = Listing {
            asked,
            models: models.iter().map(listed).collect(),
        };
        to.listing(listing, status.version.clone());
        for model in models {
            if self.is_new(&model) {
                self.tell_file(model, ollama, to);
            }
        }
    }

    fn is_new(&self, model: &LoadedModel) -> bool {
        self.asked.get(&model.name) != Some(&model.digest)
    }

    fn tell_file(&mut self, model: LoadedModel, ollama: &OllamaClient, to: &Diagnostics) {
        match ollama.modelfile(&model.name) {
            Ok(modelfile) => {
                if let Some(file) = file(&modelfile) {
                    to.file(model.name.clone(), file.to_owned());
                }
            }
            Err(why) => log::debug!("{why}"),
        }
        if self.asked.len() >= ASKED_MAX {
            self.asked.clear();
        }
        self.asked.insert(model.name, model.digest);
    }
}

fn listed(model: &LoadedModel) -> Listed {
    Listed {
        model: model.name.clone(),
        digest: model.digest.clone(),
        quantization: model.quantization.clone(),
        loaded: Loaded {
            context_length: model.context_length,
            size: model.size,
            size_vram: model.size_vram,
        },
        expires: model.expires,
    }
}
