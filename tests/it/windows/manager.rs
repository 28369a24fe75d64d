//! The whole life of the service, through the service control manager.

use std::fs;
use std::sync::mpsc;

use super::machine::{
    COPY, HOME, Machine, exists, in_home, is_event_source, kill, log, path_here, processes,
};
use crate::harness::{Client, FakeOllama, Options, eventually, post};

fn is_stopped(machine: &Machine) -> bool {
    let (code, stdout, _) = machine.service(&["status"]);
    code == 3 && stdout.starts_with("service     stopped")
}

#[test]
fn the_service_starts_ollama_serves_outlives_a_crash_and_leaves_nothing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = machine.with_ollama("parent");
    let listen = format!("127.0.0.1:{}", machine.port);
    let words = [
        "install", "--listen", &listen, "--ollama", &ollama, "--token", "s3cret",
    ];

    let output = machine.done(&[&words[..], &["--dry-run"]].concat());
    for line in [
        "register the service OllamaTap:",
        r"/grant:r NT SERVICE\OllamaTap:(OI)(CI)M",
        "OLLAMA_TAP_TOKEN=(not shown)",
    ] {
        assert!(output.contains(line), "no {line:?} in\n{output}");
    }
    assert!(
        machine.service(&["status"]).1.contains("not installed"),
        "a dry run installed it"
    );

    assert!(
        machine
            .done(&words)
            .contains(&format!("installed: listening on http://{listen}"))
    );
    assert!(is_event_source());
    assert!(machine.chat().text().contains("blue."));
    assert!(machine.get("/metrics").contains("ollama_requests_total{"));
    let status = machine.done(&["status"]);
    let listening = format!("listening   http://{listen}");
    assert!(
        status.starts_with("service     running, process ") && status.contains(&listening),
        "{status}"
    );
    let settings = fs::read_to_string(in_home("ollama-tap.env")).expect("settings");
    assert!(
        settings.contains(r"\.ollama\models") && settings.contains("OLLAMA_TAP_COMMAND=serve"),
        "{settings}"
    );
    assert!(
        machine
            .done(&["logs"])
            .contains(&format!("listening on http://{listen}")),
        "{}",
        log()
    );

    let children = || {
        machine.processes("ollama.exe serve").len() + machine.processes("ollama.exe child").len()
    };
    assert_eq!(children(), 2);
    processes("ollama-tap.exe service run")
        .into_iter()
        .for_each(kill);
    eventually("no process of a killed service is left", || {
        children() == 0 && machine.processes("ollama-tap.exe --guard").is_empty()
    });
    eventually("the manager knows", || is_stopped(&machine));
    machine.done(&["start"]);
    assert!(machine.chat().text().contains("blue."));

    machine.done(&["stop"]);
    assert!(is_stopped(&machine) && children() == 0);
    let output = machine.done(&["uninstall"]);
    assert!(
        output.contains(&format!(r"the history stays in {HOME}\ollama_analytics")),
        "{output}"
    );
    assert!(
        exists(&format!(r"{HOME}\ollama_analytics"))
            && !exists(COPY)
            && !in_home("ollama-tap.env").exists()
    );
    assert!(!is_event_source());
    machine.done(&["uninstall", "--purge"]);
    assert!(!exists(HOME) && machine.service(&["status"]).1.contains("not installed"));
    let output = machine.done(&["uninstall", "--purge", "--dry-run"]);
    assert!(output.contains("the service is not installed"), "{output}");
}

#[test]
fn a_request_under_way_is_finished_before_the_service_stops() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = machine.with_ollama("");
    machine.done(&[
        "install",
        "--listen",
        &format!("127.0.0.1:{}", machine.port),
        "--ollama",
        &ollama,
    ]);
    machine.chat();
    let mut client = Client::connect(([127, 0, 0, 1], machine.port).into());
    client.send(post("/api/generate", r#"{"model":"talk","prompt":"held"}"#));
    client.head("POST");
    client.read_until("It is ");
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| tell.send(machine.service(&["stop"])));
        eventually("it stops", || log().contains("stopping: 1 requests"));
        fs::write(machine.path("go"), "").expect("the word to go on");
        client.read_until("blue.");
    });
    let (code, stdout, stderr) = told.recv().expect("the end of stop");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    assert!(is_stopped(&machine));
}

