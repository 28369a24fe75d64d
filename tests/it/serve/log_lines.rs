//! What Ollama's own log tells of a prompt that was cut.

use serde_json::{Value, json};

use super::{Machine, ready};
use crate::harness::{Client, Proxy, eventually, metric, post};

fn request(prompt: &str) -> Vec<u8> {
    let body = json!({"model": "talk", "prompt": prompt}).to_string();
    post("/api/generate", &body)
}

/// So many requests whose prompts Ollama has cut, and logged that while all of them were under way.
fn cut(machine: &Machine, tap: &Proxy, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| tap.connect()).collect();
    for client in &mut clients {
        client.send(request("cut"));
    }
    tap.scrape_until("all are under way", |scrape| {
        metric("ollama_requests_under_way").sum(scrape) >= count as f64
    });
    machine.touch("cut");
    eventually("the tap has read the lines", || {
        tap.log().matches("truncating input prompt").count() == count
    });
    clients
}

fn read(clients: Vec<Client>) {
    for mut client in clients {
        client.head("POST");
        client.read_until("514");
    }
}

/// The finding of a cut in each record, the newest last, once there are so many.
fn cuts(tap: &Proxy, records: usize) -> Vec<Value> {
    let ask = || tap.get("/analytics/messages?limit=100").json();
    eventually("all are recorded", || {
        ask().as_array().is_some_and(|all| all.len() == records)
    });
    let is_cut = |finding: &&Value| finding["kind"] == "context_cut";
    let records = ask();
    let findings = records.as_array().unwrap().iter().rev().map(|record| {
        let findings = record["findings"].as_array().cloned();
        findings.unwrap_or_default().iter().find(is_cut).cloned()
    });
    findings.map(Option::unwrap_or_default).collect()
}

fn start(machine: &Machine) -> Proxy {
    let tap = machine
        .serve("")
        .args(&["--analytics-dir", &machine.history()])
        .start();
    ready(&tap);
    tap
}

#[test]
fn a_cut_that_ollama_logs_is_sure_and_its_size_is_known() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = start(&machine);
    let clients = cut(&machine, &tap, 1);
    machine.touch("go");
    read(clients);
    // Its reply counts the same, and no line tells of it.
    assert_eq!(tap.ask("POST", request("as long")).status(), 200);
    let cuts = cuts(&tap, 2);
    assert_eq!(cuts[1], Value::Null, "{cuts:?}");
    for (field, value) in [
        ("certainty", json!("sure")),
        ("cause", json!("middle")),
        ("evidence", json!("log")),
        ("whole_tokens", json!(1025)),
        ("lost_tokens", json!(511)),
    ] {
        assert_eq!(cuts[0][field], value, "{field} of {}", cuts[0]);
    }
}

#[test]
fn a_line_that_may_be_about_two_requests_is_likely_for_each() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = start(&machine);
    let clients = cut(&machine, &tap, 2);
    machine.touch("go");
    read(clients);
    for cut in cuts(&tap, 2) {
        assert_eq!(cut["certainty"], "likely", "{cut}");
        assert_eq!(cut["evidence"], "log", "{cut}");
    }
}
