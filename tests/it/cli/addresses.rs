//! Addresses to listen on and to forward to: their forms, and the errors for bad ones.

use std::net::TcpListener;

use super::free_port;
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, assert_contains, metric, stderr_expecting};

#[test]
fn ollama_host_is_read_as_ollama_reads_it() {
    let ollama = FakeOllama::always(json("\"it\""));
    let port = ollama.addr.port();
    for form in [
        format!("127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/"),
        format!("localhost:{port}"),
        format!(":{port}"),
        format!("0.0.0.0:{port}"),
        format!("  \"127.0.0.1:{port}\" "),
    ] {
        let tap = Options::bare(&["proxy", "--listen", "127.0.0.1:0"])
            .env("OLLAMA_HOST", &form)
            .start();
        assert_eq!(tap.get("/api/tags").text(), "\"it\"", "{form:?}");
    }
}

#[test]
fn a_taken_port_is_reported_with_the_way_out() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = holder.local_addr().expect("addr").to_string();
    let ollama = FakeOllama::always(json("{}"));
    let stderr = stderr_expecting(
        Options::bare(&["proxy", "--listen", &addr, "--upstream", &ollama.url()]),
        1,
    );
    assert_contains(&stderr, &[&addr, "--listen"]);
}

#[test]
fn a_port_of_an_ollama_is_reported_as_such() {
    let holder = FakeOllama::always(json("{}"));
    let ollama = FakeOllama::always(json("{}"));
    let stderr = stderr_expecting(
        Options::bare(&[
            "proxy",
            "--listen",
            &holder.addr.to_string(),
            "--upstream",
            &ollama.url(),
        ]),
        1,
    );
    assert_contains(&stderr, &[&holder.addr.port().to_string(), "Ollama"]);
}

#[test]
fn an_upstream_that_makes_no_sense_is_refused() {
    for upstream in ["ftp://localhost", "http://a b", "http://[::1"] {
        let stderr = stderr_expecting(
            Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", upstream]),
            2,
        );
        assert_contains(&stderr, &["--upstream", upstream]);
    }
}

#[test]
fn an_upstream_that_is_its_own_listener_is_refused() {
    let port = free_port();
    for (listen, upstream) in [
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
    ] {
        let (listen, upstream) = (
            format!("{listen}:{port}"),
            format!("http://{upstream}:{port}"),
        );
        let stderr = stderr_expecting(
            Options::bare(&["proxy", "--listen", &listen, "--upstream", &upstream]),
            2,
        );
        assert_contains(&stderr, &["--upstream", &port.to_string()]);
    }
}

#[test]
fn an_upstream_that_cannot_be_reached_is_served_all_the_same() {
    let upstream = format!("http://127.0.0.1:{}", free_port());
    let tap = Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream]).start();
    let test = tap.get("/test");
    assert_eq!(
        (test.status(), test.json()["status"].as_str()),
        (503, Some("error"))
    );
    assert_eq!(tap.get("/healthz").status(), 200);
    assert!(metric("ollama_up").value(0.0).is_in(&tap.scrape()));
}

#[test]
fn it_listens_on_ipv6_and_on_localhost() {
    let ollama = FakeOllama::always(json("\"it\""));
    for listen in ["[::1]:0", "localhost:0", "0.0.0.0:0", "127.0.0.1:0"] {
        let tap =
            Options::bare(&["proxy", "--listen", listen, "--upstream", &ollama.url()]).start();
        assert_eq!(
            tap.get("/api/tags").text(),
            "\"it\"",
            "{listen} became {}",
            tap.addr
        );
    }
}

#[test]
fn proxy_port_is_a_port_of_every_address() {
    let ollama = FakeOllama::always(json("\"it\""));
    let port = free_port();
    let tap = Options::bare(&["proxy", "--upstream", &ollama.url()])
        .env("PROXY_PORT", &port.to_string())
        .start();
    assert_eq!(tap.addr.port(), port);
    assert_eq!(tap.get("/api/tags").text(), "\"it\"");
}
