//! The container image and what is written around it: compose, Kubernetes.
#![cfg(target_os = "linux")]

/// The image's files and settings, from its Dockerfile.
mod image;
/// compose.yml and sidecar.yaml.
mod manifests;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use image::{Container, Image, dockerfile};

use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Latch, Proxy, TIMEOUT, eventually, latched_ollama, post};

const REPLY: &str = r#"{"response":"here","done":true}"#;

/// Seconds that `docker stop` waits before it kills.
const DOCKERS_PATIENCE: u64 = 10;

/// What a tap may take beyond its grace: to cut what is left, and to write the history (seconds; tap.rs).
const AFTER_GRACE: u64 = 4;

/// A container in front of this Ollama, on a port that the system chooses.
fn before(ollama: &FakeOllama) -> Option<Container> {
    Some(
        Image::read()
            .unpack()?
            .env("OLLAMA_HOST", &ollama.url())
            .env("PROXY_PORT", "0"),
    )
}

fn generate(tap: &Proxy) -> u16 {
    tap.ask(
        "POST",
        post(
            "/api/generate",
            r#"{"model":"talk","prompt":"Why?","stream":false}"#,
        ),
    )
    .status()
}

/// Every file below a directory.
fn files(below: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(below)
        .expect("list a directory")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn the_image_works_with_nothing_but_its_own_files() {
    let ollama = FakeOllama::always(json(REPLY));
    let Some(container) = before(&ollama) else {
        return;
    };
    let tap = container.start();
    assert_eq!(generate(&tap), 200);
    eventually("the record is found", || {
        tap.get("/analytics/search?prompt_search=why").json()[0]["model"] == "talk"
    });
}

#[test]
fn the_health_check_asks_where_the_container_listens() {
    let ollama = FakeOllama::always(json(REPLY));
    let Some(container) = before(&ollama) else {
        return;
    };
    let tap = container.start();
    assert!(
        tap.addr.ip().is_unspecified(),
        "nobody outside can reach {}",
        tap.addr
    );
    // Its port, under an address that no other test has: there nobody answers in its place once it is gone.
    let address = format!("127.86.0.1:{}", tap.addr.port());
    let container = container.env("OLLAMA_TAP_LISTEN", &address);
    assert_eq!(
        container.health(),
        (0, format!("a tap answers at http://{address}\n"))
    );
    drop(tap);
    assert_eq!(
        container.health(),
        (1, format!("ollama-tap: no tap answers at {address}\n"))
    );
    let (_, output) = Image::read().unpack().expect("a container").health();
    assert!(
        output.contains(" 127.0.0.1:8000") || output.contains("/127.0.0.1:8000"),
        "as shipped: {output}"
    );
    assert!(dockerfile().contains("\nEXPOSE 8000\n"));
}

#[test]
fn it_writes_into_its_volume_alone_and_as_its_own_user() {
    let ollama = FakeOllama::always(json(REPLY));
    let Some(container) = before(&ollama) else {
        return;
    };
    let shipped = files(container.path());
    assert_eq!(
        container.image.variable("ANALYTICS_DIR"),
        container.image.volume
    );
    for backend in ["jsonl", "sqlite"] {
        let container = before(&ollama)
            .expect("a container")
            .env("ANALYTICS_BACKEND", backend);
        let tap = container.start();
        assert_eq!(generate(&tap), 200);
        eventually("the record is found", || {
            tap.get("/analytics/search").json()[0]["model"] == "talk"
        });
        let mut written = files(container.path());
        written.retain(|path| !path.starts_with(container.volume()));
        assert_eq!(written.len(), shipped.len(), "{written:?}");
        for path in files(&container.volume()) {
            let file = fs::metadata(&path).expect("metadata");
            assert_eq!(
                (file.uid(), file.gid(), file.mode() & 0o777),
                (65532, 65532, 0o600),
                "{}",
                path.display()
            );
        }
    }
}

/// Kubernetes lends a volume to the group of the pod (fsGroup), and it stays root's.
#[test]
fn a_volume_that_belongs_to_root_will_do_if_its_group_may_write() {
    let ollama = FakeOllama::always(json(REPLY));
    let Some(container) = before(&ollama) else {
        return;
    };
    chown(container.volume(), Some(0), Some(container.image.user.1))
        .expect("give the volume to root");
    fs::set_permissions(container.volume(), fs::Permissions::from_mode(0o2775))
        .expect("lend it to the group");
    let tap = container.start();
    tap.wait_log("belongs to another user");
    assert_eq!(generate(&tap), 200);
    eventually("the record is found", || {
        tap.get("/analytics/search").json()[0]["model"] == "talk"
    });
    assert!(
        files(&container.volume())
            .iter()
            .all(|path| fs::metadata(path).expect("metadata").mode() & 0o077 == 0)
    );
}

#[test]
fn docker_stop_ends_it_in_time_with_its_history_written() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let Some(container) = before(&ollama) else {
        return;
    };
    let grace: u64 = container
        .image
        .variable("OLLAMA_TAP_SHUTDOWN_GRACE")
        .parse()
        .expect("seconds");
    assert!(
        grace + AFTER_GRACE < DOCKERS_PATIENCE,
        "docker kills it while it writes"
    );
    let container = container.env("OLLAMA_TAP_SHUTDOWN_GRACE", "0");
    let mut tap = container.start();
    let mut client = tap.connect();
    client
        .send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#))
        .head("POST");
    tap.signal(libc::SIGTERM);
    assert!(
        tap.wait_exit(Duration::from_secs(DOCKERS_PATIENCE).min(TIMEOUT))
            .success()
    );
    let days = files(&container.volume())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"));
    assert_eq!(days.count(), 1, "the stream that was cut is in no history");
    latch.release();
}

#[test]
fn files_that_are_compiled_in_are_sent_to_the_build() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = fs::read_to_string(root.join(".dockerignore")).expect("read .dockerignore");
    let sent: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert!(ignored.contains("\n*\n"), "more is sent than is named");
    for name in &sent {
        assert!(root.join(name).exists(), "{name} is not there");
    }
    // The image is built without tests.
    let is_built = |source: &std::path::PathBuf| !source.iter().any(|part| part == "tests");
    for source in files(&root.join("src")).into_iter().filter(is_built) {
        let text = fs::read_to_string(&source).expect("read a source");
        for name in text
            .split("include_str!(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
        {
            let included = source
                .parent()
                .expect("a parent")
                .join(name)
                .canonicalize()
                .expect("what is included");
            let name = included
                .strip_prefix(root.canonicalize().expect("the root"))
                .expect("below the root");
            assert!(
                sent.iter().any(|sent| name.starts_with(sent)),
                "{} is not sent",
                name.display()
            );
        }
    }
}

#[test]
fn the_labels_say_what_the_package_says() {
    let text = dockerfile();
    for (label, value) in [
        ("description", env!("CARGO_PKG_DESCRIPTION")),
        ("source", env!("CARGO_PKG_REPOSITORY")),
        ("licenses", env!("CARGO_PKG_LICENSE")),
    ] {
        assert!(
            text.contains(&format!("org.opencontainers.image.{label}=\"{value}\"")),
            "{label}"
        );
    }
}
