//! The metrics that a recorded exchange must change, worked out from the recording alone and the plain way: whole bodies, whole
//! JSON trees, no state but the model names confirmed so far.

pub mod record;
mod reply;
mod request;

pub use reply::{ReplySummary, is_stream, summarize_reply};
pub use request::{asked, category, is_whole, prompt};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recording::Message;
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

/// The samples that must have moved since the last `clear`, each with the least and the most that is right.
#[derive(Default)]
pub struct Expected {
    confirmed: BTreeSet<String>,
    samples: BTreeMap<Series, (f64, f64)>,
}

impl Expected {
    /// Adds what this exchange must have moved.
    pub fn add(&mut self, request: &Message, reply: &Message) {
        self.count(
            "ollama_tap_http_requests_total",
            &[
                ("method", request.head.method()),
                ("code", &reply.head.status().to_string()),
            ],
            1.0,
        );
        let endpoint = request.head.path().trim_start_matches('/');
        if request.head.method() != "POST"
            || !INFERENCE.contains(&endpoint)
            || request.head.path().starts_with("//")
        {
            return;
        }
        let summary = summarize_reply(reply);
        if summary.load {
            return;
        }
        let asked = asked(request);
        let model = self.label(&asked, &summary, reply.head.status());
        let category = category(&prompt(&asked));
        let ok = reply.head.status() < 300 && summary.finished && !summary.failed;
        let status = if ok { "success" } else { "error" };
        let labels = [
            ("model", model.as_str()),
            ("endpoint", endpoint),
            ("prompt_category", category),
        ];
        self.count(
            "ollama_requests_total",
            &[labels[0], labels[1], labels[2], ("status", status)],
            1.0,
        );
        self.count("ollama_request_duration_seconds_count", &labels, 1.0);
        self.count(
            "ollama_finished_total",
            &[labels[0], ("reason", reason(endpoint, ok, &summary))],
            1.0,
        );
        self.durations(labels[0], &summary.last);
        self.tokens(labels[0], labels[2], &summary);
        if is_stream(reply) && summary.deltas > 0 {
            self.count(
                "ollama_time_to_first_token_seconds_count",
                &labels[..2],
                1.0,
            );
        }
        self.pace(labels[0], labels[2], &summary, is_stream(reply));
    }

    /// The label of a model: what the request said, once a 2xx reply confirmed it.
    fn label(&mut self, asked: &Value, summary: &ReplySummary, status: u16) -> String {
        let name = asked["model"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| summary.model.clone().filter(|_| asked.is_null()));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return "unknown".to_owned();
        };
        // As much of Ollama's spellings as the recordings have.
        let name = name.to_lowercase().trim_end_matches(":latest").to_owned();
        if status < 300 {
            self.confirmed.insert(name.clone());
        }
        if self.confirmed.contains(&name) {
            name
        } else {
            "other".to_owned()
        }
    }

    fn durations(&mut self, model: (&str, &str), last: &Value) {
        for (field, family) in [
            ("total_duration", "ollama_response_seconds"),
            ("load_duration", "ollama_load_duration_seconds"),
            (
                "prompt_eval_duration",
                "ollama_prompt_eval_duration_seconds",
            ),
            ("eval_duration", "ollama_eval_duration_seconds"),
        ] {
            if let Some(nanoseconds) = last[field].as_f64() {
                self.count(&format!("{family}_count"), &[model], 1.0);
                self.count(&format!("{family}_sum"), &[model], nanoseconds / 1e9);
            }
        }
    }

    fn tokens(&mut self, model: (&str, &str), category: (&str, &str), summary: &ReplySummary) {
        if let Some(count) = summary.prompt_tokens {
            self.count("ollama_tokens_processed_total", &[model], count as f64);
            self.count("ollama_prompt_tokens_sum", &[model], count as f64);
            self.count("ollama_prompt_tokens_count", &[model], 1.0);
        }
        if let Some(count) = summary.cached_tokens {
            self.count("ollama_prompt_tokens_cached_total", &[model], count as f64);
        }
        if let Some(count) = summary.tokens {
            self.count("ollama_tokens_generated_total", &[model], count as f64);
            self.count(
                "ollama_tokens_generated_sum",
                &[model, category],
                count as f64,
            );
            self.count("ollama_tokens_generated_count", &[model, category], 1.0);
        }
    }

    /// Speeds: exact where Ollama gives its own clock; else measured here, so that only their number is known, and not even that
    /// where one delta brought everything.
    fn pace(
        &mut self,
        model: (&str, &str),
        category: (&str, &str),
        summary: &ReplySummary,
        stream: bool,
    ) {
        let tokens = summary.tokens.unwrap_or_default();
        if let Some(eval) = summary.last["eval_duration"]
            .as_f64()
            .filter(|_| tokens > 0)
        {
            self.count("ollama_tokens_per_second_count", &[model, category], 1.0);
            self.count(
                "ollama_tokens_per_second_sum",
                &[model, category],
                tokens as f64 / (eval / 1e9),
            );
        } else if stream && tokens > 1 {
            let least = if summary.deltas > 1 { 1.0 } else { 0.0 };
            self.between(
                "ollama_tokens_per_second_count",
                &[model, category],
                least,
                1.0,
            );
            self.between(
                "ollama_tokens_per_second_sum",
                &[model, category],
                0.0,
                f64::INFINITY,
            );
        }
        if stream && tokens > 1 {
            let least = if summary.deltas > 1 { 1.0 } else { 0.0 };
            self.between(
                "ollama_time_per_output_token_seconds_count",
                &[model],
                least,
                1.0,
            );
        }
    }

    fn count(&mut self, name: &str, labels: &[(&str, &str)], by: f64) {
        self.between(name, labels, by, by);
    }

    fn between(&mut self, name: &str, labels: &[(&str, &str)], least: f64, most: f64) {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sample = self
            .samples
            .entry(Series {
                name: name.to_owned(),
                labels,
            })
            .or_default();
        *sample = (sample.0 + least, sample.1 + most);
    }

    /// Forgets the samples, but not the names of models.
    pub fn clear(&mut self) {
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
    const WALL_CLOCK: [&str; 3] = [
        "ollama_request_duration_seconds_sum",
        "ollama_time_to_first_token_seconds_sum",
        "ollama_time_per_output_token_seconds_sum",
    ];
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
        let own_page = series
            .labels
            .get("endpoint")
            .is_some_and(|endpoint| matches!(endpoint.as_str(), "metrics" | "test" | "healthz"));
        let decided = FAMILIES
            .iter()
            .any(|family| series.name.starts_with(family))
            && !series.name.ends_with("_bucket");
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
fn reason(endpoint: &str, ok: bool, summary: &ReplySummary) -> &'static str {
    match summary.reason.as_deref() {
        _ if !ok => "error",
        _ if endpoint.contains("embed") => "other",
        Some("tool_use" | "tool_calls") => "tool_calls",
        Some("stop" | "end_turn" | "completed") if summary.called => "tool_calls",
        Some("stop" | "end_turn" | "completed") => "stop",
        Some("length" | "max_tokens" | "max_output_tokens") => "length",
        _ => "other",
    }
}
