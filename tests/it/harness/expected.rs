//! What /metrics must say after a recorded exchange, worked out from the recording alone and the plain way: whole bodies, whole
//! JSON trees, no state but the model names confirmed so far.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recording::{Message, unzstd};
use super::scrape::{Scrape, Series};

/// The endpoints that make a model work.
pub const INFERENCE: [&str; 13] = [
    "api/generate",
    "api/chat",
    "api/embed",
    "api/embeddings",
    "v1/chat/completions",
    "v1/completions",
    "v1/embeddings",
    "v1/responses",
    "v1/messages",
    "v1/systemone",
    "v1/images/generations",
    "v1/images/edits",
    "v1/audio/transcriptions",
];

/// The samples that must have moved since the last `settled`, each with the least and the most that is right.
#[derive(Default)]
pub struct Expected {
    confirmed: BTreeSet<String>,
    samples: BTreeMap<Series, (f64, f64)>,
}

/// What the reply's body says.
#[derive(Default)]
pub struct Said {
    pub finished: bool,
    pub failed: bool,
    pub load: bool,
    /// Deltas with text, thinking or a tool call.
    pub deltas: u64,
    pub prompt_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub tokens: Option<u64>,
    pub model: Option<String>,
    pub reason: Option<String>,
    /// It holds a tool call.
    pub called: bool,
    /// The last object with Ollama's own counters.
    pub last: Value,
}

impl Expected {
    /// Adds what this exchange must have moved.
    pub fn add(&mut self, request: &Message, reply: &Message) {
        self.count("ollama_tap_http_requests_total", &[("method", request.head.method()), ("code", &reply.head.status().to_string())], 1.0);
        let endpoint = request.head.path().trim_start_matches('/');
        if request.head.method() != "POST" || !INFERENCE.contains(&endpoint) || request.head.path().starts_with("//") {
            return;
        }
        let said = what_it_said(reply);
        if said.load {
            return;
        }
        let asked = asked(request);
        let model = self.label(&asked, &said, reply.head.status());
        let category = category(&prompt(&asked));
        let ok = reply.head.status() < 300 && said.finished && !said.failed;
        let status = if ok { "success" } else { "error" };
        let labels = [("model", model.as_str()), ("endpoint", endpoint), ("prompt_category", category)];
        self.count("ollama_requests_total", &[labels[0], labels[1], labels[2], ("status", status)], 1.0);
        self.count("ollama_request_duration_seconds_count", &labels, 1.0);
        self.count("ollama_finished_total", &[labels[0], ("reason", reason(endpoint, ok, &said))], 1.0);
        self.durations(labels[0], &said.last);
        self.tokens(labels[0], labels[2], &said);
        if is_stream(reply) && said.deltas > 0 {
            self.count("ollama_time_to_first_token_seconds_count", &labels[..2], 1.0);
        }
        self.pace(labels[0], labels[2], &said, is_stream(reply));
    }

    /// The label of a model: what the request said, once a 2xx reply confirmed it.
    fn label(&mut self, asked: &Value, said: &Said, status: u16) -> String {
        let name = asked["model"].as_str().map(str::to_owned).or_else(|| said.model.clone().filter(|_| asked.is_null()));
        let Some(name) = name.filter(|name| !name.is_empty()) else { return "unknown".to_owned() };
        // As much of Ollama's spellings as the recordings have.
        let name = name.to_lowercase().trim_end_matches(":latest").to_owned();
        if status < 300 {
            self.confirmed.insert(name.clone());
        }
        if self.confirmed.contains(&name) { name } else { "other".to_owned() }
    }

    fn durations(&mut self, model: (&str, &str), last: &Value) {
        for (field, family) in [
            ("total_duration", "ollama_response_seconds"),
            ("load_duration", "ollama_load_duration_seconds"),
            ("prompt_eval_duration", "ollama_prompt_eval_duration_seconds"),
            ("eval_duration", "ollama_eval_duration_seconds"),
        ] {
            if let Some(nanoseconds) = last[field].as_f64() {
                self.count(&format!("{family}_count"), &[model], 1.0);
                self.count(&format!("{family}_sum"), &[model], nanoseconds / 1e9);
            }
        }
    }

    fn tokens(&mut self, model: (&str, &str), category: (&str, &str), said: &Said) {
        if let Some(count) = said.prompt_tokens {
            self.count("ollama_tokens_processed_total", &[model], count as f64);
            self.count("ollama_prompt_tokens_sum", &[model], count as f64);
            self.count("ollama_prompt_tokens_count", &[model], 1.0);
        }
        if let Some(count) = said.cached_tokens {
            self.count("ollama_prompt_tokens_cached_total", &[model], count as f64);
        }
        if let Some(count) = said.tokens {
            self.count("ollama_tokens_generated_total", &[model], count as f64);
            self.count("ollama_tokens_generated_sum", &[model, category], count as f64);
            self.count("ollama_tokens_generated_count", &[model, category], 1.0);
        }
    }

