//! METRICS: what is counted when, on a registry of our own; the families are defined in `families`, once each.
//!
//! Nothing here fails or waits: a request counts in a few microseconds, and a scrape only reads.

mod families;
mod labels;
mod loaded;
mod sets;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Encoder, Registry, TextEncoder};

use crate::observe::{Exchange, Outcome};
use families::{Families, Histograms};
use labels::{ALL, Models, REASONS, code_label, method_label, reason_label};
use loaded::Loaded;
pub use loaded::{LoadedModel, OllamaStatus};

/// Content-Type of `Metrics::encode`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric of the process. Shared by reference; all of it works from any thread.
pub struct Metrics {
    registry: Registry,
    families: Families,
    models: Models,
    loaded: Loaded,
    /// Prompts are told apart by their category.
    has_categories: bool,
}

impl Metrics {
    /// Fails only where a family is defined wrong or twice, which the first test finds.
    pub fn new(version: &str) -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        families.start_at_zero();
        families
            .build_info
            .with_label_values(&[version, std::env::consts::OS, std::env::consts::ARCH])
            .set(1);
        Ok(Metrics {
            registry,
            families,
            models: Models::default(),
            loaded: Loaded::default(),
            has_categories: true,
        })
    }

    /// With `all` for the category of every prompt.
    pub fn without_categories(self) -> Metrics {
        Metrics {
            has_categories: false,
            ..self
        }
    }

    /// Adds a collector of the platform's own (`process_*`).
    pub fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error> {
        self.registry.register(collector)
    }

    /// An inference request was read. `id` is its `interaction_id`; `ended` follows for the same one.
    pub fn began(&self, id: &str, model: Option<&str>) {
        let label = self.models.label(model);
        self.families
            .active_requests
            .with_label_values(&[label])
            .inc();
        self.models.began(id, label);
    }

    /// An inference request ended: everything that one exchange moves.
    pub fn ended(&self, exchange: &Exchange) {
        if let Some(label) = self.models.ended(&exchange.interaction_id) {
            self.families
                .active_requests
                .with_label_values(&[label])
                .dec();
        }
        if exchange.load_only {
            return;
        }
        if let (Some(200..=299), Some(model)) = (exchange.http_status, &exchange.model) {
            self.models.confirm(model);
        }
        let model = self.models.label(exchange.model.as_deref());
        self.observe_times(exchange, model);
        self.observe_tokens(exchange, model);
        // Last, so that a scrape which counts a request holds all that it moved.
        self.count_request(exchange, model);
    }

    fn count_request(&self, exchange: &Exchange, model: &str) {
        let f = &self.families;
        let (endpoint, category) = (exchange.endpoint.as_str(), self.category(exchange));
        f.requests
            .with_label_values(&[model, endpoint, exchange.outcome.as_str(), category])
            .inc();
        for outcome in Outcome::ALL {
            f.requests
                .start_at_zero(&[model, endpoint, outcome.as_str(), category]);
        }
        observe(
            &f.request_duration,
            &[model, endpoint, category],
            Some(exchange.duration),
        );
        let ended = reason_label(exchange);
        f.finished.with_label_values(&[model, ended]).inc();
        for reason in REASONS {
            f.finished.start_at_zero(&[model, reason]);
        }
        let dialect = exchange.endpoint.dialect().as_str();
        f.parse_failures
            .with_label_values(&[dialect])
            .inc_by(exchange.parse_failures);
    }

    fn category(&self, exchange: &Exchange) -> &'static str {
        if self.has_categories {
            exchange.prompt_category
        } else {
            ALL
        }
    }

    fn observe_times(&self, exchange: &Exchange, model: &str) {
        let f = &self.families;
        observe(&f.response, &[model], exchange.total_duration);
        observe(&f.load_duration, &[model], exchange.load_duration);
        observe(
            &f.prompt_eval_duration,
            &[model],
            exchange.prompt_eval_duration,
        );
        observe(&f.eval_duration, &[model], exchange.eval_duration);
        observe(
            &f.time_to_first_token,
            &[model, exchange.endpoint.as_str()],
            exchange.time_to_first_token,
        );
        observe(
            &f.time_per_output_token,
            &[model],
            exchange.time_per_output_token,
        );
    }

    fn observe_tokens(&self, exchange: &Exchange, model: &str) {
        let f = &self.families;
        if let Some(tokens) = exchange.prompt_tokens {
            f.tokens_processed
                .with_label_values(&[model])
                .inc_by(tokens);
            f.prompt_tokens
                .with_label_values(&[model])
                .observe(tokens as f64);
        }
        if let Some(tokens) = exchange.prompt_cached_tokens {
            f.prompt_tokens_cached
                .with_label_values(&[model])
                .inc_by(tokens);
        }
        if let Some(speed) = exchange.prompt_tokens_per_second {
            f.prompt_tokens_per_second
                .with_label_values(&[model])
                .observe(speed);
        }
        if let Some(tokens) = exchange
            .generated_tokens
            .filter(|_| !exchange.endpoint.is_embedding())
        {
            f.tokens_generated_total
                .with_label_values(&[model])
                .inc_by(tokens);
            f.tokens_generated
                .with_label_values(&[model, self.category(exchange)])
                .observe(tokens as f64);
        }
        if let Some(speed) = exchange
            .tokens_per_second
            .filter(|speed| speed.is_finite() && *speed >= 0.0)
        {
            f.tokens_per_second
                .with_label_values(&[model, self.category(exchange)])
                .observe(speed);
        }
    }

    /// Any request was answered. `endpoint` is one of `labels::HTTP_ENDPOINTS` or another template, or `other`.
    pub fn http_request(&self, endpoint: &str, method: &str, code: u16) {
        self.families
            .http_requests
            .with_label_values(&[endpoint, method_label(method), &code_label(code)])
            .inc();
    }

    /// Ollama could not be reached or understood. `kind` is a `forward::failure::Kind`.
    pub fn upstream_error(&self, kind: &'static str) {
        self.families
            .upstream_errors
            .with_label_values(&[kind])
            .inc();
    }

    /// A request met one of our bounds. `reason` is one of `labels::REFUSALS`.
    pub fn refused(&self, reason: &'static str) {
        self.families.refused.with_label_values(&[reason]).inc();
    }

    /// A worker took a request that had waited this long.
    pub fn queue_wait(&self, wait: Duration) {
        self.families.queue_wait.observe(wait.as_secs_f64());
    }

    /// How many workers there are.
    pub fn workers(&self, count: usize) {
        self.families.workers.set(count as i64);
    }

    /// This many more workers are busy: 1 when one takes a request, -1 when it is done.
    pub fn workers_busy(&self, change: i64) {
        self.families.workers_busy.add(change);
    }

    /// The listener had died and was built again.
    pub fn listener_restarted(&self) {
        self.families.listener_restarts.inc();
    }

    /// The Ollama that we run is started again.
    pub fn backend_restarted(&self) {
        self.families.backend_restarts.inc();
    }

    /// The history goes to this backend: its series begin at 0.
    pub fn analytics_backend(&self, backend: &str) {
        for written in [Written::Success, Written::Error] {
            self.analytics_written(backend, written, 0);
        }
    }

    /// So many records wait to be written.
    pub fn analytics_queue_size(&self, records: usize) {
        self.families.analytics_queue_size.set(records as i64);
    }

    /// So many records were written, or could not be.
    pub fn analytics_written(&self, backend: &str, written: Written, records: u64) {
        self.families
            .analytics_writes
            .with_label_values(&[backend, written.as_str()])
            .inc_by(records);
    }

    /// How many records were lost so far.
    pub fn analytics_lost(&self) -> u64 {
        self.families.analytics_dropped.get()
    }

    /// So many records are lost for good.
    pub fn analytics_dropped(&self, records: u64) {
        self.families.analytics_dropped.inc_by(records);
    }

    /// Whether Ollama is up.
    pub fn ollama_up(&self, is_up: bool) {
        self.families.up.set(is_up.into());
    }

    /// Whether what is too old is kept for now, because all of it would go at once.
    pub fn analytics_expiry_held(&self, is_held: bool) {
        self.families.analytics_expiry_held.set(is_held.into());
    }

    /// What Ollama said of itself. Series of models that it no longer names are removed.
    pub fn ollama(&self, status: &OllamaStatus) {
        self.loaded.show(status, &self.families);
    }

    /// Prometheus text format 0.0.4, sorted by name and labels.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64 << 10);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            log::error!("encoding metrics: {error}");
        }
        text
    }
}

/// Label `status` of `ollama_analytics_writes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Success,
    Error,
}

impl Written {
    fn as_str(self) -> &'static str {
        match self {
            Written::Success => "success",
            Written::Error => "error",
        }
    }
}

fn observe(family: &Histograms, labels: &[&str], time: Option<Duration>) {
    if let Some(time) = time {
        family.with_label_values(labels).observe(time.as_secs_f64());
    }
}

#[cfg(test)]
pub mod tests;
