//! Bodies that are announced and never come: absurd lengths, and uploads broken off.

use super::works;
use crate::harness::ollama::json;
use crate::harness::{
    Client, FakeOllama, Memory, Options, Proxy, TIMEOUT, skip_under_wine, tap_answering,
};
#[cfg(target_os = "linux")]
use crate::harness::{eventually, proc};

/// Lengths that no memory holds, but a stream might.
const ABSURD: [&str; 3] = ["999999999999999", "9223372036854775807", "40000000000000"];

/// Lengths that Ollama does not read as a number.
const NO_LENGTHS: [&str; 3] = [
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999999",
];

fn announcing(path: &str, length: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn an_absurd_length_and_a_hang_up_do_no_harm() {
    let (_ollama, mut tap) = tap_answering(json("{}"));
    let memory = Memory::at_rest(&tap);
    for length in ABSURD {
        for path in ["/api/generate", "/api/blobs/sha256:00", "/metrics"] {
            tap.connect().send(announcing(path, length));
            let mut client = tap.connect();
            client.send(announcing(path, length)).send("some of it");
            client.reset();
        }
    }
    works(&tap);
    memory.grew_less_than(30 << 20, "absurd lengths");
    assert!(tap.is_running());
}

#[test]
fn a_body_of_an_absurd_length_streams_until_ollama_has_answered() {
    let ollama = FakeOllama::start(|conn| {
        conn.piece()?;
        conn.report_request();
        conn.write(json("\"enough\""))?;
        conn.wait_without_reading()
    });
    let tap = Proxy::start(&ollama);
    for path in ["/api/generate", "/api/blobs/sha256:00"] {
        let mut client = tap.connect();
        let reply = client
            .send(announcing(path, ABSURD[0]))
            .send("some of it")
            .reply("POST");
        assert_eq!(
            (reply.status(), reply.text().as_str()),
            (200, "\"enough\""),
            "{path}"
        );
        assert!(
            client.is_closed_within(TIMEOUT),
            "a connection goes on whose body was not read"
        );
        assert_eq!(ollama.next().head.get("content-length"), Some(ABSURD[0]));
    }
}

#[test]
fn a_length_that_is_no_number_is_refused_in_words() {
    let (ollama, tap) = tap_answering(json("{}"));
    for length in NO_LENGTHS {
        for path in ["/api/generate", "/api/blobs/sha256:00"] {
            let mut client = tap.connect();
            let reply = client.send(announcing(path, length)).reply("POST");
            assert_eq!(reply.status(), 400, "{length}");
            assert!(
                reply.json()["error"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{}",
                reply.text()
            );
            assert!(
                client.is_closed_within(TIMEOUT),
                "a refused body's connection goes on"
            );
        }
    }
    works(&tap);
    assert_eq!(
        ollama.take_received().len(),
        1,
        "a refused request was passed on"
    );
}

#[test]
fn a_large_upload_broken_off_takes_no_memory_and_frees_ollama() {
    let ollama = FakeOllama::start(|conn| {
        conn.report_request();
        while conn.piece().is_ok_and(|piece| piece.is_some()) {}
        conn.wait_until_closed()
    });
    let tap = Proxy::start(&ollama);
    let memory = Memory::at_rest(&tap);
    for leave in [drop, Client::reset] {
        let mut client = tap.connect();
        client
            .send(announcing("/api/blobs/sha256:00", "3000000000"))
            .send(vec![7; 1_000_000]);
        ollama.next();
        leave(client);
        ollama.closed();
    }
    assert_eq!(tap.get("/healthz").status(), 200);
    memory.grew_less_than(40 << 20, "broken off");
}

#[test]
fn an_inference_request_broken_off_never_reaches_ollama() {
    let (ollama, tap) = tap_answering(json("{}"));
    let mut client = tap.connect();
    client
        .send(announcing("/api/generate", "1000"))
        .send("{\"model\":\"talk\"");
    drop(client);
    works(&tap);
    let received = ollama.next();
    assert_eq!(
        received.head.path(),
        "/api/version",
        "half a request was passed on"
    );
}

#[test]
fn absurd_lengths_leave_nothing_behind() {
    if skip_under_wine("it takes minutes for so many connections") {
        return;
    }
    let (_ollama, mut tap) = {
        let ollama = FakeOllama::always(json("{}"));
        let tap = Options::to(&ollama).ulimit("-n 1024").start();
        (ollama, tap)
    };
    for n in 0..2000 {
        let mut client = tap.connect();
        client.send(announcing("/api/generate", ABSURD[n % ABSURD.len()]));
        client.reset();
    }
    works(&tap);
    assert!(tap.is_running());
    uses_little(&tap);
}

#[cfg(target_os = "linux")]
fn uses_little(tap: &Proxy) {
    eventually("descriptors are free", || proc::descriptors(tap.id()) < 400);
    let threads = proc::status(tap.id(), "Threads:");
    assert!(threads < 1000, "{threads} threads");
}

#[cfg(not(target_os = "linux"))]
fn uses_little(_tap: &Proxy) {
    crate::harness::skip("how many descriptors and threads it has is counted on Linux");
}
