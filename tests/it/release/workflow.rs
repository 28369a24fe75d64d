//! The steps of the release workflow that decide whether there is a draft, run as GitHub runs them: by .ci/step, in a folder of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::text;
use crate::harness::yaml::documents;

const WORKFLOW: &str = ".github/workflows/release.yml";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the steps read of a checkout.
const CHECKOUT: [&str; 6] = [
    ".ci",
    "Cargo.toml",
    "install.ps1",
    "install.sh",
    "packaging",
    WORKFLOW,
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The jobs of the workflow; `None`, said aloud, where nothing here reads YAML.
fn jobs() -> Option<Value> {
    let workflow = documents(WORKFLOW)?.remove(0);
    Some(workflow["jobs"].clone())
}

fn steps<'a>(jobs: &'a Value, job: &str) -> impl Iterator<Item = &'a Value> {
    jobs[job]["steps"].as_array().expect("steps").iter()
}

/// The steps of all jobs that use an action, by a part of its name.
fn uses<'a>(jobs: &'a Value, action: &str) -> Vec<&'a Value> {
    let jobs = jobs.as_object().expect("jobs").values();
    jobs.flat_map(|job| job["steps"].as_array().expect("steps"))
        .filter(|step| {
            step["uses"]
                .as_str()
                .is_some_and(|name| name.contains(action))
        })
        .collect()
}

/// A folder with what the steps read.
fn checkout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let copied = Command::new("cp")
        .args(["-r", "--parents"])
        .args(CHECKOUT)
        .arg(dir.path())
        .current_dir(root())
        .status();
    assert!(copied.expect("run cp").success());
    dir
}

/// Runs one step of the draft, by its id, and returns what the summary of the run says then.
fn draft_step(jobs: &Value, id: &str, dir: &Path) -> (Output, String) {
    let step = steps(jobs, "draft")
        .find(|step| step["id"] == id)
        .expect(id);
    let (script, summary) = (dir.join("step.sh"), dir.join("summary"));
    fs::write(&script, step["run"].as_str().expect("a script")).expect("write the step");
    let output = Command::new("bash")
        .args([".ci/step", text(&script)])
        .envs([("GITHUB_ACTION", id), ("GITHUB_JOB", "draft")])
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_REPOSITORY", "somebody/ollama-tap")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .current_dir(dir)
        .output()
        .expect("run .ci/step");
    (output, fs::read_to_string(summary).unwrap_or_default())
}

/// What a leg uploads: an archive of each target, packages of the static ones, and their sums.
fn upload(dir: &Path, leg: usize, targets: &str) {
    let folder = dir.join(format!("built/dist-{leg}"));
    fs::create_dir_all(&folder).expect("make a folder");
    for target in targets.split(' ') {
        let kind = if target.contains("-windows-") {
            "zip"
        } else {
            "tar.gz"
        };
        let mut names = vec![format!("ollama-tap-{VERSION}-{target}.{kind}")];
        if target.contains("-linux-") {
            names.push(format!("ollama-tap_{VERSION}_{leg}.deb"));
            names.push(format!("ollama-tap-{VERSION}-1.{leg}.rpm"));
        }
        for name in names {
            fs::write(folder.join(&name), &name).expect("write a file");
        }
    }
    let summed = Command::new("sh")
        .args(["-c", "sha256sum ollama-tap* >SHA256SUMS"])
        .current_dir(folder)
        .status();
    assert!(summed.expect("run sh").success());
}

/// The targets of each leg.
fn legs(jobs: &Value) -> Vec<&str> {
    let legs = jobs["build"]["strategy"]["matrix"]["include"].as_array();
    legs.expect("legs")
        .iter()
        .map(|leg| leg["target"].as_str().expect("targets"))
        .collect()
}

#[test]
fn a_draft_has_what_all_legs_have_built() {
    let Some(jobs) = jobs() else { return };
    let dir = checkout();
    let legs = legs(&jobs);
    for (leg, targets) in legs.iter().enumerate() {
        upload(dir.path(), leg, targets);
    }
    let (output, summary) = draft_step(&jobs, "join", dir.path());
    assert!(output.status.success() && summary.is_empty(), "{output:?}");
    let dist = dir.path().join("dist");
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).expect("SHA256SUMS");
    assert_eq!(sums.lines().count(), 7 + 4, "{sums}");
    for file in ["install.sh", "install.ps1", "manifests.tar.gz"] {
        assert!(dist.join(file).is_file(), "{file}");
    }
}

#[test]
fn without_one_leg_there_is_no_draft_and_the_summary_says_why() {
    let Some(jobs) = jobs() else { return };
    let legs = legs(&jobs);
    for missing in 0..legs.len() {
        let dir = checkout();
        for (leg, targets) in legs.iter().enumerate().filter(|(leg, _)| *leg != missing) {
            upload(dir.path(), leg, targets);
        }
        let (output, summary) = draft_step(&jobs, "join", dir.path());
        assert!(!output.status.success(), "without {}", legs[missing]);
        for part in [
            "draft: the step `join` failed with exit code 1",
            "SHA256SUMS lacks",
        ] {
            assert!(summary.contains(part), "{part}: {summary}");
        }
    }
    assert!(jobs["draft"]["needs"] == serde_json::json!(["build", "image"]));
}

#[test]
fn another_repository_and_what_is_not_pinned_get_no_draft() {
    let Some(jobs) = jobs() else { return };
    let dir = checkout();
    let (refused, summary) = draft_step(&jobs, "repository", dir.path());
    assert!(!refused.status.success() && summary.contains("`repository` failed"));
    let workflow = dir.path().join(WORKFLOW);
    let mut unpinned = fs::read_to_string(&workflow).expect(WORKFLOW);
    unpinned += "      - uses: somebody/thing@v7\n";
    fs::write(workflow, unpinned).expect("write it");
    let (refused, summary) = draft_step(&jobs, "pins", dir.path());
    assert!(
        !refused.status.success() && summary.contains("not pinned: somebody/thing@v7"),
        "{summary}"
    );
}

/// GitHub keeps the artifacts of a run when one of its jobs is run again, and takes no second one of a name.
#[test]
fn a_job_that_is_run_again_hands_over_its_files_again() {
    let Some(jobs) = jobs() else { return };
    let taken = &uses(&jobs, "download-artifact")[0]["with"];
    let prefix = taken["pattern"]
        .as_str()
        .and_then(|pattern| pattern.strip_suffix('*'))
        .expect("a pattern");
    for upload in uses(&jobs, "upload-artifact") {
        let with = &upload["with"];
        assert_eq!(with["overwrite"], true, "{with}");
        let name = with["name"].as_str().expect("a name");
        assert_eq!(
            name.starts_with(prefix),
            name.contains("job-index"),
            "the draft takes what legs have built, and nothing else: {name}"
        );
    }
}

#[test]
fn each_step_has_an_id_that_the_summary_can_name() {
    let Some(jobs) = jobs() else { return };
    for job in jobs.as_object().expect("jobs").keys() {
        for step in steps(&jobs, job).filter(|step| !step["run"].is_null()) {
            assert!(step["id"].is_string(), "{job}: {}", step["name"]);
        }
    }
}
