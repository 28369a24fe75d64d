//! The journal of an Ollama that is a service of this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::harness::ollama::{STREAM_HEAD, done, token};
use crate::harness::{FakeOllama, Latch, Options, Proxy, eventually, post};

/// A machine with a stand-in for systemd, which says this of Ollama's unit.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new(unit: &str) -> Machine {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/journal/systemd.sh");
        for name in ["systemctl", "journalctl"] {
            symlink(&script, dir.path().join(name)).expect("a link");
        }
        fs::write(dir.path().join("unit"), unit).expect("write a file");
        Machine { dir }
    }

    fn start(&self, ollama: &FakeOllama) -> Proxy {
        let here = self.dir.path().display();
        let path = std::env::var("PATH").unwrap_or_default();
        Options::to(ollama)
            .args(&["--analytics-dir", &format!("{here}/history")])
            .args(&["--log-level", "DEBUG"])
            .env("PATH", &format!("{here}:{path}"))
            .env("STANDIN_DIR", &here.to_string())
            .env("OLLAMA_TAP_TEST_SERVICE_MANAGER", "systemd")
            .start()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default()
    }
}

#[test]
fn a_cut_that_the_journal_of_ollamas_unit_tells_is_sure() {
    let machine = Machine::new("LoadState=loaded\n");
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        held.wait();
        conn.answer([STREAM_HEAD.as_bytes(), &token("No."), &done(514, 2)].concat())
    });
    let tap = machine.start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#));
    ollama.next();
    fs::write(machine.dir.path().join("cut"), "").expect("write a file");
    tap.wait_log("ollama has logged");
    latch.release();
    client.head("POST");
    client.read_until("514");
    let ask = || tap.get("/analytics/messages").json();
    eventually("it is recorded", || ask()[0].is_object());
    let findings = ask()[0]["findings"].clone();
    let findings = findings.as_array().expect("findings");
    let cut = findings.iter().find(|it| it["kind"] == "context_cut");
    let cut = cut.cloned().unwrap_or_default();
    assert_eq!(cut["certainty"], "sure", "{findings:?}");
    assert_eq!(cut["evidence"], "log");
    assert_eq!(cut["whole_tokens"], Value::from(1025));
    let call = "journalctl --follow --lines=0 --output=cat --quiet --unit ollama.service\n";
    assert!(machine.calls().ends_with(call), "{}", machine.calls());
}

#[test]
fn without_the_unit_no_journal_is_read() {
    let machine = Machine::new("LoadState=not-found\n");
    let ollama = FakeOllama::always("");
    let tap = machine.start(&ollama);
    tap.wait_log("the journal of ollama.service is not read: there is no such unit");
    let call = "systemctl show ollama.service --property=LoadState\n";
    assert_eq!(machine.calls(), call);
}
