//! `ollama_up` is never wrong for long: questions of our own, replies and failures tell it, at the usual interval of 15 s.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::harness::ollama::{json, reply};
use crate::harness::runner::within;
use crate::harness::{FakeOllama, Options, Proxy, metric, post, request};

/// As long as it may be wrong, and what a busy machine needs.
const DETECTION_TIMEOUT: Duration = Duration::from_millis(1500);

fn is_up(tap: &Proxy) -> bool {
    metric("ollama_up").value(1.0).is_in(&tap.scrape())
}

/// Waits until /metrics says so, which must be soon.
fn soon(tap: &Proxy, up: bool) {
    let began = Instant::now();
    tap.scrape_until(&format!("ollama_up {}", u8::from(up)), |scrape| {
        metric("ollama_up")
            .value(f64::from(u8::from(up)))
            .is_in(scrape)
    });
    assert!(
        began.elapsed() < within(DETECTION_TIMEOUT),
        "{:?}",
        began.elapsed()
    );
}

fn ollama_at(addr: SocketAddr) -> FakeOllama {
    FakeOllama::start_on(addr.port(), |conn| conn.answer(json("{}")))
}

#[test]
fn a_tap_that_starts_first_sees_ollama_come_and_go_within_a_second() {
    let addr = TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port");
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &format!("http://{addr}"),
    ])
    .start();
    tap.wait_log("WARN");
    assert!(!is_up(&tap));
    let ollama = ollama_at(addr);
    soon(&tap, true);
    tap.scrape_until("its version", |scrape| {
        metric("ollama_version_info")
            .label("version", "0.33.0")
            .is_in(scrape)
    });

    ollama.stop();
    assert_eq!(
        tap.ask(
            "POST",
            post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#)
        )
        .status(),
        502
    );
    soon(&tap, false);

    let again = ollama_at(addr);
    assert_eq!(
        tap.ask("GET", request("GET", "/api/tags", &[], ""))
            .status(),
        200
    );
    assert!(is_up(&tap), "a reply that was forwarded says so at once");
    soon(&tap, true);
    assert_eq!(again.next().head.path(), "/api/tags");
}

#[test]
fn a_crowd_of_failures_asks_a_few_times_a_second() {
    let addr = TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port");
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &format!("http://{addr}"),
    ])
    .start();
    tap.wait_log("WARN");
    let ollama = FakeOllama::start_on(addr.port(), |conn| {
        conn.answer(reply("502 Bad Gateway", &[], ""))
    });
    soon(&tap, true);
    let (began, asked) = (Instant::now(), ollama.own_questions());
    let mut client = tap.connect();
    for _ in 0..200 {
        assert_eq!(
            client
                .send(request("GET", "/api/tags", &[], ""))
                .reply("GET")
                .status(),
            502
        );
    }
    let rounds = (ollama.own_questions() - asked).div_ceil(2); // for the version, and for the models
    assert!(
        rounds as f64 <= 2.0 + began.elapsed().as_secs_f64() * 4.0,
        "{rounds} in {:?}",
        began.elapsed()
    );
    assert!(
        is_up(&tap),
        "what a gateway says has Ollama asked, which answers"
    );
}

#[test]
fn an_ollama_that_denies_our_questions_is_up() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        let ollama = FakeOllama::always(json("{}"));
        ollama.set(|state| state.denies = Some(status));
        let tap = Options::to(&ollama)
            .env("OLLAMA_TAP_TEST_POLL_MS", "10")
            .start();
        soon(&tap, true);
        let asked = ollama.own_questions();
        let scrape = tap.scrape_until("more questions", |_| ollama.own_questions() > asked + 6);
        assert!(
            metric("ollama_version_info")
                .label("version", "unknown")
                .is_in(&scrape)
                && !metric("ollama_model_loaded").is_in(&scrape)
        );
        let page = tap.get("/test");
        assert_eq!(
            (page.status(), &page.json()["ollama_reachable"]),
            (200, &true.into()),
            "{status}"
        );
        assert_eq!(
            tap.log()
                .matches("its version and its models stay unknown")
                .count(),
            1,
            "it is said once"
        );
    }
}
