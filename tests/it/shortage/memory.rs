//! Little memory: whatever strangers send, the tap stays within its cgroup, and good clients are served.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::cgroup::Cgroup;
use crate::harness::ollama::json;
use crate::harness::{Client, FakeOllama, Latch, Options, Proxy, post, proc, request, require};

/// The memory of the machine of these tests (bytes).
const MEMORY: u64 = 128 << 20;

struct Small {
    // In the order in which they must go.
    tap: Proxy,
    _cgroup: Cgroup,
}

fn small(ollama: &FakeOllama, name: u64) -> Option<Small> {
    let cgroup = Cgroup::new("memory", "memory.limit_in_bytes", MEMORY + (name << 12))?;
    let words = cgroup.words();
    let tap = Options::to(ollama)
        .behind(&words.each_ref().map(String::as_str))
        .start();
    Some(Small {
        tap,
        _cgroup: cgroup,
    })
}

impl Small {
    /// A good client is served, and the flood took no more than there is.
    fn is_well(&self, what: &str) {
        let reply = self.tap.get("/api/version");
        assert_eq!(reply.status(), 200, "{what}");
        let most = proc::status(self.tap.id(), "VmHWM:") << 10;
        assert!(most < MEMORY * 3 / 4, "{what}: it took {most} bytes");
    }
}

#[test]
fn heads_and_bodies_that_never_end_leave_memory_for_others() {
    let ollama = FakeOllama::always(json("{}"));
    let Some(small) = small(&ollama, 1) else {
        return;
    };
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(1_000_000));
    let body = format!(
        "POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Length: 60000000\r\n\r\n{}",
        "x".repeat(4_000_000)
    );
    for sent in [head, body] {
        let mut clients: Vec<Client> = (0..60).map(|_| small.tap.connect()).collect();
        for client in &mut clients {
            let stream = client.stream();
            stream
                .set_write_timeout(Some(Duration::from_millis(20)))
                .expect("set_write_timeout");
            let _ = (&*stream).write_all(sent.as_bytes());
        }
        small.is_well(&sent[..20]);
    }
}

#[test]
fn compressed_bodies_that_swell_leave_memory_for_others() {
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        if conn.head.path() == "/api/generate" {
            held.wait();
        }
        conn.answer(json("{}"))
    });
    let Some(small) = small(&ollama, 2) else {
        return;
    };
    let text = format!(r#"{{"model":"m","prompt":"\n{}"}}"#, "x".repeat(12_000_000));
    let Some(bomb) = zstd(text.as_bytes()) else {
        return;
    };
    let head = format!(
        "POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Encoding: zstd\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let sent = [head.as_bytes(), &bomb].concat();
    let mut clients: Vec<Client> = (0..12).map(|_| small.tap.connect()).collect();
    for client in &mut clients {
        client.send(&sent);
    }
    for _ in 0..12 {
        drop(ollama.next());
    }
    small.is_well("bombs");
    latch.release();
    for client in &mut clients {
        assert_eq!(client.reply("POST").status(), 200);
    }
    small.is_well("bombs that were answered");
}

fn zstd(bytes: &[u8]) -> Option<Vec<u8>> {
    let command = Command::new("zstd")
        .args(["-q", "-19", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    if !require("zstd", command.is_ok()) {
        return None;
    }
    let mut command = command.ok()?;
    let mut stdin = command.stdin.take().expect("its input");
    let bytes = bytes.to_vec();
    std::thread::spawn(move || stdin.write_all(&bytes));
    Some(command.wait_with_output().expect("zstd").stdout)
}

#[test]
fn unread_answers_and_stored_texts_leave_memory_for_others() {
    let latch = Latch::default();
    let text = "x".repeat(900_000);
    let reply = json(&format!(
        r#"{{"model":"m","response":"{text}","done":true}}"#
    ));
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        held.wait();
        conn.answer(&reply)
    });
    let Some(small) = small(&ollama, 3) else {
        return;
    };
    let ask = post(
        "/api/generate",
        &format!(r#"{{"model":"m","prompt":"{text}"}}"#),
    );
    let mut clients: Vec<Client> = (0..100).map(|_| small.tap.connect()).collect();
    for client in &mut clients {
        client.send(&ask);
        ollama.next();
    }
    latch.release();
    for client in &mut clients[..50] {
        assert_eq!(client.reply("POST").status(), 200);
    }
    let mut rude: Vec<Client> = (0..50).map(|_| small.tap.connect()).collect();
    for client in &mut rude {
        client.send(request("GET", "/analytics", &[], "").repeat(20));
    }
    small.is_well("answers");
}
