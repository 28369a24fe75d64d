//! Start, watching Ollama, logging, and the two signals.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::ollama::{STREAM_HEAD, done, json, token};
use crate::harness::runner::within;
use crate::harness::slow_readers;
use crate::harness::{
    AfterReply, FakeOllama, Latch, Options, Proxy, SIGINT, SIGTERM, eventually, latched_ollama,
    metric, post, tap_answering,
};

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

/// Waits until nobody can connect any more, which shows that the first signal was heard.
fn refuses(tap: &Proxy) {
    eventually("connections are refused", || {
        TcpStream::connect_timeout(&tap.addr, Duration::from_millis(200)).is_err()
    });
}

#[test]
fn a_signal_lets_a_stream_finish_and_ends_in_success() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let mut tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    client.read_until("\"a\"");
    tap.signal(SIGTERM);
    refuses(&tap);
    assert!(tap.is_running());
    latch.release();
    client.read_until("\"done\":true");
    assert!(client.piece().expect("a clean end").is_none());
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
}

#[test]
fn a_signal_ends_an_idle_tap_at_once() {
    for signal in [SIGINT, SIGTERM] {
        let (_ollama, mut tap) = tap_answering(json("{}"));
        let mut idle = tap.connect();
        idle.send(crate::harness::request("GET", "/", &[], ""))
            .reply("GET");
        tap.signal(signal);
        let sent = Instant::now();
        assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
        assert!(
            sent.elapsed() < within(Duration::from_secs(1)),
            "took {:?}",
            sent.elapsed()
        );
    }
}

#[test]
fn a_stream_that_outlasts_the_grace_is_cut() {
    let ollama = latched_ollama(&Latch::default());
    let mut tap = Options::to(&ollama)
        .args(&["--shutdown-grace", "1"])
        .start();
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    client.read_until("\"a\"");
    let sent = Instant::now();
    tap.signal(SIGTERM);
    assert!(tap.wait_exit(Duration::from_secs(4)).code().is_some());
    assert!(
        sent.elapsed() > Duration::from_millis(900),
        "the grace lasted {:?}",
        sent.elapsed()
    );
    assert!(client.piece().is_err(), "a stream that was cut looks whole");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let ollama = latched_ollama(&Latch::default());
    let mut tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    tap.signal(SIGTERM);
    refuses(&tap);
    tap.signal(SIGINT);
    let sent = Instant::now();
    assert!(tap.wait_exit(Duration::from_secs(2)).code().is_some());
    assert!(
        sent.elapsed() < within(Duration::from_secs(1)),
        "took {:?}",
        sent.elapsed()
    );
}

#[test]
fn a_stop_refuses_half_sent_requests_and_closes_idle_connections() {
    let (_ollama, mut tap) = tap_answering(json("{}"));
    let mut idle = tap.connect();
    idle.send(crate::harness::request("GET", "/api/version", &[], ""))
        .reply("GET");
    let mut half = tap.connect();
    half.send("POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    let counted = metric("ollama_tap_http_requests_total").label("endpoint", "api/version");
    tap.scrape_until("the request", |scrape| counted.sum(scrape) == 1.0);
    tap.signal(SIGTERM);
    assert_eq!(half.reply("POST").status(), 503);
    assert!(idle.is_closed_within(Duration::from_secs(3)));
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
}

#[test]
fn a_stop_waits_until_answers_are_taken_that_no_worker_has_any_more() {
    let (_ollama, mut tap) = tap_answering(json("{}"));
    let mut slow = slow_readers::clients(&tap, 1).remove(0);
    tap.signal(SIGTERM);
    refuses(&tap);
    // The first one that is made from now on is the last one.
    for n in 1.. {
        let reply = slow.reply("GET");
        assert!(reply.body.len() > 50_000, "{n}: {} bytes", reply.body.len());
        if reply.head.get("connection") == Some("close") {
            break;
        }
        assert!(
            n < slow_readers::PAGES,
            "it goes on as if nobody had stopped it"
        );
    }
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
    assert!(!tap.log().contains("were cut"), "{}", tap.log());
}

#[test]
fn an_unread_answer_is_waited_for_no_longer_than_the_grace_period() {
    let ollama = FakeOllama::always(json("{}"));
    let mut tap = Options::to(&ollama)
        .args(&["--shutdown-grace", "1"])
        .start();
    let _slow = slow_readers::clients(&tap, 1);
    tap.signal(SIGTERM);
    let sent = Instant::now();
    assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
    assert!(
        sent.elapsed() > Duration::from_millis(900),
        "the grace lasted {:?}",
        sent.elapsed()
    );
    tap.wait_log("1 requests were cut after 1 s");
}

#[test]
fn the_version_of_ollama_is_logged_at_start() {
    let ollama = FakeOllama::always(json("{}"));
    ollama.set(|state| state.version = "0.31.7".to_owned());
    Proxy::start(&ollama).wait_log("0.31.7");
}

#[test]
fn an_ollama_that_is_down_at_start_is_reported_with_the_way_out() {
    let ollama = FakeOllama::always(json("{}"));
    ollama.stop();
    let tap = Proxy::start(&ollama);
    let line = tap.wait_log("ollama serve");
    assert!(line.contains(&ollama.addr.port().to_string()), "{line}");
}

#[test]
fn gauges_follow_ollama() {
    let watched = |ollama: &FakeOllama| {
        Options::to(ollama)
            .env("OLLAMA_TAP_TEST_POLL_MS", "20")
            .start()
    };
    let ollama = FakeOllama::always(json("{}"));
    let tap = watched(&ollama);
    let version = |version: &str| metric("ollama_version_info").label("version", version);
    tap.scrape_until("Ollama up", |scrape| {
        metric("ollama_up").value(1.0).is_in(scrape) && version("0.33.0").value(1.0).is_in(scrape)
    });

    let loaded = r#"{"name":"talk:latest","model":"talk:latest","size":1000,"size_vram":600,"context_length":4096}"#;
    ollama.set(|state| state.ps = format!("{{\"models\":[{loaded}]}}"));
    let gauge = |name: &str| metric(name).label("model", "talk");
    tap.scrape_until("the loaded model", |scrape| {
        gauge("ollama_model_loaded").value(1.0).is_in(scrape)
            && gauge("ollama_model_size_bytes").value(1000.0).is_in(scrape)
            && gauge("ollama_model_vram_bytes").value(600.0).is_in(scrape)
            && gauge("ollama_model_context_length")
                .value(4096.0)
                .is_in(scrape)
    });

    ollama.set(|state| {
        state.ps = r#"{"models":[]}"#.to_owned();
        state.version = "0.34.0".to_owned();
    });
    tap.scrape_until("the model gone and the new version", |scrape| {
        let models = [
            "ollama_model_loaded",
            "ollama_model_size_bytes",
            "ollama_model_vram_bytes",
            "ollama_model_context_length",
        ];
        models.iter().all(|name| !metric(name).is_in(scrape))
            && version("0.34.0").is_in(scrape)
            && !version("0.33.0").is_in(scrape)
    });

    ollama.stop();
    tap.scrape_until("Ollama down", |scrape| {
        metric("ollama_up").value(0.0).is_in(scrape)
    });
    let again = FakeOllama::start_on(ollama.addr.port(), |conn| conn.answer(json("{}")));
    tap.scrape_until("Ollama up again", |scrape| {
        metric("ollama_up").value(1.0).is_in(scrape)
    });
    assert!(again.own_questions() > 0);
    assert!(
        ollama.take_received().is_empty() && again.take_received().is_empty(),
        "its own questions say whose they are"
    );
}

#[test]
fn a_slow_ollama_never_delays_a_scrape() {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let upstream = format!("http://{}", silent.local_addr().expect("addr"));
    let options = Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream]);
    let tap = options.env("OLLAMA_TAP_TEST_POLL_MS", "20").start();
    let asked = Instant::now();
    for _ in 0..5 {
        tap.scrape();
    }
    assert!(
        asked.elapsed() < within(Duration::from_millis(500)),
        "five scrapes took {:?}",
        asked.elapsed()
    );
}

