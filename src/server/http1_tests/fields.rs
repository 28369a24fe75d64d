//! Header lines, and what they decide: the framing of a body, leave to send it, and what stops here.

use super::{assert_summaries, head, refusal};
use crate::server::http1::Reason;

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
        assert_eq!(
            (refusal.status, refusal.reason),
            (400, Reason::Framing),
            "{line:?}"
        );
    }
    let read = head("GET / HTTP/1.1\r\nhOST: \t a \t\r\nX:\r\nx: Fábián 李\r\n\r\n").unwrap();
    assert_eq!(
        read.fields().map(|field| field.name).collect::<Vec<_>>(),
        ["hOST", "X", "x"]
    );
    assert_eq!(
        read.values("x").collect::<Vec<_>>(),
        [&b""[..], "Fábián 李".as_bytes()]
    );
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
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            400,
        ),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding:", 400),
        (
            "Transfer-Encoding: chunked\r\nTrailer: a, Content-Length",
            400,
        ),
        ("Expect: miracles", 417),
    ] {
        assert_eq!(
            refusal(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).status,
            status,
            "{lines}"
        );
    }
    assert_eq!(
        refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status,
        400
    );
    assert_summaries(&[
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhelloGET",
            "POST /(5), …",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET",
            "POST /(5), …",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
            "GET /(2), …",
        ),
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
    let read =
        head("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n").unwrap();
    assert_eq!(
        read.framing(),
        crate::server::http1::RequestFraming::Length(i64::MAX as u64)
    );
}

#[test]
fn a_request_with_a_body_may_expect_100_continue_in_http_1_1() {
    let expects = |version: &str, lines: &str| {
        head(&format!(
            "POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n"
        ))
        .unwrap()
        .expects_continue()
    };
    assert!(expects("1.1", "Expect: 100-Continue\r\nContent-Length: 1"));
    assert!(expects(
        "1.1",
        "Expect: 100-continue\r\nTransfer-Encoding: chunked"
    ));
    assert!(!expects("1.1", "Expect: 100-continue"));
    assert!(!expects("1.1", "Expect: 100-continue\r\nContent-Length: 0"));
    assert!(!expects("1.0", "Expect: 100-continue\r\nContent-Length: 1"));
    assert!(!expects("1.1", "Content-Length: 1"));
}

#[test]
fn headers_that_connection_names_in_any_case_and_on_any_line_are_not_passed_on() {
    let read = head(concat!(
        "POST / HTTP/1.1\r\nhOst: a\r\nX-A: 1\r\nConnection: x-SECRET , close,Host\r\nx-a: 2\r\nX-Secret: 3\r\nTE: trailers\r\nUpgrade: h2c\r\n",
        "Connection: , content-length, Transfer-Encoding, X-Other\r\nTrailer: X\r\nX-Secrets: 4\r\nx-other: 5\r\ntransfer-encoding: Chunked\r\n\r\n"
    ));
    let passing: Vec<u8> = read
        .unwrap()
        .end_to_end()
        .flat_map(|field| field.line)
        .copied()
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&passing),
        "hOst: a\r\nX-A: 1\r\nx-a: 2\r\nX-Secrets: 4\r\ntransfer-encoding: Chunked\r\n"
    );
}
