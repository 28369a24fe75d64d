//! Requests that somebody cancels through the tap.

use serde_json::{Value, json};

use super::{
    ASK, head_and_token, id_of, now, record, requests, stepwise, wait_for_none, wait_for_one,
    wait_until_taken,
};
use crate::harness::http::chunk;
use crate::harness::ollama::{STREAM_HEAD, done, token};
use crate::harness::{
    AfterReply, Client, FakeOllama, Options, Proxy, Reply, eventually, metric, post, request,
};
use crate::history::{BACKENDS, TestHistory};

const WHY: &str = "cancelled through the tap";

fn cancel(tap: &Proxy, id: &str) -> Reply {
    let target = format!("/analytics/active/{id}");
    tap.ask("DELETE", request("DELETE", &target, &[], ""))
}

fn assert_cancels(tap: &Proxy, id: &str) {
    let reply = cancel(tap, id);
    let expected = (200, json!({ "cancelled": id }));
    assert_eq!((reply.status(), reply.json()), expected);
}

/// The fields of a record, in this order.
fn fields<const N: usize>(record: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| record[name].clone())
}

/// A stand-in that sends these bytes and then waits until it is left.
fn silent_after(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> FakeOllama {
    FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(bytes.as_ref())?;
        conn.wait_until_closed()
    })
}

#[test]
fn before_the_head_the_client_gets_a_503_in_its_dialect() {
    let openai =
        json!({"error": {"message": WHY, "type": "api_error", "param": null, "code": null}});
    let anthropic = json!({"type": "error", "error": {"type": "api_error", "message": WHY}});
    for (path, expected) in [
        ("/api/generate", json!({ "error": WHY })),
        ("/v1/chat/completions", openai),
        ("/v1/messages", anthropic),
    ] {
        let ollama = silent_after("");
        let history = TestHistory::new("sqlite");
        let tap = history.start(&ollama);
        let mut client = tap.connect();
        client.send(post(path, ASK));
        let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
        assert_cancels(&tap, id_of(&told));
        ollama.closed();
        let reply = client.reply("POST");
        assert_eq!((reply.status(), reply.json()), (503, expected), "{path}");
        assert_eq!(reply.head.get("x-should-retry"), Some("false"), "{path}");
        let record = record(&tap, id_of(&told));
        assert_eq!(
            fields(&record, ["status", "error", "http_status"]),
            [json!("cancelled"), json!(WHY), json!(503)]
        );
        let again = client
            .send(request("GET", "/healthz", &[], ""))
            .reply("GET");
        assert_eq!(again.status(), 200, "the connection lives on");
        let cancelled = metric("ollama_requests_total").label("status", "cancelled");
        let scrape = tap.scrape_until("it", |scrape| cancelled.sum(scrape) == 1.0);
        let errors = metric("ollama_tap_upstream_errors_total").sum(&scrape);
        assert_eq!(errors, 0.0, "Ollama did nothing wrong");
    }
}

#[test]
fn after_the_head_the_client_sees_a_broken_reply_and_the_tokens_are_kept() {
    let event = |text: &str| {
        let delta = json!({"model": "talk", "choices": [{"index": 0, "delta": {"content": text}}]});
        chunk(format!("data: {delta}\n\n"))
    };
    let sse = STREAM_HEAD.replace("application/x-ndjson", "text/event-stream");
    for (path, bytes) in [
        ("/api/generate", [head_and_token(), token("b")].concat()),
        (
            "/v1/chat/completions",
            [sse.into_bytes(), event("a"), event("b")].concat(),
        ),
    ] {
        let ollama = silent_after(bytes);
        let history = TestHistory::new("jsonl");
        let tap = history.start(&ollama);
        let mut client = tap.connect();
        client.send(post(path, ASK));
        let told = wait_for_one(&tap, "two tokens", |it| it["tokens"] == 2);
        assert_cancels(&tap, id_of(&told));
        ollama.closed();
        assert!(client.try_reply("POST").is_err(), "{path}: a clean end");
        let record = record(&tap, id_of(&told));
        assert_eq!(
            fields(&record, ["status", "error", "http_status"]),
            [json!("cancelled"), json!(WHY), json!(200)]
        );
        let tokens = fields(&record, ["generated_tokens", "tokens_estimated"]);
        assert_eq!(tokens, [json!(2), json!(true)], "{path}");
    }
}

