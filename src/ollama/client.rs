//! Our own questions to Ollama: is it there, which version, which models. Never in the way of a forwarded request.

use std::time::Duration;

use serde::Deserialize;
use ureq::{Agent, Error};

use crate::http::agent::{Target, error_chain};
use crate::metrics::{LoadedModel, OllamaStatus};

/// What a question may take; Ollama answers these from memory.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer is read up to this many bytes.
const RESPONSE_MAX: u64 = 8 * 1024 * 1024;

/// Asks one Ollama.
pub struct OllamaClient {
    agent: Agent,
    base: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Healthz {
    ollama_tap: String,
}

#[derive(Deserialize)]
struct Running {
    #[serde(default)]
    models: Option<Vec<RunningModel>>,
}

#[derive(Deserialize)]
struct RunningModel {
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    size_vram: u64,
    context_length: Option<u64>,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    models: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// Why a question of ours has no answer, in words.
#[derive(Debug)]
pub enum QueryError {
    /// Somebody is there who does not tell us: 401 or 403 want to know who asks, and 404 comes of servers of this family that have no
    /// such route (llama.cpp's, vLLM).
    Refused(String),
    Failed(String),
}

impl OllamaClient {
    pub fn new(target: &Target) -> OllamaClient {
        OllamaClient::with_timeout(target, QUERY_TIMEOUT)
    }

    /// A client that waits up to `timeout` for each answer.
    pub fn with_timeout(target: &Target, timeout: Duration) -> OllamaClient {
        OllamaClient {
            agent: target.query_agent(timeout),
            base: format!("{}{}", target.upstream.origin(), target.upstream.base_path),
        }
    }

    /// The version it says it is.
    pub fn version(&self) -> Result<String, QueryError> {
        self.ask::<Version>("/api/version")
            .map(|answer| answer.version)
    }

    /// The version of the tap in front of it, if there is one.
    pub fn tap_version(&self) -> Result<String, QueryError> {
        self.ask::<Healthz>("/healthz")
            .map(|answer| answer.ollama_tap)
    }

    /// Whether a tap in front of it says that it is to be asked later.
    pub fn is_starting(&self) -> bool {
        matches!(
            self.agent.get(format!("{}/api/version", self.base)).call(),
            Err(Error::StatusCode(503))
        )
    }

    /// The names of the models it has; none where it does not tell us.
    pub fn models(&self) -> Result<Vec<String>, String> {
        match self.ask::<Tags>("/api/tags") {
            Ok(tags) => Ok(tags
                .models
                .unwrap_or_default()
                .into_iter()
                .map(|tag| tag.name)
                .collect()),
            Err(QueryError::Refused(_)) => Ok(Vec::new()),
            Err(QueryError::Failed(why)) => Err(why),
        }
    }

    /// What the gauges show. One that does not tell us is up all the same.
    pub fn status(&self) -> Result<OllamaStatus, String> {
        let (version, mut incomplete_reason) = match self.version() {
            Ok(version) => (Some(version), None),
            Err(QueryError::Refused(why)) => (None, Some(why)),
            Err(QueryError::Failed(why)) => return Err(why),
        };
        let running = match self.ask::<Running>("/api/ps") {
            Ok(answer) => answer.models.unwrap_or_default(),
            Err(QueryError::Refused(why)) => {
                incomplete_reason.get_or_insert(why);
                Vec::new()
            }
            Err(QueryError::Failed(_)) => Vec::new(),
        };
        let models = running.into_iter().map(|model| LoadedModel {
            name: model.name,
            size: model.size,
            size_vram: model.size_vram,
            context_length: model.context_length,
        });
        Ok(OllamaStatus {
            version,
            incomplete_reason,
            models: models.collect(),
        })
    }

    fn ask<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, QueryError> {
        let failed = |why: String| format!("ask ollama at {}{path}: {why}", self.base);
        let mut response = self
            .agent
            .get(format!("{}{path}", self.base))
            .call()
            .map_err(|error| {
                let why = failed(error_chain(&error));
                if matches!(error, Error::StatusCode(401 | 403 | 404)) {
                    QueryError::Refused(why)
                } else {
                    QueryError::Failed(why)
                }
            })?;
        let text = response
            .body_mut()
            .with_config()
            .limit(RESPONSE_MAX)
            .read_to_vec();
        let text = text.map_err(|error| QueryError::Failed(failed(error_chain(&error))))?;
        serde_json::from_slice(&text).map_err(|e| {
            QueryError::Failed(failed(format!("what answers there is not ollama: {e}")))
        })
    }
}
