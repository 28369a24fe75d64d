//! Access to the pages: by the Host of the request and the address that the tap listens on.

use crate::harness::ollama::json;
use crate::harness::{Client, FakeOllama, Options, Proxy, tap_answering};

#[test]
fn the_guards_are_those_of_the_port_that_the_pages_have() {
    let ollama = FakeOllama::always(json("{}"));
    for (public, admin, expected) in [
        ("0.0.0.0:0", "127.0.0.1:0", 403),
        ("127.0.0.1:0", "0.0.0.0:0", 200),
    ] {
        let args = [
            "proxy",
            "--listen",
            public,
            "--admin-listen",
            admin,
            "--upstream",
            &ollama.url(),
        ];
        let tap = Options::bare(&args).start();
        let line = tap.wait_log("pages on http://");
        let port: u16 = line
            .rsplit(':')
            .next()
            .expect("a port")
            .trim()
            .parse()
            .expect("a port");
        let ask = |page: &str| {
            let head = format!("GET {page} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
            Client::connect(([127, 0, 0, 1], port).into())
                .send(head)
                .reply("GET")
                .status()
        };
        assert_eq!(
            (ask("/metrics"), ask("/analytics/stats")),
            (expected, 403),
            "{admin}"
        );
    }
}

const PAGES: [&str; 3] = ["/metrics", "/test", "/healthz"];

fn status(tap: &Proxy, page: &str, host: &str) -> u16 {
    tap.ask(
        "GET",
        format!("GET {page} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
    .status()
}

#[test]
fn a_loopback_listener_shows_its_pages_to_local_names_only() {
    let (_ollama, tap) = tap_answering(json("{}"));
    let local = [
        "localhost",
        "LocalHost:8000",
        "127.0.0.1",
        "127.0.0.1:99",
        "[::1]:8000",
        "10.1.2.3",
        "192.168.1.5:8000",
        "0.0.0.0",
    ];
    let named = [
        "app.localhost",
        "pc.local",
        "ollama.internal:8000",
        "PC.LOCAL",
    ];
    for host in local.iter().chain(&named) {
        for page in PAGES {
            assert_eq!(status(&tap, page, host), 200, "{page} for {host}");
        }
    }
    for host in [
        "evil.example",
        "evil.example:8000",
        "8.8.8.8",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "local",
    ] {
        for page in PAGES {
            assert_eq!(status(&tap, page, host), 403, "{page} for {host}");
        }
    }
}

#[test]
fn a_client_that_names_no_host_is_no_browser() {
    let (_ollama, tap) = tap_answering(json("{}"));
    assert_eq!(
        tap.ask("GET", "GET /healthz HTTP/1.0\r\n\r\n").status(),
        200
    );
}

#[test]
fn a_listener_of_every_address_shows_its_pages_to_all() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "0.0.0.0:0",
        "--upstream",
        &ollama.url(),
    ])
    .start();
    for page in PAGES {
        assert_eq!(status(&tap, page, "ollama-tap:8000"), 200, "{page}");
    }
}

#[test]
fn the_host_that_ollama_sees_is_its_own_unless_all_is_loopback() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "0.0.0.0:0",
        "--upstream",
        &ollama.url(),
    ])
    .start();
    assert_eq!(status(&tap, "/api/tags", "ollama-tap:8000"), 200);
    assert_eq!(ollama.next().head.all("host"), [ollama.addr.to_string()]);
    let (ollama, tap) = tap_answering(json("{}"));
    assert_eq!(status(&tap, "/api/tags", "evil.example"), 200);
    assert_eq!(ollama.next().head.all("host"), ["evil.example"]);
}
