//! Connections to Ollama: those that are kept, those that had died before a request came to them, and addresses where nobody is.

mod linux;

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::harness::ollama::json;
use crate::harness::runner::is_windows;
use crate::harness::{
    AfterReply, Conn, FakeOllama, Options, Proxy, eventually, metric, post, request,
};

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

/// An answer that counts as a success.
const ANSWER: &str = r#"{"model":"talk","response":"Hi","done":true}"#;

/// An Ollama that answers the first request of each connection, and does this to the second.
fn second(
    what: impl Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync + 'static,
) -> FakeOllama {
    FakeOllama::start(move |conn| {
        if conn.before() == 1 {
            return what(conn);
        }
        conn.answer(json(ANSWER))
    })
}

/// A tap whose only worker keeps a connection that has served a request.
fn with_kept_connection(ollama: &FakeOllama) -> Proxy {
    let tap = Options::to(ollama).args(&["--workers", "1"]).start();
    assert_eq!(tap.get("/api/tags").status(), 200);
    ollama.next();
    tap
}

/// Asserts that so many upstream errors of each kind were counted.
fn counted(tap: &Proxy, stale: f64, closed: f64) {
    let errors = |kind, count| {
        metric("ollama_tap_upstream_errors_total")
            .label("kind", kind)
            .value(count)
    };
    let what = format!("{stale} stale, {closed} closed");
    tap.scrape_until(&what, |scrape| {
        errors("stale", stale).is_in(scrape) && errors("closed", closed).is_in(scrape)
    });
}

#[test]
fn a_request_is_resent_when_its_kept_alive_connection_was_reset() {
    let chunked = "POST /api/chat HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"m\r\n1\r\n}\r\n0\r\n\r\n";
    let requests = [
        ("GET", request("GET", "/api/tags", &[], "")),
        ("HEAD", request("HEAD", "/", &[], "")),
        ("POST", post("/api/generate", ASK)),
        ("POST", post("/v1/chat/completions", &"x".repeat(300_000))),
        ("POST", chunked.into()),
        (
            "DELETE",
            request("DELETE", "/api/delete", &[], r#"{"model":"talk"}"#),
        ),
    ];
    for (method, bytes) in requests {
        let ollama = second(|conn| conn.body().map(|_| AfterReply::Reset));
        let tap = with_kept_connection(&ollama);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert_eq!(tap.ask(method, &bytes).status(), 200, "{shown}");
        let (lost, again) = (ollama.next(), ollama.next());
        assert!(
            lost.head.raw == again.head.raw && lost.body == again.body,
            "{shown}"
        );
        assert_ne!(lost.connection, again.connection, "{shown}");
        counted(&tap, 1.0, 0.0);
    }
}

#[test]
fn a_body_that_ollama_stopped_reading_when_it_reset_is_resent() {
    // More than the kernel holds, so that a write fails.
    let bytes = post("/api/generate", &"x".repeat(20_000_000));
    let ollama = second(|_| Ok(AfterReply::Reset));
    let tap = with_kept_connection(&ollama);
    assert_eq!(tap.ask("POST", &bytes).status(), 200);
    assert_eq!(ollama.next().body.len(), 20_000_000);
    counted(&tap, 1.0, 0.0);
}

#[test]
fn a_resent_request_counts_once() {
    let ollama = second(|conn| conn.body().map(|_| AfterReply::Reset));
    let tap = with_kept_connection(&ollama);
    assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 200);
    let requests = metric("ollama_requests_total");
    let success = metric("ollama_requests_total")
        .label("model", "talk")
        .label("status", "success");
    tap.scrape_until("a success", |scrape| {
        success.sum(scrape) == 1.0 && requests.sum(scrape) == 1.0
    });
    eventually("a record", || {
        tap.get("/analytics/search")
            .json()
            .as_array()
            .is_some_and(|records| records.len() == 1)
    });
}