    /// Speeds: exact where Ollama gives its own clock; else measured here, so that only their number is known, and not even that
    /// where one delta brought everything.
    fn pace(&mut self, model: (&str, &str), category: (&str, &str), said: &Said, stream: bool) {
        let tokens = said.tokens.unwrap_or_default();
        if let Some(eval) = said.last["eval_duration"].as_f64().filter(|_| tokens > 0) {
            self.count("ollama_tokens_per_second_count", &[model, category], 1.0);
            self.count("ollama_tokens_per_second_sum", &[model, category], tokens as f64 / (eval / 1e9));
        } else if stream && tokens > 1 {
            let least = if said.deltas > 1 { 1.0 } else { 0.0 };
            self.between("ollama_tokens_per_second_count", &[model, category], least, 1.0);
            self.between("ollama_tokens_per_second_sum", &[model, category], 0.0, f64::INFINITY);
        }
        if stream && tokens > 1 {
            let least = if said.deltas > 1 { 1.0 } else { 0.0 };
            self.between("ollama_time_per_output_token_seconds_count", &[model], least, 1.0);
        }
    }

    fn count(&mut self, name: &str, labels: &[(&str, &str)], by: f64) {
        self.between(name, labels, by, by);
    }

    fn between(&mut self, name: &str, labels: &[(&str, &str)], least: f64, most: f64) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sample = self.samples.entry(Series { name: name.to_owned(), labels }).or_default();
        *sample = (sample.0 + least, sample.1 + most);
    }

    /// Begins anew, remembering only the names.
    pub fn settled(&mut self) {
        self.samples.clear();
    }

    /// Every way in which this change is not what was expected; empty when all is right.
    pub fn differences(&self, change: &Scrape) -> Vec<String> {
        let found = comparable(change);
        let names: BTreeSet<&Series> = self.samples.keys().chain(found.keys()).collect();
        let differs = |series: &&Series| {
            let (least, most) = self.samples.get(series).copied().unwrap_or_default();
            let value = found.get(series).copied().unwrap_or_default();
            // Sums come back from text, as differences of larger ones.
            let slack = 1e-6;
            let right = value >= least - slack && value <= most + slack;
            (!right).then(|| format!("{series}: {value}, expected {least} to {most}"))
        };
        names.iter().filter_map(differs).collect()
    }
}

/// The samples that a recording decides: no wall clock, no buckets, none of the tap's own health.
fn comparable(scrape: &Scrape) -> BTreeMap<Series, f64> {
    const WALL_CLOCK: [&str; 3] =
        ["ollama_request_duration_seconds_sum", "ollama_time_to_first_token_seconds_sum", "ollama_time_per_output_token_seconds_sum"];
    const FAMILIES: [&str; 13] = [
        "ollama_requests_total",
        "ollama_request_duration",
        "ollama_response_seconds",
        "ollama_load_duration",
        "ollama_prompt_eval_duration",
        "ollama_eval_duration",
        "ollama_tokens",
        "ollama_prompt_tokens",
        "ollama_finished_total",
        "ollama_time_",
        "ollama_active_requests",
        "ollama_tap_http_requests_total",
        "ollama_tap_upstream_errors_total",
    ];
    let mut all = BTreeMap::new();
    for (series, value) in scrape.samples() {
        let own_page = series.labels.get("endpoint").is_some_and(|endpoint| matches!(endpoint.as_str(), "metrics" | "test" | "healthz"));
        let decided = FAMILIES.iter().any(|family| series.name.starts_with(family)) && !series.name.ends_with("_bucket");
        if !decided || own_page || WALL_CLOCK.contains(&series.name.as_str()) {
            continue;
        }
        let mut series = series.clone();
        if series.name == "ollama_tap_http_requests_total" {
            series.labels.remove("endpoint");
        }
        *all.entry(series).or_default() += value;
    }
    all
}

/// Why an answer ended.
fn reason(endpoint: &str, ok: bool, said: &Said) -> &'static str {
    match said.reason.as_deref() {
        _ if !ok => "error",
        _ if endpoint.contains("embed") => "other",
        Some("tool_use" | "tool_calls") => "tool_calls",
        Some("stop" | "end_turn" | "completed") if said.called => "tool_calls",
        Some("stop" | "end_turn" | "completed") => "stop",
        Some("length" | "max_tokens" | "max_output_tokens") => "length",
        _ => "other",
    }
}

pub fn is_stream(reply: &Message) -> bool {
    reply.head.get("content-type").is_some_and(|kind| kind.starts_with("application/x-ndjson") || kind.starts_with("text/event-stream"))
}

/// The request's JSON; null where it cannot be read.
pub fn asked(request: &Message) -> Value {
    let zstd = request.head.get("content-encoding") == Some("zstd");
    let body = if zstd { unzstd(&request.body) } else { request.body.clone() };
    let text = String::from_utf8_lossy(&body);
    // Of JSON that was cut, what stands before the cut counts.
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let model = text.split("\"model\": \"").nth(1).and_then(|rest| rest.split_once('"'));
        model.map_or(Value::Null, |(model, _)| serde_json::json!({ "model": model }))
    })
}

