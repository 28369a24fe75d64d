//! What is installed on each kind of machine, and that `uninstall` leaves the machine as it was.

use super::{DROP_IN, ENV, Machine, UNIT, with_ollama, with_ollama_unit};

const OVERRIDE: &str = "/etc/systemd/system/ollama.service.d/override.conf";

/// The value of a key in a unit, the last one if there are several.
fn value(text: &str, key: &str) -> String {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.next_back().unwrap_or_else(|| panic!("no {key} in\n{text}")).to_owned()
}

fn has_lines(text: &str, lines: &[&str]) {
    lines.iter().for_each(|wanted| assert!(text.lines().any(|line| line == *wanted), "no {wanted} in\n{text}"));
}

#[test]
fn an_ollama_that_is_a_service_moves_aside_and_comes_back() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "Environment=\"PATH=/usr/bin\"");
    let before = machine.tree();
    machine.ok(&[("PATH", "/usr/bin")], &["ollama-tap", "service", "install"]); // as `su` has it, without root's own directories
    let told = ["daemon-reload", "try-restart ollama.service", "enable ollama-tap.service", "restart ollama-tap.service"];
    assert_eq!(machine.told(), told);
    has_lines(&machine.read(DROP_IN), &["[Service]", "Environment=\"OLLAMA_HOST=127.0.0.1:11435\""]);
    has_lines(
        &machine.read(ENV),
        &[
            "OLLAMA_TAP_COMMAND=proxy",
            "OLLAMA_TAP_LISTEN=127.0.0.1:11434",
            "OLLAMA_HOST=127.0.0.1:11435",
            "ANALYTICS_DIR=/var/lib/ollama-tap/ollama_analytics",
        ],
    );
    assert_eq!(machine.mode(ENV), 0o600);
    let unit = machine.read(UNIT);
    assert_eq!(value(&unit, "ExecStart"), "/usr/bin/ollama-tap proxy");
    assert_eq!((value(&unit, "User"), value(&unit, "Type")), ("ollama-tap".to_owned(), "notify".to_owned()));
    assert!(machine.read("/etc/passwd").contains("ollama-tap:"));

    let said = machine.service(&["uninstall"]);
    assert!(!said.contains("the history stays"), "there is none yet: {said}");
    let told = ["disable --now ollama-tap.service", "daemon-reload", "try-restart ollama.service"];
    assert_eq!(machine.told(), told);
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}

#[test]
fn where_ollamas_own_service_listened_the_tap_listens_then() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "Environment=OLLAMA_HOST=127.0.0.1:1");
    machine.write(OVERRIDE, "[Service]\nEnvironment=\"OLLAMA_HOST=0.0.0.0:80\" OLLAMA_ORIGINS=*\n");
    let before = machine.tree();
    machine.service(&["install", "--backend-port", "12000"]);
    has_lines(&machine.read(ENV), &["OLLAMA_TAP_LISTEN=[::]:80", "OLLAMA_HOST=127.0.0.1:12000"]);
    has_lines(&machine.read(DROP_IN), &["Environment=\"OLLAMA_HOST=127.0.0.1:12000\""]);
    assert_eq!(value(&machine.read(UNIT), "AmbientCapabilities"), "CAP_NET_BIND_SERVICE");
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0], "the user's own override.conf stays");
}

#[test]
fn variables_that_ollamas_service_reads_from_a_file_do_not_keep_it_in_our_way() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "EnvironmentFile=-/etc/default/ollama");
    machine.write("/etc/default/ollama", "OLLAMA_HOST=0.0.0.0\n");
    let before = machine.tree();
    machine.service(&["install"]);
    has_lines(&machine.read(ENV), &["OLLAMA_TAP_LISTEN=[::]:11434"]);
    let file = value(&machine.read(DROP_IN), "EnvironmentFile");
    assert_eq!(machine.read(&file), "OLLAMA_HOST=127.0.0.1:11435\n");
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}

#[test]
fn without_a_service_of_its_own_ollama_is_started_as_whoever_has_the_models() {
    let Some(machine) = Machine::start() else { return };
    with_ollama(&machine);
    machine.ok(&[], &["useradd", "--create-home", "--home-dir", "/srv/alice", "alice"]);
    let before = machine.tree();
    let environment = [
        ("SUDO_USER", "alice"),
        ("OLLAMA_MODELS", "/srv/big disk/models"),
        ("OLLAMA_FLASH_ATTENTION", "1"),
        ("CUDA_VISIBLE_DEVICES", "0"),
        ("OLLAMA_TAP_TEST_POLL_MS", "5"),
        ("UNRELATED", "1"),
    ];
    machine.ok(&environment, &["ollama-tap", "service", "install"]);
    let settings = machine.read(ENV);
    let recorded = [
        "OLLAMA_TAP_COMMAND=serve",
        "OLLAMA_EXECUTABLE_PATH=/usr/local/bin/ollama",
        "OLLAMA_MODELS=\"/srv/big disk/models\"",
        "OLLAMA_FLASH_ATTENTION=1",
        "CUDA_VISIBLE_DEVICES=0",
    ];
    has_lines(&settings, &recorded);
    assert!(!settings.contains("UNRELATED") && !settings.contains("TEST"), "{settings}");
    let unit = machine.read(UNIT);
    assert_eq!(value(&unit, "ExecStart"), "/usr/bin/ollama-tap serve");
    assert_eq!(value(&unit, "User"), "alice");
    assert_eq!(value(&unit, "ReadWritePaths"), "/srv/alice/.ollama \"/srv/big disk/models\"");
    assert!(machine.has("/srv/big disk/models") && !machine.read("/etc/passwd").contains("ollama-tap:"));
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);

    machine.ok(&[], &["useradd", "--system", "--create-home", "--home-dir", "/usr/share/ollama", "ollama"]);
    machine.service(&["install"]);
    assert_eq!(value(&machine.read(UNIT), "User"), "ollama", "the user that Ollama's installer makes has the models");
    assert_eq!(value(&machine.read(UNIT), "ReadWritePaths"), "/usr/share/ollama/.ollama");
}

