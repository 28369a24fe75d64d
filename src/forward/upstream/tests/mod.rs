//! Exchanges over connections in memory.

mod memory;

use std::io::{self, Cursor};

use self::memory::{Network, ScriptStep};
use super::*;
use crate::forward::CancelReason;
use crate::forward::failure::Failure;
use crate::forward::outgoing::OutgoingRequest;
use crate::forward::readiness::Readiness;
use crate::forward::retry;
use crate::http::agent::UpstreamErrorKind;
use crate::server::RequestFraming;
use crate::util::budget::Buffer;

fn whole(head: &str, body: &[u8], framing: RequestFraming) -> OutgoingRequest {
    let mut buffer = Buffer::new(&Budget::of(None));
    assert!(buffer.push(body, None));
    OutgoingRequest::whole(head.into(), buffer, framing)
}

fn get(path: &str) -> OutgoingRequest {
    whole(
        &format!("GET {path} HTTP/1.1\r\n\r\n"),
        b"",
        RequestFraming::Empty,
    )
}

/// The head of a reply as it came, and its body.
fn read(upstream: &UpstreamConnection, reply: Response<Body>) -> (String, String) {
    let head = upstream
        .control
        .take_reply()
        .expect("the head of a reply")
        .head;
    let mut body = String::new();
    reply
        .into_body()
        .into_reader()
        .read_to_string(&mut body)
        .unwrap();
    (String::from_utf8_lossy(head.raw()).into_owned(), body)
}

#[test]
fn a_request_and_the_head_of_its_reply_pass_byte_for_byte() {
    const REPLY: &[u8] = b"HTTP/1.1 299 Odd Reason\r\ncOnTent-length: 2\r\nX:  \xe4 \r\n\r\n{}";
    let network = Network::new(&[&[ScriptStep::Bytes(REPLY)]]);
    let upstream = network.connect_upstream();
    let head = "PROPFIND /|x| HTTP/1.1\r\nhOST: tap\r\nX:  a \r\n\r\n";
    upstream
        .control
        .set_request(whole(head, b"hello", RequestFraming::Length(5)));
    let reply = upstream.send_whole(ReplyBody::AsFramed).unwrap();
    assert_eq!(reply.status(), 299);
    let (head_of_reply, body) = read(&upstream, reply);
    assert_eq!(
        head_of_reply.as_bytes(),
        String::from_utf8_lossy(&REPLY[..REPLY.len() - 2]).as_bytes()
    );
    assert_eq!(
        (body.as_str(), network.sent()),
        ("{}", vec![format!("{head}hello")])
    );
}