/// A chat's last user message, else the prompt or the input.
pub fn prompt(asked: &Value) -> String {
    let turns = asked["messages"].as_array().or_else(|| asked["input"].as_array());
    let last = turns.into_iter().flatten().rfind(|turn| turn["role"] == "user");
    if let Some(last) = last {
        return plain(&last["content"]);
    }
    [&asked["prompt"], &asked["input"]].into_iter().map(plain).collect()
}

fn plain(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| plain(part.get("text").unwrap_or(part))).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// The categories that the recorded prompts fall into.
pub fn category(prompt: &str) -> &'static str {
    let prompt = prompt.to_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| prompt.contains(word));
    match () {
        () if prompt.is_empty() => "empty",
        () if holds(&["summar"]) => "summarize",
        () if holds(&["translat"]) => "translate",
        () if holds(&["explain"]) => "explain",
        () if prompt.lines().any(|line| line.find("write").is_some_and(|at| line[at..].contains("code"))) => "code_write",
        () if holds(&["debug", "fix"]) => "code_debug",
        () if holds(&["question", "what", "how", "why", "when"]) => "question",
        () if holds(&["creat", "generat"]) => "creative",
        () if holds(&["analy"]) => "analyze",
        () if holds(&["help"]) => "help",
        () if holds(&["list", "enumerate"]) => "list",
        () => "other",
    }
}

pub fn what_it_said(reply: &Message) -> Said {
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let mut said = Said::default();
    if !is_stream(reply) {
        said.finished = true;
        object(&mut said, &serde_json::from_str(&text).unwrap_or_default());
        said.deltas = 0;
        return said;
    }
    for line in text.lines() {
        match line.strip_prefix("data: ").unwrap_or(line) {
            "[DONE]" => said.finished = true,
            line if line.starts_with('{') => object(&mut said, &serde_json::from_str(line).expect("JSON in a recording")),
            _ => {}
        }
    }
    if said.tokens.is_none() && said.deltas > 0 {
        said.tokens = Some(said.deltas);
    }
    said
}

/// One JSON object of a reply, whatever its dialect.
fn object(said: &mut Said, value: &Value) {
    let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty()) || value.as_array().is_some_and(|list| !list.is_empty());
    said.failed |= value.get("error").is_some_and(|error| !error.is_null());
    said.finished |= value["done"] == true || matches!(value["type"].as_str(), Some("message_stop" | "response.completed"));
    said.load |= matches!(value["done_reason"].as_str(), Some("load" | "unload"));
    said.model = said.model.take().or_else(|| value["model"].as_str().map(str::to_owned));
    if value.get("total_duration").is_some() {
        said.last = value.clone();
    }
    let delta = &value["choices"][0]["delta"];
    let fields = [
        &value["response"],
        &value["thinking"],
        &value["message"]["content"],
        &value["message"]["thinking"],
        &value["message"]["tool_calls"],
        &delta["content"],
        &delta["reasoning"],
        &delta["tool_calls"],
        &value["choices"][0]["text"],
        &value["delta"],
        &value["delta"]["text"],
        &value["delta"]["thinking"],
        &value["delta"]["partial_json"],
    ];
    said.deltas += u64::from(fields.iter().any(|field| has(field)));
    // The usage of a `message_start` is a guess from the length of the prompt: it is no count.
    for usage in [&value["usage"], &value["response"]["usage"]] {
        let prompt = usage["prompt_tokens"].as_u64().or_else(|| usage["input_tokens"].as_u64());
        let tokens = usage["completion_tokens"].as_u64().or_else(|| usage["output_tokens"].as_u64());
        // Some streams carry zeros in every frame and the numbers in the last.
        said.prompt_tokens = prompt.filter(|count| *count > 0).or(said.prompt_tokens);
        said.tokens = tokens.filter(|count| *count > 0).or(said.tokens);
        let details = [&usage["prompt_tokens_details"], &usage["input_tokens_details"]];
        said.cached_tokens = details.iter().find_map(|details| details["cached_tokens"].as_u64()).or(said.cached_tokens);
    }
    let text = value.to_string();
    said.called |= ["\"tool_calls\":[{", "\"type\":\"tool_use\"", "\"type\":\"function_call\""].iter().any(|call| text.contains(call));
    let choice = &value["choices"][0]["finish_reason"];
    let reasons = [&value["done_reason"], choice, &value["stop_reason"], &value["delta"]["stop_reason"], &value["status"]];
    let ended = value["response"]["status"].as_str().filter(|_| value["type"] == "response.completed");
    said.reason = reasons.iter().find_map(|reason| reason.as_str()).or(ended).map(str::to_owned).or(said.reason.take());
    said.prompt_tokens = value["prompt_eval_count"].as_u64().or(said.prompt_tokens);
    said.cached_tokens = value["prompt_eval_cached_count"].as_u64().or(said.cached_tokens);
    said.tokens = value["eval_count"].as_u64().or(said.tokens);
}