#[test]
fn models_that_a_link_leads_to_can_be_written() {
    let Some(machine) = Machine::start() else { return };
    with_ollama(&machine);
    machine.ok(&[], &["useradd", "--create-home", "--home-dir", "/srv/alice", "alice"]);
    machine.ok(&[], &["mkdir", "-p", "/srv/models", "/srv/alice/.ollama"]);
    machine.ok(&[], &["ln", "-s", "/srv/models", "/srv/alice/.ollama/models"]);
    machine.ok(&[("SUDO_USER", "alice")], &["ollama-tap", "service", "install"]);
    assert_eq!(value(&machine.read(UNIT), "ReadWritePaths"), "/srv/alice/.ollama /srv/models");
}

#[test]
fn installing_twice_changes_nothing_and_settings_survive_upgrades() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "");
    machine.service(&["install", "--retention-days", "30", "--token", "s3cret"]);
    machine.write(ENV, &(machine.read(ENV) + "# mine\nOLLAMA_TAP_WORKERS=8\n"));
    let (before, settings, unit) = (machine.tree(), machine.read(ENV), machine.read(UNIT));
    machine.service(&["install"]);
    assert_eq!(machine.changes(&before), [""; 0]);
    machine.service(&["install", "--retention-days", "3", "--shutdown-grace", "100"]);
    let (old, new) = (settings.replace("RETENTION_DAYS=30", "RETENTION_DAYS=3"), machine.read(ENV));
    old.lines().for_each(|line| has_lines(&new, &[line]));
    assert_eq!(value(&new, "OLLAMA_TAP_SHUTDOWN_GRACE"), "100");
    assert_eq!(value(&machine.read(UNIT), "TimeoutStopSec"), "115");
    assert_eq!(value(&unit, "TimeoutStopSec"), "45");
}

#[test]
fn an_upgrade_does_not_end_what_a_moved_ollama_generates() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "");
    machine.service(&["install"]);
    // Somebody answers at the place where Ollama was sent.
    let listen = "import socket,sys; s=socket.create_server(('127.0.0.1',11435)); print('up',flush=True); sys.stdin.read()";
    let mut ollama = machine.command(&[], &["python3", "-c", listen]);
    ollama.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut ollama = ollama.spawn().expect("start python3");
    let mut line = [0; 3];
    std::io::Read::read_exact(ollama.stdout.as_mut().expect("stdout"), &mut line).expect("it is up");
    machine.told();
    machine.service(&["install"]);
    assert_eq!(machine.told(), ["daemon-reload", "enable ollama-tap.service", "restart ollama-tap.service"]);
    drop(ollama.stdin.take());
    ollama.wait().expect("its end");
}

