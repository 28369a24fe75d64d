//! What packaging/pin.sh makes of actions and images: what GitHub and the registries say, here by stand-ins.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::text;

/// A commit and a digest that the stand-ins tell.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A clone of what is pinned, and of the script.
fn clone() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "packaging/docker",
        "packaging/kubernetes",
        ".github/workflows",
        "tools",
    ];
    for folder in folders {
        fs::create_dir_all(dir.path().join(folder)).expect("make a folder");
    }
    let workflows = [".github/workflows/ci.yml", ".github/workflows/release.yml"];
    let packaging = [
        "packaging/pin.sh",
        "packaging/docker/Dockerfile",
        "packaging/docker/compose.yml",
        "packaging/kubernetes/sidecar.yaml",
    ];
    for file in workflows.iter().chain(&packaging) {
        fs::copy(root.join(file), dir.path().join(file)).expect(file);
    }
    for (tool, told) in [("gh", COMMIT), ("docker", DIGEST)] {
        let path = dir.path().join("tools").join(tool);
        fs::write(&path, format!("#!/bin/sh\necho {told}\n")).expect("write a stand-in");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    dir
}

fn pin(dir: &Path, words: &[&str]) -> Output {
    let path = format!(
        "{}:{}",
        text(&dir.join("tools")),
        std::env::var("PATH").expect("PATH")
    );
    Command::new(dir.join("packaging/pin.sh"))
        .args(words)
        .env("PATH", path)
        .output()
        .expect("run pin.sh")
}

#[test]
fn pins_stand_beside_the_tags_that_they_are_of() {
    let dir = clone();
    let pinned = pin(dir.path(), &[]);
    assert!(pinned.status.success(), "{pinned:?}");
    let read = |file: &str| fs::read_to_string(dir.path().join(file)).expect(file);
    let workflow = read(".github/workflows/release.yml");
    let uses: Vec<&str> = workflow
        .lines()
        .filter(|line| line.contains("uses: "))
        .collect();
    assert!(
        uses.iter()
            .all(|line| line.contains(&format!("@{COMMIT} # v"))),
        "{uses:?}"
    );
    let dockerfile = read("packaging/docker/Dockerfile");
    assert!(
        dockerfile.contains(&format!("@{DIGEST} AS build")) && dockerfile.contains("FROM scratch")
    );
    for file in [
        "packaging/docker/compose.yml",
        "packaging/kubernetes/sidecar.yaml",
    ] {
        let text = read(file);
        let images: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("image: "))
            .collect();
        assert!(images.len() > 1, "{file}: {images:?}");
        for image in images {
            let is_ours = image.contains("ollama-tap/ollama-tap:");
            assert_ne!(image.contains(DIGEST), is_ours, "{file}: {image}");
        }
    }
    assert!(pin(dir.path(), &["--check"]).status.success());
}

#[test]
fn what_is_not_pinned_is_named_and_refused() {
    let dir = clone();
    let file = dir.path().join(".github/workflows/ci.yml");
    let workflow = fs::read_to_string(&file).expect("ci.yml");
    pin(dir.path(), &[]);
    fs::write(
        &file,
        format!("{workflow}      - uses: somebody/thing@v7\n"),
    )
    .expect("write it");
    let refused = pin(dir.path(), &["--check"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("not pinned: somebody/thing@v7"), "{said}");
}
