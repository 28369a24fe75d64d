//! Requests of real clients, proxies and attackers (tests/data/cases), and other request lines of each kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{assert_summaries, head, refusal, summary};
use crate::server::http1::{HeadReader, Reason};

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
        (
            "pipelined-chunked-then-close.req",
            "POST /api/generate(52), GET /api/version, closed",
        ),
        ("utf8-header.req", "POST /api/generate(52), …"),
    ]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let mut read = BTreeMap::new();
    for path in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".req") {
            read.insert(name, summary(&fs::read(&path).unwrap()));
        }
    }
    let read = read
        .iter()
        .map(|(name, summary)| (name.as_str(), summary.as_str()))
        .collect::<BTreeMap<_, _>>();
    assert_eq!(read, expected);
}

#[test]
fn other_protocols_are_refused_by_their_first_bytes() {
    let refused = |bytes: &[u8]| HeadReader::default().take(&mut bytes.to_vec()).unwrap_err();
    let hello = refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert!(
        hello.status == 400 && hello.message.contains("use http://"),
        "{hello:?}"
    );
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
        assert_eq!(
            refusal(&format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).status,
            status,
            "{version}"
        );
    }
    assert_summaries(&[
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET /, …"),
        ("GET / HTTP/1.7\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "GET /, closed"),
        (
            "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n",
            "GET /, …",
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            "GET /, closed",
        ),
        ("GET /\r\n", "400"),
        ("GET / http/1.1\r\n", "400"),
    ]);
}

#[test]
fn lines_end_with_cr_lf_and_one_empty_line_may_stand_before_a_request() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(
        summary(format!("\r\n{get}\r\n{get}").as_bytes()),
        "GET /, GET /, …"
    );
    assert_summaries(&[
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
    for line in [
        "get /",
        "M-SEARCH *",
        "BREW /a|b",
        "GET /api/show/модель",
        "GET /a?b=%zz&%",
        "GET //x",
        "GET http://h:1/p",
        "CONNECT h:1",
    ] {
        let read = head(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(format!("{} {}", read.method(), read.target_text()), line);
    }
    assert_eq!(
        summary(b"GET /\xe4\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
        "GET /\u{fffd}\u{fffd}, …"
    );
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
        assert_eq!(
            refusal(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).status,
            400,
            "{line:?}"
        );
    }
}

#[test]
fn an_absolute_target_names_its_host() {
    let host = |target: &str| {
        let head = head(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        head.target_host()
            .map(|host| String::from_utf8_lossy(host).into_owned())
    };
    assert_eq!(
        host("http://evil.example:1/metrics?x=//y").as_deref(),
        Some("evil.example:1")
    );
    assert_eq!(
        host("https://user:word@[::1]:80").as_deref(),
        Some("[::1]:80")
    );
    assert_eq!(host("/a//b"), None);
    assert_eq!(host("//evil.example/x"), None);
    assert_eq!(host("mailto:a@b"), None);
}

#[test]
fn a_refusal_names_the_escaped_and_cut_fault_and_the_way_out() {
    let turned = refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\u{202e}[31m\r\n\r\n");
    assert_eq!(
        turned.message,
        "read request: content-length \"1\\u{202e}[31m\" is not a number; send digits alone"
    );
    let long = refusal(&format!(
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        "x".repeat(100_000)
    ));
    assert!(
        long.message.len() < 200 && long.message.contains('…'),
        "{}",
        long.message
    );
    let forged = refusal("G\x1b[31m / HTTP/1.1\r\n");
    assert_eq!(
        forged.message,
        r#"read request: "\x1b" cannot be part of a method; a request begins like "GET /api/tags HTTP/1.1""#
    );
}

#[test]
fn the_request_line_of_a_refused_request_is_known() {
    let mut head_reader = HeadReader::default();
    let mut input = b"POST /api/chat HTTP/1.1\r\nHost: a\r\nX".to_vec();
    assert!(head_reader.line(&input).is_none());
    assert!(head_reader.take(&mut input).unwrap().is_none());
    assert_eq!(
        head_reader
            .line(&input)
            .map(|line| (line.method, line.target)),
        Some(("POST", &b"/api/chat"[..]))
    );
    input.extend_from_slice(b" : y\r\n");
    assert!(head_reader.take(&mut input).is_err());
    assert_eq!(
        head_reader.line(&input).map(|line| line.method),
        Some("POST")
    );
    let (mut head_reader, mut input) = (
        HeadReader::default(),
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello".to_vec(),
    );
    assert!(head_reader.take(&mut input).is_err());
    assert_eq!(
        head_reader.line(&input).map(|line| line.method),
        Some("PUT")
    );
}
