//! Defines every metric family: its name, help, labels and buckets.
//!
//! In a family with several labels a label `model` always comes first, and no value of another
//! label ends in another value of the same label: the prometheus crate tells series apart by a hash
//! over their values, joined without a separator.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result,
};

use super::bounded_family::BoundedFamily;
use super::buckets::{
    CONTEXT_RATIO, PART_SECONDS, PROMPT_TOKENS, PROMPT_TOKENS_PER_SECOND, REQUEST_SECONDS,
    TOKEN_SECONDS, TOKENS, TOKENS_PER_SECOND, WAIT_SECONDS,
};
use super::labels::{HTTP_ENDPOINTS, REFUSALS, UNKNOWN};
use crate::http::agent::UpstreamErrorKind;
use crate::http::route::Dialect;

/// Counters and histograms with labels and a bound on their sets of values.
pub type Counters = BoundedFamily<IntCounterVec>;
pub type Histograms = BoundedFamily<HistogramVec>;

/// The families, registered.
pub struct Families {
    pub requests: Counters,
    pub request_duration: Histograms,
    pub response: Histograms,
    pub load_duration: Histograms,
    pub prompt_eval_duration: Histograms,
    pub eval_duration: Histograms,
    pub tokens_processed: Counters,
    pub prompt_tokens_cached: Counters,
    pub prompt_tokens: Histograms,
    pub prompt_tokens_per_second: Histograms,
    pub tokens_generated_total: Counters,
    pub tokens_generated: Histograms,
    pub tokens_per_second: Histograms,
    pub time_to_first_token: Histograms,
    pub time_per_output_token: Histograms,
    pub finished: Counters,
    pub active_requests: IntGaugeVec,
    pub requests_under_way: IntGaugeVec,
    pub undiagnosed: IntCounter,

    pub context_cut: Counters,
    pub context_used: Histograms,
    pub model_reloads: Counters,
    pub findings: Counters,

    pub analytics_queue_size: IntGauge,
    pub analytics_writes: Counters,
    pub analytics_dropped: IntCounter,
    pub analytics_expiry_held: IntGauge,

    pub up: IntGauge,
    pub version_info: IntGaugeVec,
    pub model_loaded: IntGaugeVec,
    pub model_size: IntGaugeVec,
    pub model_vram: IntGaugeVec,
    pub model_context: IntGaugeVec,

    pub build_info: IntGaugeVec,
    pub http_requests: Counters,
    pub upstream_errors: Counters,
    pub refused: Counters,
    pub workers: IntGauge,
    pub workers_busy: IntGauge,
    pub queue_wait: Histogram,
    pub listener_restarts: IntCounter,
    pub backend_restarts: IntCounter,
    pub parse_failures: Counters,
}

