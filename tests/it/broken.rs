//! An Ollama that refuses, dies or talks nonsense: a 502 in the route's own words before the head, a broken reply after it, at once.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::http::LAST_CHUNK;
use crate::harness::ollama::{STREAM_HEAD, json, token};
use crate::harness::runner::within;
use crate::harness::{
    AfterReply, Client, Conn, FakeOllama, Options, Proxy, Reply, chunk, metric, post, request,
};

/// A broken connection must show within this.
const FAILURE_TIMEOUT: Duration = Duration::from_millis(1000);

const ASK: &str = r#"{"model":"talk","prompt":"Why?","messages":[]}"#;

/// The message of an error, which must be in the route's dialect.
fn message(path: &str, reply: &Reply) -> String {
    assert!(
        reply
            .head
            .get("content-type")
            .is_some_and(|kind| kind.starts_with("application/json")),
        "{:?}",
        reply.head
    );
    let body = reply.json();
    let text = match path {
        "/v1/messages" => {
            assert_eq!(body["type"], "error", "{body}");
            assert!(body["error"]["type"].is_string(), "{body}");
            &body["error"]["message"]
        }
        path if path.starts_with("/v1/") => &body["error"]["message"],
        _ => &body["error"],
    };
    text.as_str()
        .unwrap_or_else(|| panic!("{path}: not its dialect: {body}"))
        .to_owned()
}

/// Asserts that this Ollama gives every dialect a clean 502, after which the connection still works.
fn gives_502(
    what: &str,
    script: impl Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync + 'static,
) {
    let ollama = FakeOllama::start(script);
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    for path in [
        "/api/generate",
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/responses",
        "/api/show",
    ] {
        let reply = client.send(post(path, ASK)).reply("POST");
        assert_eq!(reply.status(), 502, "{what} {path}: {}", reply.text());
        assert!(!message(path, &reply).is_empty());
    }
    let errors = metric("ollama_requests_total").label("status", "error");
    let upstream_errors = metric("ollama_tap_upstream_errors_total");
    tap.scrape_until("five errors", |scrape| {
        errors.sum(scrape) == 4.0 && upstream_errors.sum(scrape) == 5.0
    });
    assert_eq!(
        client
            .send(request("GET", "/healthz", &[], ""))
            .reply("GET")
            .status(),
        200
    );
}

#[test]
fn an_ollama_that_refuses_gives_502() {
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("addr")
        .port();
    let tap = Options::bare(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &format!("http://127.0.0.1:{port}"),
    ])
    .start();
    for path in [
        "/api/generate",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/responses",
        "/api/tags",
    ] {
        let reply = tap.ask("POST", post(path, ASK));
        assert_eq!(reply.status(), 502, "{path}");
        assert!(
            message(path, &reply).contains(&port.to_string()),
            "it does not say where: {}",
            reply.text()
        );
    }
    let errors = metric("ollama_requests_total").label("status", "error");
    tap.scrape_until("six errors", |scrape| errors.sum(scrape) == 6.0);
}

#[test]
fn an_ollama_that_closes_before_the_head_gives_502() {
    gives_502("close", |conn| conn.body().map(|_| AfterReply::Close));
}

#[test]
fn an_ollama_that_resets_before_the_head_gives_502() {
    gives_502("reset", |conn| conn.body().map(|_| AfterReply::Reset));
}

#[test]
fn an_ollama_that_dies_inside_the_head_gives_502() {
    gives_502("half a head", |conn| {
        conn.answer("HTTP/1.1 200 OK\r\nContent-Ty")
            .map(|_| AfterReply::Close)
    });
}

#[test]
fn an_ollama_that_talks_nonsense_gives_502() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbody",
        "HTTP/2 200\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        gives_502(nonsense, move |conn| {
            conn.answer(nonsense).map(|_| AfterReply::Close)
        });
    }
}

#[test]
fn an_ollama_that_dies_inside_a_short_reply_gives_502() {
    gives_502("short", |conn| {
        conn.answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")
            .map(|_| AfterReply::Close)
    });
}

/// Asserts that the client sees a broken reply, at once, and an inference request counts as an error.
fn breaks(
    what: &str,
    script: impl Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync + 'static,
) {
    let ollama = FakeOllama::start(script);
    let tap = Proxy::start(&ollama);
    let asked = Instant::now();
    let broken = tap
        .connect()
        .send(post("/api/generate", ASK))
        .try_reply("POST");
    assert!(
        broken.is_err(),
        "{what}: a clean end of {:?}",
        broken.map(|reply| reply.body.len())
    );
    assert!(
        asked.elapsed() < within(FAILURE_TIMEOUT),
        "{what}: only after {:?}",
        asked.elapsed()
    );
    let errors = metric("ollama_requests_total")
        .label("model", "talk")
        .label("status", "error");
    tap.scrape_until("an error", |scrape| errors.sum(scrape) == 1.0);
    assert_eq!(tap.get("/healthz").status(), 200);
}

