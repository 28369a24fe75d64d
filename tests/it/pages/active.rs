//! What is now: requests under way, from their arrival until they are records.

/// Requests that somebody cancels.
mod cancel;

use crossbeam_channel::Sender;
use serde_json::{Value, json};

use crate::harness::ollama::{STREAM_HEAD, done, token};
use crate::harness::{AfterReply, FakeOllama, Options, Proxy, TIMEOUT, eventually, post, request};
use crate::history::TestHistory;

const ASK: &str = r#"{"model":"Talk:latest","prompt":"Why is the sky blue?"}"#;

/// A stand-in that streams, and does each step only when it is sent its bytes; without more of them it waits.
fn stepwise() -> (FakeOllama, Sender<Vec<u8>>) {
    let (next, steps) = crossbeam_channel::unbounded::<Vec<u8>>();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        while let Ok(bytes) = steps.recv_timeout(TIMEOUT) {
            let is_last = bytes.ends_with(b"0\r\n\r\n");
            conn.write(bytes)?;
            if is_last {
                return Ok(AfterReply::KeepAlive);
            }
        }
        Ok(AfterReply::Close)
    });
    (ollama, next)
}

fn head_and_token() -> Vec<u8> {
    [STREAM_HEAD.as_bytes(), &token("a")].concat()
}

/// The answer of the page.
fn now(tap: &Proxy) -> Value {
    let reply = tap.get("/analytics/active");
    assert_eq!(reply.status(), 200, "{}", reply.text());
    reply.json()
}

fn requests(tap: &Proxy) -> Vec<Value> {
    now(tap)["requests"].as_array().expect("an array").clone()
}

/// Waits until the only request under way looks like this.
fn wait_for_one(tap: &Proxy, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    eventually(what, || {
        let requests = requests(tap);
        found = requests.first().cloned().unwrap_or_default();
        requests.len() == 1 && is_so(&found)
    });
    found
}

fn wait_for_none(tap: &Proxy) {
    eventually("no request under way", || requests(tap).is_empty());
}

/// The record of this request, once it is there.
fn record(tap: &Proxy, id: &str) -> Value {
    let target = format!("/analytics/messages/{id}");
    let mut found = Value::Null;
    eventually("a record", || {
        let reply = tap.get(&target);
        found = reply.json();
        reply.status() == 200
    });
    found
}

fn id_of(request: &Value) -> &str {
    request["id"].as_str().expect("an id")
}

#[test]
fn a_request_is_shown_from_its_arrival_until_it_is_a_record() {
    let (ollama, next) = stepwise();
    let history = TestHistory::new("jsonl");
    let tap = history.start(&ollama);
    let body = json!({"model": "Talk:latest", "prompt": format!("Why? {}", "é".repeat(100))});
    let headers = ["User-Agent: ollama-python/0.6.3", "X-Session-Id: chat-7"];
    let bytes = request("POST", "/api/generate", &headers, body.to_string());
    let mut client = tap.connect();
    client.send(bytes);
    ollama.next();

    let waiting = wait_for_one(&tap, "a request that waits", |it| it["model"] == "talk");
    let id = id_of(&waiting).to_owned();
    let started = waiting["started"].as_f64().expect("a time");
    let expected = json!({
        "id": id, "model": "talk", "endpoint": "api/generate", "client": "ollama-python",
        "client_ip": "127.0.0.1", "session_id": "chat-7", "state": "waiting", "started": started,
        "tokens": 0, "tokens_estimated": false, "prompt": format!("Why? {}", "é".repeat(75)),
    });
    assert_eq!(waiting, expected);

    for tokens in 1..=3 {
        let bytes = if tokens == 1 {
            head_and_token()
        } else {
            token("b")
        };
        next.send(bytes).expect("a stand-in");
        let told = wait_for_one(&tap, "its tokens", |it| it["tokens"] == tokens);
        let expected = (&json!("answering"), &json!(true), &json!(id));
        assert_eq!(
            (&told["state"], &told["tokens_estimated"], &told["id"]),
            expected
        );
    }
    next.send(done(5, 7)).expect("a stand-in");
    assert_eq!(client.reply("POST").status(), 200);
    wait_for_none(&tap);
    let record = record(&tap, &id);
    let same = ["client", "session_id", "endpoint", "model"];
    for field in same {
        assert_eq!(record[field], waiting[field], "{field}");
    }
    assert_eq!(
        (&record["timestamp"], &record["status"]),
        (&json!(started), &json!("success"))
    );
    let minute = json!({"requests": 1, "error": 0, "generated_tokens": 7});
    assert_eq!(now(&tap)["last_minute"], minute);
}

