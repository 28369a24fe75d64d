//! Answers requests that make no model work: which models there are, which are loaded, and what the demo does not have.

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use super::error_reply::ErrorReply;
use super::generation::{rfc3339, unix};
use super::loaded_models::{ListedModel, LoadedModels};
use super::models::{MODELS, Model};
use super::texts::DEMO_MARK;
use crate::http::route::Dialect;

/// The version of Ollama whose replies these are, marked as a demo.
pub const VERSION: &str = "0.33.3-demo";

/// A reply that is sent whole.
pub struct FixedReply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    /// The allowed methods, for a 405.
    pub allow: Option<&'static str>,
}

impl FixedReply {
    fn json(body: &Value) -> FixedReply {
        FixedReply::new(200, "application/json; charset=utf-8", body.to_string())
    }

    pub fn new(status: u16, content_type: &'static str, body: String) -> FixedReply {
        FixedReply {
            status,
            content_type,
            body,
            allow: None,
        }
    }

    pub fn error(error: &ErrorReply, dialect: Dialect) -> FixedReply {
        FixedReply::new(
            error.status,
            "application/json; charset=utf-8",
            error.body(dialect),
        )
    }
}

/// The models as the API lists them.
pub struct Catalog {
    /// The time of the models' last change, as the API reports it.
    pub modified_at: SystemTime,
    pub loaded_models: LoadedModels,
}

impl Catalog {
    /// Answers a request that makes no model work. The query is ignored.
    pub fn reply(&self, method: &str, target: &str, body: &[u8]) -> FixedReply {
        let path = target.split('?').next().unwrap_or_default();
        let Some(allowed) = allowed_methods(path) else {
            return FixedReply::new(404, "text/plain", "404 page not found".into());
        };
        if !allowed.split(", ").any(|allowed| allowed == method) {
            return FixedReply {
                allow: Some(allowed),
                ..FixedReply::new(405, "text/plain", "405 method not allowed".into())
            };
        }
        match path {
            "/" => FixedReply::new(200, "text/plain; charset=utf-8", "Ollama is running".into()),
            "/api/version" => FixedReply::json(&json!({ "version": VERSION })),
            "/api/status" => {
                FixedReply::json(&json!({ "cloud": { "disabled": true, "source": "demo" } }))
            }
            "/api/tags" => FixedReply::json(
                &json!({ "models": MODELS.iter().map(|model| self.tag(model)).collect::<Vec<_>>() }),
            ),
            "/api/ps" => FixedReply::json(&json!({ "models": self.loaded() })),
            "/api/show" => self.show(body),
            "/v1/models" => {
                let data: Vec<Value> = MODELS
                    .iter()
                    .map(|model| self.listed(&model.full_name()))
                    .collect();
                FixedReply::json(&json!({ "object": "list", "data": data }))
            }
            _ => match path.strip_prefix("/v1/models/") {
                Some(name) if Model::named(name).is_some() => FixedReply::json(&self.listed(name)),
                Some(name) => FixedReply::error(&not_found(name), Dialect::OpenAi),
                None => FixedReply::error(&models_are_fixed(), Dialect::Native),
            },
        }
    }

    fn tag(&self, model: &Model) -> Value {
        let mut details = details(model);
        details["context_length"] = json!(model.context_length_max());
        json!({
            "name": model.full_name(), "model": model.full_name(), "modified_at": rfc3339(self.modified_at), "size": model.size,
            "digest": digest(model), "details": details, "capabilities": model.capabilities
        })
    }

    fn loaded(&self) -> Vec<Value> {
        let now = SystemTime::now();
        let entry = |listed: ListedModel| {
            let (model, size) = (
                listed.model,
                listed.model.loaded_size(listed.context_length),
            );
            json!({
                "name": model.full_name(), "model": model.full_name(), "size": size, "digest": digest(model),
                "details": details(model), "expires_at": rfc3339(now + listed.left),
                "size_vram": (size as f64 * listed.vram_share) as u64, "context_length": listed.context_length
            })
        };
        let models = self.loaded_models.list(Instant::now());
        models.into_iter().map(entry).collect()
    }

