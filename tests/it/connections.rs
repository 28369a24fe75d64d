//! Connections: who is served while others are slow, silent, many or gone, and what each of them may cost.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::harness::ollama::{json, reply};
use crate::harness::runner::within;
use crate::harness::{
    Client, FakeOllama, Latch, Memory, Options, TIMEOUT, eventually, http, latched_ollama, metric,
    post, request, tap_answering,
};

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

fn refused(reason: &str) -> crate::harness::scrape::Matcher {
    metric("ollama_tap_refused_total").label("reason", reason)
}

#[test]
fn requests_pipelined_behind_a_stream_wait_without_a_worker() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let tap = Options::to(&ollama).args(&["--workers", "2"]).start();
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK));
    client.send(post("/api/generate", ASK).repeat(50));
    ollama.next();
    let mut other = tap.connect();
    other.send(post("/api/generate", ASK));
    ollama.next();
    assert!(
        metric("ollama_tap_workers_busy")
            .value(2.0)
            .is_in(&tap.scrape())
    );
    assert!(
        ollama.take_received().is_empty(),
        "a pipelined request was begun before the one in front of it had ended"
    );
    latch.release();
    for _ in 0..51 {
        assert!(client.reply("POST").text().contains("\"done\":true"));
    }
    assert!(other.reply("POST").text().contains("\"done\":true"));
}

#[test]
fn slow_heads_and_bodies_take_no_worker() {
    let (_ollama, tap) = {
        let ollama = FakeOllama::always(json("{}"));
        let tap = Options::to(&ollama).args(&["--workers", "1"]).start();
        (ollama, tap)
    };
    let mut slow: Vec<Client> = (0..20).map(|_| tap.connect()).collect();
    for (n, client) in slow.iter_mut().enumerate() {
        client.send(if n % 2 == 0 {
            "GET /api/tags HTT"
        } else {
            "POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{"
        });
    }
    for _ in 0..5 {
        let asked = Instant::now();
        assert_eq!(tap.get("/api/version").status(), 200);
        assert!(
            asked.elapsed() < within(Duration::from_millis(500)),
            "took {:?}",
            asked.elapsed()
        );
    }
    for (n, client) in slow.iter_mut().enumerate() {
        client.send(if n % 2 == 0 {
            "P/1.1\r\nHost: h\r\n\r\n"
        } else {
            "12345678"
        });
        assert_eq!(client.reply("GET").status(), 200, "{n}");
    }
}