#[test]
fn one_that_waits_for_a_worker_never_reaches_ollama_and_is_recorded_with_its_prompt() {
    for backend in BACKENDS {
        let (ollama, next) = stepwise();
        let history = TestHistory::new(backend);
        let tap = history.options(&ollama).args(&["--workers", "1"]).start();
        let (mut first, mut second) = (tap.connect(), tap.connect());
        first.send(post("/api/generate", ASK));
        let running = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
        second.send(post("/api/generate", &ASK.replace("blue", "green")));
        eventually("a second one", || requests(&tap).len() == 2);
        let waiting = requests(&tap)[0].clone();
        assert_cancels(&tap, id_of(&waiting));
        let reply = second.reply("POST");
        assert_eq!(
            (reply.status(), reply.json()),
            (503, json!({ "error": WHY }))
        );
        let found = record(&tap, id_of(&waiting));
        assert_eq!(
            fields(&found, ["status", "error", "model", "prompt_full"]),
            ["cancelled", WHY, "talk", "Why is the sky green?"]
        );
        next.send([head_and_token(), done(1, 1)].concat())
            .expect("a stand-in");
        assert_eq!(first.reply("POST").status(), 200, "the other one goes on");
        assert_eq!(record(&tap, id_of(&running))["status"], "success");
        assert_eq!(ollama.take_received().len(), 1);
    }
}

#[test]
fn what_is_not_under_way_cannot_be_cancelled() {
    let (ollama, next) = stepwise();
    let history = TestHistory::new("jsonl");
    let tap = history.start(&ollama);
    let mut client = tap.connect();
    let mut talk = || {
        client.send(post("/api/generate", ASK));
        let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
        next.send([head_and_token(), done(1, 1)].concat())
            .expect("a stand-in");
        assert_eq!(client.reply("POST").status(), 200);
        told
    };
    let told = talk();
    record(&tap, id_of(&told));
    for id in [id_of(&told), "00ff", "%20", &id_of(&told)[..4]] {
        let reply = cancel(&tap, id);
        let error = reply.json()["error"].to_string();
        assert_eq!(reply.status(), 404, "{id}");
        assert!(error.contains("no such request"), "{error}");
    }
    // The same connections to client and Ollama serve what comes next.
    assert_ne!(id_of(&talk()), id_of(&told));
}

/// Returns the first request under way, as who has these headers sees it, once it is being answered.
fn answering(tap: &Proxy, headers: &[&str]) -> Value {
    let mut told = Value::Null;
    eventually("a request", || {
        let reply = tap.ask("GET", request("GET", "/analytics/active", headers, ""));
        told = reply.json()["requests"][0].clone();
        told["state"] == "answering"
    });
    told
}

#[test]
fn who_may_not_read_the_history_cancels_nothing() {
    let bearer = "Authorization: Bearer s3cret";
    for (token, own, strangers) in [
        (
            "",
            &[][..],
            [
                "Origin: http://evil.example",
                "Sec-Fetch-Site: cross-site",
                "X-Forwarded-For: 127.0.0.1",
            ],
        ),
        (
            "s3cret",
            &[bearer],
            ["Accept: */*", "Authorization: Bearer guess", "Cookie: a=b"],
        ),
    ] {
        let ollama = silent_after(head_and_token());
        let options = Options::to(&ollama).args(&["--analytics-backend", "none"]);
        let tap = options.env("OLLAMA_TAP_TOKEN", token).start();
        let mut client = tap.connect();
        client.send(post("/api/generate", ASK));
        let target = format!("/analytics/active/{}", id_of(&answering(&tap, own)));
        let cancel = |headers: &[&str]| tap.ask("DELETE", request("DELETE", &target, headers, ""));
        for stranger in strangers {
            assert_eq!(cancel(&[stranger]).status(), 403, "{stranger}");
        }
        assert_eq!(answering(&tap, own)["tokens"], 1, "it goes on");
        assert_eq!(cancel(own).status(), 200);
        assert!(client.try_reply("POST").is_err(), "a clean end");
    }
}