impl Families {
    pub fn new(registry: &Registry) -> Result<Families> {
        let folded = Definer {
            registry,
            folded: None,
        }
        .counters(
            "ollama_tap_label_sets_folded_total",
            "Times that a family had no room for one more set of label values.",
            &["family"],
        )?;
        let define = Definer {
            registry,
            folded: Some(&folded),
        };
        Ok(Families {
            requests: define.counters(
                "ollama_requests_total",
                "Requests that made a model work, by how they ended.",
                &["model", "endpoint", "status", "prompt_category"],
            )?,
            request_duration: define.histograms(
                "ollama_request_duration_seconds",
                "Wall clock from a request's arrival to its end, whatever its status.",
                &["model", "endpoint", "prompt_category"],
                REQUEST_SECONDS,
            )?,
            response: define.histograms("ollama_response_seconds", "Ollama's own total duration of a request.", &["model"], REQUEST_SECONDS)?,
            load_duration: define.histograms(
                "ollama_load_duration_seconds",
                "Time Ollama spent getting the model ready, its queue included.",
                &["model"],
                PART_SECONDS,
            )?,
            prompt_eval_duration: define.histograms(
                "ollama_prompt_eval_duration_seconds",
                "Time Ollama spent reading the prompt, without what came from its cache.",
                &["model"],
                PART_SECONDS,
            )?,
            eval_duration: define.histograms(
                "ollama_eval_duration_seconds",
                "Time Ollama spent generating tokens.",
                &["model"],
                PART_SECONDS,
            )?,
            tokens_processed: define.counters(
                "ollama_tokens_processed_total",
                "Prompt tokens processed, those from the cache included.",
                &["model"],
            )?,
            prompt_tokens_cached: define.counters(
                "ollama_prompt_tokens_cached_total",
                "Of the prompt tokens processed, those from Ollama's cache, if it tells them.",
                &["model"],
            )?,
            prompt_tokens: define.histograms(
                "ollama_prompt_tokens",
                "Tokens of one request's prompt, those from the cache included.",
                &["model"],
                PROMPT_TOKENS,
            )?,
            prompt_tokens_per_second: define.histograms(
                "ollama_prompt_tokens_per_second",
                "Speed at which one request's prompt was read: its tokens without the cached ones, if Ollama tells those.",
                &["model"],
                PROMPT_TOKENS_PER_SECOND,
            )?,
            tokens_generated_total: define.counters("ollama_tokens_generated_total", "Tokens generated.", &["model"])?,
            tokens_generated: define.histograms(
                "ollama_tokens_generated",
                "Tokens generated by one request.",
                &["model", "prompt_category"],
                TOKENS,
            )?,
            tokens_per_second: define.histograms(
                "ollama_tokens_per_second",
                "Speed at which one request's tokens were generated.",
                &["model", "prompt_category"],
                TOKENS_PER_SECOND,
            )?,
            time_to_first_token: define.histograms(
                "ollama_time_to_first_token_seconds",
                "Time from a request's arrival to its first content, thinking or tool call, of streams.",
                &["model", "endpoint"],
                WAIT_SECONDS,
            )?,
            time_per_output_token: define.histograms(
                "ollama_time_per_output_token_seconds",
                "Mean time between the tokens of one stream of two tokens and more.",
                &["model"],
                TOKEN_SECONDS,
            )?,
            finished: define.counters(
                "ollama_finished_total",
                "Requests that made a model work, by why the answer ended.",
                &["model", "reason"],
            )?,
            active_requests: define.gauges("ollama_active_requests", "Requests that make a model work right now.", &["model"])?,
            requests_under_way: define.gauges(
                "ollama_requests_under_way",
                "Requests that Ollama has now: waiting for the first byte of their answer, or answering.",
                &["model", "phase"],
            )?,
            undiagnosed: define.counter(
                "ollama_tap_undiagnosed_total",
                "Requests whose findings are missing, because too many waited to be diagnosed.",
            )?,
            context_cut: define.counters(
                "ollama_context_cut_total",
                "Requests whose prompt or reply did not fit into the model's context, by what was cut.",
                &["model", "kind", "certainty"],
            )?,
            context_used: define.histograms(
                "ollama_context_used_ratio",
                "Part of the model's context that one request's prompt and answer took; 1 and more if the prompt was cut.",
                &["model"],
                CONTEXT_RATIO,
            )?,
            model_reloads: define.counters("ollama_model_reloads_total", "Loads of a model, by why it was not there.", &["model", "cause"])?,
            findings: define.counters(
                "ollama_findings_total",
                "What was found to be wrong with requests.",
                &["model", "kind", "certainty"],
            )?,
            analytics_queue_size: define.gauge("ollama_analytics_queue_size", "Records that wait to be written into the history.")?,
            analytics_writes: define.counters(
                "ollama_analytics_writes_total",
                "Records whose writing into the history succeeded or failed; one that is tried again counts again, one that lost its text counts as both.",
                &["backend", "status"],
            )?,
            analytics_dropped: define.counter("ollama_tap_analytics_dropped_total", "Records that the history lost for good.")?,
            analytics_expiry_held: define.gauge(
                "ollama_tap_analytics_expiry_held",
                "Whether expired records are kept for now, because a jump of the clock may make them look expired (1) or not (0).",
            )?,
            up: define.gauge("ollama_up", "Whether Ollama answered the tap or a client last (1) or not (0).")?,
            version_info: define.gauges("ollama_version_info", "Always 1; the label says which version of Ollama answers.", &["version"])?,
            model_loaded: define.gauges("ollama_model_loaded", "1 for every model that Ollama holds in memory.", &["model"])?,
            model_size: define.gauges("ollama_model_size_bytes", "Memory that a loaded model takes in all.", &["model"])?,
            model_vram: define.gauges("ollama_model_vram_bytes", "Memory that a loaded model takes on GPUs.", &["model"])?,
            model_context: define.gauges("ollama_model_context_length", "Tokens of context that a loaded model has.", &["model"])?,
            build_info: define.gauges("ollama_tap_build_info", "Always 1; the labels say what runs here.", &["version", "os", "arch"])?,
            http_requests: define.counters(
                "ollama_tap_http_requests_total",
                "All requests answered, by path template, method and status code.",
                &["endpoint", "method", "code"],
            )?,
            upstream_errors: define.counters(
                "ollama_tap_upstream_errors_total",
                "Times Ollama could not be reached or understood, or a request was sent again (stale).",
                &["kind"],
            )?,
            refused: define.counters("ollama_tap_refused_total", "Requests that met one of the tap's own limits.", &["reason"])?,
            workers: define.gauge("ollama_tap_workers", "Workers, each of which forwards one request at a time.")?,
            workers_busy: define.gauge("ollama_tap_workers_busy", "Workers that forward a request right now.")?,
            queue_wait: define.histogram("ollama_tap_queue_wait_seconds", "Time a request waited for a free worker.", WAIT_SECONDS)?,
            listener_restarts: define.counter("ollama_tap_listener_restarts_total", "Connections that ended by a fault of the tap.")?,
            backend_restarts: define.counter("ollama_tap_backend_restarts_total", "Times Ollama died or hung and serve started it again.")?,
            parse_failures: define.counters(
                "ollama_tap_parse_failures_total",
                "Parts of requests and replies that could not be read (they were forwarded all the same).",
                &["dialect"],
            )?,
        })
    }

