//! Finding Ollama and its port, starting it, and what is told until it answers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::{Machine, OLLAMA, port, ready, with_path};
use crate::harness::ollama::json;
use crate::harness::runner::{self, is_windows, under_wine};
use crate::harness::{FakeOllama, Options, Proxy, eventually, metric, post, request, require, text};

/// Runs it to its end, which must be this one, and returns stderr.
fn fails(options: Options, code: i32) -> String {
    let (exit, _, stderr) = options.run();
    assert_eq!(exit, code, "{stderr}");
    stderr
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[test]
fn ollama_answers_through_the_tap_which_says_where_both_are() {
    let Some(machine) = Machine::new() else { return };
    let tap = machine.serve("").start();
    ready(&tap);
    assert_eq!(tap.get("/").text(), "Ollama is running");
    assert!(tap.ask("POST", post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#)).text().contains("blue."));
    tap.scrape_until("one request and ollama up", |scrape| {
        metric("ollama_requests_total").label("status", "success").value(1.0).is_in(scrape) && metric("ollama_up").value(1.0).is_in(scrape)
    });
    let host = machine.environment()["OLLAMA_HOST"].as_str().unwrap_or_default().to_owned();
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    says(&tap.log(), &[&format!("forwarding to http://{host}"), "ollama 0.99.0 is up"]);
}

#[test]
fn until_ollama_answers_requests_are_told_to_come_again_in_the_words_of_their_route() {
    let Some(machine) = Machine::new() else { return };
    let tap = machine.serve("late").start();
    machine.run(1); // it takes connections from here on, and answers none
    let body = r#"{"model":"talk"}"#;
    for (path, pointer) in [("/api/chat", "/error"), ("/v1/chat/completions", "/error/message"), ("/v1/messages", "/error/message")] {
        let reply = tap.ask("POST", post(path, body));
        assert_eq!((reply.status(), reply.head.get("retry-after")), (503, Some("2")), "{path}");
        let json = reply.json();
        assert!(json.pointer(pointer).and_then(|text| text.as_str()).is_some_and(|text| text.contains("being started")), "{json}");
        assert_eq!(json.get("type").is_some(), path == "/v1/messages", "{json}");
    }
    assert_eq!(tap.get("/api/tags").status(), 503);
    assert_eq!(tap.ask("HEAD", request("HEAD", "/", &[], "")).status(), 503);
    assert_eq!([tap.get("/healthz").status(), tap.get("/metrics").status()], [200; 2]);
    machine.touch("go");
    ready(&tap);
    let scrape = tap.scrape();
    assert!(metric("ollama_requests_total").label("status", "error").sum(&scrape) == 3.0);
    assert!(metric("ollama_tap_refused_total").label("reason", "starting").sum(&scrape) >= 5.0);
    assert!(metric("ollama_tap_backend_restarts_total").value(0.0).is_in(&scrape));
}

/// `serve` where this port is taken.
fn on(machine: &Machine, taken: u16) -> Options {
    machine.tap(&["serve", "--listen", &format!("127.0.0.1:{taken}"), "--backend-port", &port().to_string()])
}

#[test]
fn a_port_that_is_taken_is_told_with_its_holder_and_the_way_out() {
    let Some(machine) = Machine::new() else { return };
    let ollama = FakeOllama::always(json("{}"));
    let way_out = format!("ollama-tap proxy --upstream http://127.0.0.1:{}", ollama.addr.port());
    says(&fails(on(&machine, ollama.addr.port()), 1), &["where an Ollama 0.33.0 answers", "stop it", &way_out, "--listen"]);

    let itself = machine.serve("").start();
    machine.run(1);
    let by_ollama_tap = match (under_wine(), is_windows()) {
        (true, _) => "", // Wine knows no holder of a socket that is waited for and not yet accepted from
        (_, true) => "by ollama-tap.exe (pid ",
        _ => "by ollama-tap (pid ",
    };
    says(&fails(on(&machine, itself.addr.port()), 1), &[by_ollama_tap, "where an ollama-tap 0.1.0 answers", "use that one"]);

    let other = TcpListener::bind("127.0.0.1:0").expect("bind");
    let stderr = fails(on(&machine, other.local_addr().expect("addr").port()).env("OLLAMA_TAP_TEST_ANSWER_MS", "50"), 1);
    let by_this_test = format!("(pid {})", std::process::id());
    let holder = if under_wine() { "" } else { &by_this_test }; // Wine knows none that has not used its socket yet
    says(&stderr, &[holder, "stop it, or choose another port"]);
    assert!(!stderr.contains("answers"), "{stderr}");
    assert_eq!(machine.runs().len(), 1, "ollama was started though the port was taken");
}

#[test]
fn a_port_for_ollama_that_was_set_and_is_taken_ends_it() {
    let Some(machine) = Machine::new() else { return };
    let holder = FakeOllama::always(json("{}"));
    let taken = holder.addr.port().to_string();
    for options in [
        machine.tap(&["serve", "--listen", "127.0.0.1:0", "--backend-port", &taken]),
        machine.tap(&["serve", "--listen", "127.0.0.1:0"]).env("OLLAMA_BACKEND_PORT", &taken),
    ] {
        says(&fails(options, 1), &[&taken, "an Ollama 0.33.0 answers", "--backend-port"]);
    }
    assert!(machine.runs().is_empty());
}

#[test]
fn where_the_usual_port_for_ollama_is_taken_the_next_free_one_is_used_and_told() {
    let Some(machine) = Machine::new() else { return };
    let usual = port();
    let _holders = [usual, usual + 1].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let options = machine.tap(&["serve", "--listen", "127.0.0.1:0"]).env("OLLAMA_TAP_TEST_BACKEND_PORT", &usual.to_string());
    let tap = options.env("OLLAMA_TAP_TEST_ANSWER_MS", "50").start();
    let line = tap.wait_log("is taken");
    says(&line, &[&format!("the port {usual} is taken"), "; ollama gets "]);
    let given: u16 = line.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("a port");
    assert!(given > usual + 1, "{line}");
    ready(&tap);
    assert_eq!(machine.environment()["OLLAMA_HOST"], format!("127.0.0.1:{given}"));
}

#[test]
fn ollamas_variable_says_where_the_tap_listens() {
    let Some(machine) = Machine::new() else { return };
    let (listened, backend) = (port(), port().to_string());
    let serve =
        |args: &[&str]| machine.tap(args).env("OLLAMA_HOST", &format!("http://localhost:{listened}/")).env("OLLAMA_BACKEND_PORT", &backend);
    let tap = serve(&["serve"]).start();
    assert_eq!(tap.addr.port(), listened);
    ready(&tap);
    assert_eq!(machine.environment()["OLLAMA_HOST"], format!("127.0.0.1:{backend}"));
    drop(tap);
    machine.nothing_is_left();
    // The words and flags that mean the same.
    for args in [&["start", "--listen", "127.0.0.1:0"][..], &["--listen=127.0.0.1:0"], &[]] {
        let tap = serve(args).start();
        assert_eq!(tap.addr.port() == listened, args.is_empty());
    }
}

#[test]
fn an_address_of_another_machine_names_proxy() {
    let Some(machine) = Machine::new() else { return };
    // An address that documents use and no machine has.
    let options = machine.tap(&["serve"]).env("OLLAMA_HOST", "192.0.2.7:11434").env("OLLAMA_BACKEND_PORT", &port().to_string());
    says(&fails(options, 1), &["no address of this machine", "ollama-tap proxy --upstream http://192.0.2.7:11434"]);
}

#[test]
fn our_secrets_stay_ours_and_everything_else_is_passed_on() {
    let Some(machine) = Machine::new() else { return };
    let mut options =
        machine.serve("").env("OLLAMA_MODELS", "/models").env("CUDA_VISIBLE_DEVICES", "1").env("LOKI_URL", "http://s3cr3t:3100");
    for name in ["OLLAMA_TAP_TOKEN", "LOKI_USER", "LOKI_PASSWORD", "LOKI_TENANT"] {
        options = options.env(name, "s3cr3t");
    }
    let tap = options.start();
    ready(&tap);
    let environment = machine.environment();
    assert_eq!([&environment["OLLAMA_MODELS"], &environment["CUDA_VISIBLE_DEVICES"]], ["/models", "1"]);
    assert!(!environment.to_string().contains("s3cr3t"), "{environment}");
    assert!(environment.get("RUST_MIN_STACK").is_none(), "what we set for ourselves is passed on");
}

#[test]
fn what_ollama_writes_is_in_our_log_at_its_level() {
    let Some(machine) = Machine::new() else { return };
    let tap = machine.serve("chatty").args(&["--log-level", "debug"]).start();
    for (text, level) in [("a line of no level", "INFO"), ("level=WARN msg=careful", "WARN"), ("level=DEBUG msg=whisper", "DEBUG")] {
        let line = tap.wait_log(text);
        says(&line, &[&format!(" {level} "), "ollama: "]);
    }
    let quiet = machine.serve("chatty").args(&["--log-level", "warning"]).start();
    quiet.wait_log("careful");
    ready(&quiet);
    assert!(!quiet.log().contains("whisper") && !quiet.log().contains("no level"), "{}", quiet.log());
}

#[test]
fn without_an_ollama_the_ways_out_are_told() {
    let usual = ["/usr/local/bin/ollama", "/usr/bin/ollama", "/bin/ollama", "/opt/homebrew/bin/ollama", "/snap/bin/ollama"];
    if !require("a machine without Ollama", !usual.iter().any(|path| Path::new(path).exists())) {
        return;
    }
    let empty = tempfile::tempdir().expect("a temporary directory");
    let empty = empty.path().to_string_lossy();
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["run", "talk"]] {
        let stderr = fails(Options::bare(args).env("PATH", &empty).env("HOME", &empty), 1);
        says(&stderr, &["find ollama", "https://ollama.com/download", "--ollama", "ollama-tap proxy --upstream", "ollama-tap demo"]);
    }
    let stderr = fails(Options::bare(&["serve", "--ollama", &format!("{empty}/none")]), 1);
    says(&stderr, &["/none: there is no such file", "--ollama"]);
}

#[cfg(windows)] // no other system has one that is told of
#[test]
fn an_ollama_app_that_runs_is_told_of() {
    let Some(machine) = Machine::new() else { return };
    let app = machine.path("ollama app.exe");
    super::provide(&machine.path("bin").join(OLLAMA), &app);
    let app = Options::bare(&["child"]).program(&[text(&app).to_owned()]).spawn();
    app.wait_log("asleep");
    says(&machine.serve("").start().wait_log("the Ollama app"), &["WARN", "quit it"]);
}

#[test]
fn a_link_to_ourselves_of_ollamas_name_is_passed_over() {
    let Some(machine) = Machine::new() else { return };
    // On the disk of the executable, which a link cannot leave.
    let ours = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    std::fs::hard_link(runner::command().pop().expect("an executable"), ours.path().join(OLLAMA)).expect("a link");
    let usual = || [PathBuf::from("/usr/bin"), PathBuf::from("/bin")];
    let dirs = [vec![ours.path().to_owned(), machine.path("bin")], usual().to_vec()].concat();
    let tap: Proxy = with_path(machine.serve(""), &dirs).start();
    ready(&tap);
    let named = machine.serve("").args(&["--ollama", text(&machine.path("bin").join(OLLAMA))]);
    let named = with_path(named, &usual()).start();
    eventually("a second run", || machine.runs().len() == 2);
    drop(named);
}

#[cfg(unix)] // it is a script for a shell
#[test]
fn a_script_of_ollamas_name_that_leads_back_to_us_is_told_as_such() {
    let Some(machine) = Machine::new() else { return };
    let script = machine.path("script").to_string_lossy().into_owned();
    // Written by another process: what we have open for writing, whatever we start at that moment has open too.
    let write = r#"printf '#!/bin/sh\nexec %s "$@"\n' "$1" >"$0" && chmod +x "$0""#;
    let written = std::process::Command::new("sh").args(["-c", write, &script, env!("CARGO_BIN_EXE_ollama-tap")]).status();
    assert!(written.is_ok_and(|status| status.success()));
    let stderr = fails(machine.tap(&["help"]).env("OLLAMA_EXECUTABLE_PATH", &script), 1);
    says(&stderr, &[&script, "leads back to ollama-tap", "--ollama"]);
    let tap = machine.serve("").env("OLLAMA_EXECUTABLE_PATH", &script).start();
    says(&tap.wait_log("leads back to ollama-tap"), &["ollama: "]);
    assert!(machine.runs().is_empty());
}
