//! Finding Ollama and its port, starting it, and what is told until it answers.

use std::path::{Path, PathBuf};

use super::{Machine, OLLAMA, ready, with_path};
use crate::harness::runner;
use crate::harness::{
    Options, Proxy, assert_contains, eventually, metric, post, request, require, stderr_expecting,
    text,
};

#[test]
fn ollama_answers_through_the_tap_which_prints_both_addresses() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("").start();
    ready(&tap);
    assert_eq!(tap.get("/").text(), "Ollama is running");
    assert!(
        tap.ask(
            "POST",
            post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#)
        )
        .text()
        .contains("blue.")
    );
    tap.scrape_until("one request and ollama up", |scrape| {
        metric("ollama_requests_total")
            .label("status", "success")
            .value(1.0)
            .is_in(scrape)
            && metric("ollama_up").value(1.0).is_in(scrape)
    });
    let host = machine.environment()["OLLAMA_HOST"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    tap.wait_log(&format!("forwarding to http://{host}"));
    tap.wait_log("ollama 0.99.0 is up");
}

#[test]
fn until_ollama_answers_requests_get_503_with_retry_after_in_the_shape_of_their_route() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("late").start();
    machine.run(1); // it takes connections from here on, and answers none
    let body = r#"{"model":"talk"}"#;
    for (path, pointer) in [
        ("/api/chat", "/error"),
        ("/v1/chat/completions", "/error/message"),
        ("/v1/messages", "/error/message"),
    ] {
        let reply = tap.ask("POST", post(path, body));
        assert_eq!(
            (reply.status(), reply.head.get("retry-after")),
            (503, Some("2")),
            "{path}"
        );
        let json = reply.json();
        assert!(
            json.pointer(pointer)
                .and_then(|text| text.as_str())
                .is_some_and(|text| text.contains("being started")),
            "{json}"
        );
        assert_eq!(json.get("type").is_some(), path == "/v1/messages", "{json}");
    }
    assert_eq!(tap.get("/api/tags").status(), 503);
    assert_eq!(tap.ask("HEAD", request("HEAD", "/", &[], "")).status(), 503);
    assert_eq!(
        [tap.get("/healthz").status(), tap.get("/metrics").status()],
        [200; 2]
    );
    machine.touch("go");
    ready(&tap);
    let failed = metric("ollama_requests_total").label("status", "error");
    let scrape = tap.scrape_until("three that failed", |scrape| failed.sum(scrape) == 3.0);
    assert!(
        metric("ollama_tap_refused_total")
            .label("reason", "starting")
            .sum(&scrape)
            >= 5.0
    );
    assert!(
        metric("ollama_tap_backend_restarts_total")
            .value(0.0)
            .is_in(&scrape)
    );
}

#[test]
fn our_secrets_stay_ours_and_everything_else_is_passed_on() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut options = machine
        .serve("")
        .env("OLLAMA_MODELS", "/models")
        .env("CUDA_VISIBLE_DEVICES", "1")
        .env("LOKI_URL", "http://s3cr3t:3100");
    for name in [
        "OLLAMA_TAP_TOKEN",
        "LOKI_USER",
        "LOKI_PASSWORD",
        "LOKI_TENANT",
    ] {
        options = options.env(name, "s3cr3t");
    }
    let tap = options.start();
    ready(&tap);
    let environment = machine.environment();
    assert_eq!(
        [
            &environment["OLLAMA_MODELS"],
            &environment["CUDA_VISIBLE_DEVICES"]
        ],
        ["/models", "1"]
    );
    assert!(!environment.to_string().contains("s3cr3t"), "{environment}");
    assert!(
        environment.get("RUST_MIN_STACK").is_none(),
        "what we set for ourselves is passed on"
    );
}

