//! The service while it runs: with its settings, as its user, and what is said of it.

use super::background::{ASK, OLLAMA, Running};
use super::{ENV, Machine, with_ollama, with_ollama_unit};
use crate::harness::{FakeOllama, Options, eventually, metric, post, require, runs};

#[test]
fn the_command_of_the_service_can_be_run_by_hand_and_status_shows_it() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    machine.service(&[
        "install",
        "--analytics-backend",
        "sqlite",
        "--token",
        "s3cret",
    ]);
    let _ollama = Running::start(
        machine.command(&[], &["python3", "-c", OLLAMA]),
        "listening",
    );
    let _tap = Running::start(
        machine.command(&[], &["ollama-tap", "service", "run"]),
        "storing in",
    );
    assert!(machine.ok(&[], &["python3", "-c", ASK]).contains("Yes."));
    let owner = machine.ok(
        &[],
        &[
            "stat",
            "-c",
            "%U %a",
            "/var/lib/ollama-tap/ollama_analytics",
        ],
    );
    assert_eq!(owner, "ollama-tap 700\n");

    let mut shown = String::new();
    eventually("one request in the status", || {
        shown = machine.service(&["status"]);
        shown.contains("1 done") && shown.contains("1 record")
    });
    let expected = [
        "service     active (running) since Sat 2026-11-21 12:00:00 UTC, process 42, 7 restarts",
        concat!(
            "executable  /usr/bin/ollama-tap, version ",
            env!("CARGO_PKG_VERSION")
        ),
        "listening   http://127.0.0.1:11434",
        "upstream    http://127.0.0.1:11435 (2 models)",
        "backend     ollama 0.33.0",
        "requests    1 done, 0 failed, 0 cancelled",
        "tokens      5 generated",
        "history     sqlite in /var/lib/ollama-tap/ollama_analytics, 1 record",
    ];
    for line in expected.iter() {
        assert!(
            shown.lines().any(|shown| shown == *line),
            "no {line:?} in\n{shown}"
        )
    }
    let uptime = shown
        .lines()
        .find_map(|line| line.strip_prefix("uptime"))
        .unwrap_or_else(|| panic!("no uptime in\n{shown}"));
    assert!(uptime.trim().ends_with(" s"), "{uptime}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_command_goes_through_a_tap_that_runs_elsewhere_if_that_is_in_front_of_the_ollama_that_is_meant()
 {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.script(
        "/usr/local/bin/ollama",
        "#!/bin/sh\necho \"asks $OLLAMA_HOST\"\n",
    );
    machine.ok(&[], &["mkdir", "/run/ollama-tap"]);
    let ollama = |port: &str| {
        let script = OLLAMA.replace("11435", port);
        Running::start(
            machine.command(&[], &["python3", "-c", &script]),
            "listening",
        )
    };
    let _ollama = ollama("11435");
    let args = [
        "proxy",
        "--listen",
        "127.0.0.1:9000",
        "--admin-listen",
        "127.0.0.1:9001",
        "--upstream",
        "http://localhost:11435",
    ];
    let command = machine.command(
        &[("ANALYTICS_BACKEND", "none")],
        &[&["ollama-tap"], &args[..]].concat(),
    );
    let _tap = Running::start(command, "storing nothing");
    assert_eq!(
        machine.ok(&[], &["ollama-tap", "health"]),
        "a tap answers at http://127.0.0.1:9001\n"
    );

    let through = (
        0,
        "asks http://127.0.0.1:9000\n".to_owned(),
        "ollama-tap: through the tap at http://127.0.0.1:9000\n".to_owned(),
    );
    assert_eq!(machine.run(&[], &["ollama-tap", "list"]), through);
    let meant = [("OLLAMA_HOST", "localhost:9000")];
    assert_eq!(
        machine.run(&meant, &["ollama-tap", "list"]),
        (0, "asks http://localhost:9000\n".to_owned(), String::new())
    );

    let _other = ollama("11434");
    let (code, stdout, stderr) = machine.run(&[], &["ollama-tap", "list"]);
    assert!(
        code == 0 && stdout.starts_with("asks http://127.0.0.1:") && !stdout.contains(":9000"),
        "{stdout}{stderr}"
    );
    assert!(
        stderr.contains("an Ollama 0.33.0 answers at http://127.0.0.1:11434"),
        "{stderr}"
    );
}

#[test]
fn serve_is_run_as_the_user_whose_home_has_the_models() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.ok(
        &[],
        &[
            "useradd",
            "--create-home",
            "--home-dir",
            "/srv/alice",
            "alice",
        ],
    );
    machine.script(
        "/usr/local/bin/ollama",
        "#!/bin/sh\necho \"I am $(id -un) at $HOME with $OLLAMA_MODELS.\"\nexec sleep 20\n",
    );
    machine.ok(
        &[("SUDO_USER", "alice"), ("OLLAMA_MODELS", "/srv/models")],
        &["ollama-tap", "service", "install"],
    );
    drop(Running::start(
        machine.command(&[], &["ollama-tap", "service", "test"]),
        "I am alice at /srv/alice with /srv/models.",
    ));
}

