//! Requests of a client reach Ollama unchanged, and nothing is added: methods, targets, headers, bodies, connections.

use crate::harness::ollama::json;
use crate::harness::{
    AfterReply, FakeOllama, Options, Proxy, ReceivedRequest, chunk, http, request, tap_answering,
};

/// Sends these bytes through a tap of their own and returns what arrived behind it.
fn arrives(bytes: impl AsRef<[u8]>, method: &str) -> ReceivedRequest {
    let (ollama, tap) = tap_answering(json("{}"));
    assert_eq!(tap.ask(method, bytes).status(), 200);
    ollama.next()
}

#[test]
fn every_method_passes() {
    let (ollama, tap) = tap_answering(json("{}"));
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
        "M-SEARCH", "BREW",
    ] {
        let reply = tap.ask(method, request(method, "/api/whatever", &[], ""));
        assert_eq!(reply.status(), 200, "{method}");
        assert_eq!(ollama.next().head.method(), method);
    }
}

#[test]
fn every_path_and_query_passes_as_it_was_written() {
    let (ollama, tap) = tap_answering(json("{}"));
    for target in [
        "/",
        "//api/tags",
        "/api/tags/",
        "/api/tags?x=1&y=%20z",
        "/a%2Fb/../c/./d",
        "/api/x?q=a+b&c=%E7%A9%BA&&=&?/?",
        "/v1/models/hf.co%2Fuser%2Fmodel:Q4_K_M",
        "/~user/'()*!$,@:;=",
        "/api/x?filter={a|b}^`[c]",
        "/api/x?json={\"a\":\"<b>\"}",
        "/api/x?",
        "/Metrics",
        "/metrics2",
        "/api/chat/extra",
    ] {
        assert_eq!(
            tap.ask("GET", request("GET", target, &[], "")).status(),
            200,
            "{target}"
        );
        assert_eq!(ollama.next().head.target(), target);
    }
}

#[test]
fn headers_arrive_in_order_with_their_repeats_and_nothing_is_added() {
    let sent = [
        ("Host", "127.0.0.1:11434"),
        ("X-Twice", "1"),
        ("x-lower", "two  words"),
        ("X-Twice", "2, 3"),
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "a=b; c=\"d\""),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("X-Empty", ""),
        ("Origin", "http://localhost:3000"),
        ("User-Agent", "a/1.0 (b; c)"),
    ];
    let lines: String = sent
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let asked = arrives(format!("GET /api/tags HTTP/1.1\r\n{lines}\r\n"), "GET");
    let lower = |(name, value): &(&str, &str)| (name.to_ascii_lowercase(), (*value).to_owned());
    assert_eq!(
        asked.head.end_to_end(),
        sent.iter().map(lower).collect::<Vec<_>>()
    );
}

#[test]
fn a_request_with_no_headers_but_host_stays_one() {
    let asked = arrives("POST /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST");
    let mut headers = asked.head.end_to_end();
    headers.retain(|(name, value)| (name.as_str(), value.as_str()) != ("content-length", "0"));
    assert_eq!(headers, [("host".to_owned(), "localhost".to_owned())]);
}

#[test]
fn headers_of_this_hop_stop_here() {
    let asked = arrives(
        request(
            "GET",
            "/api/tags",
            &[
                "Connection: keep-alive, X-Private",
                "X-Private: 1",
                "Keep-Alive: timeout=5",
                "Proxy-Connection: keep-alive",
                "TE: trailers",
                "X-Kept: 1",
            ],
            "",
        ),
        "GET",
    );
    for name in ["x-private", "keep-alive", "proxy-connection", "te"] {
        assert_eq!(asked.head.get(name), None, "{name} was passed on");
    }
    assert_eq!(asked.head.get("x-kept"), Some("1"));
}

#[test]
fn requests_of_any_method_may_have_a_body() {
    for method in ["GET", "DELETE", "OPTIONS", "PROPFIND", "POST", "PUT"] {
        let asked = arrives(
            request(
                method,
                "/api/delete",
                &["Content-Type: application/json"],
                r#"{"model":"talk"}"#,
            ),
            method,
        );
        assert_eq!(
            String::from_utf8_lossy(&asked.body),
            r#"{"model":"talk"}"#,
            "{method}"
        );
    }
}

#[test]
fn chunked_bodies_arrive_whole() {
    let head = "POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = [
        chunk("{\"mod"),
        b"a;name=value\r\nel\":\"talk\"\r\n".to_vec(),
        chunk("}"),
        b"0\r\n\r\n".to_vec(),
    ]
    .concat();
    let asked = arrives([head.as_bytes(), &body].concat(), "POST");
    assert_eq!(String::from_utf8_lossy(&asked.body), r#"{"model":"talk"}"#);
}

#[test]
fn an_empty_body_stays_empty() {
    for framing in [
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\r\n",
    ] {
        for path in ["/api/signout", "/api/generate"] {
            let asked = arrives(
                format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}"),
                "POST",
            );
            assert!(asked.body.is_empty(), "{path} {framing:?}");
        }
    }
}

