//! What packaging/release.sh packs: the same bytes each time, in names that belong to nobody, with the licences of all that is in it.
#![cfg(target_os = "linux")]

/// What package managers are told.
mod manifests;
/// What is taken from others is pinned.
mod pins;
/// What has to be so for a draft.
mod workflow;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::require_tool;

const TARGETS: [&str; 3] = [
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "universal-apple-darwin",
];

/// When everything in a release was made, in Unix seconds and as `tar` tells it.
const SECONDS: &str = "1700000000";
const TOLD: &str = "2023-11-14 22:13";

/// Packs a stand-in for each executable, and returns where; `None` where a tool is missing.
fn packed(umask: &str) -> Option<tempfile::TempDir> {
    let has_tools = ["python3", "nfpm", "dpkg-deb"]
        .iter()
        .all(|tool| require_tool(tool, &["--version"]));
    if !has_tools {
        return None;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    for target in TARGETS {
        let folder = dir.path().join(target).join("release");
        fs::create_dir_all(&folder).expect("make a folder");
        let suffix = if target.contains("windows") {
            ".exe"
        } else {
            ""
        };
        let executable = folder.join(format!("ollama-tap{suffix}"));
        fs::write(&executable, "#!/bin/sh\necho \"$@\"\n").expect("write the stand-in");
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let script = format!(
        "umask {umask} && exec packaging/release.sh --pack {}",
        TARGETS.join(" ")
    );
    let made = Command::new("bash")
        .args(["-c", &script])
        .env("OLLAMA_TAP_CROSS_DIR", dir.path())
        .env("OLLAMA_TAP_DIST", dir.path().join("dist"))
        .env("SOURCE_DATE_EPOCH", SECONDS)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run release.sh");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    Some(dir)
}

/// What a command prints about a file of a release.
fn told(dir: &Path, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(dir.join("dist"))
        .env("TZ", "UTC0")
        .output()
        .expect("run sh");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn packing_the_same_twice_gives_the_same_bytes() {
    let (Some(one), Some(other)) = (packed("022"), packed("077")) else {
        return;
    };
    let sums = |dir: &Path| fs::read_to_string(dir.join("dist/SHA256SUMS")).expect("SHA256SUMS");
    assert_eq!(sums(one.path()), sums(other.path()));
    assert_eq!(
        sums(one.path()).lines().count(),
        TARGETS.len() + 2,
        "archives, and two packages"
    );
}

#[test]
fn what_is_in_an_archive_is_sorted_and_belongs_to_nobody() {
    let Some(dir) = packed("077") else { return };
    let list = told(dir.path(), "tar -tvzf *-musl.tar.gz --numeric-owner");
    let lines: Vec<&str> = list.lines().collect();
    for line in &lines {
        assert!(line.contains(" 0/0 ") && line.contains(TOLD), "{line}");
        let mode = match line.rsplit('/').next() {
            Some("" | "ollama-tap") => "rwxr-xr-x",
            _ => "rw-r--r--",
        };
        assert_eq!(&line[1..10], mode, "{line}");
    }
    let names: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let head = fs::read(told(dir.path(), "realpath *-musl.tar.gz").trim()).expect("the archive");
    assert_eq!(head[3..8], [0; 5], "gzip notes neither a name nor a time");
}

#[test]
fn every_archive_has_the_licences_of_all_that_it_is_made_of() {
    let Some(dir) = packed("022") else { return };
    let unpack = |kind: &str| match kind {
        "zip" => "python3 -m zipfile -e *.zip out && cat out/*/THIRD-PARTY-LICENSES.txt",
        "deb" => "dpkg-deb --fsys-tarfile *.deb | tar -xO --wildcards '*/THIRD-PARTY-LICENSES.txt'",
        _ => "tar -xzOf *-musl.tar.gz --wildcards '*/THIRD-PARTY-LICENSES.txt'",
    };
    for kind in ["zip", "deb", "tar.gz"] {
        let licences = told(dir.path(), unpack(kind));
        for part in ["rustls ", "libsqlite3-sys ", "SQLite:", "Rust's standard"] {
            assert!(licences.contains(part), "{kind} does not name {part}");
        }
        let is_windows = kind == "zip";
        assert_eq!(licences.contains("windows-sys "), is_windows, "{kind}");
        assert_eq!(licences.contains("musl: MIT"), !is_windows, "{kind}");
    }
}

#[test]
fn a_package_holds_no_unit_that_systemd_would_read() {
    let Some(dir) = packed("022") else { return };
    let list = told(dir.path(), "dpkg-deb -c *.deb");
    let units: Vec<&str> = list
        .lines()
        .filter(|line| line.contains(".service"))
        .collect();
    assert_eq!(units.len(), 2);
    assert!(
        units
            .iter()
            .all(|line| line.contains(" ./usr/share/doc/ollama-tap/")),
        "{units:?}"
    );
    for place in [
        "./usr/bin/ollama-tap",
        "man1/ollama-tap.1.gz",
        "/_ollama-tap",
    ] {
        assert!(list.contains(place), "{place}: {list}");
    }
}

#[test]
fn the_workflow_builds_every_target() {
    let read = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::read_to_string(path).expect(file)
    };
    let script = read("packaging/release.sh");
    let (_, list) = script.split_once("readonly targets=(").expect("targets");
    let (list, _) = list.split_once(')').expect("their end");
    let workflow = read(".github/workflows/release.yml");
    for target in list.split_whitespace() {
        let is_built = workflow
            .lines()
            .any(|line| line.contains("{ target: ") && line.contains(target));
        assert!(is_built, "{target}");
    }
}

#[test]
fn a_crate_has_what_it_is_built_from_and_no_recording() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let listed = Command::new(cargo)
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run cargo");
    assert!(listed.status.success(), "{listed:?}");
    let list = String::from_utf8(listed.stdout).expect("UTF-8");
    for file in [
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "packaging/build.rs",
        "packaging/launchd/io.github.ollama-tap.plist",
        "packaging/systemd/ollama-tap-serve.service",
        "packaging/windows/ollama-tap.ico",
        "packaging/windows/ollama-tap.manifest",
        "src/main.rs",
    ] {
        assert!(list.lines().any(|line| line == file), "{file} is missing");
    }
    assert!(!list.contains("tests/data"), "{list}");
}