#[test]
fn a_service_that_does_not_run_says_so_and_status_ends_as_systemctls_does() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let status = || machine.run(&[], &["ollama-tap", "service", "status"]);
    assert_eq!(
        (status().0, status().1),
        (
            3,
            "service     not installed (`ollama-tap service install`)\n\
             listening   no tap answers at 127.0.0.1:11434 or 127.0.0.1:8000\n"
                .to_owned()
        )
    );
    for verb in ["start", "stop", "restart", "logs"] {
        let (code, _, stderr) = machine.run(&[], &["ollama-tap", "service", verb]);
        assert_eq!(code, 1, "{verb}");
        assert!(stderr.contains("it is not installed"), "{verb}: {stderr}");
    }
    for uninstall in [&["uninstall"][..], &["uninstall", "--dry-run"]] {
        assert_eq!(
            machine.service(uninstall),
            "nothing is removed: the service is not installed\n"
        );
    }
    let (code, _, stderr) = machine.run(&[], &["ollama-tap", "service", "run"]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("it is not installed; `ollama-tap service install` does it"),
        "{stderr}"
    );
    with_ollama(&machine);
    machine.service(&["install"]);
    machine.systemctl_calls();
    for verb in ["stop", "start", "restart", "stop"] {
        machine.service(&[verb]);
        assert_eq!(
            machine.systemctl_calls(),
            [format!("{verb} ollama-tap.service")]
        );
    }
    assert_eq!(
        (status().0, status().1),
        (
            3,
            format!(
                "service     inactive (dead)\nexecutable  /usr/bin/ollama-tap, version {}\n\
                 listening   no tap answers at 127.0.0.1:11434 or 127.0.0.1:8000\n",
                env!("CARGO_PKG_VERSION")
            )
        )
    );
    machine.write("/run/fake-systemd/ollama-tap.service.fails", "");
    let (code, _, stderr) = machine.run(&[], &["ollama-tap", "service", "start"]);
    assert!(
        code == 1 && stderr.contains("run systemctl start ollama-tap.service: exit status: 1"),
        "{code}: {stderr}"
    );
}

#[test]
fn logs_are_the_journals() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.script(
        "/usr/bin/journalctl",
        "#!/bin/sh\necho \"journalctl $*\"\nexit 5\n",
    );
    with_ollama(&machine);
    machine.service(&["install"]);
    let logs =
        |words: &[&str]| machine.run(&[], &[&["ollama-tap", "service", "logs"], words].concat());
    assert_eq!(
        logs(&[]),
        (
            5,
            "journalctl --unit ollama-tap.service\n".to_owned(),
            String::new()
        )
    );
    assert_eq!(logs(&["-f"]).1, "journalctl --unit ollama-tap.service -f\n");
}

#[test]
fn settings_that_only_root_may_read_are_asked_for_with_sudo() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.service(&[
        "install",
        "--upstream",
        "http://gpu:11434",
        "--token",
        "s3cret",
    ]);
    let nobody = |verb: &str| {
        machine.run(
            &[],
            &[
                "runuser",
                "-u",
                "nobody",
                "--",
                "ollama-tap",
                "service",
                verb,
            ],
        )
    };
    for verb in ["run", "install", "uninstall"] {
        let (code, stdout, stderr) = nobody(verb);
        assert!(
            code == 1 && stderr.contains(&format!("read {ENV} (it is root's: use sudo)")),
            "{verb}: {code}: {stdout}{stderr}"
        );
    }
    assert!(
        nobody("status")
            .1
            .contains("without root they cannot be read")
    );
}

#[test]
fn it_does_its_work_with_what_the_sandbox_leaves_of_proc() {
    let mount = "mount -t proc -o subset=pid,hidepid=invisible proc /proc";
    if !require(
        "a /proc of its own",
        runs("unshare", &["--mount", "sh", "-c", mount]),
    ) {
        return;
    }
    // Says nothing, so that only the table of sockets tells that its client left.
    let ollama = FakeOllama::start(|conn| {
        conn.body()?;
        conn.wait_until_closed()
    });
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    let tap = Options::to(&ollama)
        .behind(&["unshare", "--mount", "sh", "-c", &script])
        .start();
    let start = tap.scrape();
    assert!(
        metric("process_start_time_seconds").sum(&start) > 1.7e9,
        "when it started"
    );
    assert!(metric("process_resident_memory_bytes").sum(&start) > 0.0);
    let mut client = tap.connect();
    client.send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#));
    tap.scrape_until("a request under way", |scrape| {
        metric("ollama_tap_workers_busy").value(1.0).is_in(scrape)
    });
    drop(client);
    tap.scrape_until("the client gone", |scrape| {
        metric("ollama_requests_total")
            .label("status", "cancelled")
            .sum(scrape)
            == 1.0
    });
}
