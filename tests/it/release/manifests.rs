//! What package managers are told of a release: the version, and the checksum of each archive that they take.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{require_tool, runs};

/// All archives of a release; manifests name every one but the last.
const ARCHIVES: [&str; 7] = [
    "x86_64-unknown-linux-musl.tar.gz",
    "aarch64-unknown-linux-musl.tar.gz",
    "x86_64-apple-darwin.tar.gz",
    "aarch64-apple-darwin.tar.gz",
    "x86_64-pc-windows-msvc.zip",
    "aarch64-pc-windows-msvc.zip",
    "universal-apple-darwin.tar.gz",
];

/// A checksum that no other archive has.
fn sum(number: usize) -> String {
    format!("{:064x}", number + 0xabc0)
}

/// Fills in manifests of a release with these archives.
fn written(dir: &Path, archives: &[&str]) -> Output {
    let line = |(number, archive)| {
        let version = env!("CARGO_PKG_VERSION");
        format!("{}  ollama-tap-{version}-{archive}\n", sum(number))
    };
    let sums: String = archives.iter().enumerate().map(line).collect();
    fs::write(dir.join("SHA256SUMS"), sums).expect("write SHA256SUMS");
    Command::new("packaging/release.sh")
        .arg("--manifests")
        .env("OLLAMA_TAP_DIST", dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run release.sh")
}

#[test]
fn every_manifest_names_the_version_and_the_checksums_of_its_archives() {
    if !require_tool("python3", &["--version"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = written(dir.path(), &ARCHIVES);
    assert!(output.status.success(), "{output:?}");
    let wanted: [(&str, &[usize]); 5] = [
        ("ollama-tap.rb", &[0, 1, 2, 3]),
        ("ollama-tap.json", &[4, 5]),
        ("PKGBUILD", &[0, 1]),
        ("winget/OllamaTap.OllamaTap.installer.yaml", &[4, 5]),
        ("winget/OllamaTap.OllamaTap.locale.en-US.yaml", &[]),
    ];
    for (file, sums) in wanted {
        let text = fs::read_to_string(dir.path().join("manifests").join(file)).expect(file);
        assert!(
            text.contains(env!("CARGO_PKG_VERSION")) && !text.contains("@VERSION"),
            "{file}"
        );
        for (number, archive) in ARCHIVES.iter().enumerate() {
            assert_eq!(
                text.contains(&sum(number)),
                sums.contains(&number),
                "{file}: {archive}"
            );
        }
    }
    let json = fs::read(dir.path().join("manifests/ollama-tap.json")).expect("scoop's");
    serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
    let recipe = dir.path().join("manifests/PKGBUILD");
    assert!(runs("bash", &["-n", recipe.to_str().expect("UTF-8")]));
}

#[test]
fn a_release_that_lacks_an_archive_gets_no_manifests() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for missing in ARCHIVES {
        let mut others = ARCHIVES.to_vec();
        others.retain(|archive| *archive != missing);
        let output = written(dir.path(), &others);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("SHA256SUMS lacks"), "{missing}: {said}");
    }
}