    fn show(&self, body: &[u8]) -> FixedReply {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = body["model"]
            .as_str()
            .or(body["name"].as_str())
            .unwrap_or_default();
        let Some(model) = Model::named(name) else {
            return FixedReply::error(&not_found(name), Dialect::Native);
        };
        FixedReply::json(&json!({
            "license": DEMO_MARK, "modelfile": format!("# {DEMO_MARK}\nFROM /models/blobs/sha256-{}\n", digest(model)), "template": "{{ .Prompt }}",
            "details": details(model), "capabilities": model.capabilities, "modified_at": rfc3339(self.modified_at), "tensors": [],
            "model_info": { "general.architecture": "demo", "demo.context_length": model.context_length_max(), "demo.embedding_length": 64 }
        }))
    }

    fn listed(&self, name: &str) -> Value {
        json!({ "id": name, "object": "model", "created": unix(self.modified_at), "owned_by": "library" })
    }
}

/// Returns the methods that Ollama has for a path; `None` for an unknown path.
fn allowed_methods(path: &str) -> Option<&'static str> {
    match path {
        "/" | "/api/version" | "/api/tags" => Some("GET, HEAD"),
        "/api/status" | "/api/ps" | "/v1/models" => Some("GET"),
        "/api/delete" => Some("DELETE"),
        "/api/show" | "/api/pull" | "/api/push" | "/api/create" | "/api/copy" | "/api/me"
        | "/api/signout" => Some("POST"),
        "/api/generate" | "/api/chat" | "/api/embed" | "/api/embeddings" => Some("POST"),
        "/v1/chat/completions"
        | "/v1/completions"
        | "/v1/embeddings"
        | "/v1/responses"
        | "/v1/messages" => Some("POST"),
        "/v1/audio/transcriptions"
        | "/v1/systemone"
        | "/v1/images/generations"
        | "/v1/images/edits" => Some("POST"),
        _ if path.starts_with("/api/blobs/") => Some("HEAD, POST"),
        _ if path
            .strip_prefix("/v1/models/")
            .is_some_and(|name| !name.contains('/')) =>
        {
            Some("GET")
        }
        _ => None,
    }
}

/// Returns the error for requests that would change the models, or need one that the demo does not have.
pub fn models_are_fixed() -> ErrorReply {
    let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
    ErrorReply::new(
        501,
        format!(
            "{DEMO_MARK} the models of the demo are fixed: {}",
            names.join(", ")
        ),
    )
}

fn not_found(name: &str) -> ErrorReply {
    let tag = if name.contains(':') { "" } else { ":latest" };
    ErrorReply::new(404, format!("model '{name}{tag}' not found"))
}

fn details(model: &Model) -> Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "demo", "families": ["demo"], "parameter_size": model.parameters,
        "quantization_level": "Q4_K_M"
    })
}

/// Returns 64 hex digits that are always the same for a model.
fn digest(model: &Model) -> String {
    let mut rng = fastrand::Rng::with_seed(model.size);
    (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(method: &str, target: &str, body: &str) -> (u16, FixedReply) {
        let catalog = Catalog {
            modified_at: SystemTime::now(),
            loaded_models: LoadedModels::default(),
        };
        let reply = catalog.reply(method, target, body.as_bytes());
        (reply.status, reply)
    }

    #[test]
    fn what_ollama_lacks_is_missing_and_a_wrong_method_is_told_the_right_one() {
        assert_eq!(reply("GET", "/nope", "").0, 404);
        assert_eq!(reply("GET", "/v1/models/a/b", "").0, 404);
        let (status, reply) = reply("GET", "/api/chat", "");
        assert_eq!((status, reply.allow), (405, Some("POST")));
    }

    #[test]
    fn a_model_is_shown_and_an_unknown_one_is_not_found() {
        assert_eq!(
            reply("POST", "/api/show", r#"{"model":"demo-chat"}"#).0,
            200
        );
        assert_eq!(reply("GET", "/v1/models/demo-chat?x=1", "").0, 200);
        let (status, reply) = reply("POST", "/api/show", r#"{"model":"nope"}"#);
        assert_eq!(
            (status, reply.body.as_str()),
            (404, r#"{"error":"model 'nope:latest' not found"}"#)
        );
        assert_eq!(self::reply("GET", "/v1/models/nope", "").0, 404);
        assert_eq!(self::reply("POST", "/api/show", "[").0, 404);
    }

    #[test]
    fn requests_that_would_change_the_models_are_refused_with_their_names() {
        for (method, path) in [
            ("POST", "/api/pull"),
            ("DELETE", "/api/delete"),
            ("POST", "/api/blobs/sha256:aa"),
        ] {
            let (status, reply) = reply(method, path, "");
            assert!(
                status == 501 && reply.body.contains("demo-chat"),
                "{path}: {}",
                reply.body
            );
        }
    }
}