#[test]
fn a_client_that_sends_no_more_gets_the_reply_that_comes_at_once() {
    let (_ollama, tap) = tap_answering(json(r#"{"model":"talk","response":"Hi","done":true}"#));
    for framing in [
        "Content-Length: 2\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ] {
        let mut client = tap.connect();
        client
            .send(format!(
                "POST /api/generate HTTP/1.1\r\nHost: localhost\r\n{framing}"
            ))
            .finish_sending();
        assert_eq!(client.reply("POST").status(), 200, "{framing:?}");
    }
    let mut closing = tap.connect();
    closing.send("POST /api/show HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(closing.reply("POST").status(), 200);
    assert!(closing.is_closed_within(TIMEOUT));
}

#[test]
fn leave_to_send_a_body_is_given_once_and_passed_where_the_body_streams() {
    let (ollama, tap) = tap_answering(json("{}"));
    for (path, length) in [
        ("/api/generate", 16),
        ("/api/blobs/sha256:00", 16),
        ("/api/blobs/sha256:00", 100_000),
    ] {
        let mut client = tap.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"));
        let mut leave = http::Wire::new(client.stream().try_clone().expect("clone"));
        let head = leave.head().expect("a head").expect("a reply");
        assert_eq!(
            String::from_utf8_lossy(&head.raw),
            "HTTP/1.1 100 Continue\r\n\r\n",
            "{path}"
        );
        let reply = client.send(vec![b'x'; length]).reply("POST");
        assert_eq!(
            (reply.status(), reply.interim.len()),
            (200, 0),
            "{path}: leave was given twice"
        );
        let asked = ollama.next();
        assert_eq!(
            (asked.body.len(), asked.head.get("expect").is_some()),
            (length, length > 64 << 10),
            "{path}"
        );
    }
}

#[test]
fn names_beyond_ascii_pass_byte_for_byte() {
    let (ollama, tap) = tap_answering(json("{}"));
    let sent =
        "GET /api/\u{fc}?q=\u{1f642} HTTP/1.1\r\nHost: h\r\nX-Forwarded-Name: J\u{fc}rgen\r\n\r\n";
    assert_eq!(tap.ask("GET", sent).status(), 200);
    let asked = ollama.next();
    assert_eq!(
        (asked.head.target(), asked.head.get("x-forwarded-name")),
        ("/api/\u{fc}?q=\u{1f642}", Some("J\u{fc}rgen"))
    );
    let latin = b"GET /api/tags HTTP/1.1\r\nHost: h\r\nX-Name: J\xfcrgen\r\n\r\n";
    assert_eq!(tap.ask("GET", latin).status(), 200);
    assert!(http::find(&ollama.next().head.raw, b"X-Name: J\xfcrgen\r\n").is_some());
}

#[test]
fn other_protocols_than_http_1_are_refused_at_once() {
    let (_ollama, tap) = tap_answering(json("{}"));
    for bytes in [
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        for _ in 0..20 {
            let mut client = tap.connect();
            assert_eq!(client.send(bytes).reply("GET").status(), 505, "{bytes:?}");
            assert!(client.is_closed_within(TIMEOUT));
        }
    }
    let mut tls = tap.connect();
    assert_eq!(
        tls.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
            .reply("GET")
            .status(),
        400,
        "before the head had ended"
    );
    drop(tls);
    tap.scrape_until("forty refused", |scrape| {
        refused("version").value(40.0).is_in(scrape) && refused("framing").value(1.0).is_in(scrape)
    });
    let line = tap.wait_log("refused");
    assert!(line.contains("version"), "{line}");
}

#[test]
fn a_head_without_end_is_refused_and_takes_no_more_than_its_bound() {
    let (_ollama, tap) = tap_answering(json("{}"));
    let memory = Memory::at_rest(&tap);
    let mut client = tap.connect();
    let mut sender = client.stream().try_clone().expect("clone");
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    std::thread::spawn(move || (0..64).try_for_each(|_| sender.write_all(&[b'a'; 64 << 10])));
    assert_eq!(client.reply("GET").status(), 431);
    memory.grew_less_than(8 << 20, "a head without end");
    tap.scrape_until("it refused", |scrape| {
        refused("head").value(1.0).is_in(scrape)
    });
}

#[test]
fn our_pages_have_a_port_of_their_own_where_one_is_asked_for() {
    let ollama = FakeOllama::always(reply("200 OK", &[], "ollama's"));
    let tap = Options::to(&ollama)
        .args(&["--admin-listen", "127.0.0.1:0"])
        .start();
    let line = tap.wait_log("pages on http://");
    let admin = line
        .split("http://")
        .nth(1)
        .expect("an address")
        .trim()
        .parse()
        .expect("an address");
    for path in [
        "/metrics",
        "/healthz",
        "/test",
        "/analytics",
        "/analytics/stats",
    ] {
        assert_eq!(
            tap.get(path).text(),
            "ollama's",
            "{path} on the public port"
        );
        let got = Client::connect(admin)
            .send(request("GET", path, &[], ""))
            .reply("GET");
        assert_eq!(got.status(), 200, "{path}");
        assert_ne!(got.text(), "ollama's", "{path}");
    }
    assert_eq!(
        Client::connect(admin)
            .send(request("GET", "/api/tags", &[], ""))
            .reply("GET")
            .status(),
        404
    );
    assert_eq!(ollama.take_received().len(), 5);
}

#[test]
fn the_address_of_our_pages_is_not_the_one_that_is_listened_on() {
    let ollama = FakeOllama::always(json("{}"));
    let args = [
        "proxy",
        "--listen",
        "127.0.0.1:1",
        "--upstream",
        &ollama.url(),
        "--admin-listen",
        "127.0.0.1:1",
    ];
    let (code, _, stderr) = Options::bare(&args).run();
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--admin-listen"), "{stderr}");
}

#[test]
fn an_unread_answer_blocks_no_one_else() {
    let (_ollama, tap) = tap_answering(json("{}"));
    let mut rude: Vec<Client> = (0..3).map(|_| tap.connect()).collect();
    for client in &mut rude {
        client.send(request("GET", "/metrics", &[], "").repeat(200));
    }
    for _ in 0..5 {
        let asked = Instant::now();
        assert_eq!(tap.get("/metrics").status(), 200);
        assert!(
            asked.elapsed() < within(Duration::from_secs(2)),
            "a scrape took {:?}",
            asked.elapsed()
        );
    }
    for client in &mut rude {
        for _ in 0..200 {
            assert_eq!(client.reply("GET").status(), 200);
        }
    }
}

#[test]
fn refusals_are_always_counted_and_recorded_ten_times_a_second() {
    let (_ollama, tap) = tap_answering(json("{}"));
    for _ in 0..100 {
        assert_eq!(
            tap.ask(
                "POST",
                "POST /api/generate HTTP/1.1\r\nUser-Agent: x\r\n\r\n"
            )
            .status(),
            400
        );
    }
    tap.scrape_until("all of them", |scrape| {
        refused("framing").value(100.0).is_in(scrape)
            && metric("ollama_requests_total").sum(scrape) == 100.0
            && metric("ollama_tap_http_requests_total")
                .label("endpoint", "api/generate")
                .label("code", "400")
                .sum(scrape)
                == 100.0
    });
    let records = |tap: &crate::harness::Proxy| {
        tap.get("/analytics/stats").json()["records"]
            .as_u64()
            .expect("a count")
    };
    eventually("some are recorded", || records(&tap) >= 10);
    assert!(records(&tap) < 100, "a flood fills the history with itself");
}

#[test]
fn a_record_has_the_duration_of_its_upload() {
    const PAUSE: Duration = Duration::from_millis(60);
    let (_ollama, tap) = tap_answering(json(r#"{"model":"talk","response":"Hi","done":true}"#));
    let mut client = tap.connect();
    client.send("POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Length: 16\r\n\r\n{");
    std::thread::sleep(PAUSE);
    assert_eq!(
        client.send(r#""model":"talk"}"#).reply("POST").status(),
        200
    );
    let records = || tap.get("/analytics/messages").json();
    eventually("it is recorded", || {
        records().as_array().map(Vec::len) == Some(1)
    });
    let record = &records()[0];
    let seconds = record["metadata"]["upload_seconds"]
        .as_f64()
        .expect("a time");
    // The tap may have heard of the head a little later.
    assert!(
        seconds >= (PAUSE / 2).as_secs_f64()
            && record["duration_seconds"].as_f64() >= Some(seconds),
        "{record}"
    );
}
