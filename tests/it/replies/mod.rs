//! Replies of Ollama reach the client unchanged: statuses, headers, framings, sizes.

/// Bodies and their framings.
mod bodies;

use crate::harness::ollama::reply;
use crate::harness::{request, tap_answering};

#[test]
fn every_status_passes() {
    for status in [
        "200 OK",
        "201 Created",
        "206 Partial Content",
        "299 Odd",
        "400 Bad Request",
        "401 Unauthorized",
        "418 Teapot",
        "499 Left",
        "500 Internal Server Error",
        "503 Service Unavailable",
        "599 Odd",
    ] {
        let (_ollama, tap) = tap_answering(reply(
            status,
            &["Content-Type: text/plain", "WWW-Authenticate: Basic"],
            "body",
        ));
        let got = tap.get("/api/tags");
        assert_eq!(
            (got.status().to_string().as_str(), got.text().as_str()),
            (&status[..3], "body")
        );
        assert_eq!(got.head.get("www-authenticate"), Some("Basic"));
    }
}

#[test]
fn long_heads_pass() {
    let long = format!("Set-Cookie: {}", "x".repeat(20_000));
    let (_ollama, tap) = tap_answering(reply("200 OK", &["X-A: 1", &long, "X-B: 2"], "body"));
    let got = tap.get("/api/tags");
    assert_eq!((got.status(), got.text().as_str()), (200, "body"));
    assert_eq!(got.head.get("set-cookie").map(str::len), Some(20_000));
    assert_eq!(got.head.get("x-b"), Some("2"));
}

#[test]
fn heads_of_many_headers_and_of_almost_a_megabyte_pass_and_longer_ones_are_reported() {
    let many = std::fs::read("tests/data/cases/hdr-150.reply").expect("a recording");
    let (_ollama, tap) = tap_answering(many);
    let got = tap.get("/api/tags");
    assert_eq!(
        (got.status(), got.head.end_to_end().len() > 150),
        (200, true)
    );
    let headers = |count: usize| vec![format!("X: {}", "x".repeat(1000)); count].join("\r\n");
    for (count, status) in [(1000, 200), (1100, 502)] {
        let (_ollama, tap) = tap_answering(reply("200 OK", &[&headers(count)], "body"));
        let got = tap.get("/api/tags");
        assert_eq!(
            (got.status(), got.text().contains("longer than 1 MiB")),
            (status, status == 502)
        );
    }
}

#[test]
fn a_reply_whose_lines_end_in_a_bare_lf_passes() {
    let (_ollama, tap) = tap_answering("HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 4\n\nbody");
    let got = tap.get("/api/tags");
    assert_eq!(
        (got.status(), got.text().as_str(), got.head.get("x-a")),
        (200, "body", Some("1"))
    );
}

#[test]
fn bytes_after_a_reply_are_never_taken_for_the_next_one() {
    let (_ollama, tap) = tap_answering(
        [
            reply("200 OK", &[], "body"),
            reply("200 OK", &[], "smuggled"),
        ]
        .concat(),
    );
    for _ in 0..3 {
        assert_eq!(tap.get("/api/tags").text(), "body");
    }
}

#[test]
fn an_ambiguous_reply_is_refused() {
    let heads = [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: -1",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "X: 1\r\n folded",
        "X\u{1}: 1",
    ];
    for head in heads {
        let (_ollama, tap) = tap_answering(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nbody"));
        let got = tap.get("/api/tags");
        assert_eq!(
            (got.status(), got.text().contains("read ollama's reply")),
            (502, true),
            "{head}"
        );
    }
}

#[test]
fn redirects_pass_and_are_not_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let (ollama, tap) = tap_answering(reply(status, &["Location: /api/tags"], ""));
        let got = tap.get("/api/tags/");
        assert_eq!(got.status().to_string(), status[..3]);
        assert_eq!(got.head.get("location"), Some("/api/tags"));
        ollama.next();
        assert!(ollama.take_received().is_empty(), "it was followed");
    }
}

#[test]
fn headers_pass_in_order_with_their_repeats_and_nothing_is_added() {
    let headers = [
        "Date: Sat, 21 Nov 2026 08:49:09 GMT",
        "Set-Cookie: a=1",
        "x-lower: two  words",
        "Set-Cookie: b=2; Path=/",
        "X-Empty:",
    ];
    let (_ollama, tap) = tap_answering(reply("200 OK", &headers, "body"));
    let got: Vec<_> = tap
        .get("/")
        .head
        .end_to_end()
        .into_iter()
        .filter(|(name, _)| name != "content-length")
        .collect();
    let sent = headers
        .iter()
        .map(|header| header.split_once(':').expect("a header"));
    let sent: Vec<_> = sent
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    assert_eq!(got, sent);
}

#[test]
fn a_header_value_that_is_not_ascii_passes() {
    let (_ollama, tap) = tap_answering(reply("200 OK", &["X-Name: é🙂"], "body"));
    assert_eq!(tap.get("/").head.get("x-name"), Some("é🙂"));
}

#[test]
fn headers_of_this_hop_stop_here() {
    let headers = [
        "Connection: close, X-Private",
        "X-Private: 1",
        "Keep-Alive: timeout=5",
        "X-Kept: 1",
    ];
    let (_ollama, tap) = tap_answering(reply("200 OK", &headers, "body"));
    let mut client = tap.connect();
    for _ in 0..2 {
        let got = client.send(request("GET", "/", &[], "")).reply("GET");
        assert!(
            ["x-private", "keep-alive"]
                .iter()
                .all(|name| got.head.get(name).is_none()),
            "{:?}",
            got.head.headers
        );
        assert_eq!(
            (got.head.get("x-kept"), got.text().as_str()),
            (Some("1"), "body")
        );
    }
}

#[test]
fn interim_replies_pass_but_for_leave_that_was_not_asked_for() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let (_ollama, tap) = tap_answering(
        [
            interim.as_bytes(),
            &reply("200 OK", &["X-Final: 1"], "body"),
        ]
        .concat(),
    );
    let mut client = tap.connect();
    for method in ["GET", "POST"] {
        let got = client
            .send(request(method, "/api/show", &[], "x"))
            .reply(method);
        let hints: Vec<_> = got
            .interim
            .iter()
            .map(|head| (head.status(), head.get("link")))
            .collect();
        assert_eq!(
            (got.status(), got.text().as_str(), &hints[..]),
            (200, "body", &[(103, Some("</x>"))][..])
        );
        assert_eq!(
            (got.head.get("x-final"), got.head.get("link")),
            (Some("1"), None)
        );
    }
}

#[test]
fn an_http_1_0_client_gets_no_interim_replies() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let (_ollama, tap) =
        tap_answering([interim.as_bytes(), &reply("200 OK", &[], "body")].concat());
    let got = tap.ask("GET", "GET / HTTP/1.0\r\nHost: h\r\n\r\n");
    assert_eq!(
        (got.status(), got.text().as_str(), got.interim.len()),
        (200, "body", 0)
    );
}
