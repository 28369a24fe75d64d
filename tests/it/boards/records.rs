//! The board of records: its queries are LogQL, and ask for labels and fields that the tap pushes into Loki.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::queries::{between, filled, of_panels};
use super::{board, variables, word};
use crate::harness::ollama::{STREAM_HEAD, token};
use crate::harness::{
    FakeLoki, FakeOllama, Options, eventually, post, require, require_tool, runs,
};

/// A reply that ends without its last object, so that the record has an error, too.
const END_OF_CHUNKS: &[u8] = b"0\r\n\r\n";

const BOARD: &str = "grafana/loki.json";

/// Variables that Grafana fills in.
const VALUES: [(&str, &str); 9] = [
    ("__auto", "5m"),
    ("__range", "6h"),
    ("search", "why \"so\""),
    ("host", ".*"),
    ("tap", ".*"),
    ("model", "(talk|vec)"),
    ("endpoint", ".*"),
    ("status", ".*"),
    ("category", ".*"),
];

/// Every query of the board's panels, filled in.
fn filled_in() -> Vec<String> {
    let all: Vec<String> = of_panels(&board(BOARD))
        .iter()
        .map(|query| filled(&query.text, &VALUES))
        .collect();
    assert!(
        all.len() > 10 && all.iter().all(|query| !query.contains('$')),
        "{all:#?}"
    );
    all
}

#[test]
fn every_query_is_logql() {
    let has_package = || {
        let is_there = runs("node", &["-e", "require('@grafana/lezer-logql')"]);
        require("the package @grafana/lezer-logql (NODE_PATH)", is_there)
    };
    if !require_tool("node", &["--version"]) || !has_package() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/boards/logql.cjs");
    let mut command = Command::new("node");
    command
        .arg(script)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("start node");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(filled_in().join("\n").as_bytes())
        .expect("write");
    let output = child.wait_with_output().expect("node");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The labels of a stream as the tap pushes it, those that structured metadata adds to it in a query, and the facts of a record.
fn pushed() -> (BTreeSet<String>, BTreeSet<String>, Value) {
    let (loki, reply) = (
        FakeLoki::start(),
        [STREAM_HEAD.as_bytes(), &token("a"), END_OF_CHUNKS].concat(),
    );
    let ollama = FakeOllama::always(reply);
    let options =
        Options::to(&ollama).args(&["--analytics-backend", "loki", "--loki-url", &loki.url()]);
    let tap = options.env("OLLAMA_TAP_TEST_FLUSH_MS", "10").start();
    tap.ask(
        "POST",
        post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#),
    );
    eventually("a record in Loki, in two entries", || {
        loki.lines().len() == 2
    });
    let facts = loki
        .labels()
        .into_iter()
        .find(|labels| labels["part"] == "facts")
        .expect("facts");
    let (_, line) = loki.state().streams[&facts]
        .first()
        .cloned()
        .expect("a line");
    let beside = loki
        .state()
        .metadata
        .values()
        .next()
        .expect("metadata")
        .keys()
        .cloned()
        .collect();
    (
        facts.into_keys().collect(),
        beside,
        serde_json::from_str(&line).expect("facts"),
    )
}

#[test]
fn every_label_and_every_field_is_one_that_the_tap_pushes() {
    let (labels, beside, record) = pushed();
    for query in filled_in() {
        let fields = fields(&query);
        for (_, path) in &fields {
            assert!(
                record
                    .pointer(&format!("/{}", path.replace('.', "/")))
                    .is_some(),
                "no field {path}: {query}"
            );
        }
        let named = |label: &String| {
            labels.contains(label)
                || beside.contains(label)
                || fields.iter().any(|(name, _)| name == label)
        };
        for label in matched(&query)
            .iter()
            .chain(&grouped(&query))
            .chain(&shown(&query))
        {
            assert!(named(label), "no label {label}: {query}");
        }
    }
}

#[test]
fn every_variable_chooses_among_a_label_that_the_tap_pushes() {
    let (labels, ..) = pushed();
    let board = board(BOARD);
    let chosen: Vec<&str> = variables(&board)
        .iter()
        .map(|variable| word(&variable["query"]["label"]))
        .filter(|label| !label.is_empty())
        .collect();
    assert!(
        chosen.len() == 2 && chosen.iter().all(|label| labels.contains(*label)),
        "{chosen:?}"
    );
}

/// The fields that `| json name="path"` takes out of a record, each with the name it is given.
fn fields(query: &str) -> Vec<(String, String)> {
    let stages = between(&format!("{query} |"), "| json ", "|");
    let pairs = stages.iter().flat_map(|stage| {
        stage
            .split_once(" [")
            .map_or(stage.as_str(), |(stage, _)| stage)
            .split(", ")
    });
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, path)| (name.to_owned(), path.trim_matches('"').to_owned()))
        .collect()
}

/// The labels that the selector matches, and those that `| name="value"` filters by.
fn matched(query: &str) -> Vec<String> {
    let selector = between(query, "{", "}").remove(0);
    let name = |matcher: &str| {
        matcher
            .trim()
            .split(['=', '!', '~'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let is_filter = |stage: &&str| {
        (stage.contains("=~") || stage.contains("!=")) && !stage.starts_with("json ")
    };
    let filters = query.split(" | ").skip(1).filter(is_filter);
    selector.split(',').chain(filters).map(name).collect()
}

/// The labels after `by`.
fn grouped(query: &str) -> Vec<String> {
    between(query, "by (", ")")
        .iter()
        .flat_map(|names| names.split(", "))
        .map(str::to_owned)
        .collect()
}

/// The labels that `line_format` shows.
fn shown(query: &str) -> Vec<String> {
    let templates = between(query, "{{", "}}");
    templates
        .iter()
        .flat_map(|template| template.split(' '))
        .filter_map(|word| Some(word.strip_prefix('.')?.to_owned()))
        .collect()
}

#[test]
fn labels_and_fields_of_a_query_are_found() {
    let query = r#"sum by (a, b) (count_over_time({job="x",c=~".*"} |= `y` | status!="z" | json d="e.f", g="h" | unwrap d [5m]))"#;
    let field = |name: &str, path: &str| (name.to_owned(), path.to_owned());
    assert_eq!(fields(query), [field("d", "e.f"), field("g", "h")]);
    assert_eq!(matched(query), ["job", "c", "status"]);
    assert_eq!(grouped(query), ["a", "b"]);
    assert_eq!(
        shown("line_format `{{.a}} {{if .b}} x.y {{end}}`"),
        ["a", "b"]
    );
}
