//! METRICS: counts events in a registry of our own. `families` defines every family, once.
//!
//! Nothing here fails or waits: counting a request takes a few microseconds, and a scrape only
//! reads.

mod bounded_family;
mod buckets;
mod diagnosis;
mod families;
mod labels;
mod ollama_status;
mod own_health;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Encoder, IntGauge, Registry, TextEncoder};

use crate::http::agent::UpstreamErrorKind;
use crate::observe::{Exchange, Outcome};
use families::{Families, Histograms};
use labels::{
    ALL_CATEGORIES, FINISH_REASONS, ModelLabels, code_label, finish_reason_label, method_label,
};
use ollama_status::ShownStatus;
pub use ollama_status::{LoadedModel, OllamaStatus};

/// Content-Type of `Metrics::encode`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric of the process. It works from any thread.
pub struct Metrics {
    registry: Registry,
    families: Families,
    models: ModelLabels,
    ollama_status: ShownStatus,
    /// The label `prompt_category` has the category of the prompt.
    has_categories: bool,
}

impl Metrics {
    /// Fails only if a family is defined wrongly or twice, which the first test finds.
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
            models: ModelLabels::default(),
            ollama_status: ShownStatus::default(),
            has_categories: true,
        })
    }

    /// Labels every prompt with the category `all`.
    pub fn without_categories(self) -> Metrics {
        Metrics {
            has_categories: false,
            ..self
        }
    }

    /// Adds a collector of the platform (`process_*`).
    pub fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error> {
        self.registry.register(collector)
    }

    /// Counts an inference request as active. `id` is its `interaction_id`; `request_finished`
    /// follows for the same one.
    pub fn request_started(&self, id: &str, model: Option<&str>) {
        let label = self.models.label(model);
        self.families
            .active_requests
            .with_label_values(&[label])
            .inc();
        self.under_way(label, labels::WAITING).inc();
        self.models.request_started(id, label);
    }

    /// Counts an active request as one whose reply has begun.
    pub fn reply_started(&self, id: &str) {
        if let Some(model) = self.models.request_answered(id) {
            self.under_way(&model, labels::ANSWERING).inc();
            self.under_way(&model, labels::WAITING).dec();
        }
    }

    fn under_way(&self, model: &str, phase: &str) -> IntGauge {
        let family = &self.families.requests_under_way;
        family.with_label_values(&[model, phase])
    }

    /// Counts an inference request that has finished, and all that it holds.
    pub fn request_finished(&self, exchange: &Exchange) {
        if let Some(active) = self.models.request_finished(&exchange.interaction_id) {
            self.under_way(&active.model, active.phase).dec();
            self.families
                .active_requests
                .with_label_values(&[active.model])
                .dec();
        }
        if exchange.load_only {
            return;
        }
        if let (Some(200..=299), Some(model)) = (exchange.http_status, &exchange.model)
            && self.models.confirm(model)
        {
            self.start_findings_at_zero(model);
        }
        let model = self.models.label(exchange.model.as_deref());
        self.observe_times(exchange, model);
        self.observe_tokens(exchange, model);
        // Last, so that a scrape that counts a request also holds its times and tokens.
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
        let finish_reason = finish_reason_label(exchange);
        f.finished.with_label_values(&[model, finish_reason]).inc();
        for reason in FINISH_REASONS {
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
            ALL_CATEGORIES
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

    /// Counts an answered request of any kind. `endpoint` is one of `labels::HTTP_ENDPOINTS`,
    /// another template, or `other`.
    pub fn count_http_request(&self, endpoint: &str, method: &str, code: u16) {
        self.families
            .http_requests
            .with_label_values(&[endpoint, method_label(method), &code_label(code)])
            .inc();
    }

    /// Counts a failure to reach or to understand Ollama.
    pub fn count_upstream_error(&self, kind: UpstreamErrorKind) {
        self.families
            .upstream_errors
            .with_label_values(&[kind.as_str()])
            .inc();
    }

    /// Counts a request that met one of the tap's limits. `reason` is one of `labels::REFUSALS`.
    pub fn count_refusal(&self, reason: &'static str) {
        self.families.refused.with_label_values(&[reason]).inc();
    }

    /// Counts a request that was not diagnosed, because too many waited for it.
    pub fn count_undiagnosed(&self) {
        self.families.undiagnosed.inc();
    }

    /// Observes the time that a request waited for a worker.
    pub fn observe_queue_wait(&self, wait: Duration) {
        self.families.queue_wait.observe(wait.as_secs_f64());
    }

    /// Sets the number of workers.
    pub fn set_workers(&self, count: usize) {
        self.families.workers.set(count as i64);
    }

    /// Adds to the number of busy workers: 1 when one takes a request, -1 when it is done.
    pub fn add_busy_workers(&self, change: i64) {
        self.families.workers_busy.add(change);
    }

    /// Counts a connection that ended by a fault of the tap.
    pub fn count_listener_restart(&self) {
        self.families.listener_restarts.inc();
    }

    /// Counts a restart of the Ollama that `serve` runs.
    pub fn count_backend_restart(&self) {
        self.families.backend_restarts.inc();
    }

    /// Begins the series of the history's backend at 0.
    pub fn init_analytics_backend(&self, backend: &str) {
        for status in [WriteStatus::Success, WriteStatus::Error] {
            self.count_analytics_writes(backend, status, 0);
        }
    }

    /// Sets the number of records that wait to be written.
    pub fn set_analytics_queue_size(&self, records: usize) {
        self.families.analytics_queue_size.set(records as i64);
    }

    /// Counts records that were written, or that could not be written.
    pub fn count_analytics_writes(&self, backend: &str, status: WriteStatus, records: u64) {
        self.families
            .analytics_writes
            .with_label_values(&[backend, status.as_str()])
            .inc_by(records);
    }

    /// Returns the number of records lost so far.
    pub fn analytics_dropped(&self) -> u64 {
        self.families.analytics_dropped.get()
    }

    /// Counts records that are lost for good.
    pub fn count_analytics_dropped(&self, records: u64) {
        self.families.analytics_dropped.inc_by(records);
    }

    /// Sets whether Ollama is up.
    pub fn set_ollama_up(&self, is_up: bool) {
        self.families.up.set(is_up.into());
    }

    /// Sets whether the deletion of expired records is held, because all records would expire at once.
    pub fn set_analytics_expiry_held(&self, is_held: bool) {
        self.families.analytics_expiry_held.set(is_held.into());
    }

    /// Shows Ollama's version and loaded models. Series of models that are no longer loaded are
    /// removed.
    pub fn set_ollama_status(&self, status: &OllamaStatus) {
        self.ollama_status.show(status, &self.families);
    }

    /// Encodes all metrics in Prometheus text format 0.0.4, sorted by name and labels.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64 << 10);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            log::error!("encode metrics: {error}");
        }
        text
    }
}

/// Label `status` of `ollama_analytics_writes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStatus {
    Success,
    Error,
}

impl WriteStatus {
    fn as_str(self) -> &'static str {
        match self {
            WriteStatus::Success => "success",
            WriteStatus::Error => "error",
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