#[test]
fn a_dry_run_prints_every_step_and_does_none() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "");
    let before = machine.tree();
    let install = ["install", "--token", "s3cret"];
    let said = machine.ok(&[("LOKI_PASSWORD", "s3cret")], &[&["ollama-tap", "service"], &install[..], &["--dry-run"]].concat());
    assert_eq!((machine.changes(&before), machine.told()), (vec![], vec![]));
    assert!(said.contains("    Environment=\"OLLAMA_HOST=127.0.0.1:11435\"") && said.contains("    [Unit]"), "{said}");
    assert!(said.contains("    OLLAMA_TAP_TOKEN=(not shown)") && !said.contains("s3cret"), "{said}");
    let steps = |said: &str| {
        let steps = said.lines().filter(|line| !line.starts_with([' ', '(']) && !line.starts_with("installed:"));
        steps.map(|line| line.split(" (mode").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let done = machine.ok(&[("LOKI_PASSWORD", "s3cret")], &[&["ollama-tap", "service"], &install[..]].concat());
    assert_eq!(steps(&said), steps(&done));
    assert!(!done.contains("s3cret"), "{done}");

    machine.told();
    let before = machine.tree();
    let said = machine.service(&["uninstall", "--purge", "--dry-run"]);
    assert_eq!((machine.changes(&before), machine.told()), (vec![], vec![]));
    assert!(said.contains("run userdel ollama-tap") && said.contains(&format!("remove {DROP_IN}")), "{said}");
}

#[test]
fn an_executable_that_may_go_away_is_copied_and_the_copy_goes_with_the_service() {
    const PLACE: &str = "/usr/local/bin/ollama-tap";
    let Some(machine) = Machine::start() else { return };
    let from_srv = |words: &[&str]| machine.run(&[], &[&["/srv/ollama-tap", "service"], words].concat());
    let install = ["install", "--upstream", "http://gpu:11434"];
    let before = machine.tree();
    for _ in 0..2 {
        assert_eq!(from_srv(&install).0, 0);
        assert_eq!(value(&machine.read(UNIT), "ExecStart"), format!("{PLACE} proxy"));
        assert_eq!(machine.mode(PLACE), 0o755);
        machine.service(&["status"]);
    }
    assert_eq!(from_srv(&["uninstall", "--purge"]).0, 0);
    assert_eq!(machine.changes(&before), [""; 0]);

    machine.script(PLACE, "#!/bin/sh\n");
    let before = machine.tree();
    let (code, _, stderr) = from_srv(&install);
    assert_eq!(code, 1);
    assert!(stderr.contains("another one is there; install with that one"), "{stderr}");
    assert_eq!(machine.changes(&before), [""; 0]);
}

#[test]
fn installing_goes_on_when_nobody_reads_what_it_says() {
    let Some(machine) = Machine::start() else { return };
    let install = "ollama-tap service install --upstream gpu | true; ollama-tap service install --upstream gpu 2>&1 >/dev/full";
    assert_eq!(machine.ok(&[], &["sh", "-c", install]), "");
    assert_eq!(machine.told().iter().filter(|told| *told == "restart ollama-tap.service").count(), 2);
}

#[test]
fn an_installation_that_fails_is_taken_back() {
    let Some(machine) = Machine::start() else { return };
    with_ollama_unit(&machine, "");
    let before = machine.tree();
    machine.write("/run/fake-systemd/ollama-tap.service.fails", "");
    let (code, stdout, stderr) = machine.run(&[], &["ollama-tap", "service", "install"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stderr.contains("restart ollama-tap.service: exit status: 1; nothing was installed"), "{stderr}");
    assert_eq!(machine.changes(&before), [""; 0]);
    assert_eq!(machine.told().last().map(String::as_str), Some("try-restart ollama.service"));
}

#[test]
fn the_history_stays_unless_it_is_purged() {
    let Some(machine) = Machine::start() else { return };
    let before = machine.tree();
    machine.service(&["install", "--upstream", "http://gpu:11434"]);
    let file = "/var/lib/ollama-tap/ollama_analytics/ollama_20260101.jsonl.gz";
    machine.write(file, "");
    let said = machine.service(&["uninstall"]);
    assert!(said.contains("the history stays in /var/lib/ollama-tap/ollama_analytics"), "{said}");
    assert!(machine.has(file) && !machine.has(ENV) && !machine.has(UNIT));
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_touched() {
    let Some(machine) = Machine::start() else { return };
    let refused = |env: &[(&str, &str)], words: &[&str], code: i32, why: &str| {
        let before = machine.tree();
        let (exit, _, stderr) = machine.run(env, &[&["ollama-tap", "service", "install"], words].concat());
        assert_eq!(exit, code, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!((machine.changes(&before), machine.told()), (vec![], vec![]));
    };
    refused(&[], &[], 1, "it is not installed here");
    refused(&[], &["--upstream", "ftp://x", "--retention-days", "many"], 2, "--retention-days");
    with_ollama(&machine);
    refused(&[], &["--backend-port", "11434"], 2, "--backend-port");
    refused(&[("LOKI_TOKEN", "a\nb")], &[], 2, "control characters");
    let nobody = ["runuser", "-u", "nobody", "--", "ollama-tap", "service", "install"];
    assert!(machine.run(&[], &nobody).2.contains("only root may; use `sudo"));
    std::fs::remove_dir(machine.path("/run/systemd/system")).expect("remove it");
    refused(&[], &[], 1, "systemd does not run here");
}

#[test]
fn a_port_that_somebody_has_is_named_before_anything_is_touched() {
    let Some(machine) = Machine::start() else { return };
    let refused = |port: &str, words: &[&str], why: &str| {
        let listen =
            format!("import socket,subprocess,sys; s=socket.create_server(('127.0.0.1',{port})); sys.exit(subprocess.call(sys.argv[1:]))");
        let before = machine.tree();
        let (code, _, stderr) = machine.run(&[], &[&["python3", "-c", &listen, "ollama-tap", "service", "install"], words].concat());
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!(machine.changes(&before), [""; 0]);
    };
    with_ollama(&machine);
    refused("11434", &[], "listen on 127.0.0.1, port 11434: the port is taken by python3");
    refused("9", &["--listen", "9"], "choose another address with --listen");
    with_ollama_unit(&machine, "");
    refused("11435", &[], "move Ollama to port 11435: the port is taken by python3");
    machine.service(&["install"]);
    refused("9", &["--backend-port", "9"], "choose another one with --backend-port");
}
