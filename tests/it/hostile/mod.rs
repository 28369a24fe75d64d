//! Bad input: absurd lengths, floods of connections, uploads broken off, requests that are none. The process lives, the next good
//! request works, and nobody's bytes become somebody else's request.

/// Bodies that are announced and never come.
mod lengths;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::ollama::{STREAM_HEAD, done, json, token};
use crate::harness::runner::within;
use crate::harness::{
    AfterReply, Client, FakeOllama, Options, Proxy, eventually, metric, post, request,
    skip_on_windows, tap_answering,
};

fn works(tap: &Proxy) {
    assert_eq!(
        tap.get("/api/version").status(),
        200,
        "the next good request"
    );
}

#[test]
fn service_goes_on_once_a_flood_of_idle_connections_ends() {
    if skip_on_windows("a flood meets no limit of descriptors there") {
        return;
    }
    let ollama = FakeOllama::always(json("{}"));
    let mut tap = Options::to(&ollama).ulimit("-n 100").start();
    let idle: Vec<TcpStream> = (0..80)
        .filter_map(|_| TcpStream::connect_timeout(&tap.addr, Duration::from_secs(1)).ok())
        .collect();
    assert!(
        idle.len() > 40,
        "only {} connections were taken",
        idle.len()
    );
    // Let it meet its limit: more requests than descriptors are left.
    for _ in 0..20 {
        answers_within(&tap, Duration::from_millis(20));
    }
    drop(idle);
    eventually("an answer once the idle connections left", || {
        answers_within(&tap, Duration::from_millis(500))
    });
    for _ in 0..20 {
        works(&tap);
    }
    assert!(tap.is_running());
}

/// Returns whether a good request is answered within that time; connecting may fail.
fn answers_within(tap: &Proxy, time: Duration) -> bool {
    let Ok(stream) = TcpStream::connect_timeout(&tap.addr, time) else {
        return false;
    };
    let mut client = Client::over(stream);
    client
        .try_send(request("GET", "/api/version", &[], ""))
        .is_ok()
        && !client.is_silent_for(time)
        && client
            .try_reply("GET")
            .is_ok_and(|reply| reply.status() == 200)
}

#[test]
fn simultaneous_connections_that_stay_open_are_all_answered() {
    let (_ollama, tap) = tap_answering(json("{}"));
    for burst in 0..2 {
        let started = Instant::now();
        let mut clients: Vec<Client> = (0..64).map(|_| tap.connect()).collect();
        for client in &mut clients {
            client.send(request("GET", "/api/version", &[], ""));
        }
        for client in &mut clients {
            assert_eq!(client.reply("GET").status(), 200);
        }
        assert!(
            started.elapsed() < within(Duration::from_millis(500)),
            "burst {burst} took {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn invalid_requests_are_refused_and_never_reach_ollama() {
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let framings = [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: five",
        "Content-Length:",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity\r\nContent-Length: 5",
        "Transfer-Encoding : chunked",
        "Content-Length : 5",
    ];
    let heads = [
        "HELLO\r\n\r\n",
        "GET\r\n\r\n",
        "GET /api/tags\r\n\r\n",
        "GET /api/tags HTTP/x.y\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nNa me: a\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\n: a\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nX: \0\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nX: a\rb\r\n\r\n",
        // A line feed alone ends a line for Go's server, so each of these would hide a header or a request from us.
        "GET /api/tags HTTP/1.1\r\nX: a\nContent-Length: 41\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /api/tags HTTP/1.1\r\nX\nY: a\r\n\r\n",
        "GET /api/ta\ngs HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/tags HTTP/1.1\nHost: a\n\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\r\n\r\n",
        "\0\0\0\0\0\0\r\n\r\n",
    ];
    let (ollama, tap) = tap_answering(json("{}"));
    let mut wrong = Vec::new();
    let framed = framings.iter().flat_map(|framing| {
        ["/api/generate", "/api/show"].map(|path| {
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n{body}")
        })
    });
    for bytes in framed.chain(heads.map(str::to_owned)) {
        let mut client = tap.connect();
        client.send(&bytes);
        // What waits for more of the request gets its end.
        client.finish_sending();
        while let Ok(reply) = client.try_reply("POST") {
            if !(400..=505).contains(&reply.status()) {
                wrong.push(format!("{bytes:?} was answered {}", reply.status()));
            }
        }
        works(&tap);
        let arrived = ollama
            .take_received()
            .into_iter()
            .map(|asked| asked.head.start)
            .filter(|start| start != "GET /api/version HTTP/1.1");
        wrong.extend(arrived.map(|start| format!("{bytes:?} reached Ollama as {start:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_client_that_stops_reading_is_dropped() {
    let ollama = FakeOllama::start(|conn| {
        conn.body()?;
        conn.write(STREAM_HEAD)?;
        while conn.write(token(&"x".repeat(10_000))).is_ok() {}
        conn.wait_until_closed()
    });
    let tap = Options::to(&ollama).args(&["--idle-timeout", "1"]).start();
    let mut client = tap.connect();
    client.send(post("/api/generate", r#"{"model":"talk","prompt":"x"}"#));
    let asked = Instant::now();
    ollama.closed();
    assert!(
        asked.elapsed() < within(Duration::from_secs(6)),
        "only after {:?}",
        asked.elapsed()
    );
    tap.scrape_until("its end", |scrape| {
        metric("ollama_requests_total").sum(scrape) == 1.0
    });
    assert!(
        client.try_reply("POST").is_err(),
        "a reply that was cut looks whole"
    );
}

#[test]
fn a_silent_client_is_dropped_and_a_silent_ollama_is_not() {
    let ollama = FakeOllama::start(|conn| {
        conn.body()?;
        conn.write([STREAM_HEAD.as_bytes(), &token("a")].concat())?;
        // Longer than the time-out, which is for clients only.
        std::thread::sleep(Duration::from_millis(2500));
        conn.write(done(3, 2))?;
        Ok(AfterReply::KeepAlive)
    });
    let tap = Options::to(&ollama).args(&["--idle-timeout", "1"]).start();
    let mut idle = tap.connect();
    let mut half = tap.connect();
    half.send("GET /api/tags HTT");
    let reply = tap.ask(
        "POST",
        post("/api/generate", r#"{"model":"talk","prompt":"x"}"#),
    );
    assert!(reply.text().contains("\"done\":true"));
    assert!(
        idle.is_closed_within(Duration::from_secs(3)),
        "an idle connection stays"
    );
    assert!(
        half.try_reply("GET")
            .map_or(true, |reply| reply.status() >= 400),
        "half a request was answered"
    );
}