#[test]
fn each_inference_request_has_its_line() {
    let (_ollama, tap) =
        tap_answering([STREAM_HEAD.as_bytes(), &token("a"), &done(14, 33)].concat());
    tap.ask("POST", post("/api/generate", ASK));
    tap.ask("GET", crate::harness::request("GET", "/api/tags", &[], ""));
    let line = tap.wait_log("api/generate");
    for word in ["talk", "success", "14", "33"] {
        assert!(line.contains(word), "no {word:?} in {line:?}");
    }
    let is_id = |word: &str| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    assert!(
        line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_id),
        "no id in {line:?}"
    );
    assert!(
        !tap.log().contains("/api/tags"),
        "what is no inference has a line at info"
    );
}

#[test]
fn no_prompt_reply_or_credential_is_ever_logged() {
    let secret = "s3cr3t";
    let reply = [
        STREAM_HEAD.as_bytes(),
        &token("s3cr3t-reply"),
        &done(14, 33),
    ]
    .concat();
    let ollama = FakeOllama::start(move |conn| {
        if conn.head.path().ends_with("cut") {
            Ok(AfterReply::Close)
        } else {
            conn.answer(&reply)
        }
    });
    let tap = Options::to(&ollama)
        .args(&["--log-level", "debug"])
        .env("RUST_LOG", "trace")
        .env("OLLAMA_TAP_TOKEN", "s3cr3t-tap")
        .start();
    let headers = [
        "Authorization: Bearer s3cr3t-token",
        "X-Api-Key: s3cr3t-key",
        "Cookie: s3cr3t-cookie",
    ];
    let body = r#"{"model":"talk","prompt":"s3cr3t-prompt","messages":[{"role":"user","content":"s3cr3t-message"}]}"#;
    for path in [
        "/api/generate",
        "/api/chat",
        "/v1/chat/completions",
        "/v1/messages",
        "/api/show",
        "/cut",
    ] {
        tap.ask(
            "POST",
            crate::harness::request("POST", path, &headers, body),
        );
        tap.ask(
            "POST",
            crate::harness::request(
                "POST",
                path,
                &headers,
                format!("{body} and s3cr3t-garbage {{"),
            ),
        );
    }
    tap.ask(
        "GET",
        crate::harness::request("GET", "/metrics", &headers, ""),
    );
    tap.ask("POST", "POST /api/generate HTTP/1.1\r\nHost: s3cr3t-host\r\nAuthorization: s3cr3t\r\nContent-Length: s3cr3t\r\n\r\n");
    let counted = metric("ollama_requests_total");
    tap.scrape_until("eight requests", |scrape| counted.sum(scrape) >= 8.0);
    drop(tap.get("/healthz"));
    tap.wait_log("api/show"); // debug shows the route of each request
    assert!(!tap.log().contains(secret), "a secret is in the log");
}
