//! An installation that only shows itself, is refused, or fails: nothing is changed.

use super::super::{DROP_IN, Machine, UNIT, with_ollama, with_ollama_unit};

#[test]
fn a_dry_run_prints_every_step_and_does_none() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    let before = machine.tree();
    let install = ["install", "--token", "s3cret"];
    let output = machine.ok(
        &[("LOKI_PASSWORD", "s3cret")],
        &[&["ollama-tap", "service"], &install[..], &["--dry-run"]].concat(),
    );
    assert_eq!(
        (machine.changes(&before), machine.systemctl_calls()),
        (vec![], vec![])
    );
    assert!(
        output.contains("    Environment=\"OLLAMA_HOST=127.0.0.1:11435\"")
            && output.contains("    [Unit]"),
        "{output}"
    );
    assert!(
        output.contains("    OLLAMA_TAP_TOKEN=(not shown)") && !output.contains("s3cret"),
        "{output}"
    );
    let steps = |output: &str| {
        let steps = output
            .lines()
            .filter(|line| !line.starts_with([' ', '(']) && !line.starts_with("installed:"));
        steps
            .map(|line| line.split(" (mode").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let done = machine.ok(
        &[("LOKI_PASSWORD", "s3cret")],
        &[&["ollama-tap", "service"], &install[..]].concat(),
    );
    assert_eq!(steps(&output), steps(&done));
    assert!(!done.contains("s3cret"), "{done}");

    machine.systemctl_calls();
    let before = machine.tree();
    let output = machine.service(&["uninstall", "--purge", "--dry-run"]);
    assert_eq!(
        (machine.changes(&before), machine.systemctl_calls()),
        (vec![], vec![])
    );
    assert!(
        output.contains("run userdel ollama-tap") && output.contains(&format!("remove {DROP_IN}")),
        "{output}"
    );
}

#[test]
fn an_installation_that_fails_is_taken_back() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    let before = machine.tree();
    machine.write("/run/fake-systemd/ollama-tap.service.fails", "");
    let (code, stdout, stderr) = machine.run(&[], &["ollama-tap", "service", "install"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(
        stderr.contains("restart ollama-tap.service: exit status: 1; nothing was installed (`journalctl --unit ollama-tap` has its log)"),
        "{stderr}"
    );
    assert_eq!(machine.changes(&before), [""; 0]);
    assert_eq!(
        machine.systemctl_calls().last().map(String::as_str),
        Some("try-restart ollama.service")
    );
}

#[test]
fn impossible_installations_are_refused_before_anything_is_changed() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let refused = |env: &[(&str, &str)], words: &[&str], code: i32, why: &str| {
        let before = machine.tree();
        let (exit, _, stderr) = machine.run(
            env,
            &[&["ollama-tap", "service", "install"], words].concat(),
        );
        assert_eq!(exit, code, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!(
            (machine.changes(&before), machine.systemctl_calls()),
            (vec![], vec![])
        );
    };
    refused(&[], &[], 1, "it is not installed here");
    refused(
        &[],
        &["--upstream", "ftp://x", "--retention-days", "many"],
        2,
        "--retention-days",
    );
    with_ollama(&machine);
    refused(&[], &["--backend-port", "11434"], 2, "--backend-port");
    refused(&[("LOKI_TOKEN", "a\nb")], &[], 2, "control characters");
    let nobody = [
        "runuser",
        "-u",
        "nobody",
        "--",
        "ollama-tap",
        "service",
        "install",
    ];
    assert!(
        machine
            .run(&[], &nobody)
            .2
            .contains("only root may; use `sudo")
    );
    std::fs::remove_dir(machine.path("/run/systemd/system")).expect("remove it");
    refused(&[], &[], 1, "systemd does not run here");
}

#[test]
fn a_taken_port_is_reported_before_anything_is_changed() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let refused = |port: &str, words: &[&str], why: &str| {
        let listen = format!(
            "import socket,subprocess,sys; s=socket.create_server(('127.0.0.1',{port})); sys.exit(subprocess.call(sys.argv[1:]))"
        );
        let before = machine.tree();
        let (code, _, stderr) = machine.run(
            &[],
            &[
                &["python3", "-c", &listen, "ollama-tap", "service", "install"],
                words,
            ]
            .concat(),
        );
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!(machine.changes(&before), [""; 0]);
    };
    with_ollama(&machine);
    refused(
        "11434",
        &[],
        "listen on 127.0.0.1, port 11434: the port is taken by python3",
    );
    refused(
        "9",
        &["--listen", "9"],
        "choose another address with --listen",
    );
    // As a removal leaves it that was killed.
    machine.service(&["install"]);
    machine.ok(&[], &["mv", UNIT, &format!("{UNIT}.removed")]);
    refused(
        "11434",
        &[],
        "listen on 127.0.0.1, port 11434: the port is taken by python3",
    );
    machine.service(&["uninstall", "--purge"]);
    with_ollama_unit(&machine, "");
    refused(
        "11435",
        &[],
        "move Ollama to port 11435: the port is taken by python3",
    );
    machine.service(&["install"]);
    refused(
        "9",
        &["--backend-port", "9"],
        "choose another one with --backend-port",
    );
}
