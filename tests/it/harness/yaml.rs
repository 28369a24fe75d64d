//! Files in YAML, which these tests have read by Python.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::require_python;

const AS_JSON: &str =
    "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";

/// The documents of a file of the checkout, or of any whole path; `None`, said aloud, where nothing here reads YAML.
pub fn documents(path: &str) -> Option<Vec<Value>> {
    if !require_python(&["yaml"]) {
        return None;
    }
    let output = Command::new("python3")
        .args(["-c", AS_JSON])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .output()
        .expect("run python3");
    assert!(
        output.status.success(),
        "{path}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}