#[test]
fn requests_that_may_have_been_read_are_never_resent() {
    type Script = fn(&mut Conn) -> io::Result<AfterReply>;
    let scripts: [(&str, Script); 4] = [
        ("an orderly end", |conn| {
            conn.body().map(|_| AfterReply::Close)
        }),
        ("a reset after a second", |conn| {
            conn.body()?;
            std::thread::sleep(Duration::from_millis(1200));
            Ok(AfterReply::Reset)
        }),
        ("a reset after a byte of the reply", |conn| {
            conn.answer("H").map(|_| AfterReply::Reset)
        }),
        ("a reset after an interim reply", |conn| {
            conn.answer("HTTP/1.1 103 Early Hints\r\n\r\n")
                .map(|_| AfterReply::Reset)
        }),
    ];
    // Windows gives nobody what came before a reset.
    for (what, script) in &scripts[..if is_windows() { 2 } else { 4 }] {
        for (method, bytes) in [
            ("POST", post("/api/generate", ASK)),
            ("GET", request("GET", "/api/tags", &[], "")),
        ] {
            let ollama = second(*script);
            let tap = with_kept_connection(&ollama);
            assert_eq!(tap.ask(method, bytes).status(), 502, "{what}, {method}");
            assert_eq!(ollama.take_received().len(), 1, "{what}, {method}");
            counted(&tap, 0.0, 1.0);
        }
    }
}

#[test]
fn a_body_that_was_freed_is_not_resent() {
    let ollama = second(|conn| {
        while conn.piece()?.is_some() {}
        conn.report_request();
        Ok(AfterReply::Reset)
    });
    let tap = with_kept_connection(&ollama);
    assert_eq!(
        tap.ask(
            "POST",
            request("POST", "/api/blobs/sha256:00", &[], "x".repeat(100_000))
        )
        .status(),
        502
    );
    assert_eq!(ollama.take_received().len(), 1);
    counted(&tap, 0.0, 1.0);
}

#[test]
fn a_fresh_connection_that_is_reset_is_a_502_the_second_one_of_a_request_too() {
    let asked = AtomicUsize::new(0);
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        if asked.fetch_add(1, SeqCst) == 0 {
            conn.answer(json(ANSWER))
        } else {
            Ok(AfterReply::Reset)
        }
    });
    let tap = with_kept_connection(&ollama);
    assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 502);
    assert_eq!(
        ollama.take_received().len(),
        2,
        "once on the kept connection, once on a fresh one"
    );
    counted(&tap, 1.0, 1.0);
    assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 502);
    assert_eq!(ollama.take_received().len(), 1, "on a fresh one alone");
    counted(&tap, 1.0, 2.0);
}

#[test]
fn a_kept_alive_connection_that_ended_is_replaced_and_nothing_is_sent_on_it() {
    let ollama =
        FakeOllama::start(move |conn| conn.answer(json(ANSWER)).map(|_| AfterReply::Close));
    let tap = with_kept_connection(&ollama);
    for _ in 0..3 {
        ollama.closed();
        assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 200);
        ollama.next();
    }
    counted(&tap, 0.0, 0.0);
}

#[test]
fn every_address_that_was_tried_is_named_with_the_way_out() {
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("addr")
        .port();
    let upstream = format!("http://localhost:{port}");
    let tap = Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream]).start();
    let way_out = "start it with `ollama serve`, or say where it is with --upstream";
    let answers = [
        tap.ask("POST", post("/api/generate", ASK)).text(),
        tap.get("/test").text(),
        tap.wait_log("ask ollama at"),
    ];
    for (n, text) in answers.iter().enumerate() {
        for part in [
            &*upstream,
            &format!("127.0.0.1:{port}"),
            &format!("[::1]:{port}"),
        ] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert!(n == 1 || text.contains(way_out), "{text}");
    }
}

#[test]
fn model_and_prompt_are_known_of_a_request_that_did_not_reach_ollama() {
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("addr")
        .port();
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &format!("http://127.0.0.1:{port}"),
    ])
    .start();
    assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 502);
    let found = || {
        tap.get("/analytics/search?prompt_search=Why&model=talk")
            .json()
    };
    eventually("its record", || {
        found().as_array().is_some_and(|records| records.len() == 1)
    });
    assert_eq!(
        (&found()[0]["prompt_full"], &found()[0]["status"]),
        (&"Why?".into(), &"error".into())
    );
}