#[test]
fn an_ollama_elsewhere_is_tapped_and_what_was_set_before_stays() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let listen = format!("127.0.0.1:{}", machine.port);
    machine.done(&["install", "--listen", &listen, "--upstream", &ollama.url()]);
    assert_eq!(machine.get("/x"), "hi");
    machine.done(&["install", "--log-level", "DEBUG"]);
    assert_eq!(machine.get("/x"), "hi");
    let settings = fs::read_to_string(in_home("ollama-tap.env")).expect("settings");
    assert!(
        settings.contains("LOG_LEVEL=DEBUG") && settings.contains("OLLAMA_TAP_COMMAND=proxy"),
        "{settings}"
    );
    machine.done(&["restart"]);
    assert_eq!(machine.get("/x"), "hi");
    assert!(path_here(COPY).exists());

    machine.done(&["install", "--keep"]);
    assert_eq!(machine.get("/x"), "hi");
    machine.done(&["stop"]);
    machine.done(&["install", "--keep"]);
    assert!(is_stopped(&machine));
    let kept = fs::read_to_string(in_home("ollama-tap.env")).expect("settings");
    assert_eq!(kept, settings);
}

#[test]
fn a_service_whose_executable_is_gone_or_garbage_is_mended_and_removed_by_another() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let listen = format!("127.0.0.1:{}", machine.port);
    let install = ["install", "--listen", &listen, "--upstream", &ollama.url()];
    machine.done(&install);
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        machine
            .done(&["status"])
            .contains(&format!("executable  {COPY}, version {version}"))
    );
    for how in ["which is gone", "which does not run"] {
        let spoil = || {
            machine.done(&["stop"]);
            fs::remove_file(path_here(COPY)).expect("remove it");
            if how == "which does not run" {
                fs::write(path_here(COPY), "garbage").expect("garbage");
            }
        };
        spoil();
        let (_, shown, _) = machine.service(&["status"]);
        assert!(
            shown.contains(&format!("executable  {COPY}, {how}")),
            "{shown}"
        );
        machine.done(&install);
        assert_eq!(machine.get("/x"), "hi");
        spoil();
        machine.done(&["uninstall", "--purge"]);
        assert!(
            !exists(HOME)
                && !exists(COPY)
                && machine.service(&["status"]).1.contains("not installed")
        );
        machine.done(&install);
    }
}

#[test]
fn the_copy_that_the_service_runs_uninstalls_it_too() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.done(&[
        "install",
        "--listen",
        &format!("127.0.0.1:{}", machine.port),
        "--upstream",
        "http://127.0.0.1:9",
    ]);
    let (code, stdout, stderr) = machine.copy(&["uninstall", "--purge"]);
    assert!(
        code == 0 && stderr.contains("it is removed at the next start of the system"),
        "{stdout}{stderr}"
    );
    assert!(
        !exists(HOME) && !exists(COPY) && machine.service(&["status"]).1.contains("not installed")
    );
}

#[test]
fn a_service_that_cannot_start_says_why_and_is_taken_back() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (code, _, stderr) = machine.service(&["start"]);
    assert!(
        code == 1 && stderr.contains("it is not installed; `ollama-tap service install` does it"),
        "{stderr}"
    );
    let (code, _, stderr) = machine.service(&["test"]);
    assert!(
        code == 1 && stderr.contains("it is not installed; `ollama-tap service install` does it"),
        "{stderr}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("its address").to_string();
    let (code, _, stderr) = machine.service(&[
        "install",
        "--upstream",
        "http://127.0.0.1:9",
        "--listen",
        &listen,
    ]);
    assert!(
        code == 1 && stderr.contains("the port is taken"),
        "{stderr}"
    );
    assert!(!exists(HOME));
    assert!(!is_event_source());
}

#[test]
fn settings_are_tried_in_a_console_without_installing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    machine.with_ollama("");
    let settings = format!(
        "OLLAMA_TAP_COMMAND=proxy\nOLLAMA_TAP_LISTEN=127.0.0.1:0\nOLLAMA_HOST={}\n",
        ollama.url()
    );
    fs::write(in_home("ollama-tap.env"), settings).expect("settings");
    for verb in ["test", "run"] {
        let tap = Options::bare(&["service", verb]).start();
        assert_eq!(tap.get("/x").text(), "hi", "{verb}");
    }
    assert!(machine.service(&["status"]).1.contains("not installed"));
}
