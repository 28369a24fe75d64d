//! What real clients, proxies and attackers sent (tests/data/cases), and others of each kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Seen, read};
use crate::server::http1::{Gatherer, Head, Reason, Refusal};

/// Everything on a connection in a line: `POST /x(52)` with the length of the body, the status of a refusal, and how it ends.
fn story(input: &[u8]) -> String {
    let told = |seen: &Seen| match seen {
        Seen::Request(asked) if asked.body.is_empty() => format!("{} {}", asked.method, String::from_utf8_lossy(&asked.target)),
        Seen::Request(asked) => format!("{} {}({})", asked.method, String::from_utf8_lossy(&asked.target), asked.body.len()),
        Seen::Refused(status) => status.to_string(),
        Seen::Unfinished => "…".into(),
        Seen::Closed => "closed".into(),
    };
    read([input]).iter().map(told).collect::<Vec<_>>().join(", ")
}

fn assert_stories(stories: &[(&str, &str)]) {
    for (input, expected) in stories {
        assert_eq!(story(input.as_bytes()), *expected, "{input:?}");
    }
}

fn head(input: &str) -> Result<Head, Refusal> {
    Gatherer::default().take(&mut input.into()).map(|head| head.expect("a whole head"))
}

fn refusal(input: &str) -> Refusal {
    match Gatherer::default().take(&mut input.into()) {
        Err(refusal) => refusal,
        other => panic!("{input:?} is not refused: {other:?}"),
    }
}

#[test]
fn every_recorded_case_is_read_as_it_should_be() {
    let expected = BTreeMap::from([
        ("bare-lf.req", "400"),
        ("chunk-trailer.req", "POST /api/generate(52), …"),
        ("cl-plus5.req", "400"),
        ("connection-twice.req", "POST /api/generate(52), closed"),
        ("debug-log-forged-by-method.req", "400"),
        ("expect.req", "POST /api/generate(52), …"),
        ("fold-no-colon.req", "400"),
        ("get-http20.req", "505"),
        ("h2c-chunked.req", "POST /api/generate(52), …"),
        ("half-close-chunked.req", "POST /api/generate(52), …"),
        ("obs-fold-becomes-content-length.req", "400"),
        ("pipelined-chunked-then-close.req", "POST /api/generate(52), GET /api/version, closed"),
        ("utf8-header.req", "POST /api/generate(52), …"),
    ]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let mut read = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".req") {
            read.insert(name, story(&fs::read(&path).unwrap()));
        }
    }
    let read = read.iter().map(|(name, story)| (name.as_str(), story.as_str())).collect::<BTreeMap<_, _>>();
    assert_eq!(read, expected);
}

