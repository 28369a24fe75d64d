//! Installing on each kind of machine; `uninstall` leaves the machine as it was.

/// Installing over an installation, and copies of the executable.
mod again;
/// Writing anew what is installed.
mod keep;
/// An installation that only shows itself, is refused, or fails.
mod refused;

use super::{DROP_IN, ENV, Machine, UNIT, with_ollama, with_ollama_unit};

const OVERRIDE: &str = "/etc/systemd/system/ollama.service.d/override.conf";

/// The value of a key in a unit, the last one if there are several.
fn value(text: &str, key: &str) -> String {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values
        .next_back()
        .unwrap_or_else(|| panic!("no {key} in\n{text}"))
        .to_owned()
}

fn has_lines(text: &str, lines: &[&str]) {
    for wanted in lines.iter() {
        assert!(
            text.lines().any(|line| line == *wanted),
            "no {wanted} in\n{text}"
        )
    }
}

#[test]
fn an_ollama_that_is_a_service_moves_aside_and_comes_back() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "Environment=\"PATH=/usr/bin\"");
    let before = machine.tree();
    machine.ok(
        &[("PATH", "/usr/bin")],
        &["ollama-tap", "service", "install"],
    ); // as `su` has it, without root's own directories
    let told = [
        "daemon-reload",
        "try-restart ollama.service",
        "enable ollama-tap.service",
        "restart ollama-tap.service",
    ];
    assert_eq!(machine.systemctl_calls(), told);
    has_lines(
        &machine.read(DROP_IN),
        &["[Service]", "Environment=\"OLLAMA_HOST=127.0.0.1:11435\""],
    );
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
    assert_eq!(
        (value(&unit, "User"), value(&unit, "Type")),
        ("ollama-tap".to_owned(), "notify".to_owned())
    );
    assert!(machine.read("/etc/passwd").contains("ollama-tap:"));

    let output = machine.service(&["uninstall"]);
    assert!(
        !output.contains("the history stays"),
        "there is none yet: {output}"
    );
    let told = [
        "disable --now ollama-tap.service",
        "daemon-reload",
        "try-restart ollama.service",
    ];
    assert_eq!(machine.systemctl_calls(), told);
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}

#[test]
fn where_ollamas_own_service_listened_the_tap_listens_then() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "Environment=OLLAMA_HOST=127.0.0.1:1");
    machine.write(
        OVERRIDE,
        "[Service]\nEnvironment=\"OLLAMA_HOST=0.0.0.0:80\" OLLAMA_ORIGINS=*\n",
    );
    let before = machine.tree();
    machine.service(&["install", "--backend-port", "12000"]);
    has_lines(
        &machine.read(ENV),
        &["OLLAMA_TAP_LISTEN=[::]:80", "OLLAMA_HOST=127.0.0.1:12000"],
    );
    has_lines(
        &machine.read(DROP_IN),
        &["Environment=\"OLLAMA_HOST=127.0.0.1:12000\""],
    );
    assert_eq!(
        value(&machine.read(UNIT), "AmbientCapabilities"),
        "CAP_NET_BIND_SERVICE"
    );
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(
        machine.changes(&before),
        [""; 0],
        "the user's own override.conf stays"
    );
}

#[test]
fn variables_that_ollamas_service_reads_from_a_file_do_not_keep_it_in_our_way() {
    let Some(machine) = Machine::start() else {
        return;
    };
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
fn without_a_service_of_its_own_ollama_is_started_as_the_owner_of_the_models() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama(&machine);
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
    assert!(
        !settings.contains("UNRELATED") && !settings.contains("TEST"),
        "{settings}"
    );
    let unit = machine.read(UNIT);
    assert_eq!(value(&unit, "ExecStart"), "/usr/bin/ollama-tap serve");
    assert_eq!(value(&unit, "User"), "alice");
    assert_eq!(
        value(&unit, "ReadWritePaths"),
        "/srv/alice/.ollama \"/srv/big disk/models\""
    );
    assert!(
        machine.has("/srv/big disk/models") && !machine.read("/etc/passwd").contains("ollama-tap:")
    );
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);

    machine.ok(
        &[],
        &[
            "useradd",
            "--system",
            "--create-home",
            "--home-dir",
            "/usr/share/ollama",
            "ollama",
        ],
    );
    machine.service(&["install"]);
    assert_eq!(
        value(&machine.read(UNIT), "User"),
        "ollama",
        "the user that Ollama's installer makes has the models"
    );
    assert_eq!(
        value(&machine.read(UNIT), "ReadWritePaths"),
        "/usr/share/ollama/.ollama"
    );
}

#[test]
fn models_that_a_link_leads_to_can_be_written() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama(&machine);
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
    machine.ok(&[], &["mkdir", "-p", "/srv/models", "/srv/alice/.ollama"]);
    machine.ok(
        &[],
        &["ln", "-s", "/srv/models", "/srv/alice/.ollama/models"],
    );
    machine.ok(
        &[("SUDO_USER", "alice")],
        &["ollama-tap", "service", "install"],
    );
    assert_eq!(
        value(&machine.read(UNIT), "ReadWritePaths"),
        "/srv/alice/.ollama /srv/models"
    );
}

#[test]
fn installing_goes_on_when_its_output_is_not_read() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let install = "ollama-tap service install --upstream gpu | true; ollama-tap service install --upstream gpu 2>&1 >/dev/full";
    assert_eq!(machine.ok(&[], &["sh", "-c", install]), "");
    assert_eq!(
        machine
            .systemctl_calls()
            .iter()
            .filter(|told| *told == "restart ollama-tap.service")
            .count(),
        2
    );
}

#[test]
fn the_history_stays_unless_it_is_purged() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let before = machine.tree();
    machine.service(&["install", "--upstream", "http://gpu:11434"]);
    let file = "/var/lib/ollama-tap/ollama_analytics/ollama_20260101.jsonl.gz";
    machine.write(file, "");
    let output = machine.service(&["uninstall"]);
    assert!(
        output.contains("the history stays in /var/lib/ollama-tap/ollama_analytics"),
        "{output}"
    );
    assert!(machine.has(file) && !machine.has(ENV) && !machine.has(UNIT));
    machine.service(&["uninstall", "--purge"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}
