//! OLLAMA STATE: what Ollama answered last, and since when it is up or not.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::history::record::unix_seconds;
use crate::metrics::{LoadedModel, OllamaStatus};

/// The state of Ollama, as the watcher saw it last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OllamaState {
    pub up: bool,
    pub version: Option<String>,
    /// As the user wrote it; without a password, which no setting takes.
    pub address: String,
    /// Unix seconds; `None` before the first answer.
    pub since: Option<f64>,
    /// Why it is not up, with the way out.
    pub error: Option<String>,
    #[serde(skip)]
    pub models: Vec<ModelInMemory>,
}

/// A model that Ollama holds, under the names that Ollama gives its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelInMemory {
    pub name: String,
    pub size: u64,
    pub size_vram: u64,
    pub context_length: Option<u64>,
    #[serde(serialize_with = "rfc3339")]
    pub expires_at: Option<SystemTime>,
}

impl OllamaState {
    pub fn at(address: String) -> OllamaState {
        OllamaState {
            up: false,
            version: None,
            address,
            since: None,
            error: None,
            models: Vec::new(),
        }
    }

    pub fn answered(&mut self, status: &OllamaStatus, now: SystemTime) {
        self.turn(true, now);
        self.version.clone_from(&status.version);
        self.error = None;
        let models = status.merged_models().into_iter();
        self.models = models.map(ModelInMemory::from).collect();
    }

    pub fn failed(&mut self, error: String, now: SystemTime) {
        self.turn(false, now);
        self.version = None;
        self.error = Some(error);
        self.models.clear();
    }

    fn turn(&mut self, is_up: bool, now: SystemTime) {
        if self.since.is_none() || self.up != is_up {
            self.up = is_up;
            self.since = Some(unix_seconds(now));
        }
    }
}

impl From<LoadedModel> for ModelInMemory {
    fn from(model: LoadedModel) -> ModelInMemory {
        ModelInMemory {
            name: model.name,
            size: model.size,
            size_vram: model.size_vram,
            context_length: model.context_length,
            expires_at: model.expires,
        }
    }
}

/// Writes a time as Ollama does.
fn rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let text =
        time.map(|time| DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true));
    text.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn since_tells_when_ollama_came_or_went_and_not_when_it_was_asked() {
        let mut state = OllamaState::at("http://localhost:11434".to_owned());
        let up = OllamaStatus {
            version: Some("0.40.1".to_owned()),
            ..OllamaStatus::default()
        };
        let mut told = vec![(state.up, state.since)];
        for (seconds, is_up) in [(1, false), (2, false), (3, true), (4, true), (5, false)] {
            match is_up {
                true => state.answered(&up, at(seconds)),
                false => state.failed("it refused".to_owned(), at(seconds)),
            }
            told.push((state.up, state.since));
            assert_eq!(state.error.is_none(), is_up);
            assert_eq!(state.version.is_some(), is_up);
        }
        let expected = [
            (false, None),
            (false, Some(1.0)),
            (false, Some(1.0)),
            (true, Some(3.0)),
            (true, Some(3.0)),
            (false, Some(5.0)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_model_is_told_under_the_names_that_ollama_has() {
        let model = ModelInMemory::from(LoadedModel {
            name: "talk".to_owned(),
            size: 7,
            size_vram: 5,
            expires: Some(at(1_700_000_000)),
            ..LoadedModel::default()
        });
        let text = serde_json::to_string(&model).unwrap();
        let expected = r#"{"name":"talk","size":7,"size_vram":5,"context_length":null,"expires_at":"2023-11-14T22:13:20Z"}"#;
        assert_eq!(text, expected);
    }
}
