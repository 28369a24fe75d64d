//! The notes that running taps leave for commands: their content, their permissions and their end.

/// Commands find a running tap by its note.
mod finding;

use std::fs::{self};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::ollama::json as ok;
use crate::harness::{
    FakeOllama, Latch, Options, Proxy, SIGKILL, SIGTERM, TIMEOUT, eventually, latched_ollama, post,
    run_expecting, text,
};

/// The directory of the notes of a few taps.
struct Notes(TempDir);

impl Notes {
    fn new() -> Notes {
        Notes(tempfile::tempdir().expect("a temporary directory"))
    }

    /// Its taps leave their notes here, and its commands look here.
    fn with(&self, options: Options) -> Options {
        options.env("OLLAMA_TAP_TEST_RUNTIME_DIR", text(self.0.path()))
    }

    fn path(&self, address: SocketAddr) -> PathBuf {
        self.0.path().join(format!("{}.json", address.port()))
    }

    fn of(&self, address: SocketAddr) -> Value {
        let text = fs::read(self.path(address)).expect("a note");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// A note that somebody else wrote.
    fn put(&self, listen: SocketAddr, token_file: Option<&Path>) {
        let note = json!({ "listen": listen, "admin": null, "store": null, "token_file": token_file, "pid": 1 });
        fs::write(self.path(listen), note.to_string()).expect("write a note");
    }

    /// Runs a command to its end, which must be this one: stdout and stderr.
    fn ends(&self, words: &[&str], code: i32) -> (String, String) {
        run_expecting(self.with(Options::bare(words)), code)
    }
}

/// Returns the address of its own pages.
fn admin_of(tap: &Proxy) -> SocketAddr {
    let line = tap.wait_log("pages on http://");
    line.split("http://")
        .nth(1)
        .expect("an address")
        .trim()
        .parse()
        .expect("an address")
}

fn with_admin(ollama: &FakeOllama) -> Options {
    Options::to(ollama).args(&["--admin-listen", "127.0.0.1:0"])
}

#[test]
fn a_note_has_the_addresses_of_a_tap_and_is_removed_when_it_stops() {
    let (notes, latch) = (Notes::new(), Latch::default());
    let ollama = latched_ollama(&latch);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let history = dir.path().join("history");
    let mut tap = notes
        .with(with_admin(&ollama))
        .args(&["--analytics-dir", text(&history)])
        .start();
    let expected = json!({
        "listen": tap.addr.to_string(), "admin": admin_of(&tap).to_string(), "store": text(&history), "token_file": null, "pid": tap.id()
    });
    assert_eq!(notes.of(tap.addr), expected);

    let mut client = tap.connect();
    client
        .send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#))
        .head("POST");
    client.read_until("\"a\"");
    tap.signal(SIGTERM);
    eventually("the note is gone", || !notes.path(tap.addr).exists());
    latch.release();
    client.read_until("\"done\":true");
    assert_eq!(tap.wait_exit(TIMEOUT).code(), Some(0));
    assert_eq!(
        fs::read_dir(notes.0.path()).expect("the directory").count(),
        0,
        "something was left"
    );
}

#[cfg(unix)]
#[test]
fn a_note_is_public_and_a_token_private_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    for (umask, backend) in [("077", "jsonl"), ("000", "sqlite")] {
        let history = dir.path().join(backend);
        let options = notes
            .with(Options::to(&ollama))
            .ulimit(&format!("-n 1024; umask {umask}"))
            .env("OLLAMA_TAP_TOKEN", "s3cret");
        let mut tap = options
            .args(&[
                "--analytics-dir",
                text(&history),
                "--analytics-backend",
                backend,
            ])
            .start();
        let note = notes.of(tap.addr);
        let token = history.join(format!("{}.token", tap.addr.port()));
        assert_eq!(note["token_file"], text(&token));
        assert!(!note.to_string().contains("s3cret"), "{note}");
        assert_eq!((mode(&notes.path(tap.addr)), mode(&token)), (0o644, 0o600));
        assert_eq!(fs::read_to_string(&token).expect("the token"), "s3cret");
        tap.signal(SIGTERM);
        tap.wait_exit(TIMEOUT);
        assert!(
            !token.exists() && !notes.path(tap.addr).exists(),
            "they were left"
        );
    }
}

#[cfg(unix)]
#[test]
fn without_a_directory_of_its_own_the_token_is_in_the_users_and_without_any_there_is_no_note() {
    let ollama = FakeOllama::always(ok("{}"));
    let state = tempfile::tempdir().expect("a temporary directory");
    let tap = |state: &str| {
        let options = Options::to(&ollama)
            .args(&["--analytics-backend", "none", "--log-level", "debug"])
            .env("OLLAMA_TAP_TOKEN", "s3cret");
        options
            .env("OLLAMA_TAP_TEST_RUNTIME_DIR", "/nowhere")
            .env("XDG_STATE_HOME", state)
            .start()
    };
    let first = tap(text(state.path()));
    let own = |name: &str| {
        state
            .path()
            .join("ollama-tap")
            .join(format!("{}.{name}", first.addr.port()))
    };
    let note: Value =
        serde_json::from_slice(&fs::read(own("json")).expect("a note")).expect("JSON");
    assert_eq!(
        (&note["store"], &note["token_file"]),
        (&Value::Null, &json!(own("token")))
    );
    assert_eq!(
        fs::read_to_string(own("token")).expect("the token"),
        "s3cret"
    );

    let second = tap("/dev/null");
    second.wait_log("this tap is not registered");
    assert_eq!(second.get("/healthz").status(), 200);
}

#[test]
fn the_note_of_a_killed_tap_is_ignored_and_replaced_by_the_next_one() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let mut tap = notes.with(with_admin(&ollama)).start();
    let address = tap.addr.to_string();
    tap.signal(SIGKILL);
    tap.wait_exit(TIMEOUT);
    assert!(notes.path(tap.addr).exists());
    assert!(
        notes
            .ends(&["health", "--listen", &address], 1)
            .1
            .contains("no tap answers")
    );
    let again = notes
        .with(Options::bare(&[
            "proxy",
            "--listen",
            &address,
            "--upstream",
            &ollama.url(),
        ]))
        .start();
    assert_eq!(
        (&notes.of(again.addr)["pid"], &notes.of(again.addr)["admin"]),
        (&json!(again.id()), &Value::Null)
    );
    notes.ends(&["health", "--listen", &address], 0);
}

#[test]
fn a_port_that_another_tap_took_over_keeps_that_ones_note() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let mut tap = notes.with(Options::to(&ollama)).start();
    let free: SocketAddr = TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("addr");
    notes.put(tap.addr, None);
    notes.put(free, None);
    tap.signal(SIGTERM);
    tap.wait_exit(TIMEOUT);
    assert!(
        notes.path(tap.addr).exists() && notes.path(free).exists(),
        "a tap removed what is not its own"
    );
}