#[test]
fn ollama_its_models_and_the_workers_are_told_without_a_history() {
    let (ollama, _next) = stepwise();
    ollama.set(|state| {
        let model = r#"{"name":"talk:latest","size":9,"size_vram":6,"context_length":4096,"expires_at":"2026-11-30T11:00:00.5+01:00"}"#;
        state.ps = format!(r#"{{"models":[{model}]}}"#);
    });
    let args = ["--analytics-backend", "none", "--workers", "7"];
    let tap = Options::to(&ollama).args(&args).start();
    eventually("an answer of Ollama", || now(&tap)["ollama"]["up"] == true);
    let told = now(&tap);
    let since = told["ollama"]["since"].clone();
    assert!(
        since.as_f64() <= told["now"].as_f64() && since.is_f64(),
        "{told}"
    );
    let expected = json!({
        "now": told["now"],
        "ollama": {"up": true, "version": "0.33.0", "address": ollama.url(), "since": since, "error": null},
        "models": [{"name": "talk", "size": 9, "size_vram": 6, "context_length": 4096, "expires_at": "2026-11-30T10:00:00Z"}],
        "requests": [], "workers": 7, "workers_busy": 0, "queue_size": 0, "dropped": 0,
        "last_minute": {"requests": 0, "error": 0, "generated_tokens": 0},
    });
    assert_eq!(told, expected);

    ollama.stop();
    tap.ask("POST", post("/api/generate", ASK));
    // The reply comes before the end of its request is noted, and what it shows of Ollama may be noted before both.
    eventually("an Ollama that is gone, and the end of the request", || {
        let now = now(&tap);
        now["ollama"]["up"] == false && now["last_minute"]["requests"] == 1
    });
    let gone = now(&tap);
    let error = gone["ollama"]["error"].as_str().expect("an error");
    assert!(
        error.contains(&ollama.url()) && error.contains("ollama serve"),
        "{error}"
    );
    assert!(gone["ollama"]["since"].as_f64() > since.as_f64(), "{gone}");
    assert_eq!(
        (&gone["models"], &gone["ollama"]["version"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(
        (
            &gone["last_minute"]["requests"],
            &gone["last_minute"]["error"]
        ),
        (&json!(1), &json!(1))
    );
}

#[test]
fn the_prompt_is_shown_as_far_as_text_may_be_kept() {
    for (store, is_shown) in [("full", true), ("preview", true), ("none", false)] {
        let (ollama, _next) = stepwise();
        let args = ["--analytics-backend", "none", "--store-text", store];
        let tap = Options::to(&ollama).args(&args).start();
        let mut client = tap.connect();
        client.send(post("/api/generate", ASK));
        let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
        let prompt = is_shown.then_some("Why is the sky blue?");
        assert_eq!(told["prompt"], json!(prompt), "{store}");
    }
}

#[test]
fn a_conversation_that_only_the_body_names_is_shown() {
    let (ollama, _next) = stepwise();
    let tap = Proxy::start(&ollama);
    let body = json!({
        "model": "talk", "max_tokens": 9, "messages": [{"role": "user", "content": "Why?"}],
        "metadata": {"user_id": "user_0a1b_account__session_c0ffee-1"},
    });
    let mut client = tap.connect();
    client.send(post("/v1/messages", &body.to_string()));
    let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
    let expected = (&json!("c0ffee-1"), &json!("v1/messages"), &Value::Null);
    assert_eq!(
        (&told["session_id"], &told["endpoint"], &told["client"]),
        expected
    );
}

#[test]
fn only_requests_that_are_measured_are_shown() {
    let (ollama, _next) = stepwise();
    let tap = Options::to(&ollama)
        .env("TRACK_EMBEDDINGS", "false")
        .start();
    let mut clients = Vec::new();
    for path in ["/api/embed", "/api/pull", "/api/show", "/api/generate"] {
        clients.push(tap.connect());
        clients.last_mut().expect("a client").send(post(path, ASK));
        ollama.next();
    }
    let told = wait_for_one(&tap, "a request", |it| it["model"] == "talk");
    assert_eq!(
        (&told["endpoint"], &now(&tap)["workers_busy"]),
        (&json!("api/generate"), &json!(4))
    );
}

#[test]
fn requests_that_wait_for_a_worker_are_shown_too_the_newest_first() {
    let (ollama, next) = stepwise();
    let tap = Options::to(&ollama).args(&["--workers", "1"]).start();
    let mut clients = [tap.connect(), tap.connect(), tap.connect()];
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(post("/api/generate", ASK));
        eventually("one request more", || requests(&tap).len() == n + 1);
    }
    eventually("a worker for the first", || {
        requests(&tap)[2]["model"] == "talk"
    });
    let told = requests(&tap);
    let models: Vec<&Value> = told.iter().map(|it| &it["model"]).collect();
    // Nobody has read the body of one that waits for a worker.
    assert_eq!(models, [&Value::Null, &Value::Null, &json!("talk")]);
    assert!(told.iter().all(|it| it["state"] == "waiting"), "{told:?}");
    let times: Vec<f64> = told
        .iter()
        .filter_map(|it| it["started"].as_f64())
        .collect();
    assert!(
        times.is_sorted_by(|a, b| a >= b) && times.len() == 3,
        "{times:?}"
    );

    let ids: Vec<&str> = told.iter().rev().map(id_of).collect();
    for (client, id) in clients.iter_mut().zip(ids) {
        let bytes = [head_and_token(), done(1, 1)].concat();
        wait_until_taken(&tap, id);
        next.send(bytes).expect("a stand-in");
        assert_eq!(client.reply("POST").status(), 200);
        assert_eq!(record(&tap, id)["status"], "success", "it keeps its id");
    }
    wait_for_none(&tap);
}

fn wait_until_taken(tap: &Proxy, id: &str) {
    eventually("a worker for it", || {
        requests(tap)
            .iter()
            .any(|it| it["id"] == id && it["model"] == "talk")
    });
}

#[test]
fn the_page_is_private_answers_head_and_is_compressed_on_request() {
    let (_ollama, tap) = crate::harness::tap_answering(crate::harness::ollama::json("{}"));
    let ask = |method: &str, headers: &[&str]| {
        tap.ask(method, request(method, "/analytics/active", headers, ""))
    };
    let head = ask("HEAD", &[]);
    assert_eq!((head.status(), head.body.len()), (200, 0));
    for headers in [&[][..], &["Accept-Encoding: gzip"]] {
        let reply = ask("GET", headers);
        assert_eq!(reply.head.get("cache-control"), Some("no-store"));
        let encoding = headers.first().map(|_| "gzip");
        assert_eq!(reply.head.get("content-encoding"), encoding);
    }
    for refused in ["Origin: http://evil.example", "X-Forwarded-For: 10.0.0.7"] {
        assert_eq!(ask("GET", &[refused]).status(), 403, "{refused}");
    }
}