#[test]
fn interim_replies_precede_the_reply_and_heads_come_in_any_pieces() {
    const PIECES: [ScriptStep; 6] = [
        ScriptStep::Bytes(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r"),
        ScriptStep::Bytes(b"\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1."),
        ScriptStep::Bytes(b"1 200 OK\r\nTransfer-Encoding: chunked\r\n"),
        ScriptStep::Bytes(b"\r\n5\r\nhel"),
        ScriptStep::Bytes(b"lo\r\n0\r\n"),
        ScriptStep::Bytes(b"\r\n"),
    ];
    let network = Network::new(&[&PIECES]);
    let upstream = network.connect_upstream();
    upstream.control.set_request(get("/"));
    let reply = upstream.send_whole(ReplyBody::AsFramed).unwrap();
    assert_eq!(reply.status(), 200);
    let (head, body) = read(&upstream, reply);
    assert_eq!(
        head,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    assert_eq!(body, "hello");
}

#[test]
fn a_connection_is_kept_after_a_reply_with_an_end_and_a_reply_to_head_has_no_body() {
    const TO_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    const TO_GET: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let network = Network::new(&[&[ScriptStep::Bytes(TO_HEAD), ScriptStep::Bytes(TO_GET)]]);
    let upstream = network.connect_upstream();
    upstream.control.set_request(get("/a"));
    let reply = upstream.send_whole(ReplyBody::None).unwrap();
    assert_eq!(read(&upstream, reply).1, "");
    upstream.control.set_request(get("/b"));
    let reply = upstream.send_whole(ReplyBody::AsFramed).unwrap();
    assert_eq!(read(&upstream, reply).1, "{}");
    assert_eq!(
        network.sent(),
        ["GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"]
    );
}

#[test]
fn a_request_whose_kept_connection_had_died_is_sent_again_once() {
    const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let reset: &[ScriptStep] = &[ScriptStep::Reset];
    let network = Network::new(&[reset, &[ScriptStep::Bytes(REPLY)]]);
    let upstream = network.connect_upstream();
    upstream.control.set_request(get("/"));
    let (reply, was_retried) = retry::send(&upstream, &Readiness::external(), ReplyBody::AsFramed);
    assert!(was_retried);
    assert_eq!(read(&upstream, reply.unwrap()).1, "{}");
    assert_eq!(network.sent(), ["GET / HTTP/1.1\r\n\r\n"; 2]);

    let twice = Network::new(&[reset, reset]);
    let upstream = twice.connect_upstream();
    upstream.control.set_request(get("/"));
    let (reply, was_retried) = retry::send(&upstream, &Readiness::external(), ReplyBody::AsFramed);
    assert!(was_retried && reply.is_err());
}

#[test]
fn a_request_is_not_sent_again_after_an_orderly_end_or_a_byte_of_the_reply_or_a_cancel() {
    let scripts: [&[ScriptStep]; 2] = [
        &[ScriptStep::End],
        &[ScriptStep::Bytes(b"HTTP/1.1 2"), ScriptStep::Reset],
    ];
    for script in scripts {
        let network = Network::new(&[script]);
        let upstream = network.connect_upstream();
        upstream.control.set_request(get("/"));
        let (reply, was_retried) =
            retry::send(&upstream, &Readiness::external(), ReplyBody::AsFramed);
        assert!(!was_retried && reply.is_err(), "{script:?}");
    }
    let network = Network::new(&[&[ScriptStep::Reset]]);
    let upstream = network.connect_upstream();
    upstream.control.set_request(get("/"));
    upstream.control.cancel(CancelReason::ClientGone);
    let (reply, was_retried) = retry::send(&upstream, &Readiness::external(), ReplyBody::AsFramed);
    assert!(!was_retried && reply.is_err());
}

#[test]
fn a_stream_keeps_the_framing_of_its_head() {
    const REPLY: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    let by_framing = [
        (RequestFraming::Length(5), "hello"),
        (RequestFraming::Chunked, "5\r\nhello\r\n0\r\n\r\n"),
    ];
    for (framing, body) in by_framing {
        let network = Network::new(&[&[ScriptStep::Bytes(REPLY)]]);
        let upstream = network.connect_upstream();
        upstream.control.set_request(OutgoingRequest::streamed(
            b"PUT / HTTP/1.1\r\n\r\n".into(),
            framing,
        ));
        let reply = upstream
            .send_stream(&mut Cursor::new("hello"), false)
            .unwrap();
        assert_eq!(reply.status(), 201);
        assert_eq!(network.sent(), [format!("PUT / HTTP/1.1\r\n\r\n{body}")]);
    }
}

#[test]
fn the_reply_is_read_where_ollama_takes_no_more_of_the_body() {
    const REPLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}";
    let mut network = Network::new(&[&[ScriptStep::Bytes(REPLY)]]);
    network.room = 100;
    let upstream = network.connect_upstream();
    let head = b"PUT / HTTP/1.1\r\n\r\n".to_vec();
    upstream.control.set_request(OutgoingRequest::streamed(
        head,
        RequestFraming::Length(1 << 20),
    ));
    let control = upstream.control.clone();
    let mut read_bytes = 0;
    let mut body = StopWhenAnswered {
        control: &control,
        read_bytes: &mut read_bytes,
    };
    let reply = upstream.send_stream(&mut body, false).unwrap();
    assert_eq!(read(&upstream, reply).1, "{}");
    assert!(control.is_answered() && control.ends_cleanly());
    assert!(read_bytes < 1 << 20, "all of it was read");
}

/// A long body that ends early when it is not wanted.
struct StopWhenAnswered<'a> {
    control: &'a ConnectionControl,
    read_bytes: &'a mut usize,
}

impl Read for StopWhenAnswered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = (1 << 20) - *self.read_bytes;
        let amount = if self.control.is_answered() {
            0
        } else {
            buffer.len().min(left)
        };
        *self.read_bytes += amount;
        Ok(amount)
    }
}

#[test]
fn a_reply_that_is_not_http_is_an_error_that_says_so() {
    let network = Network::new(&[&[ScriptStep::Bytes(b"SSH-2.0-OpenSSH\r\n\r\n")]]);
    let upstream = network.connect_upstream();
    upstream.control.set_request(get("/"));
    let error = upstream.send_whole(ReplyBody::AsFramed).unwrap_err();
    let failure = Failure::upstream("ask ollama", &error);
    let Failure::Upstream(kind, text) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(kind, UpstreamErrorKind::Invalid);
    assert!(
        text.contains("read ollama's reply") && text.contains("SSH-2.0"),
        "{text}"
    );
}