#[test]
fn binary_bodies_keep_every_byte() {
    let body: Vec<u8> = (0..3_000_000u32)
        .map(|n| (n % 251) as u8 ^ (n >> 11) as u8)
        .collect();
    for path in ["/api/blobs/sha256:00", "/api/generate"] {
        let asked = arrives(request("POST", path, &[], &body), "POST");
        assert!(
            asked.body == body,
            "{path}: {} bytes arrived",
            asked.body.len()
        );
    }
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let (ollama, tap) = tap_answering(json("{}"));
    let mut client = tap.connect();
    client.send("POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\nExpect: 100-continue\r\n\r\n");
    // The body goes out only after the leave came, as curl does it.
    let mut leave = http::Wire::new(client.stream().try_clone().expect("clone"));
    assert_eq!(
        leave.head().expect("a head").expect("a reply").status(),
        100
    );
    client.send(r#"{"model":"talk"}"#);
    assert_eq!(client.reply("POST").status(), 200);
    assert_eq!(ollama.next().body, br#"{"model":"talk"}"#);
}

#[test]
fn an_http_1_0_client_is_served_and_its_connection_closed() {
    let (ollama, tap) = tap_answering(format!(
        "{}{}",
        crate::harness::ollama::STREAM_HEAD,
        "5\r\nhello\r\n0\r\n\r\n"
    ));
    let mut client = tap.connect();
    let reply = client
        .send("GET /api/tags HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .reply("GET");
    assert_eq!(reply.text(), "hello");
    assert_eq!(
        reply.head.get("transfer-encoding"),
        None,
        "HTTP/1.0 knows no chunks"
    );
    assert!(client.is_closed_within(http::TIMEOUT));
    assert_eq!(ollama.next().head.target(), "/api/tags");
}

#[test]
fn one_connection_carries_many_requests() {
    let (ollama, tap) = tap_answering(json("{}"));
    let mut client = tap.connect();
    for n in 0..20 {
        let bytes = match n % 4 {
            0 => request("GET", &format!("/api/{n}"), &[], ""),
            1 => request("POST", &format!("/api/{n}"), &[], "some body"),
            2 => format!("POST /api/{n} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").into_bytes(),
            _ => request("DELETE", &format!("/api/{n}"), &[], "x"),
        };
        assert_eq!(client.send(bytes).reply("GET").status(), 200);
        assert_eq!(ollama.next().head.target(), format!("/api/{n}"));
    }
    assert!(!client.has_more());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let ollama = FakeOllama::start(|conn| {
        let path = conn.head.path().to_owned();
        conn.answer(json(&format!("\"{path}\"")))
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    let all: Vec<u8> = (0..10)
        .flat_map(|n| request("POST", &format!("/api/{n}"), &[], "x"))
        .collect();
    client.send(all);
    for n in 0..10 {
        assert_eq!(client.reply("POST").text(), format!("\"/api/{n}\""));
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_read() {
    let (ollama, tap) = tap_answering(json("{}"));
    let mut client = tap.connect();
    for byte in request("POST", "/api/show", &["X-A: 1"], r#"{"model":"talk"}"#) {
        client.send([byte]);
    }
    assert_eq!(client.reply("POST").status(), 200);
    assert_eq!(ollama.next().body, br#"{"model":"talk"}"#);
}

#[test]
fn a_proxy_named_in_the_environment_is_not_asked() {
    let ollama = FakeOllama::always(json("{}"));
    let dead = "http://127.0.0.1:1";
    let tap = Options::to(&ollama)
        .env("HTTP_PROXY", dead)
        .env("http_proxy", dead)
        .env("ALL_PROXY", dead)
        .start();
    assert_eq!(tap.get("/api/tags").status(), 200);
}

#[test]
fn connections_to_ollama_are_used_again() {
    let (ollama, tap) = tap_answering(json("{}"));
    let mut client = tap.connect();
    let mut connections = std::collections::BTreeSet::new();
    for _ in 0..200 {
        assert_eq!(
            client
                .send(request("GET", "/api/tags", &[], ""))
                .reply("GET")
                .status(),
            200
        );
        connections.insert(ollama.next().connection);
    }
    assert!(
        connections.len() < 100,
        "200 requests in a row used {} connections",
        connections.len()
    );
}

#[test]
fn a_connection_that_ollama_closed_meanwhile_costs_no_request() {
    // Announced or not, an idle connection may be gone when the next request comes.
    let ollama = FakeOllama::start(|conn| {
        conn.answer(json("{}"))?;
        Ok(AfterReply::Close)
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    for n in 0..10 {
        for method in ["GET", "POST"] {
            assert_eq!(
                client
                    .send(request(method, "/api/show", &[], "x"))
                    .reply(method)
                    .status(),
                200,
                "{method} {n}"
            );
            ollama.closed();
        }
    }
}
