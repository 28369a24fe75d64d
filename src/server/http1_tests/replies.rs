//! Heads of replies: their end, and the framing of the body.

use proptest::prelude::*;

use crate::server::http1::{ReplyFraming, ReplyHead, end_of_reply_head};

fn read(head: &str) -> Result<ReplyHead, String> {
    ReplyHead::read(head.as_bytes().to_vec())
}

fn framing(headers: &str) -> Result<ReplyFraming, String> {
    read(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).map(|head| head.framing())
}

#[test]
fn the_framing_of_a_reply_is_read_as_go_reads_it() {
    assert_eq!(framing(""), Ok(ReplyFraming::Close));
    assert_eq!(
        framing("content-LENGTH:  7 \r\n"),
        Ok(ReplyFraming::Length(7))
    );
    assert_eq!(
        framing("Content-Length: 7\r\nContent-Length: 7\r\n"),
        Ok(ReplyFraming::Length(7))
    );
    assert_eq!(
        framing("Transfer-Encoding: Chunked\r\nContent-Length: 7\r\n"),
        Ok(ReplyFraming::Chunked)
    );
    assert_eq!(
        read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .unwrap()
            .framing(),
        ReplyFraming::Close
    );
    for bad in [
        "Content-Length: 7\r\nContent-Length: 8\r\n",
        "Content-Length: +7\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
    ] {
        assert!(framing(bad).is_err(), "{bad}");
    }
    for invalid in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "X\r\n",
        " X: folded\r\n",
        "X : 1\r\n",
        "X: \0\r\n",
    ] {
        assert!(framing(invalid).is_err(), "{invalid:?}");
    }
}

#[test]
fn a_connection_is_kept_as_its_version_and_options_say() {
    let keeps = |head: &str| read(head).unwrap().keeps_alive();
    assert!(
        keeps("HTTP/1.1 200 OK\r\n\r\n")
            && keeps("HTTP/1.0 200 OK\r\nConnection: x, Keep-Alive\r\n\r\n")
    );
    assert!(
        !keeps("HTTP/1.0 200 OK\r\n\r\n")
            && !keeps("HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: y, CLOSE\r\n\r\n")
    );
}

#[test]
fn an_invalid_status_line_is_an_error() {
    for bad in [
        "HTTP/2 200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1",
        "ICY 200 OK",
        "HTTP/1.1 099 OK",
        "\r\n",
    ] {
        assert!(
            read(&format!("{bad}\r\n\r\n"))
                .unwrap_err()
                .contains("status line"),
            "{bad}"
        );
    }
    let head = read("HTTP/1.1 200\r\n\r\n").unwrap();
    assert_eq!(
        (head.status(), head.status_and_reason()),
        (200, &b" 200"[..])
    );
    assert!(
        read("HTTP/1.1 103 Hints\r\n\r\n").unwrap().is_interim()
            && !read("HTTP/1.1 101 Other\r\n\r\n").unwrap().is_interim()
    );
}

proptest! {
    #[test]
    fn the_end_of_a_head_is_found_in_any_pieces(
        headers in prop::collection::vec("x-[a-z]{1,8}: [ -~]{0,20}", 0..6),
        ends in prop::collection::vec(any::<bool>(), 8),
        rest in "[\\r\\na]{0,6}",
        size in 1usize..9,
    ) {
        let end = |n: usize| if ends[n] { "\r\n" } else { "\n" };
        let lines: String = headers.iter().enumerate().map(|(n, line)| format!("{line}{}", end(n + 1))).collect();
        let head = format!("HTTP/1.1 200 OK{}{lines}{}", end(0), end(7));
        let bytes = [head.as_bytes(), rest.as_bytes()].concat();
        let mut found = None;
        let mut scanned = 0;
        for upto in (0..bytes.len()).step_by(size).chain([bytes.len()]) {
            found = end_of_reply_head(&bytes[..upto], scanned).unwrap();
            if found.is_some() {
                break;
            }
            scanned = upto;
        }
        prop_assert_eq!(found, Some(head.len()));
        let read = ReplyHead::read(head.into_bytes()).unwrap();
        let lines: Vec<String> = read.end_to_end().map(|field| String::from_utf8_lossy(field.line).into_owned()).collect();
        prop_assert_eq!(lines, headers.iter().map(|line| format!("{line}\r\n")).collect::<Vec<_>>());
    }
}
