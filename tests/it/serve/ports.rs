//! The two ports of `serve`: where each comes from, and what is said where one is taken.

use std::net::TcpListener;

use super::{Machine, port, ready};
use crate::harness::ollama::json;
use crate::harness::runner::{is_windows, under_wine};
use crate::harness::{FakeOllama, Options, assert_contains, stderr_expecting};

/// `serve` where this port is taken.
fn on(machine: &Machine, taken: u16) -> Options {
    machine.tap(&[
        "serve",
        "--listen",
        &format!("127.0.0.1:{taken}"),
        "--backend-port",
        &port().to_string(),
    ])
}

#[test]
fn a_taken_port_is_reported_with_its_holder_and_the_way_out() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always(json("{}"));
    let way_out = format!(
        "ollama-tap proxy --upstream http://127.0.0.1:{}",
        ollama.addr.port()
    );
    assert_contains(
        &stderr_expecting(on(&machine, ollama.addr.port()), 1),
        &[
            "where an Ollama 0.33.0 answers",
            "stop it",
            &way_out,
            "--listen",
        ],
    );

    let itself = machine.serve("").start();
    machine.run(1);
    let by_ollama_tap = match (under_wine(), is_windows()) {
        (true, _) => "", // Wine knows no holder of a socket that is waited for and not yet accepted from
        (_, true) => "by ollama-tap.exe (pid ",
        _ => "by ollama-tap (pid ",
    };
    assert_contains(
        &stderr_expecting(on(&machine, itself.addr.port()), 1),
        &[
            by_ollama_tap,
            concat!(
                "where an ollama-tap ",
                env!("CARGO_PKG_VERSION"),
                " answers"
            ),
            "use that one",
        ],
    );

    let other = TcpListener::bind("127.0.0.1:0").expect("bind");
    let stderr = stderr_expecting(
        on(&machine, other.local_addr().expect("addr").port())
            .env("OLLAMA_TAP_TEST_ANSWER_MS", "50"),
        1,
    );
    let by_this_test = format!("(pid {})", std::process::id());
    let holder = if under_wine() { "" } else { &by_this_test }; // Wine knows none that has not used its socket yet
    assert_contains(&stderr, &[holder, "stop it, or choose another port"]);
    assert!(!stderr.contains("answers"), "{stderr}");
    assert_eq!(
        machine.runs().len(),
        1,
        "ollama was started though the port was taken"
    );
}

#[test]
fn a_port_for_ollama_that_was_set_and_is_taken_ends_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let holder = FakeOllama::always(json("{}"));
    let taken = holder.addr.port().to_string();
    for options in [
        machine.tap(&["serve", "--listen", "127.0.0.1:0", "--backend-port", &taken]),
        machine
            .tap(&["serve", "--listen", "127.0.0.1:0"])
            .env("OLLAMA_BACKEND_PORT", &taken),
    ] {
        assert_contains(
            &stderr_expecting(options, 1),
            &[&taken, "an Ollama 0.33.0 answers", "--backend-port"],
        );
    }
    assert!(machine.runs().is_empty());
}

#[test]
fn where_the_usual_port_for_ollama_is_taken_the_next_free_one_is_used_and_printed() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let usual = port();
    let _holders = [usual, usual + 1].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let options = machine
        .tap(&["serve", "--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_BACKEND_PORT", &usual.to_string());
    let tap = options.env("OLLAMA_TAP_TEST_ANSWER_MS", "50").start();
    let line = tap.wait_log("is taken");
    assert_contains(
        &line,
        &[&format!("the port {usual} is taken"), "; ollama gets "],
    );
    let given: u16 = line
        .rsplit(' ')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    assert!(given > usual + 1, "{line}");
    ready(&tap);
    assert_eq!(
        machine.environment()["OLLAMA_HOST"],
        format!("127.0.0.1:{given}")
    );
}

#[test]
fn ollamas_variable_says_where_the_tap_listens() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (listened, backend) = (port(), port().to_string());
    let serve = |args: &[&str]| {
        machine
            .tap(args)
            .env("OLLAMA_HOST", &format!("http://localhost:{listened}/"))
            .env("OLLAMA_BACKEND_PORT", &backend)
    };
    let tap = serve(&["serve"]).start();
    assert_eq!(tap.addr.port(), listened);
    ready(&tap);
    assert_eq!(
        machine.environment()["OLLAMA_HOST"],
        format!("127.0.0.1:{backend}")
    );
    drop(tap);
    machine.nothing_is_left();
    // The words and flags that mean the same.
    for args in [
        &["start", "--listen", "127.0.0.1:0"][..],
        &["--listen=127.0.0.1:0"],
        &[],
    ] {
        let tap = serve(args).start();
        assert_eq!(tap.addr.port() == listened, args.is_empty());
    }
}

#[test]
fn an_address_of_another_machine_names_proxy() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // An address that documents use and no machine has.
    let options = machine
        .tap(&["serve"])
        .env("OLLAMA_HOST", "192.0.2.7:11434")
        .env("OLLAMA_BACKEND_PORT", &port().to_string());
    assert_contains(
        &stderr_expecting(options, 1),
        &[
            "not an address of this machine",
            "ollama-tap proxy --upstream http://192.0.2.7:11434",
        ],
    );
}
