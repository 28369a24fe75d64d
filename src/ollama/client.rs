//! Our own questions to Ollama: is it there, which version, which models. Never in the way of a forwarded request.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use ureq::http::Response;
use ureq::{Agent, Body, Error};

use crate::http::agent::{Target, error_chain};
use crate::metrics::{LoadedModel, OllamaStatus};

/// The longest wait for an answer; Ollama answers these questions from memory.
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
    digest: Option<String>,
    expires_at: Option<String>,
    #[serde(default)]
    details: RunningDetails,
}

#[derive(Default, Deserialize)]
struct RunningDetails {
    quantization_level: Option<String>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    modelfile: String,
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

/// An error of a question to Ollama. The text names the operation, the address and the cause.
#[derive(Debug)]
pub enum QueryError {
    /// A server is there and does not answer us: 401 or 403 want credentials, and 404 comes from servers of this family that have no
    /// such route (llama.cpp's, vLLM).
    Refused(String),
    Failed(String),
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Refused(text) | QueryError::Failed(text) => f.write_str(text),
        }
    }
}

impl OllamaClient {
    pub fn new(target: &Target) -> OllamaClient {
        OllamaClient::with_timeout(target, QUERY_TIMEOUT)
    }

    /// Makes a client that waits at most `timeout` for each answer.
    pub fn with_timeout(target: &Target, timeout: Duration) -> OllamaClient {
        OllamaClient {
            agent: target.query_agent(timeout),
            base: format!("{}{}", target.upstream.origin(), target.upstream.base_path),
        }
    }

    /// Asks for its version.
    pub fn version(&self) -> Result<String, QueryError> {
        self.ask::<Version>("/api/version")
            .map(|answer| answer.version)
    }

    /// Asks for the version of the tap in front of it, if there is one.
    pub fn tap_version(&self) -> Result<String, QueryError> {
        self.ask::<Healthz>("/healthz")
            .map(|answer| answer.ollama_tap)
    }

    /// Returns whether a tap in front of it says that Ollama is still starting.
    pub fn is_starting(&self) -> bool {
        matches!(
            self.agent.get(format!("{}/api/version", self.base)).call(),
            Err(Error::StatusCode(503))
        )
    }

    /// Returns the names of its models; none where it refuses to tell.
    pub fn models(&self) -> Result<Vec<String>, QueryError> {
        match self.ask::<Tags>("/api/tags") {
            Ok(tags) => Ok(tags
                .models
                .unwrap_or_default()
                .into_iter()
                .map(|tag| tag.name)
                .collect()),
            Err(QueryError::Refused(_)) => Ok(Vec::new()),
            Err(failed @ QueryError::Failed(_)) => Err(failed),
        }
    }

    /// Returns what the gauges show. An Ollama that refuses to tell is up all the same.
    pub fn status(&self) -> Result<OllamaStatus, QueryError> {
        let (version, mut incomplete_reason) = match self.version() {
            Ok(version) => (Some(version), None),
            Err(QueryError::Refused(reason)) => (None, Some(reason)),
            Err(failed @ QueryError::Failed(_)) => return Err(failed),
        };
        let asked = SystemTime::now();
        let answer = self.ask::<Running>("/api/ps");
        let models_asked = answer.is_ok().then_some(asked);
        let running = match answer {
            Ok(answer) => answer.models.unwrap_or_default(),
            Err(QueryError::Refused(reason)) => {
                incomplete_reason.get_or_insert(reason);
                Vec::new()
            }
            Err(QueryError::Failed(_)) => Vec::new(),
        };
        let models = running.into_iter().map(|model| LoadedModel {
            name: model.name,
            size: model.size,
            size_vram: model.size_vram,
            context_length: model.context_length,
            digest: model.digest,
            quantization: model.details.quantization_level,
            expires: model.expires_at.as_deref().and_then(time),
        });
        Ok(OllamaStatus {
            version,
            incomplete_reason,
            models: models.collect(),
            models_asked,
        })
    }

    /// Asks for the `modelfile` of a model.
    pub fn modelfile(&self, model: &str) -> Result<String, QueryError> {
        let path = "/api/show";
        let request = self.agent.post(format!("{}{path}", self.base));
        let body = serde_json::json!({ "model": model }).to_string();
        self.answer::<Details>(path, request.send(body))
            .map(|details| details.modelfile)
    }

    fn ask<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, QueryError> {
        let response = self.agent.get(format!("{}{path}", self.base)).call();
        self.answer(path, response)
    }

    fn answer<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        response: Result<Response<Body>, Error>,
    ) -> Result<T, QueryError> {
        let mut response = response.map_err(|error| {
            let text = self.failure(path, &error_chain(&error));
            if matches!(error, Error::StatusCode(401 | 403 | 404)) {
                QueryError::Refused(text)
            } else {
                QueryError::Failed(text)
            }
        })?;
        let text = response
            .body_mut()
            .with_config()
            .limit(RESPONSE_MAX)
            .read_to_vec();
        let text = text.map_err(|e| QueryError::Failed(self.failure(path, &error_chain(&e))))?;
        serde_json::from_slice(&text).map_err(|e| {
            let cause = format!("what answers there is not ollama: {e}");
            QueryError::Failed(self.failure(path, &cause))
        })
    }

    fn failure(&self, path: &str, cause: &str) -> String {
        format!("ask ollama at {}{path}: {cause}", self.base)
    }
}

/// Reads a time as Ollama writes it.
fn time(text: &str) -> Option<SystemTime> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.into())
}