#[test]
fn the_output_of_ollama_is_logged_at_its_level() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .serve("chatty")
        .args(&["--log-level", "debug"])
        .start();
    for (text, level) in [
        ("a line of no level", "INFO"),
        ("level=WARN msg=careful", "WARN"),
        ("level=DEBUG msg=whisper", "DEBUG"),
    ] {
        let line = tap.wait_log(text);
        assert_contains(&line, &[&format!(" {level} "), "ollama: "]);
    }
    let quiet = machine
        .serve("chatty")
        .args(&["--log-level", "warning"])
        .start();
    quiet.wait_log("careful");
    ready(&quiet);
    assert!(
        !quiet.log().contains("whisper") && !quiet.log().contains("no level"),
        "{}",
        quiet.log()
    );
}

#[test]
fn without_an_ollama_the_ways_out_are_printed() {
    let usual = [
        "/usr/local/bin/ollama",
        "/usr/bin/ollama",
        "/bin/ollama",
        "/opt/homebrew/bin/ollama",
        "/snap/bin/ollama",
    ];
    if !require(
        "a machine without Ollama",
        !usual.iter().any(|path| Path::new(path).exists()),
    ) {
        return;
    }
    let empty = tempfile::tempdir().expect("a temporary directory");
    let empty = empty.path().to_string_lossy();
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["run", "talk"]] {
        let stderr = stderr_expecting(
            Options::bare(args).env("PATH", &empty).env("HOME", &empty),
            1,
        );
        assert_contains(
            &stderr,
            &[
                "find ollama",
                "https://ollama.com/download",
                "--ollama",
                "ollama-tap proxy --upstream",
                "ollama-tap demo",
            ],
        );
    }
    let stderr = stderr_expecting(
        Options::bare(&["serve", "--ollama", &format!("{empty}/none")]),
        1,
    );
    assert_contains(&stderr, &["/none: there is no such file", "--ollama"]);
}

#[cfg(windows)] // no other system has one that is told of
#[test]
fn a_running_ollama_app_is_reported() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let app = machine.path("ollama app.exe");
    super::provide(&machine.path("bin").join(OLLAMA), &app);
    let app = Options::bare(&["child"])
        .program(&[text(&app).to_owned()])
        .spawn();
    app.wait_log("asleep");
    assert_contains(
        &machine.serve("").start().wait_log("the Ollama app"),
        &["WARN", "quit it"],
    );
}

#[test]
fn a_link_to_ourselves_of_ollamas_name_is_passed_over() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // On the disk of the executable, which a link cannot leave.
    let ours = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    std::fs::hard_link(
        runner::command().pop().expect("an executable"),
        ours.path().join(OLLAMA),
    )
    .expect("a link");
    let usual = || [PathBuf::from("/usr/bin"), PathBuf::from("/bin")];
    let dirs = [
        vec![ours.path().to_owned(), machine.path("bin")],
        usual().to_vec(),
    ]
    .concat();
    let tap: Proxy = with_path(machine.serve(""), &dirs).start();
    ready(&tap);
    let named = machine
        .serve("")
        .args(&["--ollama", text(&machine.path("bin").join(OLLAMA))]);
    let named = with_path(named, &usual()).start();
    eventually("a second run", || machine.runs().len() == 2);
    drop(named);
}

#[cfg(unix)] // it is a script for a shell
#[test]
fn a_script_of_ollamas_name_that_starts_us_is_reported() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let script = machine.path("script").to_string_lossy().into_owned();
    // Written by another process: what we have open for writing, whatever we start at that moment has open too.
    let write = r#"printf '#!/bin/sh\nexec %s "$@"\n' "$1" >"$0" && chmod +x "$0""#;
    let written = std::process::Command::new("sh")
        .args(["-c", write, &script, env!("CARGO_BIN_EXE_ollama-tap")])
        .status();
    assert!(written.is_ok_and(|status| status.success()));
    let stderr = stderr_expecting(
        machine
            .tap(&["frobnicate"])
            .env("OLLAMA_EXECUTABLE_PATH", &script),
        1,
    );
    assert_contains(&stderr, &[&script, "leads back to ollama-tap", "--ollama"]);
    let tap = machine
        .serve("")
        .env("OLLAMA_EXECUTABLE_PATH", &script)
        .start();
    assert_contains(&tap.wait_log("leads back to ollama-tap"), &["ollama: "]);
    assert!(machine.runs().is_empty());
}
