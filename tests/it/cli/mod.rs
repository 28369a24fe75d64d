//! The command line and the variables: what is said, where it listens, and the exit codes (0 done, 1 failed, 2 not understood).

/// Addresses to listen on and to forward to.
mod addresses;
/// Secrets in addresses.
mod passwords;
/// Output that nobody takes.
mod printing;
/// Completions, driven by the shells, and the man page.
#[cfg(unix)]
mod shells;
/// Our own words, and those that are typed wrong.
mod words;

use std::net::TcpListener;

use crate::harness::ollama::json;
use crate::harness::runner::is_windows;
use crate::harness::{
    FakeOllama, Options, Proxy, assert_contains, metric, require_tool, stderr_expecting,
    tap_answering,
};

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("addr")
        .port()
}

#[test]
fn the_version_is_printed() {
    for flag in ["--version", "-V"] {
        let (exit, stdout, _) = Options::bare(&[flag]).run();
        assert_eq!(
            (exit, stdout.trim()),
            (0, concat!("ollama-tap ", env!("CARGO_PKG_VERSION")))
        );
    }
}

#[test]
fn help_names_the_commands_and_the_flags() {
    let (exit, stdout, _) = Options::bare(&["--help"]).run();
    assert_eq!(exit, 0);
    assert_contains(
        &stdout,
        &[
            "proxy",
            "stats",
            "search",
            "why",
            "export",
            "purge",
            "health",
            "--version",
        ],
    );
    let (exit, stdout, _) = Options::bare(&["proxy", "--help"]).run();
    assert_eq!(exit, 0);
    assert_contains(
        &stdout,
        &[
            "--listen",
            "--upstream",
            "--workers",
            "--shutdown-grace",
            "--idle-timeout",
            "--log-level",
            "--track-embeddings",
        ],
    );
}

