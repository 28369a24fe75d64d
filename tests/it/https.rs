//! An Ollama behind https: known by the root that `SSL_CERT_FILE` adds to the public ones, and refused where nothing proves it.

use crate::harness::tls::{Authority, OPENSSL, TlsFront};
use crate::harness::{
    FakeOllama, Latch, Options, latched_ollama, metric, post, require_tool, text,
};

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

fn has_openssl() -> bool {
    require_tool(OPENSSL, &["version"])
}

/// Of a tap whose upstream is this port of this machine, by https.
fn options(front: &TlsFront) -> Options {
    let upstream = format!("https://127.0.0.1:{}", front.port);
    Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream])
        .env("OLLAMA_TAP_TEST_POLL_MS", "20")
}

#[test]
fn tokens_pass_through_https_as_they_are_made() {
    if !has_openssl() {
        return;
    }
    let latch = Latch::default();
    let (ollama, authority) = (latched_ollama(&latch), Authority::new());
    let front = TlsFront::start(&authority, "IP:127.0.0.1", ollama.addr);
    let tap = options(&front)
        .env("SSL_CERT_FILE", text(&authority.root()))
        .start();
    tap.scrape_until("Ollama up", |scrape| {
        metric("ollama_up").value(1.0).is_in(scrape)
    });
    let mut client = tap.connect();
    assert_eq!(
        client
            .send(post("/api/generate", ASK))
            .head("POST")
            .status(),
        200
    );
    client.read_until("\"a\"");
    latch.release();
    client.read_until("\"done\":true");
    let counted = metric("ollama_requests_total").label("status", "success");
    tap.scrape_until("the request", |scrape| counted.sum(scrape) == 1.0);
    let received = ollama.next();
    assert_eq!(
        (received.head.target(), received.body.as_slice()),
        ("/api/generate", ASK.as_bytes())
    );
}

#[test]
fn a_large_upload_passes_through_https() {
    if !has_openssl() {
        return;
    }
    let (ollama, authority) = (
        FakeOllama::always(crate::harness::ollama::json("{}")),
        Authority::new(),
    );
    let front = TlsFront::start(&authority, "IP:127.0.0.1", ollama.addr);
    let tap = options(&front)
        .env("SSL_CERT_FILE", text(&authority.root()))
        .start();
    let body: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    assert_eq!(
        tap.ask(
            "POST",
            crate::harness::request("POST", "/api/blobs/x", &[], &body)
        )
        .status(),
        200
    );
    assert_eq!(ollama.next().body, body);
}

#[test]
fn a_certificate_that_proves_nothing_is_refused_and_named() {
    if !has_openssl() {
        return;
    }
    let (ollama, authority, namesake) = (
        FakeOllama::always("never"),
        Authority::new(),
        Authority::new(),
    );
    let trusted = TlsFront::start(&authority, "IP:127.0.0.1", ollama.addr);
    let misnamed = TlsFront::start(&authority, "DNS:ollama.example", ollama.addr);
    for (front, root, why) in [
        (&trusted, None, "UnknownIssuer"),
        (&trusted, Some(namesake.root()), "BadSignature"),
        (&misnamed, Some(authority.root()), "not valid for name"),
    ] {
        let options = options(front);
        let tap = match &root {
            Some(root) => options.env("SSL_CERT_FILE", text(root)).start(),
            None => options.start(),
        };
        let reply = tap.ask("POST", post("/api/generate", ASK));
        assert!(
            reply.status() == 502
                && reply.text().contains("certificate")
                && reply.text().contains(why),
            "{why}: {}",
            reply.text()
        );
        assert!(metric("ollama_up").value(0.0).is_in(&tap.scrape()), "{why}");
    }
    assert!(
        ollama.take_received().is_empty(),
        "a request was sent to nobody knows whom"
    );
}

#[test]
fn a_file_of_roots_that_cannot_be_read_is_named_at_start() {
    let options = Options::bare(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        "https://127.0.0.1:1",
    ]);
    let (code, _, output) = options.env("SSL_CERT_FILE", "missing.pem").run();
    assert!(
        code == 1 && output.contains("SSL_CERT_FILE missing.pem"),
        "{code}: {output}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_https_server_that_was_switched_off_and_on_costs_no_502() {
    if !has_openssl() {
        return;
    }
    let (ollama, authority) = (
        FakeOllama::always(crate::harness::ollama::json("{}")),
        Authority::new(),
    );
    let front = TlsFront::start(&authority, "IP:127.0.0.1", ollama.addr);
    let slow = options(&front)
        .env("SSL_CERT_FILE", text(&authority.root()))
        .env("OLLAMA_TAP_TEST_POLL_MS", "60000");
    let tap = slow.args(&["--workers", "1"]).start();
    assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 200);
    if front.vanish() {
        assert_eq!(tap.ask("POST", post("/api/generate", ASK)).status(), 200);
        let stale = metric("ollama_tap_upstream_errors_total")
            .label("kind", "stale")
            .value(1.0);
        tap.scrape_until("one sent anew", |scrape| stale.is_in(scrape));
        assert_eq!(ollama.take_received().len(), 2);
    }
}
