//! Every query against a real Prometheus, which runs with the configuration and the rules of packaging/prometheus and scrapes a tap
//! under traffic.

use serde_json::Value;

use super::queries::{self, Query, filled, selectors};
use super::{board, list, packaging, read, traffic, word};
use crate::harness::{FakeOllama, Options, Prometheus, Proxy, eventually, require_tool};

/// What the tests put into a query for its time: all that was scraped.
const TIMES: [(&str, &str); 3] = [
    ("__rate_interval", "5m"),
    ("__range", "5m"),
    ("__interval", "1s"),
];

/// A tap that was used twice, with a scrape in between, so that every counter was seen to grow; and who scraped it.
struct Watched {
    prometheus: Prometheus,
    tap: Proxy,
    ollama: FakeOllama,
}

impl Watched {
    fn start() -> Watched {
        let ollama = traffic::ollama();
        let tap = Options::to(&ollama)
            .env("OLLAMA_TAP_TEST_POLL_MS", "50")
            .start();
        let watched = Watched {
            prometheus: Prometheus::start(&configuration(&tap)),
            tap,
            ollama,
        };
        let troubles = traffic::meet_troubles(&watched.tap, &watched.ollama);
        for round in [1.0, 2.0] {
            traffic::round(&watched.tap);
            watched.until(
                "the requests of a round",
                "sum(ollama_requests_total)",
                troubles + round * traffic::ROUND,
            );
        }
        // The last of the recording rules, which come after the scrape.
        watched.until("the rules", "sum(instance_model:ollama_time_to_first_token_seconds:p95_5m{model=\"talk\"} > bool 0)", 1.0);
        watched
    }

    fn until(&self, what: &str, query: &str, value: f64) {
        eventually(what, || self.prometheus.value(query) == Some(value));
    }

    /// Returns the fault of an answer to a query that must have one.
    fn complaint(&self, query: &Query, values: &[(&str, &str)]) -> Option<String> {
        let text = filled(&filled(&query.text, &TIMES), values);
        let wrong = match self.prometheus.ask(&text) {
            Err(error) => error,
            Ok(samples) if !samples.iter().any(|sample| !sample.value.is_nan()) => {
                "no data".to_owned()
            }
            Ok(samples) => {
                let is_shown = |label: &&String| {
                    !samples
                        .iter()
                        .any(|sample| sample.labels.contains_key(*label))
                };
                format!("no label {}", query.legend.iter().find(is_shown)?)
            }
        };
        Some(format!("{}: {wrong}: {text}", query.place))
    }
}

/// packaging/prometheus/prometheus.yml, but for this tap and in a hurry.
fn configuration(tap: &Proxy) -> String {
    let mut text = read("prometheus/prometheus.yml");
    let rule = |file: &str| {
        packaging(&format!("prometheus/{file}"))
            .display()
            .to_string()
    };
    for (shipped, ours) in [
        ("localhost:11434\"", format!("{}\"", tap.addr)),
        ("_interval: 15s", "_interval: 150ms".to_owned()),
        ("- recording.yml", format!("- {}", rule("recording.yml"))),
        ("- alerts.yml", format!("- {}", rule("alerts.yml"))),
    ] {
        assert!(text.contains(shipped), "prometheus.yml has no {shipped}");
        text = text.replace(shipped, &ours);
    }
    text
}

#[test]
fn every_query_of_every_file_is_answered_by_a_prometheus_that_scraped_a_tap_under_traffic() {
    if !require_tool("prometheus", &["--version"]) {
        return;
    }
    let watched = Watched::start();
    let mut complaints = of_board_and_documents(&watched);
    complaints.extend(of_rules(&watched));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    trouble_is_seen(watched);
}

/// With everything chosen, and with one of each as Grafana writes it into a regular expression.
fn of_board_and_documents(watched: &Watched) -> Vec<String> {
    let metrics = board("grafana/dashboard.json");
    let documents = [
        queries::of_document("the metrics", &read("docs/metrics.md")),
        queries::of_document("the runbook", &read("prometheus/README.md")),
    ]
    .concat();
    let queries = [
        queries::of_panels(&metrics),
        queries::of_variables(&metrics),
        documents,
    ]
    .concat();
    assert!(queries.len() > 80, "{} queries", queries.len());
    let instance = watched.tap.addr.to_string().replace('.', "\\\\.");
    let choices = [
        [("job", ".*"), ("instance", ".*"), ("model", ".*")],
        [
            ("job", "ollama"),
            ("instance", instance.as_str()),
            ("model", "(talk|vec)"),
        ],
    ];
    choices
        .iter()
        .flat_map(|values| {
            queries
                .iter()
                .filter_map(|query| watched.complaint(query, values))
        })
        .collect()
}

/// Recording rules must have answers. Alerts must be silent or not, but every selector in them must find something.
fn of_rules(watched: &Watched) -> Vec<String> {
    let answer = watched.prometheus.get("/api/v1/rules").expect("the rules");
    let rules: Vec<&Value> = list(&answer["data"]["groups"])
        .iter()
        .flat_map(|group| list(&group["rules"]))
        .collect();
    assert!(rules.len() > 15, "{} rules", rules.len());
    let query = |place: &str, text: String| Query {
        place: place.to_owned(),
        text,
        legend: Vec::new(),
    };
    let expected = |rule: &&Value| {
        let (name, expression) = (word(&rule["name"]), word(&rule["query"]));
        let parts = selectors(expression)
            .into_iter()
            .map(|selector| query(name, selector));
        let whole = (rule["type"] == "recording").then(|| query(name, name.to_owned()));
        assert_eq!(rule["health"], "ok", "{name}: {}", rule["lastError"]);
        parts.chain(whole).collect::<Vec<_>>()
    };
    rules
        .iter()
        .flat_map(expected)
        .filter_map(|query| watched.complaint(&query, &[]))
        .collect()
}

/// Prometheus itself sees Ollama go, and then the tap.
fn trouble_is_seen(watched: Watched) {
    let pending = |alert: &str| format!("ALERTS{{alertname=\"{alert}\",alertstate=\"pending\"}}");
    watched.ollama.stop();
    watched.until("an alert", &pending("OllamaDown"), 1.0);
    let Watched {
        prometheus, tap, ..
    } = watched;
    drop(tap);
    eventually("another alert", || {
        prometheus.value(&pending("OllamaTapDown")) == Some(1.0)
    });
}
