//! compose.yml and sidecar.yaml: what the linters of .ci/run cannot know, that they fit this executable and these files.

/// compose.yml.
mod compose;
/// What `kubectl apply -k` makes of it.
mod kustomize;

use std::path::Path;

use serde_json::Value;

use super::AFTER_GRACE;
use super::image::Image;
use crate::harness::ollama::json;
use crate::harness::yaml::documents;
use crate::harness::{FakeOllama, Options, Proxy, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compose() -> Option<Value> {
    documents("packaging/docker/compose.yml").map(|mut documents| documents.remove(0))
}

/// The pod of the Deployment in sidecar.yaml.
fn pod() -> Option<Value> {
    let documents = documents("packaging/kubernetes/sidecar.yaml")?;
    let deployment = documents
        .into_iter()
        .find(|document| document["kind"] == "Deployment")
        .expect("a Deployment");
    Some(deployment["spec"]["template"]["spec"].clone())
}

fn list(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let containers = pod["containers"].as_array().expect("containers");
    containers
        .iter()
        .find(|container| container["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// The status of the answer to a GET under this name.
fn asked(tap: &Proxy, target: &str, host: &str, headers: &str) -> u16 {
    tap.ask(
        "GET",
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n\r\n"),
    )
    .status()
}

#[test]
fn images_are_pinned_and_ours_is_this_version() {
    let (Some(compose), Some(pod)) = (compose(), pod()) else {
        return;
    };
    let services = compose["services"].as_object().expect("services").values();
    let containers = pod["containers"].as_array().expect("containers").iter();
    let images: Vec<&str> = services
        .chain(containers)
        .map(|part| part["image"].as_str().expect("an image"))
        .collect();
    for image in &images {
        let (name, tag) = image
            .split_once(':')
            .unwrap_or_else(|| panic!("{image} has no tag"));
        assert!(tag.contains('.'), "{image} changes under us");
        assert!(
            !name.contains("ollama-tap") || tag == env!("CARGO_PKG_VERSION"),
            "{image}"
        );
    }
    assert_eq!(
        images
            .iter()
            .filter(|image| image.contains("ollama-tap"))
            .count(),
        2
    );
}

#[test]
fn stopping_the_tap_waits_longer_than_its_grace_period() {
    let (Some(compose), Some(pod)) = (compose(), pod()) else {
        return;
    };
    let tap = &compose["services"]["tap"];
    let grace = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.trim_end_matches('s').parse::<u64>().ok())
            .expect("seconds")
    };
    let variables = container(&pod, "tap")["env"].as_array().expect("variables");
    let set = variables
        .iter()
        .find(|variable| variable["name"] == "OLLAMA_TAP_SHUTDOWN_GRACE")
        .expect("a grace");
    assert!(
        grace(&tap["environment"]["OLLAMA_TAP_SHUTDOWN_GRACE"]) + AFTER_GRACE
            < grace(&tap["stop_grace_period"])
    );
    assert!(
        grace(&set["value"]) + AFTER_GRACE
            < pod["terminationGracePeriodSeconds"]
                .as_u64()
                .expect("seconds")
    );
}

/// The rules of the Kubernetes pod security standard `restricted`, and a root that cannot be written.
#[test]
fn the_pod_keeps_to_the_restricted_standard() {
    let Some(pod) = pod() else { return };
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(context["runAsUser"], Image::read().user.0);
    assert_eq!(context["fsGroup"], Image::read().user.1);
    for name in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert!(pod[name].is_null(), "{name}");
    }
    for container in pod["containers"].as_array().expect("containers") {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
        assert_eq!(
            list(&context["capabilities"]["drop"]),
            ["ALL"],
            "{container}"
        );
        assert!(
            context["capabilities"]["add"].is_null() && context["privileged"].is_null(),
            "{container}"
        );
        assert!(
            container["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .all(|port| port["hostPort"].is_null()),
            "{container}"
        );
    }
    for volume in pod["volumes"].as_array().expect("volumes") {
        assert!(
            !volume["persistentVolumeClaim"].is_null() || !volume["emptyDir"].is_null(),
            "{volume}"
        );
    }
}

/// Bytes, as Kubernetes and compose write them.
fn bytes(amount: &str) -> u64 {
    let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &amount[digits.len()..] {
        "Ki" | "k" => 1 << 10,
        "Mi" | "m" => 1 << 20,
        "Gi" | "g" => 1 << 30,
        unit => panic!("unknown unit {unit}"),
    };
    digits.parse::<u64>().expect("a number") * unit
}

#[test]
fn the_tap_fits_into_its_memory_limit() {
    const MIB: u64 = 1 << 20;
    /// The executable, SQLite's caches, the pages and what an allocator does not give back: more than was ever measured.
    const BASE: u64 = 96 * MIB;
    /// Workers unless --workers says otherwise, and the stack that each has at most.
    const STACKS: u64 = 256 * 256 * 1024;
    let (Some(pod), Some(compose)) = (pod(), compose()) else {
        return;
    };
    let of_pod = container(&pod, "tap")["resources"]["limits"]["memory"]
        .as_str()
        .map(bytes)
        .expect("a limit");
    let of_compose = compose["services"]["tap"]["mem_limit"]
        .as_str()
        .map(bytes)
        .expect("a limit");
    for limit in [of_pod, of_compose] {
        let (budget, connections) = ((limit / 4).min(512 * MIB), limit / 4);
        assert!(BASE + STACKS + budget + connections <= limit, "{limit}");
    }
    let requested = container(&pod, "tap")["resources"]["requests"]["memory"]
        .as_str()
        .map(bytes)
        .expect("a request");
    assert!(requested <= of_pod);
}

#[test]
fn the_pod_is_asked_for_its_health_where_the_tap_answers() {
    let Some(pod) = pod() else { return };
    let ollama = FakeOllama::always(json(r#"{"models":[]}"#));
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "0.0.0.0:0",
        "--upstream",
        &ollama.url(),
    ])
    .start();
    let sidecar = container(&pod, "tap");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = sidecar[probe]["httpGet"]["path"].as_str().expect("a path");
        assert_eq!(
            asked(&tap, path, "10.1.2.3:8000", "User-Agent: kube-probe/1.37"),
            200,
            "{probe}"
        );
    }
    assert_eq!(
        sidecar["volumeMounts"][0]["mountPath"],
        text(Path::new(&Image::read().volume))
    );
}