#[test]
fn a_stream_that_dies_inside_a_chunk_breaks() {
    for after in [|| AfterReply::Close, || AfterReply::Reset] {
        breaks("mid-chunk", move |conn| {
            conn.answer([STREAM_HEAD.as_bytes(), &token("a"), b"ff\r\n{\"mod"].concat())
                .map(|_| after())
        });
    }
}

#[test]
fn a_stream_that_dies_between_chunks_breaks() {
    breaks("between chunks", |conn| {
        conn.answer([STREAM_HEAD.as_bytes(), &token("a")].concat())
            .map(|_| AfterReply::Close)
    });
}

#[test]
fn a_stream_with_a_bad_chunk_line_breaks() {
    breaks("bad chunk line", |conn| {
        conn.answer([STREAM_HEAD.as_bytes(), &token("a"), b"zz\r\n"].concat())
            .map(|_| AfterReply::Close)
    });
}

#[test]
fn a_large_reply_that_dies_before_its_length_breaks() {
    breaks("mid-length", |conn| {
        conn.answer(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}",
            "x".repeat(2_000_000)
        ))?;
        Ok(AfterReply::Close)
    });
}

#[test]
fn a_chunked_body_that_ends_cleanly_without_its_end_marker_passes_cleanly_and_is_an_error() {
    let ollama = FakeOllama::always([STREAM_HEAD.as_bytes(), &token("a"), LAST_CHUNK].concat());
    let tap = Proxy::start(&ollama);
    assert!(
        tap.ask("POST", post("/api/generate", ASK))
            .text()
            .contains("\"a\"")
    );
    let errors = metric("ollama_requests_total")
        .label("model", "talk")
        .label("status", "error");
    tap.scrape_until("an error", |scrape| errors.sum(scrape) == 1.0);
}

/// Uploads a part of what it announced, far more than any buffer holds, and waits; returns the answer and when it came.
fn upload(tap: &Proxy, framing: &str) -> (Reply, Duration) {
    let mut client: Client = tap.connect();
    let mut sender = client.stream().try_clone().expect("clone");
    client.send(format!(
        "POST /api/blobs/sha256:00 HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"
    ));
    let piece = if framing.starts_with("Transfer") {
        chunk(vec![7; 1 << 16])
    } else {
        vec![7; 1 << 16]
    };
    std::thread::spawn(move || {
        (0..500).try_for_each(|_| io::Write::write_all(&mut sender, &piece))
    });
    let asked = Instant::now();
    let reply = client.reply("POST");
    (reply, asked.elapsed())
}

const UPLOADS: [&str; 2] = ["Content-Length: 104857600", "Transfer-Encoding: chunked"];

#[test]
fn an_answer_before_the_upload_ended_reaches_the_client() {
    for framing in UPLOADS {
        let ollama = FakeOllama::start(|conn| {
            conn.piece()?;
            conn.report_request();
            conn.write(json("\"exists\""))?;
            // Neither reads on nor closes, as a server that has made up its mind.
            conn.wait_without_reading()
        });
        let tap = Proxy::start(&ollama);
        let (reply, took) = upload(&tap, framing);
        assert_eq!(
            (reply.status(), reply.text().as_str()),
            (200, "\"exists\""),
            "{framing}"
        );
        assert!(
            took < 3 * within(FAILURE_TIMEOUT),
            "{framing}: only after {took:?}"
        );
        assert_eq!(tap.get("/healthz").status(), 200);
    }
}

#[test]
fn an_answer_and_a_close_before_the_upload_ended_reaches_the_client() {
    for framing in UPLOADS {
        let ollama = FakeOllama::start(|conn| {
            conn.piece()?;
            conn.report_request();
            conn.write(json("\"exists\""))?;
            Ok(AfterReply::Close)
        });
        let tap = Proxy::start(&ollama);
        let (reply, took) = upload(&tap, framing);
        // The reset that follows may overtake the answer, as it does without the tap.
        assert!(
            matches!(reply.status(), 200 | 502),
            "{framing}: {}",
            reply.status()
        );
        assert!(
            took < 3 * within(FAILURE_TIMEOUT),
            "{framing}: only after {took:?}"
        );
    }
}

#[test]
fn an_ollama_that_closes_during_an_upload_gives_502() {
    for framing in UPLOADS {
        for after in [|| AfterReply::Close, || AfterReply::Reset] {
            let ollama = FakeOllama::start(move |conn| {
                conn.piece()?;
                conn.report_request();
                Ok(after())
            });
            let tap = Proxy::start(&ollama);
            let (reply, took) = upload(&tap, framing);
            assert_eq!(reply.status(), 502, "{framing}");
            assert!(
                took < 3 * within(FAILURE_TIMEOUT),
                "{framing}: only after {took:?}"
            );
        }
    }
}
