//! What `kubectl apply -k` makes of packaging/kubernetes: whether it is one text, and whose labels and ports find each other.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{container, list, root};
use crate::harness::yaml::documents;
use crate::harness::{require_tool, text};

const GUIDE: &str = "packaging/docker/README.md";
const APPLY: &str = "kubectl apply -k ";

/// The folders that the guide has applied.
fn folders() -> Vec<String> {
    let guide = fs::read_to_string(root().join(GUIDE)).expect(GUIDE);
    guide
        .lines()
        .filter_map(|line| line.strip_prefix(APPLY)?.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// All objects of a folder, as a cluster gets them.
fn built(folder: &str) -> Option<Vec<Value>> {
    if !require_tool("kustomize", &["version"]) {
        return None;
    }
    let output = Command::new("kustomize")
        .args(["build", folder])
        .current_dir(root())
        .output()
        .expect("run kustomize");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{folder}: {said}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), output.stdout).expect("write what was built");
    documents(text(file.path()))
}

/// The one object of a kind.
fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "two of {kind}");
    object
}

/// The names of the ports of the tap.
fn ports(deployment: &Value) -> Vec<&str> {
    let pod = &deployment["spec"]["template"]["spec"];
    let ports = container(pod, "tap")["ports"].as_array().expect("ports");
    ports
        .iter()
        .map(|port| port["name"].as_str().expect("a name"))
        .collect()
}

#[test]
fn what_the_guide_has_applied_is_complete() {
    let folders = folders();
    assert_eq!(folders.len(), 2, "{GUIDE} tells of {folders:?}");
    let mut kinds = Vec::new();
    for folder in folders {
        let Some(objects) = built(&folder) else {
            return;
        };
        kinds.extend(objects.iter().map(|object| object["kind"].clone()));
    }
    kinds.sort_by_key(Value::to_string);
    let wanted = [
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PersistentVolumeClaim",
        "PodMonitor",
        "PrometheusRule",
        "Service",
    ];
    assert_eq!(kinds, wanted, "each object once");
}

#[test]
fn service_policy_and_monitor_find_the_pod_and_its_port() {
    let (Some(base), Some(operator)) = (
        built("packaging/kubernetes"),
        built("packaging/kubernetes/monitoring"),
    ) else {
        return;
    };
    let deployment = find(&base, "Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let ports = ports(deployment);
    let service = &find(&base, "Service")["spec"];
    let policy = &find(&base, "NetworkPolicy")["spec"];
    let monitor = &find(&operator, "PodMonitor")["spec"];
    for selector in [
        &service["selector"],
        &policy["podSelector"]["matchLabels"],
        &monitor["selector"]["matchLabels"],
    ] {
        let selector = selector.as_object().expect("labels");
        assert!(!selector.is_empty());
        for (name, value) in selector {
            assert_eq!(&labels[name], value, "{name}");
        }
    }
    let endpoint = &monitor["podMetricsEndpoints"][0];
    for port in [
        &service["ports"][0]["targetPort"],
        &policy["ingress"][0]["ports"][0]["port"],
        &endpoint["port"],
    ] {
        assert!(ports.contains(&port.as_str().expect("a name")), "{port}");
    }
    assert_eq!(list(&policy["policyTypes"]), ["Ingress", "Egress"]);
    let rules = find(&operator, "PrometheusRule").to_string();
    let job = &endpoint["relabelings"][0];
    assert_eq!(job["targetLabel"], "job");
    let known = format!(r#"job=\"{}\""#, job["replacement"].as_str().expect("a job"));
    assert!(rules.contains(&known), "the alerts know another job");
}
