//! The requirements of our dependencies: the Rust that Cargo.toml promises to be enough, and licences that .deny.toml allows; on every system.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::require;

/// Every package of the lock file, for whatever system; `None` where Cargo does not reach what it has not here yet.
fn packages() -> Option<Vec<Value>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let told = command
        .output()
        .ok()
        .filter(|output| output.status.success());
    if !require("what Cargo knows of every dependency", told.is_some()) {
        return None;
    }
    let told: Value = serde_json::from_slice(&told?.stdout).expect("JSON");
    Some(told["packages"].as_array().expect("packages").clone())
}

/// A version as numbers: `1.89` is `1.89.0`.
fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    parts.resize(3, 0);
    parts
}

#[test]
fn the_rust_that_is_asked_for_is_what_the_dependencies_of_every_system_ask_for() {
    let Some(packages) = packages() else { return };
    let asked = |package: &Value| package["rust_version"].as_str().map(version);
    let (ours, theirs): (Vec<&Value>, Vec<&Value>) = packages
        .iter()
        .partition(|package| package["source"].is_null());
    let most = theirs
        .iter()
        .max_by_key(|package| asked(package))
        .expect("a dependency");
    assert_eq!(
        asked(ours[0]),
        asked(most),
        "{} asks for {}",
        most["name"],
        most["rust_version"]
    );
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let Some(packages) = packages() else { return };
    let rules = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".deny.toml"))
        .expect("read .deny.toml");
    let allowed: Vec<&str> = rules
        .lines()
        .find_map(|line| line.strip_prefix("allow = "))
        .expect("a list")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    for package in &packages {
        let licence = package["license"]
            .as_str()
            .unwrap_or_default()
            .replace('/', " OR ");
        let is_allowed = |choice: &str| {
            choice
                .split(" OR ")
                .any(|one| allowed.contains(&one.trim_matches([' ', '(', ')'])))
        };
        assert!(
            licence.split(" AND ").all(is_allowed),
            "{}: {licence:?}",
            package["name"]
        );
    }
}
