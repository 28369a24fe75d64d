//! compose.yml: who reaches what, what is mounted, and what the tap is set to.

use std::fs;
use std::process::Command;

use super::{asked, compose, list, root};
use crate::docker::REPLY;
use crate::docker::image::Image;
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, require_tool};

/// The value of a secret that has no default.
const SECRET: &str = "0123456789abcdef";

/// `${NAME:-default}` is the default, and `${NAME:?…}` the secret that the user has to set.
fn interpolated(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return value.to_owned();
    };
    match inner.split_once(":-") {
        Some((_, default)) => default.to_owned(),
        None if inner.contains(":?") => SECRET.to_owned(),
        None => panic!("{value} has neither a default nor a complaint"),
    }
}

#[test]
fn compose_publishes_everything_to_this_machine_alone_and_ollama_not_at_all() {
    let Some(compose) = compose() else { return };
    for (name, service) in compose["services"].as_object().expect("services") {
        for port in list(&service["ports"]) {
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name} is published to others: {port}"
            );
        }
    }
    let ollama = &compose["services"]["ollama"];
    assert!(ollama["ports"].is_null() && list(&ollama["networks"]) == ["ollama"]);
    assert_eq!(
        list(&compose["services"]["tap"]["ports"]),
        ["127.0.0.1:11434:8000", "127.0.0.1:8000:8000"]
    );
    let others = compose["services"]
        .as_object()
        .expect("services")
        .iter()
        .filter(|(name, _)| !["ollama", "tap"].contains(&name.as_str()));
    for (name, service) in others {
        assert!(service["networks"].is_null(), "{name} gets past the tap");
    }
}

#[test]
fn compose_mounts_what_is_there_and_prometheus_understands_it() {
    let Some(compose) = compose() else { return };
    let directory = root().join("packaging/docker");
    let machine = tempfile::tempdir().expect("a temporary directory");
    for (name, service) in compose["services"].as_object().expect("services") {
        for volume in list(&service["volumes"]) {
            let (source, target) = volume.split_once(':').expect("SOURCE:TARGET");
            if !source.starts_with('.') {
                assert!(
                    compose["volumes"].get(source).is_some(),
                    "{name}: no volume {source}"
                );
                continue;
            }
            let file = directory.join(source);
            assert!(file.exists() && target.ends_with(":ro"), "{name}: {volume}");
            if name == "prometheus" {
                fs::copy(
                    &file,
                    machine.path().join(file.file_name().expect("a name")),
                )
                .expect("copy a file");
            }
        }
    }
    if require_tool("promtool", &["--version"]) {
        let output = Command::new("promtool")
            .args(["check", "config"])
            .arg(machine.path().join("prometheus.yml"))
            .output();
        let output = output.expect("run promtool");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn compose_sets_what_the_tap_understands_and_its_history_needs_the_token() {
    let Some(compose) = compose() else { return };
    let service = &compose["services"]["tap"];
    let ollama = FakeOllama::always(json(REPLY));
    let Some(mut container) = Image::read().unpack() else {
        return;
    };
    let known = fs::read_to_string(root().join("src/config/variables.rs")).expect("read a source");
    for (name, value) in service["environment"].as_object().expect("variables") {
        assert!(
            known.contains(&format!("\"{name}\"")),
            "the tap knows no {name}"
        );
        container = container.env(name, &interpolated(value.as_str().expect("a text")));
    }
    let container = container
        .env("OLLAMA_HOST", &ollama.url())
        .env("PROXY_PORT", "0");
    let tap = container.start();
    let from_elsewhere = "X-Forwarded-For: 10.0.0.7"; // as good as another peer: never this machine
    let token = format!("{from_elsewhere}\r\nAuthorization: Bearer {SECRET}");
    for (target, host, headers, status) in [
        ("/metrics", "tap:8000", from_elsewhere, 200),
        ("/analytics", "localhost:11434", from_elsewhere, 200),
        ("/analytics/stats", "localhost:11434", from_elsewhere, 403),
        ("/analytics/stats", "localhost:11434", &token, 200),
    ] {
        assert_eq!(asked(&tap, target, host, headers), status, "{target}");
    }
}