#[test]
fn health_distinguishes_a_tap_from_an_ollama_and_from_no_answer() {
    let ollama = FakeOllama::always(json(r#"{"version":"0.33.0"}"#));
    let tap = Proxy::start(&ollama);
    let (exit, stdout, _) = Options::bare(&["health"])
        .env("OLLAMA_TAP_LISTEN", &tap.addr.to_string())
        .run();
    assert_eq!(
        (exit, stdout),
        (0, format!("a tap answers at http://{}\n", tap.addr))
    );
    let stranger = FakeOllama::always(json("{}"));
    stranger.set(|state| state.denies = Some("404 Not Found"));
    for (server, told) in [
        (&ollama, "an Ollama 0.33.0 answers at "),
        (&stranger, "another server answers at "),
    ] {
        let address = server.addr.to_string();
        let health = Options::bare(&["health", "--listen", &address]);
        let told = format!("no tap answers at {address}; {told}{address}");
        assert_contains(&stderr_expecting(health, 1), &[&told]);
    }
}

#[test]
fn a_password_in_the_address_of_ollama_is_refused_and_shown_nowhere() {
    for url in [
        "http://me:s3cret@gpu:11434",
        "me:s3cret@gpu",
        "http://me:s3/cret@gpu",
    ] {
        let upstream = || ["proxy", "--listen", "127.0.0.1:0", "--upstream"];
        let by_variable = |command: &str| {
            Options::bare(&[command, "--listen", "127.0.0.1:0"]).env("OLLAMA_HOST", url)
        };
        let runs = [
            Options::bare(&upstream()).args(&[url]),
            by_variable("proxy"),
            Options::bare(&["serve"]).env("OLLAMA_HOST", url),
            Options::bare(&["stats"]).env("OLLAMA_HOST", url),
        ];
        for options in runs {
            let stderr = stderr_expecting(options, 2);
            assert!(
                !stderr.contains("s3") && !stderr.contains("cret"),
                "{url}: {stderr}"
            );
            assert_contains(
                &stderr,
                &["***@gpu", "clients send their own Authorization"],
            );
        }
    }
}

#[test]
fn texts_from_outside_cannot_forge_a_line_of_the_log() {
    const FORGED: &str = "\\n2026-11-29T05:00:00.000Z ERROR forged-line\\u001b[31m\\u202e";
    let reply = format!(
        r#"{{"version":"0.9.9{FORGED}","model":"m{FORGED}","response":"x","error":"no{FORGED}","done":true,"models":[]}}"#
    );
    let ollama = FakeOllama::always(json(&reply));
    let tap = Options::to(&ollama)
        .args(&["--log-level", "debug"])
        .env("OLLAMA_TAP_TEST_POLL_MS", "20")
        .start();
    tap.wait_log("is up");
    let raw = "2026-11-29T05:00:00.000Z\tERROR\tforged-line\u{1b}[31m";
    for bytes in [
        format!("G\n{raw} / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /\u{85}{raw} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!(
            "GET /api/x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\u{85}\u{2028}{raw}\r\n\r\n"
        ),
    ] {
        let _ = tap.connect().send(bytes).try_reply("GET");
    }
    let body = format!(r#"{{"model":"m{FORGED}","prompt":"p{FORGED}"}}"#);
    tap.ask("POST", crate::harness::post("/api/generate", &body));
    tap.wait_log("api/generate");
    tap.scrape();
    let log = tap.log();
    let is_announced = |line: &&str| {
        ["listening on ", "forwarding to ", "storing ", "dashboard "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    for line in log.lines().filter(|line| !is_announced(line)) {
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{202e}'),
            "{line:?}"
        );
        let level = line.split_ascii_whitespace().nth(1).unwrap_or_default();
        assert!(
            line.starts_with("20") && ["DEBUG", "INFO", "WARN", "ERROR"].contains(&level),
            "{line:?}"
        );
        assert!(!line.starts_with("2026-11-29T05:00:00.000Z"), "{line:?}");
    }
}

#[test]
fn an_unknown_flag_is_named() {
    assert_contains(
        &stderr_expecting(Options::bare(&["proxy", "--nope"]), 2),
        &["--nope", "--help"],
    );
    assert_contains(
        &stderr_expecting(Options::bare(&["--nope"]), 2),
        &["--nope"],
    );
}

#[test]
fn all_bad_values_are_reported_at_once() {
    let args = [
        "proxy",
        "--listen",
        "here",
        "--workers",
        "none",
        "--idle-timeout",
        "soon",
        "--upstream",
        "ftp://x",
    ];
    let options = Options::bare(&args)
        .env("LOG_LEVEL", "loud")
        .env("OLLAMA_TAP_SHUTDOWN_GRACE", "-1")
        .env("TRACK_EMBEDDINGS", "maybe");
    let stderr = stderr_expecting(options, 2);
    let pairs = [
        ("--workers", "none"),
        ("--idle-timeout", "soon"),
        ("--upstream", "ftp://x"),
        ("LOG_LEVEL", "loud"),
        ("OLLAMA_TAP_SHUTDOWN_GRACE", "-1"),
        ("TRACK_EMBEDDINGS", "maybe"),
    ];
    for (name, value) in pairs {
        assert!(
            stderr
                .lines()
                .any(|line| line.contains(name) && line.contains(value)),
            "no line with {name} and {value}: {stderr}"
        );
    }
    assert_contains(&stderr, &["INFO", "true"]);
}

#[test]
fn a_flag_wins_over_its_variable() {
    let ollama = FakeOllama::always(json("\"it\""));
    let dead = format!("http://127.0.0.1:{}", free_port());
    let tap = Options::to(&ollama)
        .env("OLLAMA_HOST", &dead)
        .env("OLLAMA_TAP_WORKERS", "5")
        .args(&["--workers", "7"])
        .start();
    assert_eq!(tap.get("/api/tags").text(), "\"it\"");
    assert!(metric("ollama_tap_workers").value(7.0).is_in(&tap.scrape()));
}

#[test]
fn variables_do_what_flags_do() {
    let ollama = FakeOllama::always(json("\"it\""));
    let options = Options::bare(&["proxy"])
        .env("OLLAMA_TAP_LISTEN", "127.0.0.1:0")
        .env("OLLAMA_TAP_WORKERS", "5");
    let tap = options.env("OLLAMA_HOST", &ollama.url()).start();
    assert_eq!(tap.get("/api/tags").text(), "\"it\"");
    assert!(metric("ollama_tap_workers").value(5.0).is_in(&tap.scrape()));
}

#[test]
fn the_address_is_printed_at_every_log_level() {
    let ollama = FakeOllama::always(json("{}"));
    for level in ["DEBUG", "info", "Warning", "ERROR"] {
        let by_variable = Options::to(&ollama).env("LOG_LEVEL", level).start();
        assert_eq!(by_variable.get("/healthz").status(), 200);
        let by_flag = Options::to(&ollama).args(&["--log-level", level]).start();
        assert_eq!(by_flag.get("/healthz").status(), 200);
    }
}

#[test]
fn untracked_embeddings_pass_and_count_as_requests_only() {
    let ollama = FakeOllama::always(json(
        r#"{"model":"vec","embeddings":[[0.5]],"total_duration":1,"prompt_eval_count":2}"#,
    ));
    let tap = Options::to(&ollama)
        .args(&["--track-embeddings", "false"])
        .start();
    let body = r#"{"model":"vec","input":"x"}"#;
    for path in ["/api/embed", "/api/embeddings", "/v1/embeddings"] {
        assert_eq!(
            tap.ask("POST", crate::harness::post(path, body)).status(),
            200
        );
    }
    let passed = metric("ollama_tap_http_requests_total")
        .label("method", "POST")
        .label("code", "200");
    let scrape = tap.scrape_until("three requests", |scrape| passed.sum(scrape) == 3.0);
    assert_eq!(metric("ollama_requests_total").sum(&scrape), 0.0);
    assert_eq!(metric("ollama_tokens_processed_total").sum(&scrape), 0.0);
}

#[test]
fn its_addresses_are_printed_first() {
    let (ollama, tap) = tap_answering(json("{}"));
    let text = tap.log();
    let line = text
        .lines()
        .position(|line| line.contains("listening on"))
        .expect("the line");
    assert!(line < 5, "{text}");
    let dashboard = format!("dashboard http://{}/analytics", tap.addr);
    tap.wait_log(&dashboard);
    let last = tap.log().lines().position(|line| line == dashboard);
    assert!(last > Some(line), "{}", tap.log());
    tap.wait_log(&ollama.addr.to_string());
}

#[cfg(not(windows))]
#[test]
fn systems_without_a_place_for_the_icon_say_where_to_look_instead() {
    for words in [&["tray"][..], &["tray", "--stop"]] {
        let (code, stdout, stderr) = Options::bare(words).run();
        assert_eq!((code, stdout.as_str()), (1, ""));
        assert!(
            stderr.contains("only Windows has a place for it") && stderr.contains("/analytics"),
            "{stderr}"
        );
    }
}

#[test]
fn a_token_on_the_command_line_is_not_there_for_long() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = Options::to(&ollama).args(&["--token", "s3cret"]).start();
    let refused = tap.ask(
        "GET",
        "GET /analytics/stats HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
    );
    assert_eq!(refused.status(), 403);
    let granted = tap.ask("GET", "GET /analytics/stats HTTP/1.1\r\nHost: elsewhere.example\r\nAuthorization: Bearer s3cret\r\n\r\n");
    assert_eq!(granted.status(), 200);
    if is_windows() {
        tap.wait_log("set OLLAMA_TAP_TOKEN instead");
    } else if require_tool("ps", &["-o", "args=", "-p", "1"]) {
        let ps = std::process::Command::new("ps")
            .args(["-ww", "-o", "args=", "-p", &tap.id().to_string()])
            .output()
            .expect("run ps");
        let shown = String::from_utf8_lossy(&ps.stdout).into_owned();
        assert!(
            shown.contains("--upstream") && !shown.contains("s3cret") && !shown.contains("--token"),
            "{shown}"
        );
        assert!(!tap.log().contains("OLLAMA_TAP_TOKEN"), "{}", tap.log());
    }
}