#[test]
fn our_own_error_is_kept_whole_where_no_text_is() {
    let ollama = silent_after("");
    let history = TestHistory::new("jsonl");
    let options = history.options(&ollama).args(&["--store-text", "none"]);
    let tap = options.start();
    let mut client = tap.connect();
    let body = json!({ "model": "talk", "prompt": WHY });
    client.send(post("/api/generate", &body.to_string()));
    let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
    assert_cancels(&tap, id_of(&told));
    assert_eq!(record(&tap, id_of(&told))["error"], WHY);
}

#[test]
fn a_client_that_takes_nothing_does_not_hold_a_cancelled_request() {
    let (full, is_full) = crossbeam_channel::bounded::<()>(0);
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(STREAM_HEAD)?;
        let flood = token(&"x".repeat(1 << 20));
        for _ in 0..64 {
            conn.write(&flood)?;
        }
        let _ = full.send(());
        Ok(AfterReply::Close)
    });
    let tap = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    let mut client = tap.connect_with_little_room();
    client.send(post("/api/generate", ASK));
    let told = wait_for_one(&tap, "a reply", |it| it["state"] == "answering");
    // The kernel keeps less than 64 MiB on the way, so the stand-in cannot end, nor the worker.
    assert!(
        is_full
            .recv_timeout(std::time::Duration::from_millis(300))
            .is_err()
    );
    assert_cancels(&tap, id_of(&told));
    wait_for_none(&tap);
    while client.skip_bytes() {}
}

#[test]
fn two_hundred_requests_at_once_are_shown_and_cancelled_each() {
    const COUNT: usize = 200;
    let ollama = silent_after(head_and_token());
    let tap = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    let mut clients: Vec<Client> = (0..COUNT).map(|_| tap.connect()).collect();
    for client in &mut clients {
        client.send(post("/api/generate", ASK));
    }
    let is_answering = |it: &Value| it["state"] == "answering" && it["tokens"] == 1;
    let mut all = Vec::new();
    eventually("all of them", || {
        all = requests(&tap);
        all.len() == COUNT && all.iter().all(is_answering)
    });
    let mut ids: Vec<&str> = all.iter().map(id_of).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), COUNT);
    for id in &ids {
        assert_cancels(&tap, id);
    }
    for client in &mut clients {
        assert!(client.try_reply("POST").is_err(), "a clean end");
    }
    wait_for_none(&tap);
    let minute = fields(&now(&tap)["last_minute"], ["requests", "error"]);
    assert_eq!(minute, [json!(COUNT), json!(0)]);
}

#[test]
fn a_worker_goes_on_with_others_after_a_cancelled_request() {
    let (ollama, next) = stepwise();
    let args = ["--analytics-backend", "none", "--workers", "1"];
    let tap = Options::to(&ollama).args(&args).start();
    let (mut first, mut second) = (tap.connect(), tap.connect());
    first.send(post("/api/generate", ASK));
    let running = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
    second.send(post("/api/generate", ASK));
    eventually("a second one", || requests(&tap).len() == 2);
    let waiting = requests(&tap)[0].clone();
    assert_cancels(&tap, id_of(&running));
    assert_eq!(first.reply("POST").status(), 503);
    wait_until_taken(&tap, id_of(&waiting));
    // The stand-in serves both connections, and may take a step on the dead one.
    eventually("its reply", || {
        let _ = next.send([head_and_token(), done(1, 1)].concat());
        requests(&tap).is_empty()
    });
    assert_eq!(second.reply("POST").status(), 200);
}