#[test]
fn other_protocols_are_refused_before_they_have_said_much() {
    let refused = |bytes: &[u8]| Gatherer::default().take(&mut bytes.to_vec()).unwrap_err();
    let hello = refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert!(hello.status == 400 && hello.message.contains("use http://"), "{hello:?}");
    assert_eq!(refused(b"PRI * HTTP/2.0\r\n").reason, Reason::Version);
    assert_eq!(refused(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").status, 400);
    assert_eq!(refused(b"{\"model\":").status, 400);
    assert_eq!(refused("ÄT".as_bytes()).status, 400);
}

#[test]
fn versions_up_to_1_9_are_read_as_1_1_and_no_others() {
    for (version, status) in [
        ("2.0", 505),
        ("3.0", 505),
        ("0.9", 505),
        ("1.10", 400),
        ("1.", 400),
        ("1.x", 400),
        ("one", 400),
        ("1.1 ", 400),
        ("1.1 \x01evil", 400),
    ] {
        assert_eq!(refusal(&format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).status, status, "{version}");
    }
    assert_stories(&[
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET /, …"),
        ("GET / HTTP/1.7\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "GET /, closed"),
        ("GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "GET /, …"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", "GET /, closed"),
        ("GET /\r\n", "400"),
        ("GET / http/1.1\r\n", "400"),
    ]);
}

#[test]
fn lines_end_with_cr_lf_and_one_empty_line_may_stand_before_a_request() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(story(format!("\r\n{get}\r\n{get}").as_bytes()), "GET /, GET /, …");
    assert_stories(&[
        ("\r\n\r\nGET / HTTP/1.1\r\n", "400"),
        ("\nGET / HTTP/1.1\r\n", "400"),
        ("GET / HTTP/1.1\nHost: a\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\rb", "400"),
        ("GET / HTTP/1.1\rHost", "400"),
        ("GET / HTTP/1.1\r", "…"),
        ("", "…"),
        ("\r\n", "…"),
    ]);
}

#[test]
fn methods_are_tokens_and_targets_pass_as_they_are() {
    for line in ["get /", "M-SEARCH *", "BREW /a|b", "GET /api/show/модель", "GET /a?b=%zz&%", "GET //x", "GET http://h:1/p", "CONNECT h:1"]
    {
        let read = head(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(format!("{} {}", read.method(), read.target_text()), line);
    }
    assert_eq!(story(b"GET /\xe4\xff HTTP/1.1\r\nHost: a\r\n\r\n"), "GET /\u{fffd}\u{fffd}, …");
    for line in [
        " /",
        "G(T /",
        "GET  /",
        "GET",
        "GET x",
        "GET /a b",
        "GET /a\tb",
        "GET /\x7f",
        "GET /%zz",
        "GET :x",
        "GET http://a b/",
        "GET http://[::1/",
    ] {
        assert_eq!(refusal(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).status, 400, "{line:?}");
    }
}

#[test]
fn an_absolute_target_names_its_host() {
    let host = |target: &str| {
        let head = head(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        head.target_host().map(|host| String::from_utf8_lossy(host).into_owned())
    };
    assert_eq!(host("http://evil.example:1/metrics?x=//y").as_deref(), Some("evil.example:1"));
    assert_eq!(host("https://user:word@[::1]:80").as_deref(), Some("[::1]:80"));
    assert_eq!(host("/a//b"), None);
    assert_eq!(host("//evil.example/x"), None);
    assert_eq!(host("mailto:a@b"), None);
}

#[test]
fn header_lines_that_two_readers_could_read_differently_are_refused() {
    for line in [
        " X: a",
        "\tX: a",
        "X: a\r\n folded",
        "X: a\r\n\tX-B: c",
        "X : a",
        "X\t: a",
        "X",
        ": a",
        "X(: a",
        "Ü: a",
        "X: a\0b",
        "X: \x0bb",
        "X: \x7f",
    ] {
        let refusal = refusal(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"));
        assert_eq!((refusal.status, refusal.reason), (400, Reason::Framing), "{line:?}");
    }
    let read = head("GET / HTTP/1.1\r\nhOST: \t a \t\r\nX:\r\nx: Fábián 李\r\n\r\n").unwrap();
    assert_eq!(read.fields().map(|field| field.name).collect::<Vec<_>>(), ["hOST", "X", "x"]);
    assert_eq!(read.values("x").collect::<Vec<_>>(), [&b""[..], "Fábián 李".as_bytes()]);
    assert_eq!(read.fields().next().unwrap().line, b"hOST: \t a \t\r\n");
}

#[test]
fn a_body_has_one_length_or_chunks_and_never_both() {
    for (lines, status) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\ncontent-length: 6", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: -5", 400),
        ("Content-Length: 5 5", 400),
        ("Content-Length: 0x5", 400),
        ("Content-Length: ٥", 400),
        ("Content-Length:", 400),
        ("Content-Length: 9223372036854775808", 400),
        ("Content-Length: 18446744073709551617", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding:", 400),
        ("Transfer-Encoding: chunked\r\nTrailer: a, Content-Length", 400),
        ("Expect: miracles", 417),
    ] {
        assert_eq!(refusal(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).status, status, "{lines}");
    }
    assert_eq!(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status, 400);
    assert_stories(&[
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhelloGET", "POST /(5), …"),
        ("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET", "POST /(5), …"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "GET /(2), …"),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /, …"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /, …"),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
    ]);
}

#[test]
fn the_largest_length_is_that_of_go() {
    let read = head("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n").unwrap();
    assert_eq!(read.framing(), crate::server::http1::Framing::Length(i64::MAX as u64));
}

#[test]
fn leave_to_send_a_body_is_asked_for_where_there_is_one_by_http_1_1() {
    let expects =
        |version: &str, lines: &str| head(&format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n")).unwrap().expects_continue();
    assert!(expects("1.1", "Expect: 100-Continue\r\nContent-Length: 1"));
    assert!(expects("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked"));
    assert!(!expects("1.1", "Expect: 100-continue"));
    assert!(!expects("1.1", "Expect: 100-continue\r\nContent-Length: 0"));
    assert!(!expects("1.0", "Expect: 100-continue\r\nContent-Length: 1"));
    assert!(!expects("1.1", "Content-Length: 1"));
}

#[test]
fn what_connection_names_stops_here_in_any_letters_and_on_any_line() {
    let read = head(concat!(
        "POST / HTTP/1.1\r\nhOst: a\r\nX-A: 1\r\nConnection: x-SECRET , close,Host\r\nx-a: 2\r\nX-Secret: 3\r\nTE: trailers\r\nUpgrade: h2c\r\n",
        "Connection: , content-length, Transfer-Encoding, X-Other\r\nTrailer: X\r\nX-Secrets: 4\r\nx-other: 5\r\ntransfer-encoding: Chunked\r\n\r\n"
    ));
    let passing: Vec<u8> = read.unwrap().passing().flat_map(|field| field.line).copied().collect();
    assert_eq!(String::from_utf8_lossy(&passing), "hOst: a\r\nX-A: 1\r\nx-a: 2\r\nX-Secrets: 4\r\ntransfer-encoding: Chunked\r\n");
}

#[test]
fn a_refusal_names_what_it_refuses_escaped_and_cut_and_the_way_out() {
    let turned = refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\u{202e}[31m\r\n\r\n");
    assert_eq!(turned.message, "read request: content-length \"1\\u{202e}[31m\" is no number of bytes; send digits alone");
    let long = refusal(&format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", "x".repeat(100_000)));
    assert!(long.message.len() < 200 && long.message.contains('…'), "{}", long.message);
    let forged = refusal("G\x1b[31m / HTTP/1.1\r\n");
    assert_eq!(forged.message, r#"read request: "\x1b" cannot be part of a method; a request begins like "GET /api/tags HTTP/1.1""#);
}

#[test]
fn the_line_of_a_refused_request_can_be_told() {
    let mut gatherer = Gatherer::default();
    let mut input = b"POST /api/chat HTTP/1.1\r\nHost: a\r\nX".to_vec();
    assert!(gatherer.line(&input).is_none());
    assert!(gatherer.take(&mut input).unwrap().is_none());
    assert_eq!(gatherer.line(&input).map(|line| (line.method, line.target)), Some(("POST", &b"/api/chat"[..])));
    input.extend_from_slice(b" : y\r\n");
    assert!(gatherer.take(&mut input).is_err());
    assert_eq!(gatherer.line(&input).map(|line| line.method), Some("POST"));
    let (mut gatherer, mut input) = (Gatherer::default(), b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello".to_vec());
    assert!(gatherer.take(&mut input).is_err());
    assert_eq!(gatherer.line(&input).map(|line| line.method), Some("PUT"));
}
