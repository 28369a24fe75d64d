//! What the stand-in answers where no model works: which models there are, which are loaded, and what is not here.

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use super::answer::{rfc3339, unix};
use super::models::{MODELS, Memory, Model};
use super::refusal::Refusal;
use super::words::MARK;
use crate::http::route::Dialect;

/// The version of Ollama whose replies these are; what follows marks it as a demo's everywhere.
pub const VERSION: &str = "0.33.0-demo";

/// Tokens of context that every model has.
const CONTEXT: u32 = 4096;

/// A reply that is sent whole.
pub struct Page {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    /// The methods that are allowed, where this one was not.
    pub allow: Option<&'static str>,
}

impl Page {
    fn json(body: &Value) -> Page {
        Page::whole(200, "application/json; charset=utf-8", body.to_string())
    }

    pub fn whole(status: u16, content_type: &'static str, body: String) -> Page {
        Page {
            status,
            content_type,
            body,
            allow: None,
        }
    }

    pub fn refusal(refusal: &Refusal, dialect: Dialect) -> Page {
        Page::whole(
            refusal.status,
            "application/json; charset=utf-8",
            refusal.body(dialect),
        )
    }
}

/// What the pages know besides the models themselves.
pub struct Catalogue {
    /// When the models came into being.
    pub since: SystemTime,
    pub memory: Memory,
}

impl Catalogue {
    /// The answer to a request that makes no model work. A path's query counts as none of it.
    pub fn page(&self, method: &str, target: &str, body: &[u8]) -> Page {
        let path = target.split('?').next().unwrap_or_default();
        let Some(allowed) = methods(path) else {
            return Page::whole(404, "text/plain", "404 page not found".into());
        };
        if !allowed.split(", ").any(|allowed| allowed == method) {
            return Page {
                allow: Some(allowed),
                ..Page::whole(405, "text/plain", "405 method not allowed".into())
            };
        }
        match path {
            "/" => Page::whole(200, "text/plain; charset=utf-8", "Ollama is running".into()),
            "/api/version" => Page::json(&json!({ "version": VERSION })),
            "/api/status" => {
                Page::json(&json!({ "cloud": { "disabled": true, "source": "demo" } }))
            }
            "/api/tags" => Page::json(
                &json!({ "models": MODELS.iter().map(|model| self.tag(model)).collect::<Vec<_>>() }),
            ),
            "/api/ps" => Page::json(&json!({ "models": self.running() })),
            "/api/show" => self.show(body),
            "/v1/models" => {
                let data: Vec<Value> = MODELS
                    .iter()
                    .map(|model| self.listed(&model.full_name()))
                    .collect();
                Page::json(&json!({ "object": "list", "data": data }))
            }
            _ => match path.strip_prefix("/v1/models/") {
                Some(name) if Model::named(name).is_some() => Page::json(&self.listed(name)),
                Some(name) => Page::refusal(&not_found(name), Dialect::OpenAi),
                None => Page::refusal(&not_here(), Dialect::Native),
            },
        }
    }

    fn tag(&self, model: &Model) -> Value {
        let mut details = details(model);
        details["context_length"] = json!(CONTEXT);
        json!({
            "name": model.full_name(), "model": model.full_name(), "modified_at": rfc3339(self.since), "size": model.size,
            "digest": digest(model), "details": details, "capabilities": model.capabilities
        })
    }

    fn running(&self) -> Vec<Value> {
        let now = SystemTime::now();
        let entry = |(model, left): (&Model, _)| {
            json!({
                "name": model.full_name(), "model": model.full_name(), "size": model.size, "digest": digest(model),
                "details": details(model), "expires_at": rfc3339(now + left), "size_vram": model.size, "context_length": CONTEXT
            })
        };
        self.memory
            .loaded(Instant::now())
            .into_iter()
            .map(entry)
            .collect()
    }

    fn show(&self, body: &[u8]) -> Page {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = asked["model"]
            .as_str()
            .or(asked["name"].as_str())
            .unwrap_or_default();
        let Some(model) = Model::named(name) else {
            return Page::refusal(&not_found(name), Dialect::Native);
        };
        Page::json(&json!({
            "license": MARK, "modelfile": format!("# {MARK}\nFROM {}\n", model.full_name()), "template": "{{ .Prompt }}",
            "details": details(model), "capabilities": model.capabilities, "modified_at": rfc3339(self.since), "tensors": [],
            "model_info": { "general.architecture": "demo", "demo.context_length": CONTEXT, "demo.embedding_length": 64 }
        }))
    }

    fn listed(&self, name: &str) -> Value {
        json!({ "id": name, "object": "model", "created": unix(self.since), "owned_by": "library" })
    }
}

/// The methods of a path that Ollama has; `None` for one that it has not.
fn methods(path: &str) -> Option<&'static str> {
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

/// The answer to whatever would change the models, or needs ones that are not here.
pub fn not_here() -> Refusal {
    let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
    Refusal::new(
        501,
        format!(
            "{MARK} the models of the demo are fixed: {}",
            names.join(", ")
        ),
    )
}

fn not_found(name: &str) -> Refusal {
    let tag = if name.contains(':') { "" } else { ":latest" };
    Refusal::new(404, format!("model '{name}{tag}' not found"))
}

fn details(model: &Model) -> Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "demo", "families": ["demo"], "parameter_size": model.parameters,
        "quantization_level": "Q4_K_M"
    })
}

/// 64 hex digits that are always the same for a model.
fn digest(model: &Model) -> String {
    let mut rng = fastrand::Rng::with_seed(model.size);
    (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(method: &str, target: &str, body: &str) -> (u16, Page) {
        let catalogue = Catalogue {
            since: SystemTime::now(),
            memory: Memory::default(),
        };
        let page = catalogue.page(method, target, body.as_bytes());
        (page.status, page)
    }

    #[test]
    fn what_ollama_lacks_is_missing_and_a_wrong_method_is_told_the_right_one() {
        assert_eq!(page("GET", "/nope", "").0, 404);
        assert_eq!(page("GET", "/v1/models/a/b", "").0, 404);
        let (status, page) = page("GET", "/api/chat", "");
        assert_eq!((status, page.allow), (405, Some("POST")));
    }

    #[test]
    fn a_model_is_shown_and_an_unknown_one_is_not_found() {
        assert_eq!(page("POST", "/api/show", r#"{"model":"demo-chat"}"#).0, 200);
        assert_eq!(page("GET", "/v1/models/demo-chat?x=1", "").0, 200);
        let (status, page) = page("POST", "/api/show", r#"{"model":"nope"}"#);
        assert_eq!(
            (status, page.body.as_str()),
            (404, r#"{"error":"model 'nope:latest' not found"}"#)
        );
        assert_eq!(self::page("GET", "/v1/models/nope", "").0, 404);
        assert_eq!(self::page("POST", "/api/show", "[").0, 404);
    }

    #[test]
    fn what_would_change_the_models_is_refused_with_their_names() {
        for (method, path) in [
            ("POST", "/api/pull"),
            ("DELETE", "/api/delete"),
            ("POST", "/api/blobs/sha256:aa"),
        ] {
            let (status, page) = page(method, path, "");
            assert!(
                status == 501 && page.body.contains("demo-chat"),
                "{path}: {}",
                page.body
            );
        }
    }
}
