//! Parts that are not ours: Prometheus and its tools, and the public Python clients. Each is skipped aloud where it is missing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::harness::recording::{self, Message, Recording};
use crate::harness::{
    FakeOllama, Prometheus, Proxy, eventually, metric, post, require_python, require_tool,
};

const VERSION: &str = "0.33.0";

/// A stand-in that gives each route, model and kind of stream its recorded reply.
pub fn recorded() -> FakeOllama {
    FakeOllama::start(move |conn| {
        let body = conn.body()?;
        let reply = reply(conn.head.path(), &body);
        conn.answer(reply.raw)
    })
}

/// The recorded reply to such a request.
pub fn reply(path: &str, body: &[u8]) -> Message {
    static ALL: LazyLock<Vec<Recording>> = LazyLock::new(|| recording::exchanges(VERSION));
    let name = name(path, &serde_json::from_slice(body).unwrap_or_default());
    let found = ALL
        .iter()
        .find(|recording| recording.name == name)
        .unwrap_or_else(|| panic!("no {name}"));
    found.replies[0].clone()
}

fn name(path: &str, body: &serde_json::Value) -> String {
    let native = path.starts_with("/api/");
    let stem = match path {
        "/api/embed" => return "embed-many".to_owned(),
        "/api/tags" => return "tags".to_owned(),
        "/v1/embeddings" => return "v1-embeddings-base64".to_owned(),
        "/v1/chat/completions" => "v1-chat".to_owned(),
        path => path
            .trim_start_matches("/api")
            .trim_start_matches('/')
            .replace('/', "-"),
    };
    if body["model"] == "nope" {
        return format!("{stem}-missing-model");
    }
    let streams = body["stream"].as_bool().unwrap_or(native);
    format!("{stem}-{}", if streams { "stream" } else { "block" })
}

/// Two inference requests, so that there is something to see.
fn use_it(tap: &Proxy) {
    for stream in ["true", "false"] {
        let body =
            format!(r#"{{"model":"talk","prompt":"Why is the sky blue?","stream":{stream}}}"#);
        assert_eq!(tap.ask("POST", post("/api/generate", &body)).status(), 200);
    }
    let counted = metric("ollama_requests_total")
        .label("model", "talk")
        .label("status", "success");
    tap.scrape_until("two requests", |scrape| counted.sum(scrape) == 2.0);
}

#[test]
fn promtool_has_nothing_to_say_against_the_metrics() {
    if !require_tool("promtool", &["--version"]) {
        return;
    }
    let ollama = recorded();
    let tap = Proxy::start(&ollama);
    use_it(&tap);
    let mut promtool = Command::new("promtool");
    promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("start promtool");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(&tap.get("/metrics").body)
        .expect("write");
    let output = child.wait_with_output().expect("promtool");
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.trim().is_empty(),
        "promtool says: {said}"
    );
}

#[test]
fn a_real_prometheus_scrapes_it() {
    if !require_tool("prometheus", &["--version"]) {
        return;
    }
    let ollama = recorded();
    let tap = Proxy::start(&ollama);
    use_it(&tap);
    let prometheus = Prometheus::start(&format!(
        "global: {{scrape_interval: 200ms}}\nscrape_configs:\n- job_name: ollama\n  static_configs: [{{targets: ['{}']}}]\n",
        tap.addr
    ));
    for (query, value) in [
        ("up{job=\"ollama\"}", 1.0),
        ("ollama_up", 1.0),
        (
            "ollama_requests_total{model=\"talk\",status=\"success\",endpoint=\"api/generate\",prompt_category=\"question\"}",
            2.0,
        ),
        ("ollama_tokens_generated_total{model=\"talk\"}", 66.0),
        (
            "sum(ollama_request_duration_seconds_bucket{le=\"+Inf\"})",
            2.0,
        ),
    ] {
        let mut answer = None;
        eventually(query, || {
            answer = prometheus.value(query);
            answer == Some(value)
        });
    }
}

#[test]
fn python_clients_see_no_difference() {
    if !has_clients() {
        return;
    }
    let ollama = recorded();
    let tap = Proxy::start(&ollama);
    let said = run_clients(&[ollama.url(), format!("http://{}", tap.addr)], &[]);
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 2 * 16, "{said:?}");
    let (direct, tapped) = said.split_at(16);
    for (direct, tapped) in direct.iter().zip(tapped) {
        assert_eq!(direct, tapped);
    }
    let counted = metric("ollama_requests_total");
    tap.scrape_until("the clients' requests", |scrape| {
        counted.sum(scrape) == 15.0
    });
}

pub fn has_clients() -> bool {
    require_python(&["ollama", "openai", "anthropic"])
}

/// Asks these models of those Ollamas with the public Python clients: what they return, line by line.
pub fn run_clients(hosts: &[String], models: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clients.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(hosts.join(","))
        .args(models)
        .output()
        .expect("run python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