    /// Begins every series at 0 whose labels are known beforehand, so that its first increase
    /// counts.
    pub fn start_at_zero(&self) {
        for (endpoint, method) in HTTP_ENDPOINTS {
            self.http_requests
                .with_label_values(&[endpoint, method, "200"]);
        }
        for kind in UpstreamErrorKind::ALL.map(UpstreamErrorKind::as_str) {
            self.upstream_errors.with_label_values(&[kind]);
        }
        for reason in REFUSALS {
            self.refused.with_label_values(&[reason]);
        }
        for dialect in Dialect::ALL {
            self.parse_failures.with_label_values(&[dialect.as_str()]);
        }
        self.version_info.with_label_values(&[UNKNOWN]).set(1);
    }
}

/// Creates families and registers them.
struct Definer<'a> {
    registry: &'a Registry,
    /// Counts the label sets that each family folds.
    folded: Option<&'a Counters>,
}

impl Definer<'_> {
    fn register<C: Collector + Clone + 'static>(&self, family: C) -> Result<C> {
        self.registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.register(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<Counters> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), labels)?)?;
        Ok(BoundedFamily::new(
            family,
            labels,
            self.folded_counter(name, labels),
        ))
    }

    /// Returns the counter of the label sets that a family folds, if it has several labels.
    fn folded_counter(&self, name: &str, labels: &[&str]) -> Option<IntCounter> {
        self.folded
            .filter(|_| labels.len() > 1)
            .map(|folded| folded.with_label_values(&[name]))
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.register(IntGauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram> {
        self.register(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
        )?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Histograms> {
        let family = self.register(HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
            labels,
        )?)?;
        Ok(BoundedFamily::new(
            family,
            labels,
            self.folded_counter(name, labels),
        ))
    }
}
