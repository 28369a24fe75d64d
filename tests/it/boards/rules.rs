//! The rules for Prometheus by its own tools, and the runbook that they lead to.

use std::collections::BTreeSet;
use std::process::Command;

use super::{packaging, queries, read};
use crate::harness::require_tool;

/// Runs promtool in packaging/prometheus, where it must have nothing to complain of.
fn promtool(args: &[&str]) {
    if !require_tool("promtool", &["--version"]) {
        return;
    }
    let output = Command::new("promtool")
        .args(args)
        .current_dir(packaging("prometheus"))
        .output()
        .expect("run promtool");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("SUCCESS") && !said.contains("FAILED"),
        "promtool {args:?}: {said}"
    );
}

#[test]
fn the_configuration_is_one() {
    promtool(&["check", "config", "prometheus.yml"]);
}

#[test]
fn the_rules_are_valid_and_pass_the_linter() {
    promtool(&[
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "recording.yml",
        "alerts.yml",
    ]);
}

#[test]
fn alerts_come_when_they_should_and_only_then() {
    promtool(&["test", "rules", "tests.yml"]);
}

/// The names after this word, one a line.
fn names(file: &str, word: &str) -> Vec<String> {
    read(file)
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix(word)
                .map(|name| name.trim().to_owned())
        })
        .collect()
}

#[test]
fn every_alert_says_what_happened_and_where_it_stands_what_to_do() {
    let alerts = names("prometheus/alerts.yml", "- alert:");
    let headings = names("prometheus/README.md", "### ");
    assert_eq!(
        alerts.iter().collect::<BTreeSet<_>>(),
        headings.iter().collect::<BTreeSet<_>>()
    );
    for key in ["summary:", "description:", "severity:"] {
        assert_eq!(
            names("prometheus/alerts.yml", key).len(),
            alerts.len(),
            "{key}"
        );
    }
    let page = format!(
        "{}/blob/main/packaging/prometheus/README.md",
        env!("CARGO_PKG_REPOSITORY")
    );
    let links: Vec<String> = alerts
        .iter()
        .map(|alert| format!("{page}#{}", alert.to_lowercase()))
        .collect();
    assert_eq!(names("prometheus/alerts.yml", "runbook_url:"), links);
}

#[test]
fn every_rule_is_tested() {
    let tests = read("prometheus/tests.yml");
    let rules = [
        names("prometheus/alerts.yml", "- alert:"),
        names("prometheus/recording.yml", "- record:"),
    ]
    .concat();
    let alerts = read("prometheus/alerts.yml");
    for rule in rules {
        let by_an_alert = queries::selectors(&alerts).contains(&rule);
        assert!(tests.contains(&rule) || by_an_alert, "no test of {rule}");
    }
}

#[test]
fn the_operator_gets_the_same_rules() {
    let groups = |file: &str| {
        let text = read(file);
        let (_, groups) = text.split_once("groups:\n").expect("groups");
        groups.to_owned()
    };
    let ours = groups("prometheus/recording.yml") + &groups("prometheus/alerts.yml");
    let deeper = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    };
    let wanted: String = ours.lines().map(deeper).collect();
    assert_eq!(groups("kubernetes/monitoring/prometheusrule.yaml"), wanted);
}
