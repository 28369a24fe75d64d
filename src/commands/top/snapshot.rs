//! What a tap answers about now, as much of it as is shown. A tap of another version may leave fields out.

use chrono::DateTime;
use serde_json::Value;

/// The answer of `/analytics/active`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Unix seconds.
    pub now: f64,
    pub ollama: OllamaSeen,
    pub models: Vec<ModelSeen>,
    pub requests: Vec<RequestSeen>,
    pub workers: u64,
    pub workers_busy: u64,
    pub queue_size: u64,
    pub dropped: u64,
    /// Of the last minute.
    pub minute_requests: u64,
    pub minute_errors: u64,
    pub minute_tokens: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OllamaSeen {
    pub is_up: bool,
    pub version: Option<String>,
    pub address: String,
    /// Unix seconds.
    pub since: Option<f64>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelSeen {
    pub name: String,
    /// Bytes.
    pub size: u64,
    pub size_vram: u64,
    pub context_length: Option<u64>,
    /// Unix seconds.
    pub expires: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestSeen {
    pub id: String,
    pub model: Option<String>,
    pub client: Option<String>,
    pub client_ip: Option<String>,
    /// waiting or answering.
    pub state: String,
    /// Unix seconds.
    pub started: f64,
    pub tokens: u64,
    pub is_estimated: bool,
    pub prompt: Option<String>,
}

impl Snapshot {
    /// Reads an answer; `None` where it is none.
    pub fn read(answer: &str) -> Option<Snapshot> {
        let answer: Value = serde_json::from_str(answer).ok()?;
        let minute = &answer["last_minute"];
        Some(Snapshot {
            now: answer["now"].as_f64()?,
            ollama: OllamaSeen::read(&answer["ollama"]),
            models: items(&answer["models"], ModelSeen::read),
            requests: items(&answer["requests"], RequestSeen::read),
            workers: count(&answer["workers"]),
            workers_busy: count(&answer["workers_busy"]),
            queue_size: count(&answer["queue_size"]),
            dropped: count(&answer["dropped"]),
            minute_requests: count(&minute["requests"]),
            minute_errors: count(&minute["error"]),
            minute_tokens: count(&minute["generated_tokens"]),
        })
    }

    /// Returns the tokens that this request got in each second since the answer before; `None`
    /// where it was not there yet.
    pub fn rate(&self, request: &RequestSeen, before: Option<&Snapshot>) -> Option<f64> {
        let before = before?;
        let mut earlier = before.requests.iter();
        let earlier = earlier.find(|earlier| earlier.id == request.id)?;
        let seconds = self.now - before.now;
        let grown = request.tokens.checked_sub(earlier.tokens)?;
        (seconds > 0.0).then(|| grown as f64 / seconds)
    }
}

impl OllamaSeen {
    fn read(value: &Value) -> OllamaSeen {
        OllamaSeen {
            is_up: value["up"] == true,
            version: text(&value["version"]),
            address: text(&value["address"]).unwrap_or_default(),
            since: value["since"].as_f64(),
            error: text(&value["error"]),
        }
    }
}

impl ModelSeen {
    fn read(value: &Value) -> ModelSeen {
        let expires = value["expires_at"].as_str();
        let expires = expires.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        ModelSeen {
            name: text(&value["name"]).unwrap_or_default(),
            size: count(&value["size"]),
            size_vram: count(&value["size_vram"]),
            context_length: value["context_length"].as_u64(),
            expires: expires.map(|time| time.timestamp() as f64),
        }
    }
}

impl RequestSeen {
    fn read(value: &Value) -> RequestSeen {
        RequestSeen {
            id: text(&value["id"]).unwrap_or_default(),
            model: text(&value["model"]),
            client: text(&value["client"]),
            client_ip: text(&value["client_ip"]),
            state: text(&value["state"]).unwrap_or_default(),
            started: value["started"].as_f64().unwrap_or_default(),
            tokens: count(&value["tokens"]),
            is_estimated: value["tokens_estimated"] == true,
            prompt: text(&value["prompt"]),
        }
    }
}

fn items<T>(list: &Value, read: fn(&Value) -> T) -> Vec<T> {
    list.as_array().into_iter().flatten().map(read).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_the_page_gives_it() {
        let answer = r#"{"now":10.5,"ollama":{"up":true,"version":"0.40.1","address":"http://localhost:11434","since":1.0,"error":null},
            "models":[{"name":"phi4","size":7,"size_vram":5,"context_length":null,"expires_at":"2023-11-14T22:13:20Z"}],
            "requests":[{"id":"00ff","model":"phi4","endpoint":"api/chat","client":"curl","client_ip":"127.0.0.1","session_id":null,
            "state":"answering","started":9.0,"tokens":3,"tokens_estimated":true,"prompt":"why"}],
            "workers":256,"workers_busy":1,"queue_size":2,"dropped":3,"last_minute":{"requests":4,"error":5,"generated_tokens":6}}"#;
        let now = Snapshot::read(answer).unwrap();
        assert_eq!((now.workers, now.minute_errors), (256, 5));
        assert_eq!(now.models[0].expires, Some(1_700_000_000.0));
        assert_eq!(now.requests[0].prompt.as_deref(), Some("why"));
        assert!(now.ollama.is_up && now.requests[0].is_estimated);
        assert_eq!(Snapshot::read("{}"), None);
        assert!(Snapshot::read(r#"{"now":1,"requests":[{}]}"#).is_some());
    }

    #[test]
    fn the_rate_is_what_grew_since_the_answer_before() {
        let at = |now, tokens| Snapshot {
            now,
            requests: vec![RequestSeen {
                id: "00ff".to_owned(),
                tokens,
                ..RequestSeen::default()
            }],
            ..Snapshot::default()
        };
        let (before, after) = (at(1.0, 10), at(3.0, 30));
        let rate = |before| after.rate(&after.requests[0], before);
        assert_eq!(rate(Some(&before)), Some(10.0));
        assert_eq!(rate(None), None);
        assert_eq!(rate(Some(&after)), None);
        let without = Snapshot::default();
        assert_eq!(after.rate(&after.requests[0], Some(&without)), None);
    }
}
